"""Accepts orders and ships them: a PySOA service."""

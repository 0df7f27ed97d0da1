"""Knows which seats are taken: a PySOA service that keeps them in Redis."""

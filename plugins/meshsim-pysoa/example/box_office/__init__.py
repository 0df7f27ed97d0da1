"""Sells tickets: a PySOA service that asks the seats service."""

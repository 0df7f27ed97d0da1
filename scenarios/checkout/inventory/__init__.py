"""Knows how much of everything is left, and reserves it for orders."""

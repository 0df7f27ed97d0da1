"""The shop's front door: shoppers check out over HTTP, orders are placed over PySOA."""

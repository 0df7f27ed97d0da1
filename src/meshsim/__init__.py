"""meshsim."""

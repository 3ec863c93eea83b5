"""Synthetic voices and synthetic releases of them."""

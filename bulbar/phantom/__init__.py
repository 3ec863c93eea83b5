"""Synthetic voices, and synthetic releases made of them."""

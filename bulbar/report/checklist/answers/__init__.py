"""Answers to the guidelines' items, one module per subject."""

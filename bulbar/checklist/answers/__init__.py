"""Answers to the guidelines' items, a module for each thing asked about."""

"""Scores, confidence intervals over subjects, and the selection of a cell."""

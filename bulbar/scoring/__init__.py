"""Scores, bootstrap intervals over subjects, and the selection of a cell."""

"""Telling ALS from the voice, and how much of each score is real: a library of functions of arrays and tables."""

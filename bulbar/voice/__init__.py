"""The voice model: regularised regressions on one row of voice measures for each person."""

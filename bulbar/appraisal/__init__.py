"""What a score means in use: calibration, operating points, comparisons, groups, baselines, external validation."""

"""How useful the scores are: calibration, operating points, comparisons, groups, baselines, external validation."""

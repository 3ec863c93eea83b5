"""What a model's scores are worth to someone who would use it: calibration, thresholds, comparisons, groups."""

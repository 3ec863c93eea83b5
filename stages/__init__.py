"""One small script for each stage of dvc.yaml."""

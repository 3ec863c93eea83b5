"""One small script for each stage of dvc.yaml and of gender/dvc.yaml."""

"""One entry point per stage of dvc.yaml and gender/dvc.yaml, run as `python -m stages.NAME`."""

"""One entry point per stage of dvc.yaml and gender/dvc.yaml, run as `python -m stages.NAME`."""

import bulbar  # noqa: F401 - before any library that a stage imports: it overrides what they read from the environment

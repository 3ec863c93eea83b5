"""Curves for DVCLive, written by the parent process only."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from dvclive import Live


def log_steps(table: pd.DataFrame, folder: Path, *, step: str, names: Sequence[str]) -> None:
    """Log columns of a table, one row per step; missing values, such as the loss of a failed trial, are omitted."""
    with Live(str(folder), dvcyaml=None, save_dvc_exp=False, report=None) as live:
        for row in table.round(6).to_dict("records"):
            live.step = int(row[step])
            for name in names:
                if pd.notna(row[name]):
                    live.log_metric(name, row[name])

"""Paths of the files of each stage, for the main cohort and for another one, and how their tables are read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bulbar.core.files import read_json, read_table


def stage_folder(name: str, role: str = "main") -> Path:
    """The folder of one stage's data for a cohort: data/NAME for the main one, data/ROLE/NAME for another."""
    return Path("data") / name if role == "main" else Path("data") / role / name


def stage_table(stage: str, file: str, role: str = "main", dtypes: Mapping[str, type] | None = None) -> pd.DataFrame:
    """Read a CSV table that a stage wrote; IDs of recordings and subjects are strings. dtypes: of other columns."""
    return read_table(stage_folder(stage, role) / file, **{"recording_id": str, "subject_id": str, **(dtypes or {})})


def metrics_file(name: str, role: str = "main") -> Path:
    """One stage's metrics for a cohort: metrics/NAME.json for the main one, metrics/ROLE/NAME.json for another."""
    return (Path("metrics") if role == "main" else Path("metrics") / role) / f"{name}.json"


def cohort_block(role: str = "main") -> str:
    """The block of params.yaml with the release of a role: `cohort`, or `cohort` inside the role's own."""
    return "cohort" if role == "main" else f"{role}.cohort"


def cohort_contract(role: str = "main") -> dict[str, Any]:
    """The cohort.json of ingest: source, synthetic, clinical columns."""
    contract: dict[str, Any] = read_json(stage_folder("cohort", role) / "cohort.json")
    return contract


def is_synthetic(role: str = "main") -> bool:
    """Whether a cohort's voices are synthetic."""
    return bool(cohort_contract(role)["synthetic"])


def cohort_in_words(role: str = "main") -> str:
    """The cohort in words, for titles: `synthetic cohort`, or `minsk2020 cohort`."""
    contract = cohort_contract(role)
    return "synthetic cohort" if contract["synthetic"] else f"{contract['source']} cohort"

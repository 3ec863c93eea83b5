"""A project folder for tests that run stages: the repository's params.yaml, changed where a test says."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]


def write_params(folder: Path, of: str = "params.yaml", **blocks: Any) -> None:
    """Write params.yaml into `folder`: the repository's `of`, `blocks` laid over its blocks, one worker."""
    found = YAML(typ="safe").load(ROOT / of)
    for name, block in {"compute": {}, **blocks}.items():
        found[name] = {**found.get(name, {}), **block} if isinstance(block, Mapping) else block
    found["compute"] = {"workers": 1, "fit_cache": None, **blocks.get("compute", {})}
    YAML(typ="safe").dump(found, folder / "params.yaml")


def write_csv(path: Path, rows: pd.DataFrame | list[dict[str, Any]]) -> None:
    """Write a table as CSV; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)


def write_cohort(folder: Path, subjects: pd.DataFrame | list[dict[str, Any]], *, synthetic: bool = True) -> None:
    """Write what every stage reads of a cohort: cohort.json and subjects.csv."""
    write_csv(folder / "data/cohort/subjects.csv", subjects)
    contract = {"source": "voc_als", "synthetic": synthetic, "clinical": {"all": {}, "common": []}}
    (folder / "data/cohort/cohort.json").write_text(json.dumps(contract))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}

"""A project folder for tests that run stages: the repository's params.yaml, changed where a test says."""

import copy
import json
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]


def repository_params(of: str = "params.yaml") -> dict[str, Any]:
    """The repository's settings, to change."""
    return copy.deepcopy(_parsed(ROOT / of))


@cache
def _parsed(path: Path) -> dict[str, Any]:
    return YAML(typ="safe").load(path)


def write_params(folder: Path, of: str = "params.yaml", **blocks: Any) -> None:
    """Write params.yaml into `folder`: the repository's `of`, `blocks` laid over its blocks, one worker."""
    found = repository_params(of)
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


def same_with_two_workers(
    stage: Callable[[], None], *folders: str, of: str = "params.yaml", **blocks: Any
) -> list[str]:
    """Run a stage with one worker and with two; the files that it wrote below `folders`, which agree byte by byte."""
    found = []
    for workers in (1, 2):
        write_params(Path(), of, **blocks, compute={"workers": workers})
        stage()
        found.append({name: read for folder in folders for name, read in contents(Path(folder)).items()})
        for folder in folders:
            shutil.rmtree(folder)
    assert found[0] == found[1]
    return list(found[0])

"""What was run: the cohort in words, the selected cells, and the params that affect results."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bulbar.report.results import Results

OF_PLACES = ("compute", "remote", "root", "storage", "watched")
"""Params that change no result: of machines, of remotes, of where a cohort lies and a search is stored."""


def cohort_in_words(results: Results) -> str:
    """`synthetic cohort`, or `minsk2020 cohort`."""
    ingest = results.read("metrics/ingest.json")
    return f"{'synthetic' if ingest['synthetic'] else ingest['source']} cohort"


def selected_cell(results: Results, protocol: str) -> str:
    """The selected cell as text, such as `S4A at 0.1, fold 1 reported`; all cells if the folds differ."""
    selection = results.read(f"metrics/selection/{protocol}.json")
    cells = {
        fold: f"{cell['architecture']} at {cell['dropout_rate']}" for fold, cell in (selection["cells"] or {}).items()
    }
    fold = selection.get("reported_fold")
    if len(set(cells.values())) == 1:
        return next(iter(cells.values())) + (f", fold {fold} reported" if fold is not None else "")
    return "; ".join(f"fold {fold}: {cell}" for fold, cell in cells.items())


def that_shape_results(params: Mapping[str, Any]) -> dict[str, Any]:
    """The params that affect results: without those of machines and places (`compute`, `remote`, each `root` …)."""
    return {
        key: that_shape_results(params[key]) if isinstance(params[key], Mapping) else params[key]
        for key in params
        if key not in OF_PLACES
    }


def digest_of(params: Mapping[str, Any]) -> str:
    """The first 16 digits of the SHA-256 of the params that affect results."""
    return hashlib.sha256(json.dumps(that_shape_results(params), sort_keys=True).encode()).hexdigest()[:16]


def flat(params: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Each param as `block.key` with its value."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value

"""What was run: cohort, protocols, selected cells, settings, versions, and digests of what went in."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bulbar.report.elements import Cell, Number, Section, Table
from bulbar.report.results import Results, percent, shown, three, whole

INGEST = "metrics/ingest.json"
PROTOCOLS = ("record_wise", "subject_wise")
SELECTION = "metrics/selection/{}.json"
IN_WORDS = {
    "record_wise": "recordings: a subject’s recordings are on both sides (the paper’s); biased",
    "subject_wise": "subjects: each is in one fold only; what counts",
}
COUNTS = {
    "source": "Release, or the one it is written like",
    "subjects": "Subjects",
    "patients": "Subjects with ALS",
    "controls": "Subjects without: controls",
    "recordings": "Recordings",
    "missing_recordings": "Recordings missing",
    "quarantined_recordings": "Recordings set aside",
    "hours": "Hours",
    "tasks": "Tasks",
    "sample_rates_hz": "Sampling rates (Hz)",
    "digest": "Digest of recordings and subjects",
}


def section(results: Results) -> Section:
    """Cohort, protocols, settings, versions, digests."""
    return Section(
        "run",
        "What was run",
        [
            cohort(results),
            protocols(results),
            [
                "Params (without `compute` and every `root`, which name machines and places): digest ",
                Number(digest_of(results.params), None, "params.yaml", ""),
                ". Inputs are the recordings and the subjects’ table: digest ",
                shown(results.json(INGEST, "digest"), INGEST, "digest"),
                ". The same digests and versions on the same kind of processor give this page byte by byte.",
            ],
            settings(results),
            versions(results),
            sources(results),
        ],
    )


def cohort_in_words(results: Results) -> str:
    """`synthetic cohort`, or `minsk2020 cohort`."""
    return f"{'synthetic' if results.json(INGEST, 'synthetic') else results.json(INGEST, 'source')} cohort"


def cohort(results: Results) -> Table:
    """What the cohort holds."""
    rows: list[list[Cell]] = []
    for key, words in COUNTS.items():
        form = three if key == "hours" else whole
        rows.append([words, results.number(INGEST, key, form=form)])
    return Table("cohort", "Cohort", ["What", "How much"], rows)


def protocols(results: Results) -> Table:
    """What each protocol splits and selects."""
    rows: list[list[Cell]] = []
    for protocol in PROTOCOLS:
        file = SELECTION.format(protocol)
        rows.append(
            [
                protocol,
                IN_WORDS[protocol],
                Number(f"{results.json(file, 'rule')}".replace("_", " "), None, file, "rule"),
                Number(selected_cell(results, protocol), None, file, "cells"),
                results.number("metrics/evaluate.json", protocol, "majority_accuracy", form=percent),
            ]
        )
    return Table("protocols", "Protocols", ["Protocol", "Split by", "Cell selected by", "Cell", "Majority"], rows)


def selected_cell(results: Results, protocol: str) -> str:
    """Such as `S4A at 0.1, fold 1 reported`; where each fold has its own, all of them."""
    file = SELECTION.format(protocol)
    cells = results.json(file, "cells") or {}
    named = {fold: f"{cell['architecture']} at {cell['dropout_rate']}" for fold, cell in cells.items()}
    fold = results.json(file, "reported_fold")
    if len(set(named.values())) == 1:
        return next(iter(named.values())) + (f", fold {fold} reported" if fold is not None else "")
    return "; ".join(f"fold {fold}: {cell}" for fold, cell in named.items())


def settings(results: Results) -> Table:
    """Every param but those of machines and places."""
    rows: list[list[Cell]] = [
        [key, Number(str(value), None, "params.yaml", key)]
        for key, value in sorted(flat(that_shape_results(results.params)))
    ]
    return Table("settings", "Params", ["Param", "Value"], rows, folded=True)


def versions(results: Results) -> Table:
    """The pinned releases."""
    rows: list[list[Cell]] = [
        [name, Number(pin, None, "requirements.txt", name)] for name, pin in results.versions.items()
    ]
    return Table("versions", "Versions", ["Package", "Release"], rows, folded=True)


def sources(results: Results) -> Table:
    """The files that this page is made of."""
    rows: list[list[Cell]] = [
        [file, Number(results.digest(file), None, file, "")] for file in results if not file.endswith(".png")
    ]
    return Table("sources", "Files that this page is made of", ["File", "SHA-256, first 16 digits"], rows, folded=True)


def that_shape_results(params: Mapping[str, Any]) -> dict[str, Any]:
    """The params that shape results: `compute` and the places of cohorts, each named `root`, are left out."""
    return {
        key: that_shape_results(params[key]) if isinstance(params[key], Mapping) else params[key]
        for key in params
        if key not in ("compute", "root")
    }


def digest_of(params: Mapping[str, Any]) -> str:
    """The first 16 digits of the SHA-256 of the params that shape results."""
    return hashlib.sha256(json.dumps(that_shape_results(params), sort_keys=True).encode()).hexdigest()[:16]


def flat(params: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """`block.key` and its value."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value

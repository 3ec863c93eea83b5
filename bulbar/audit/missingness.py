"""Do the clinical cells that are filled in predict the label, without a single value?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bulbar.audit.finding import Finding
from bulbar.audit.label_probe import LabelProbe, probe_label
from bulbar.core.digests import seed_of
from bulbar.core.disclosure import FEWEST_SHOWN

NAMED = 3
"""Columns that a sentence names, of those that predict the label."""


def probe(
    clinical: pd.DataFrame,
    kinds: Mapping[str, Any],
    folds: Mapping[Any, int],
    *,
    shuffles: int = 999,
    draws: int = 2000,
    seed: int = 0,
) -> list[Finding]:
    """A finding for the `all` columns and one for the `common` ones; each column by itself is in `details`.

    clinical: subject_id, label (0 or 1) and the columns. kinds: of cohort.json: `all`, a mapping whose keys are the
    columns, and `common`, a list of them. folds: subject_id -> fold, subject_wise; a subject without one is left out.
    In `details`, columns are left out where fewer than 5 cells are empty or filled, and the numbers of those where that
    is so within a class: they could reveal single people.
    """
    subjects = clinical[clinical["subject_id"].isin(list(folds))].reset_index(drop=True)
    table = subjects[["subject_id", "label"]].assign(fold=subjects["subject_id"].map(dict(folds)))
    by_pattern: dict[Any, LabelProbe] = {}  # columns are often empty together: each pattern is probed once

    def probed(columns: Sequence[str]) -> LabelProbe:
        filled = subjects[list(columns)].notna().astype(float)
        patterns = tuple(sorted({tuple(filled[name]) for name in columns}))
        if patterns not in by_pattern:
            draw = seed_of(seed, f"missingness/{len(by_pattern)}")
            features = np.array(patterns).T
            by_pattern[patterns] = probe_label(features, table, shuffles=shuffles, draws=draws, seed=draw)
        return by_pattern[patterns]

    findings = []
    for name in ("all", "common"):
        columns = list(kinds[name])
        empty = subjects[columns].isna().sum()
        together = probed(columns)
        shown = empty[np.minimum(empty, len(subjects) - empty) >= FEWEST_SHOWN].index
        alone = {column: probed([column]) for column in shown}
        leaking = [column for column, each in alone.items() if each.verdict() == "leak"]
        details = {
            "columns": len(columns),
            "columns_with_empty_cells": int((empty > 0).sum()),
            "columns_that_leak_alone": len(leaking),
            "by_column": {
                column: {"verdict": each.verdict()} | (each.numbers if _no_few(subjects, column) else {})
                for column, each in alone.items()
            },
        }
        sentence = _sentence(name, len(columns), int(empty.sum()), leaking, together)
        findings.append(together.finding("missingness", f"clinical {name}", sentence, details=details))
    return findings


def _no_few(subjects: pd.DataFrame, column: str) -> bool:
    """Is the column filled or empty for nobody or for 5 or more of each class? Else its AUC reveals a smaller count."""
    empty = subjects[column].isna().groupby(subjects["label"])
    counts = np.concatenate([empty.sum(), empty.size() - empty.sum()])
    return not np.any((counts > 0) & (counts < FEWEST_SHOWN))


def _sentence(name: str, columns: int, empty: int, leaking: Sequence[str], found: LabelProbe) -> str:
    if not empty:
        return f"No cell of the {columns} clinical columns in `{name}` is empty, so none can predict the label by it."
    verdict = found.verdict()
    predicts = {"clear": "does not predict", "suspect": "may predict"}.get(verdict, "predicts")
    sentence = (
        f"Which cells of the clinical columns in `{name}` are filled in, without a value, {predicts} the label:"
        f" {found.in_words}."
    )
    if verdict != "leak" or not leaking:
        return sentence
    named = ", ".join(leaking[:NAMED]) + (", …" if len(leaking) > NAMED else "")
    return f"{sentence} {len(leaking)} of {columns} columns do so alone ({named})."

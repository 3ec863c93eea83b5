"""Probe: is it possible to predict the label from which clinical cells are filled in, without any value?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bulbar.audit.finding import Finding
from bulbar.audit.label_probe import LabelProbe, probe_label
from bulbar.core.digests import seed_of
from bulbar.core.disclosure import FEWEST_SHOWN

NAMED = 3
"""A sentence names at most this many of the columns that predict the label."""


def probe(
    clinical: pd.DataFrame,
    kinds: Mapping[str, Any],
    folds: Mapping[Any, int],
    *,
    shuffles: int = 999,
    draws: int = 2000,
    seed: int = 0,
) -> list[Finding]:
    """Predict the label from the pattern of filled cells, for the `all` and for the `common` columns.

    Parameters
    ----------
    clinical : DataFrame
        Columns subject_id, label (0 or 1) and the clinical columns.
    kinds : mapping
        From cohort.json: `all`, a mapping whose keys are column names, and `common`, a list of column names.
    folds : mapping
        subject_id -> subject-wise fold. Subjects without a fold are ignored.
    shuffles, draws, seed : int
        Number of label shuffles, number of bootstrap draws, random seed.

    Returns
    -------
    list of Finding
        One for `all`, one for `common`. `details` holds the result of each single column. It omits columns with fewer
        than 5 empty or fewer than 5 filled cells, and it omits the numbers if that is true within a class, because
        they could reveal single people.
    """
    subjects = clinical[clinical["subject_id"].isin(list(folds))].reset_index(drop=True)
    table = subjects[["subject_id", "label"]].assign(fold=subjects["subject_id"].map(dict(folds)))
    by_pattern: dict[Any, LabelProbe] = {}  # many columns are empty for the same people: probe each pattern once

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
    """Whether each count (filled or empty, per class) is 0 or at least 5. If not, the AUC reveals a small count."""
    empty = subjects[column].isna().groupby(subjects["label"])
    counts = np.concatenate([empty.sum(), empty.size() - empty.sum()])
    return not np.any((counts > 0) & (counts < FEWEST_SHOWN))


def _sentence(name: str, columns: int, empty: int, leaking: Sequence[str], found: LabelProbe) -> str:
    if not empty:
        return (
            f"No cell of the {columns} clinical columns in `{name}` is empty, so empty cells cannot predict the label."
        )
    verdict = found.verdict()
    predicts = {"clear": "does not predict", "suspect": "may predict"}.get(verdict, "predicts")
    sentence = (
        f"The pattern of filled and empty cells of the clinical columns in `{name}`, without any value, {predicts} the"
        f" label: {found.in_words}."
    )
    if verdict != "leak" or not leaking:
        return sentence
    named = ", ".join(leaking[:NAMED]) + (", …" if len(leaking) > NAMED else "")
    return f"{sentence} {len(leaking)} of {columns} columns do so alone ({named})."

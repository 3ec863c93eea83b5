"""Can the label be told from which clinical cells are filled in, without a single value?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bulbar.audit.finding import Finding
from bulbar.audit.label_probe import LabelProbe, probe_label
from bulbar.core.digests import seed_of
from bulbar.core.disclosure import FEWEST_SHOWN

NAMED = 3
"""Columns that a sentence names, of those that tell the label."""


def probe(
    clinical: pd.DataFrame,
    kinds: Mapping[str, Any],
    folds: Mapping[Any, int],
    *,
    shuffles: int = 999,
    draws: int = 2000,
    seed: int = 0,
) -> list[Finding]:
    """A finding for the `all` columns and one for the `common` ones; what each column tells by itself is in `details`.

    clinical: subject_id, label (0 or 1) and the columns. kinds: of cohort.json: `all`, a mapping whose keys are the
    columns, and `common`, a list of them. folds: subject_id -> fold, subject_wise; a subject without one is left out.
    In `details`, columns are left out where fewer than 5 cells are empty or filled, and the numbers of those where that
    is so within a class: single people could be told.
    """
    subjects = clinical[clinical["subject_id"].isin(list(folds))].reset_index(drop=True)
    table = subjects[["subject_id", "label"]].assign(fold=subjects["subject_id"].map(dict(folds)))
    found: dict[
        tuple[tuple[float, ...], ...], LabelProbe
    ] = {}  # columns are often empty together: each pattern asked once

    def told(columns: Sequence[str]) -> LabelProbe:
        filled = subjects[list(columns)].notna().astype(float)
        patterns = tuple(sorted({tuple(filled[name]) for name in columns}))
        if patterns not in found:
            draw = seed_of(seed, f"missingness/{len(found)}")
            features = np.array(patterns).T
            found[patterns] = probe_label(features, table, shuffles=shuffles, draws=draws, seed=draw)
        return found[patterns]

    findings = []
    for name in ("all", "common"):
        columns = list(kinds[name])
        empty = subjects[columns].isna().sum()
        result = told(columns)
        alone = {column: told([column]) for column in columns if _shown(int(empty[column]), len(subjects))}
        leaking = [column for column, each in alone.items() if each.verdict() == "leak"]
        findings.append(
            result.finding(
                "missingness",
                f"clinical {name}",
                _sentence(name, columns, int(empty.sum()), leaking, result),
                details={
                    "columns": len(columns),
                    "columns_with_empty_cells": int((empty > 0).sum()),
                    "columns_that_leak_alone": len(leaking),
                    "by_column": {
                        column: {"verdict": each.verdict()} | (_numbers(each) if _no_few(subjects, column) else {})
                        for column, each in alone.items()
                    },
                },
            )
        )
    return findings


def _shown(empty: int, subjects: int) -> bool:
    return min(empty, subjects - empty) >= FEWEST_SHOWN


def _numbers(told: LabelProbe) -> dict[str, float]:
    return {"roc_auc": told.value, "low": told.low, "high": told.high, "p": told.p}


def _no_few(subjects: pd.DataFrame, column: str) -> bool:
    """Is the column filled or empty for nobody or for 5 or more of each class? Else its AUC tells how many of a few."""
    empty = subjects[column].isna().groupby(subjects["label"])
    counts = np.concatenate([empty.sum(), empty.size() - empty.sum()])
    return not np.any((counts > 0) & (counts < FEWEST_SHOWN))


def _sentence(name: str, columns: Sequence[str], empty: int, leaking: Sequence[str], told: LabelProbe) -> str:
    if not empty:
        return f"No cell of the {len(columns)} clinical columns in `{name}` is empty, so none can tell the label by it."
    verdict = told.verdict()
    start = f"Which cells of the clinical columns in `{name}` are filled in, without a value"
    if verdict == "clear":
        return f"{start}, does not tell the label: {told.in_words}."
    if verdict == "suspect":
        return f"{start}, may tell the label: {told.in_words}."
    if not leaking:
        return f"{start}, tells the label: {told.in_words}."
    named = ", ".join(leaking[:NAMED]) + (", …" if len(leaking) > NAMED else "")
    return f"{start}, tells the label: {told.in_words}. {len(leaking)} of {len(columns)} columns do so alone ({named})."

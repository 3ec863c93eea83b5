"""Explanations of the clinical and fused models as aggregates: permutation importance and SHAP, by group of columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from bulbar.core.disclosure import FEWEST_SHOWN, shown
from bulbar.explain import importance
from bulbar.explain.clinical_columns import EVERYTHING, ClinicalFold, ExplainedColumns
from bulbar.scoring import intervals

VOICE = "Voice"
RECORDED, NOT_RECORDED = "recorded", "not recorded"


@dataclass(frozen=True, eq=False)
class Records:
    """The explanations of all folds for one set of clinical columns.

    Parameters
    ----------
    inputs, found : sequence
        Each fold's models and data, and its explanations.
    label, fold : array, shape (subjects,)
        Of each held-out subject, in the order of the tables of the folds.
    classes : (str, str)
        Names of the negative and the positive class.
    groups : mapping
        name -> columns; the first group has all columns.
    drawing : mapping
        draws, level and seed of the intervals.
    """

    inputs: Sequence[ClinicalFold]
    found: Sequence[ExplainedColumns]
    label: np.ndarray
    fold: np.ndarray
    classes: tuple[str, str]
    groups: Mapping[str, Sequence[str]]
    drawing: Mapping[str, Any]

    @property
    def table(self) -> pd.DataFrame:
        """Clinical cells of the held-out subjects, as released."""
        return pd.concat([one.table for one in self.inputs])


def permuted(records: Records) -> pd.DataFrame:
    """Permutation importance per model and group: number of columns, AUC without shuffling, `importance.Importance`."""

    def scored(of_folds: Iterable[np.ndarray]) -> importance.Scored:
        return importance.Scored(np.concatenate(list(of_folds), axis=1), records.label, records.fold)

    table = []
    for model in records.found[0].plain:
        plain = scored(one.plain[model][np.newaxis] for one in records.found)
        auc = plain.auc(np.ones((1, len(records.label))))[0]
        for group, columns in records.groups.items():
            by_how = {how: scored(one.shuffled[model, group, how] for one in records.found) for how in importance.HOW}
            lost = importance.importance(plain, by_how, records.label, **records.drawing)
            table.append({"model": model, "group": group, "columns": len(columns), "auc": auc, **lost._asdict()})
    return pd.DataFrame(table)


def shap_of_subjects(records: Records, model: str) -> tuple[np.ndarray, np.ndarray]:
    """SHAP values (mean over recordings) and which cells are recorded, shape (subjects, columns + 1), voice last."""
    values = [
        importance.averaging(fold.owner, fold.recording) @ found.shap[model]
        for fold, found in zip(records.inputs, records.found, strict=True)
    ]
    recorded = records.table.notna().to_numpy()
    return np.concatenate(values), np.column_stack([recorded, np.full(len(recorded), True)])


def shap_by_column(records: Records) -> pd.DataFrame:
    """Mean SHAP value and mean absolute SHAP value (log-odds) per model, class, column and recorded or not recorded.

    Each mean is over the subjects whose cell is recorded, or not recorded. NaN if these or the remaining subjects of
    the class are fewer than five.
    """
    group_of = {column: name for name, columns in records.groups.items() if name != EVERYTHING for column in columns}
    columns = [*records.table.columns, VOICE]
    table = []
    for model in records.found[0].shap:
        values, recorded = shap_of_subjects(records, model)
        for label, name in enumerate(records.classes):
            of_class = records.label == label
            for at, column in enumerate(columns):
                for cells in (RECORDED, NOT_RECORDED):
                    here = of_class & (recorded[:, at] == (cells == RECORDED))
                    if not here.any():
                        continue
                    count = shown(int(here.sum()), int(of_class.sum()))
                    sizes = values[here, at] if isinstance(count, int) else np.array([np.nan])
                    row = {
                        "model": model, "class": name, "group": group_of.get(column, VOICE), "column": column,
                        "cells": cells, "subjects": count,
                        "mean": sizes.mean(), "mean_size": np.abs(sizes).mean(),
                    }  # fmt: skip
                    table.append(row)
    return pd.DataFrame(table)


def shap_by_group(records: Records) -> pd.DataFrame:
    """Sum of the absolute SHAP values of each group of columns, per model and class, mean over the subjects.

    `total` is in log-odds; `recorded` and `not_recorded` are its parts, empty if fewer than five subjects, or all but
    fewer than five, have such cells. `share` is the share of the class's total over all groups. All are NaN for a class
    of fewer than five subjects.
    """
    columns = [*records.table.columns, VOICE]
    groups = {name: list(of) for name, of in records.groups.items() if name != EVERYTHING} | {VOICE: [VOICE]}
    table = []
    for model in records.found[0].shap:
        values, recorded = shap_of_subjects(records, model)
        sizes = np.abs(values)
        for label, name in enumerate(records.classes):
            of_class = records.label == label
            everything = sizes[of_class].sum()
            for group, members in groups.items():
                at = [columns.index(column) for column in members]
                of_group, known = sizes[of_class][:, at], recorded[of_class][:, at]
                split = {RECORDED: known, "not_recorded": ~known}
                people = [int(so.any(axis=1).sum()) for so in split.values()]
                enough = of_class.sum() >= FEWEST_SHOWN
                can_split = enough and not any(isinstance(shown(n, int(of_class.sum())), str) for n in people if n)
                row: dict[str, Any] = {
                    "model": model, "class": name, "group": group, "recorded": np.nan, "not_recorded": np.nan,
                    "total": of_group.sum() / of_class.sum() if enough else np.nan,
                    **{cells: (of_group * so).sum() / of_class.sum() for cells, so in split.items() if can_split},
                    "share": of_group.sum() / everything if enough and everything else np.nan,
                }  # fmt: skip
                table.append(row)
    return pd.DataFrame(table)


def share_of_decision(records: Records, model: str, of: Literal["not recorded", "voice"]) -> intervals.Mean:
    """Share of a subject's summed absolute SHAP values that is due to cells not recorded, or to the voice.

    Mean over subjects with its interval.
    """
    values, recorded = shap_of_subjects(records, model)
    sizes = np.abs(values)
    chosen = ~recorded if of == NOT_RECORDED else np.arange(sizes.shape[1]) == sizes.shape[1] - 1
    everything = sizes.sum(axis=1)
    share = np.divide((sizes * chosen).sum(axis=1), everything, out=np.zeros(len(sizes)), where=everything > 0)
    return intervals.over_subjects(share, records.label, **records.drawing)


def headline(records: Mapping[str, Records], permuted: pd.DataFrame) -> dict[str, Any]:
    """The headline numbers of the clinical and fused models.

    `records` maps the name of a set of columns to its explanations; `permuted` is the table of `permuted` for all sets.
    """
    everything = permuted[permuted["group"] == EVERYTHING].set_index("model")
    numbers: dict[str, Any] = {}
    for columns, of in records.items():
        model = f"fused_{columns}"
        numbers[model] = {
            "auc_lost_by_values": everything.loc[model, "by_values"],
            "auc_lost_by_recording": everything.loc[model, "by_recording"],
            "shap_share_not_recorded": share_of_decision(of, model, "not recorded").value,
            "shap_share_voice": share_of_decision(of, model, "voice").value,
        }
    return numbers

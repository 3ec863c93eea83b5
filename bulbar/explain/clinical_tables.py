"""Explanations of the models with clinical columns, as aggregates: permutation importance, SHAP, by group."""

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
    """The explanations of all folds for one set of columns.

    label, fold: of each held-out subject, in the order of the folds' tables. groups: name -> columns, all of them
    first. drawing: draws, level, seed of intervals. classes: names of the negative and the positive class.
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
        """The held-out subjects' cells, as released."""
        return pd.concat([one.table for one in self.inputs])


def permuted(records: Records) -> pd.DataFrame:
    """Model, group, how many columns, AUC as it is, and `importance.Importance` of each."""

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
    """SHAP values, means over recordings, and whether the cell is recorded; (subjects, columns + 1), the voice last."""
    values = [
        importance.averaging(fold.owner, fold.recording) @ found.shap[model]
        for fold, found in zip(records.inputs, records.found, strict=True)
    ]
    recorded = records.table.notna().to_numpy()
    return np.concatenate(values), np.column_stack([recorded, np.full(len(recorded), True)])


def shap_by_column(records: Records) -> pd.DataFrame:
    """Model, class, group, column, cells (recorded or not), subjects, mean of the value and of its size, in log-odds.

    Of those subjects alone whose cell is so; NaN for fewer than five, and for all but so few.
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
    """Model, class, group, and what a subject's cells of the group add up to, by whether they are recorded.

    total: mean over all subjects of the class of the sum of sizes, in log-odds; recorded, not_recorded: of which on
    such cells, empty where fewer than five subjects, or all but so few, have them. share: of the class's
    total over all groups. All are NaN for a class of fewer than five.
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
    """The share of a subject's decision that rests on cells that are not recorded, or on the voice: mean, interval.

    Of the sum of sizes of the subject's SHAP values.
    """
    values, recorded = shap_of_subjects(records, model)
    sizes = np.abs(values)
    chosen = ~recorded if of == NOT_RECORDED else np.arange(sizes.shape[1]) == sizes.shape[1] - 1
    everything = sizes.sum(axis=1)
    share = np.divide((sizes * chosen).sum(axis=1), everything, out=np.zeros(len(sizes)), where=everything > 0)
    return intervals.over_subjects(share, records.label, **records.drawing)


def headline(records: Mapping[str, Records], permuted: pd.DataFrame) -> dict[str, Any]:
    """The few numbers of the models with clinical columns.

    records: name of the columns -> what was found of them. permuted: of the function of this name, of all of them.
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

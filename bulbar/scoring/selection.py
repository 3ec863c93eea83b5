"""Which cell of the sweep is taken: by the paper's possible rules, and by one that no test fold takes part in.

A cell is one architecture at one dropout rate. Ties go to the lower validation loss, then to what the sweep names
first.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from bulbar.core.names import Cell
from bulbar.core.settings import Strict
from bulbar.scoring import intervals, metrics

RecordWiseRule = Literal["highest_fold_accuracy", "lowest_validation_loss"]
TIES = "lower validation loss, then the sweep's order"
NESTED = ("accuracy", "roc_auc", "log_loss")


class Settings(Strict):
    """The `select` block of params.yaml."""

    record_wise_rule: RecordWiseRule


def cells_of(fits: pd.DataFrame) -> list[Cell]:
    """The cells of a sweep, in its order."""
    pairs = fits[["architecture", "dropout_rate"]].drop_duplicates()
    return [
        Cell(str(name), float(rate)) for name, rate in zip(pairs["architecture"], pairs["dropout_rate"], strict=True)
    ]


def best_fit(fits: pd.DataFrame, rule: RecordWiseRule) -> pd.Series:
    """The one fit (cell and fold) that a record-wise rule reports.

    fits: architecture, dropout_rate, fold, validation_loss, test_accuracy, one row per fit, in the sweep's order. Given
    the rows of one cell, it is that cell's reported fold.
    """
    if rule == "highest_fold_accuracy":
        order = fits.sort_values(["test_accuracy", "validation_loss"], ascending=[False, True], kind="stable")
    else:
        order = fits.sort_values("validation_loss", kind="stable")
    return order.iloc[0]


def record_wise(fits: pd.DataFrame, rule: RecordWiseRule) -> dict[str, Any]:
    """The paper's way: the best single fold of all. Which rule it used is unknown, so both rules' picks are returned.

    Returns `cells` (the cell for each fold: the same), `reported_fold` and each rule's fit. Their scores are `biased`:
    both rules see the test fold, which was watched in training too, and speakers are on both sides of it.
    """
    picks = {name: best_fit(fits, name) for name in ("highest_fold_accuracy", "lowest_validation_loss")}
    taken = picks[rule]
    cell = {"architecture": taken["architecture"], "dropout_rate": float(taken["dropout_rate"])}
    return {
        "rule": rule,
        "biased": True,
        "ties": TIES,
        "cells": {str(fold): cell for fold in sorted(fits["fold"].unique())},
        "reported_fold": int(taken["fold"]),
        **{
            name: {
                "architecture": pick["architecture"],
                "dropout_rate": float(pick["dropout_rate"]),
                "fold": int(pick["fold"]),
                "accuracy": float(pick["test_accuracy"]),
                "validation_loss": float(pick["validation_loss"]),
            }
            for name, pick in picks.items()
        },
    }


def with_intervals(
    picked: Mapping[str, Any],
    predictions: Mapping[Cell, pd.DataFrame],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """What `record_wise` returns, each rule's accuracy with its bootstrap interval over the fold's subjects.

    predictions: the out-of-fold table of each picked cell. The interval is of that fold alone: it knows nothing of how
    the fold was picked.
    """
    bounded = dict(picked)
    for rule in get_args(RecordWiseRule):
        pick = picked[rule]
        table = predictions[Cell(pick["architecture"], pick["dropout_rate"])]
        of_fold = table[table["fold"] == pick["fold"]]
        found = intervals.intervals(of_fold, draws=draws, level=level, seed=seed)
        bounded[rule] = {**pick, "intervals": {"accuracy": found["accuracy"]}}
    return bounded


def cell_of_each_fold(fits: pd.DataFrame) -> dict[int, Cell]:
    """Inside each outer fold, the cell with the lowest log loss on that fold's validation subjects.

    fits: as for `best_fit`, with validation_log_loss. The fold's own test subjects take no part.
    """
    order = fits.sort_values(["validation_log_loss", "validation_loss"], kind="stable").drop_duplicates("fold")
    order = order.sort_values("fold")
    rows = zip(order["fold"], order["architecture"], order["dropout_rate"], strict=True)
    return {int(fold): Cell(str(name), float(rate)) for fold, name, rate in rows}


def nested_out_of_fold(cells: Mapping[int, Cell], predictions: Mapping[Cell, pd.DataFrame]) -> pd.DataFrame:
    """Each fold's test rows as predicted by the cell picked inside that fold: an honest score of the whole procedure.

    predictions: the out-of-fold table of each cell. Returns rows of the same columns, sorted by recording.
    """
    parts = [predictions[cell][predictions[cell]["fold"] == fold] for fold, cell in cells.items()]
    return pd.concat(parts).sort_values("recording_id", kind="stable").reset_index(drop=True)


def pooled_winner(fits: pd.DataFrame, predictions: Mapping[Cell, pd.DataFrame]) -> Cell:
    """The cell with the lowest log loss over all out-of-fold rows.

    Log loss, not accuracy: it is a proper score, the criterion of the selection inside the folds, and many cells tie at
    the majority's accuracy. The winner's own score is optimistic: it was picked on the rows it is scored on.
    """
    cells = _by_validation_loss(fits)
    return min(cells, key=lambda cell: metrics.log_loss(predictions[cell]["label"], predictions[cell]["probability"]))


def _by_validation_loss(fits: pd.DataFrame) -> list[Cell]:
    """The cells, lowest mean validation loss first, so that the first of equals by another score is the one to take."""
    losses = fits.groupby(["architecture", "dropout_rate"], sort=False)["validation_loss"].mean()
    return sorted(cells_of(fits), key=lambda cell: losses[cell])


class Corrected(NamedTuple):
    """One score of "take the pooled winner": the winner's own, and on subjects that took no part in picking it.

    optimistic: the winner's own out-of-fold score. corrected: the mean over the draws; low, high: their percentiles.
    """

    optimistic: float
    corrected: float
    low: float
    high: float


class Luck(NamedTuple):
    """What being the best of all cells adds to a score: the winner's own minus the corrected, and its interval."""

    value: float
    low: float
    high: float


def bias_corrected(
    fits: pd.DataFrame,
    predictions: Mapping[Cell, pd.DataFrame],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Corrected]:
    """Accuracy, log loss and AUC of "take the pooled winner", on subjects that took no part in picking it.

    fits, predictions: as for `pooled_winner`, split by subject. Subjects are drawn with replacement within each
    class; the rule of `pooled_winner` picks a cell on the drawn ones, which is scored on the others. No model is fitted
    again. Returns accuracy, log_loss and roc_auc (pairs within a fold) per recording, and roc_auc_per_subject
    (pairs within a fold too: over all pairs it would also compare the networks of different folds).
    Source: bootstrap bias-corrected cross-validation, Tsamardinos, Greasidou, Borboudakis, Machine Learning 107, 2018;
    its interval is that of the out-of-bag scores. Its algorithm 3 draws without regard to class: then a draw rich in
    patients favours cells that call everyone one, and those left out are poor in them.
    """
    of_winner = predictions[pooled_winner(fits, predictions)]
    labels = intervals.subjects_of(of_winner)
    drawn = intervals.drawn_subjects(labels, draws=draws, seed=seed)
    left_out = (drawn == 0).astype(float)
    cells = _by_validation_loss(fits)
    losses = [intervals.sums_of_subjects(predictions[cell], _log_losses(predictions[cell])) for cell in cells]
    winners = np.argmin(drawn @ np.column_stack(losses), axis=1)
    own = _scores_to_correct(of_winner, np.ones((1, len(labels))))
    values = {score: np.full(draws, np.nan) for score in own}
    for place in np.unique(winners):
        won = winners == place
        for score, of_draws in _scores_to_correct(predictions[cells[place]], left_out[won]).items():
            values[score][won] = of_draws
    return {
        score: Corrected(float(own[score][0]), _mean(of_draws), *intervals.percentiles(of_draws, level))
        for score, of_draws in values.items()
    }


def _mean(values: np.ndarray) -> float:
    defined = values[np.isfinite(values)]  # who is left out of a draw may be of one class, or nobody
    return float(defined.mean()) if defined.size else np.nan


def luck(corrected: Corrected) -> Luck:
    """How much of a score (accuracy, AUC) is the luck of being the best of all cells.

    Its interval is that of the out-of-bag scores, taken from the winner's own: under 0 where they reach above it.
    """
    own, mean, low, high = corrected
    return Luck(own - mean, own - high, own - low)


def _log_losses(table: pd.DataFrame) -> np.ndarray:
    return intervals.log_losses(table["label"], table["probability"])


def _scores_to_correct(table: pd.DataFrame, drawn: np.ndarray) -> dict[str, np.ndarray]:
    of_recordings = intervals.scores_of_draws(table, drawn)
    of_subjects = intervals.scores_of_draws(metrics.per_subject(table), drawn)
    return {
        **{score: of_recordings[score] for score in ("accuracy", "log_loss", "roc_auc")},
        "roc_auc_per_subject": of_subjects["roc_auc"],
    }


def subject_wise(
    fits: pd.DataFrame,
    predictions: Mapping[Cell, pd.DataFrame],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """A cell for each outer fold, picked on that fold's validation subjects; the pooled winner beside it.

    `nested` scores the whole procedure; `pooled_winner` gives its own optimistic scores and the corrected ones, with
    their `intervals`. draws, level, seed: as for `intervals.intervals`.
    """
    cells = cell_of_each_fold(fits)
    out_of_fold = nested_out_of_fold(cells, predictions)
    nested = metrics.scores(out_of_fold)
    bounds = intervals.intervals(out_of_fold, draws=draws, level=level, seed=seed)
    corrected = bias_corrected(fits, predictions, draws=draws, level=level, seed=seed)
    return {
        "rule": "lowest_validation_log_loss_in_each_fold",
        "biased": False,
        "ties": TIES,
        "cells": {str(fold): cell._asdict() for fold, cell in cells.items()},
        "reported_fold": None,
        "nested": {
            **{score: nested[score] for score in NESTED},
            "intervals": {score: bounds[score] for score in NESTED},
        },
        "pooled_winner": {
            **pooled_winner(fits, predictions)._asdict(),
            **{
                f"{score}_{kind}": getattr(of_score, kind)
                for score, of_score in corrected.items()
                for kind in ("optimistic", "corrected")
            },
            "intervals": {score: (of_score.low, of_score.high) for score, of_score in corrected.items()},
        },
    }

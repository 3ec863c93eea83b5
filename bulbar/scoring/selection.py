"""Selection of a cell of the sweep: by the rules that the paper may have used, and by one that uses no test fold.

A cell is one architecture at one dropout rate. Ties are broken by the lower validation loss, then by the order of the
sweep.
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
    """The fit (cell and fold) that a record-wise rule reports.

    Parameters
    ----------
    fits : DataFrame
        One row per fit, in the order of the sweep: architecture, dropout_rate, fold, validation_loss, test_accuracy.
        With the rows of a single cell, the result is the reported fold of this cell.
    rule : {"highest_fold_accuracy", "lowest_validation_loss"}

    Returns
    -------
    Series
        The row of `fits`.
    """
    if rule == "highest_fold_accuracy":
        order = fits.sort_values(["test_accuracy", "validation_loss"], ascending=[False, True], kind="stable")
    else:
        order = fits.sort_values("validation_loss", kind="stable")
    return order.iloc[0]


def record_wise(fits: pd.DataFrame, rule: RecordWiseRule) -> dict[str, Any]:
    """Select as the paper did: the best single fold of all. Its rule is unknown, so both rules are evaluated.

    Returns `cells` (the same cell for each fold), `reported_fold` and the fit of each rule. The scores are `biased`:
    both rules use the test fold, which was also monitored in training, and its speakers are in the training set.
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
    """Add to the result of `record_wise` the bootstrap interval of each accuracy, over the fold's subjects.

    `predictions` has the out-of-fold table of each selected cell. The interval is for this fold alone and does not
    account for the selection of the fold.
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
    """For each outer fold, the cell with the lowest log loss on the validation subjects of that fold.

    `fits` is as for `best_fit`, with validation_log_loss. The test subjects of the fold are not used.
    """
    order = fits.sort_values(["validation_log_loss", "validation_loss"], kind="stable").drop_duplicates("fold")
    order = order.sort_values("fold")
    rows = zip(order["fold"], order["architecture"], order["dropout_rate"], strict=True)
    return {int(fold): Cell(str(name), float(rate)) for fold, name, rate in rows}


def nested_out_of_fold(cells: Mapping[int, Cell], predictions: Mapping[Cell, pd.DataFrame]) -> pd.DataFrame:
    """The test rows of each fold, predicted by the cell that was selected for this fold.

    Scores of this table are unbiased estimates for the whole procedure, selection included.

    Parameters
    ----------
    cells : mapping
        fold -> cell, from `cell_of_each_fold`.
    predictions : mapping
        cell -> out-of-fold table.

    Returns
    -------
    DataFrame
        The same columns, sorted by recording.
    """
    parts = [predictions[cell][predictions[cell]["fold"] == fold] for fold, cell in cells.items()]
    return pd.concat(parts).sort_values("recording_id", kind="stable").reset_index(drop=True)


def pooled_winner(fits: pd.DataFrame, predictions: Mapping[Cell, pd.DataFrame]) -> Cell:
    """The cell with the lowest log loss over all out-of-fold rows.

    Log loss is used instead of accuracy because it is a proper score, because the selection inside the folds uses it,
    and because many cells tie at the accuracy of the majority baseline. The winner's own score is optimistic: it was
    selected on the rows on which it is scored.
    """
    cells = _by_validation_loss(fits)
    return min(cells, key=lambda cell: metrics.log_loss(predictions[cell]["label"], predictions[cell]["probability"]))


def _by_validation_loss(fits: pd.DataFrame) -> list[Cell]:
    """The cells sorted by mean validation loss, so that the first of tied cells is the one to select."""
    losses = fits.groupby(["architecture", "dropout_rate"], sort=False)["validation_loss"].mean()
    return sorted(cells_of(fits), key=lambda cell: losses[cell])


class Corrected(NamedTuple):
    """One score of the rule "take the pooled winner": its own score, and that on subjects not used for the selection.

    `optimistic` is the winner's own out-of-fold score, `corrected` the mean over the draws, `low` and `high` are their
    percentiles.
    """

    optimistic: float
    corrected: float
    low: float
    high: float


class Luck(NamedTuple):
    """The winner's own score minus its corrected score, with interval: the gain from being the best of all cells."""

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
    """Bias-corrected scores of the rule "take the pooled winner", on subjects that were not used for the selection.

    Parameters
    ----------
    fits, predictions
        As for `pooled_winner`, split by subject.
    draws, level, seed
        Number of bootstrap draws, confidence level, random seed.

    Returns
    -------
    dict
        accuracy, log_loss and roc_auc per recording, and roc_auc_per_subject -> Corrected. Both AUCs count pairs within
        a fold, because other pairs would compare networks of different folds.

    Notes
    -----
    Subjects are drawn with replacement within each class. `pooled_winner` selects a cell on the drawn subjects, and the
    cell is scored on the others. Models are not fitted again.
    Source: bootstrap bias-corrected cross-validation, Tsamardinos, Greasidou, Borboudakis, Machine Learning 107, 2018;
    the interval is that of the out-of-bag scores. Its algorithm 3 ignores classes when drawing: then a draw with many
    patients favours cells that predict patient for everyone, and few patients remain for the test.
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
    defined = values[np.isfinite(values)]  # the subjects outside a draw may be of one class, or none
    return float(defined.mean()) if defined.size else np.nan


def luck(corrected: Corrected) -> Luck:
    """How much of a score (accuracy, AUC) is luck, because the winner is the best of all cells.

    The interval is the winner's own score minus the interval of the out-of-bag scores; below 0 if these are higher.
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
    """Select a cell for each outer fold on its validation subjects, and report the pooled winner for comparison.

    Parameters
    ----------
    fits, predictions
        As for `pooled_winner`, with validation_log_loss.
    draws, level, seed
        As for `intervals.intervals`.

    Returns
    -------
    dict
        `cells` (one per fold); `nested`: scores of the whole procedure; `pooled_winner`: its optimistic and corrected
        scores; each with `intervals`.
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

"""Which cell of the sweep is taken: by the paper's possible rules, and by one that no test fold takes part in.

A cell is one architecture at one dropout rate. Ties go to the lower validation loss, then to what the sweep names
first.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from bulbar import scoring
from bulbar.cells import Cell

RecordWiseRule = Literal["highest_fold_accuracy", "lowest_validation_loss"]
TIES = "lower validation loss, then the sweep's order"


class Settings(BaseModel):
    """The `select` block of params.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    """The paper's way: the best single fold of all. Which rule it went by is unknown, so both rules' picks are given.

    Returns `cells` (the cell for each fold: the same), `reported_fold` and each rule's fit. Both rules see the test
    fold, which was watched in training too.
    """
    picks = {name: best_fit(fits, name) for name in ("highest_fold_accuracy", "lowest_validation_loss")}
    taken = picks[rule]
    cell = {"architecture": taken["architecture"], "dropout_rate": float(taken["dropout_rate"])}
    return {
        "rule": rule,
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
    losses = [scoring.log_loss(predictions[cell]["label"], predictions[cell]["probability"]) for cell in cells_of(fits)]
    order = pd.DataFrame({"loss": losses, "validation_loss": [_mean_validation_loss(fits, c) for c in cells_of(fits)]})
    return cells_of(fits)[int(order.sort_values(["loss", "validation_loss"], kind="stable").index[0])]


def _mean_validation_loss(fits: pd.DataFrame, cell: Cell) -> float:
    here = (fits["architecture"] == cell.architecture) & (fits["dropout_rate"] == cell.dropout_rate)
    return float(fits.loc[here, "validation_loss"].mean())


def bias_corrected(predictions: Mapping[Cell, pd.DataFrame], *, draws: int = 1000, seed: int = 0) -> dict[str, float]:
    """Accuracy and log loss of "take the pooled winner", on subjects that took no part in picking it.

    Subjects are drawn with replacement; the cell with the lowest log loss on the drawn ones is scored on the others;
    the mean over the draws is returned. No model is fitted again.
    Source: bootstrap bias-corrected cross-validation, Tsamardinos, Greasidou, Borboudakis, Machine Learning 107, 2018.
    """
    tables = [table.sort_values("recording_id", kind="stable") for table in predictions.values()]
    subject_of, subjects = pd.factorize(tables[0]["subject_id"], sort=True)
    n = len(subjects)
    loss, right = np.zeros((len(tables), n)), np.zeros((len(tables), n))
    for row, table in enumerate(tables):
        label = table["label"].to_numpy()
        of_truth = np.where(label == 1, table["probability"], 1 - table["probability"])
        loss[row] = np.bincount(subject_of, -np.log(np.clip(of_truth, np.finfo(float).eps, 1)), minlength=n)
        right[row] = np.bincount(subject_of, scoring.called(table["probability"]) == label, minlength=n)
    recordings = np.bincount(subject_of, minlength=n)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws)
    others = (drawn == 0).astype(float)
    some = others.any(axis=1)
    drawn, others = drawn[some], others[some]
    winner = np.argmin(drawn @ loss.T, axis=1)
    each = np.arange(len(drawn))
    seen = others @ recordings
    return {
        "accuracy": float(((others @ right.T)[each, winner] / seen).mean()),
        "log_loss": float(((others @ loss.T)[each, winner] / seen).mean()),
    }


def subject_wise(fits: pd.DataFrame, predictions: Mapping[Cell, pd.DataFrame], *, seed: int = 0) -> dict[str, Any]:
    """A cell for each outer fold, picked on that fold's validation subjects; the pooled winner beside it.

    `nested` scores the whole procedure; `pooled_winner` gives its own optimistic scores and the corrected ones.
    """
    cells = cell_of_each_fold(fits)
    nested = scoring.scores(nested_out_of_fold(cells, predictions))
    winner = pooled_winner(fits, predictions)
    of_winner = scoring.scores(predictions[winner])
    corrected = bias_corrected({cell: predictions[cell] for cell in cells_of(fits)}, seed=seed)
    return {
        "rule": "lowest_validation_log_loss_in_each_fold",
        "ties": TIES,
        "cells": {str(fold): cell._asdict() for fold, cell in cells.items()},
        "reported_fold": None,
        "nested": {name: nested[name] for name in ("accuracy", "roc_auc", "log_loss")},
        "pooled_winner": {
            **winner._asdict(),
            "accuracy_optimistic": of_winner["accuracy"],
            "accuracy_corrected": corrected["accuracy"],
            "log_loss_optimistic": of_winner["log_loss"],
            "log_loss_corrected": corrected["log_loss"],
        },
    }

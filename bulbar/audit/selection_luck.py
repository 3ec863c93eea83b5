"""Probe: how much of the selected cell's score is luck, because it was the best of many cells?"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bulbar.audit.finding import Finding, Verdict
from bulbar.core.markdown import with_interval
from bulbar.core.names import CELL_COLUMNS, Cell
from bulbar.scoring import selection

PROBE = "selection"


def by_subject(
    fits: pd.DataFrame,
    predictions: Mapping[Cell, pd.DataFrame],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Finding]:
    """Score of the pooled winner minus its bias-corrected score, for a sweep split by subject.

    Parameters
    ----------
    fits, predictions
        As for `selection.pooled_winner`.
    draws, level, seed
        Number of bootstrap draws, confidence level, random seed.

    Returns
    -------
    list of Finding
        One for accuracy and one for log loss, the selection criterion. The sign is such that luck is positive in both.
        `suspect` if the interval of the luck lies above 0. The interval comes from the subjects outside a draw, about a
        third of all, so it is wide in a small cohort.
    """
    winner, n = selection.pooled_winner(fits, predictions), len(selection.cells_of(fits))
    corrected = selection.bias_corrected(fits, predictions, draws=draws, level=level, seed=seed)
    accuracy, loss = corrected["accuracy"], corrected["log_loss"]
    of_accuracy = selection.luck(accuracy)
    of_loss = selection.Luck(loss.corrected - loss.optimistic, loss.low - loss.optimistic, loss.high - loss.optimistic)
    others = {
        name: {**score._asdict(), "luck": selection.luck(score).value}
        for name, score in corrected.items()
        if name not in ("accuracy", "log_loss")
    }
    honest = with_interval(100 * accuracy.corrected, 100 * accuracy.low, 100 * accuracy.high, "{:.1f} %".format)
    honest_loss = with_interval(loss.corrected, loss.low, loss.high, "{:.3f}".format)

    def finding(score: str, unit: str, luck: selection.Luck, sentence: str, details: Mapping[str, Any]) -> Finding:
        of, figure, verdict = f"subject_wise, {score}", f"luck of the best of {n}, as {unit}", _verdict(luck.low)
        drawn: dict[str, Any] = {"low": luck.low, "high": luck.high, "details": {"cells": n, **details}}
        return Finding(PROBE, of, figure, luck.value, verdict, sentence, **drawn)

    of_winner = (
        f"{winner.architecture} at {winner.dropout_rate} has the lowest log loss of {n} cells and an accuracy of"
        f" {100 * accuracy.optimistic:.1f} %; on subjects that were not used for the selection, the selected cell has"
        f" {honest}."
    )
    of_its_loss = (
        f"The log loss by which it was selected is {loss.optimistic:.3f}; on subjects that were not used for the"
        f" selection it is {honest_loss}."
    )
    return [
        finding("accuracy", "accuracy", of_accuracy, of_winner, {**accuracy._asdict(), **others}),
        finding("log loss", "log loss in nats", of_loss, of_its_loss, loss._asdict()),
    ]


def _verdict(luck: float) -> Verdict:
    return "suspect" if luck > 0 else "clear"


def by_recording(fits: pd.DataFrame) -> list[Finding]:
    """Compare the highest fold of all fits with the mean of its cell and of all cells, for a split by recording.

    `fits` has the columns architecture, dropout_rate, fold, validation_loss, test_accuracy. No correction exists for
    this bias: the reported fold was monitored in training and its speakers are in the training set, so no subject is
    independent of the selection. The verdict is `suspect` if the fold is above the mean of its cell.
    """
    best = selection.best_fit(fits, "highest_fold_accuracy")
    own = fits[(fits[CELL_COLUMNS] == best[CELL_COLUMNS]).all(axis="columns")]["test_accuracy"]
    highest, of_cell, of_all = float(best["test_accuracy"]), float(own.mean()), float(fits["test_accuracy"].mean())
    return [
        Finding(
            probe=PROBE,
            of="record_wise, biased",
            figure="highest fold of all minus its cell's mean",
            value=highest - of_cell,
            verdict=_verdict(highest - of_cell),
            sentence=(
                f"The highest of {len(fits)} folds is {highest:.1%} ({best['architecture']} at "
                f"{best['dropout_rate']}); the mean of that cell's folds is {of_cell:.1%}, that of all cells "
                f"{of_all:.1%}. All three are biased, and no correction exists: the test fold was monitored in "
                "training, and its speakers are also in the training set."
            ),
            details={
                "fits": len(fits),
                "highest_fold": highest,
                "mean_of_its_cell": of_cell,
                "mean_of_all": of_all,
                "biased": True,
            },
        )
    ]

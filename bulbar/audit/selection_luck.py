"""Probe 8: how much of the selected cell's score is the luck of being the best of all cells."""

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
    """The pooled winner's own score minus its bias-corrected one, for a sweep split by subject.

    fits, predictions: as for `selection.pooled_winner`. Two findings: accuracy, and log loss (by which it is picked;
    the corrected minus its own, so that luck is positive in both). `suspect` where the luck's interval lies above 0. It
    comes from the subjects left out of a draw, about a third of all, so it is wide in a small cohort.
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
        f" {100 * accuracy.optimistic:.1f} %; on subjects that took no part in picking it, the picked cell has"
        f" {honest}."
    )
    of_its_loss = (
        f"The log loss of {loss.optimistic:.3f} by which it was picked is {honest_loss} on subjects that took no part"
        " in picking it."
    )
    return [
        finding("accuracy", "accuracy", of_accuracy, of_winner, {**accuracy._asdict(), **others}),
        finding("log loss", "log loss in nats", of_loss, of_its_loss, loss._asdict()),
    ]


def _verdict(luck: float) -> Verdict:
    return "suspect" if luck > 0 else "clear"


def by_recording(fits: pd.DataFrame) -> list[Finding]:
    """The highest fold of all fits beside its cell's mean over folds and the mean of all cells, split by recording.

    fits: architecture, dropout_rate, fold, validation_loss, test_accuracy. No correction exists here: the fold that is
    quoted was watched in training, and its speakers are in training too, so no subject took no part. `suspect` where
    the fold lies above its cell's mean.
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
                f"{of_all:.1%}. All three are biased, and nothing can correct them: the tested fold was watched, and "
                "its speakers are in training too."
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

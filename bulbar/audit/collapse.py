"""Probe: networks that predict the same class for everyone, and networks that are no better than such a prediction."""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import pandas as pd

from bulbar.audit.finding import Finding
from bulbar.core.markdown import with_interval
from bulbar.core.names import Cell
from bulbar.scoring import intervals, metrics

PROBE = "collapse"
SIGNED = "{:+.1f}".format

Name = TypeVar("Name", bound=Hashable)
"""Key of an accuracy: a Cell, or the name of a model."""


def collapsed_folds(table: pd.DataFrame) -> list[int]:
    """The folds of an out-of-fold table (fold, probability) in which the network predicts one class for every row."""
    share = pd.Series(metrics.called(table["probability"])).groupby(table["fold"].to_numpy()).mean()
    return share.index[share.isin([0, 1])].tolist()


def collapsed_cells(predictions: Mapping[Name, pd.DataFrame]) -> list[Name]:
    """The cells whose networks predict one class for every row, in each fold."""
    return [cell for cell, table in predictions.items() if len(collapsed_folds(table)) == table["fold"].nunique()]


@dataclass(frozen=True)
class Accuracies(Generic[Name]):
    """Accuracy per recording of each cell: of the cohort, then of bootstrap draws of the subjects.

    Parameters
    ----------
    cells : tuple
        Names of the cells, in column order.
    drawn : array, shape (1 + draws, cells)
        Row 0 is the cohort. All cells share the same draws, so that differences are paired.
    majority : array, shape (1 + draws,)
        Accuracy of predicting the more frequent class for everyone.
    collapsed : frozenset
        The cells that predict one class for everyone.
    smaller_class : int
        Number of subjects in the smaller class.
    """

    cells: tuple[Name, ...]
    drawn: np.ndarray
    majority: np.ndarray
    collapsed: frozenset[Name]
    smaller_class: int

    def mean(self, cells: Collection[Name]) -> np.ndarray:
        """Mean accuracy over some cells, shape (1 + draws,)."""
        return self.drawn[:, [self.cells.index(cell) for cell in cells]].mean(axis=1)

    def above_majority(self, cells: Collection[Name], level: float) -> list[Name]:
        """Those of `cells` whose accuracy minus the majority baseline has an interval above 0.

        The intervals are widened for the number of cells (Bonferroni): of sixty cells that learned nothing, one would
        often be above 0 by chance.
        """
        widened = 1 - (1 - level) / len(cells)
        return [cell for cell in cells if self.interval(self.mean([cell]) - self.majority, widened)[0] > 0]

    def interval(self, values: np.ndarray, level: float) -> tuple[float, float]:
        """Interval of a statistic of these accuracies, shape (1 + draws,), computed as in `intervals.intervals`."""
        return intervals.percentiles(values[1:], level, subjects=self.smaller_class)


def accuracies(predictions: Mapping[Name, pd.DataFrame], *, draws: int = 2000, seed: int = 0) -> Accuracies[Name]:
    """Accuracies of a sweep. Subjects are drawn within each class, and all cells share the draws.

    `predictions` has the out-of-fold table of each cell, all with the same recordings.
    """
    first = next(iter(predictions.values()))
    right = np.column_stack([_right_by_subject(table) for table in predictions.values()])
    labels = intervals.subjects_of(first)
    drawn = np.vstack([np.ones((1, len(labels))), intervals.drawn_subjects(labels, draws=draws, seed=seed)])
    recordings = drawn @ first.groupby("subject_id", sort=True).size().to_numpy()
    most = float(first["label"].mean() >= metrics.THRESHOLD)
    majority = drawn @ _right_by_subject(first.assign(probability=most)) / recordings
    return Accuracies(
        cells=tuple(predictions),
        drawn=drawn @ right / recordings[:, None],
        majority=majority,
        collapsed=frozenset(collapsed_cells(predictions)),
        smaller_class=intervals.smaller_class(labels),
    )


def _right_by_subject(table: pd.DataFrame) -> np.ndarray:
    """Number of correctly classified recordings of each subject, subjects sorted."""
    right = metrics.called(table["probability"]) == table["label"]
    return right.groupby(table["subject_id"], sort=True).sum().to_numpy()


def probe(
    predictions: Mapping[Cell, pd.DataFrame], protocol: str, *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> list[Finding]:
    """Find cells of a sweep that predict one class for everyone, and cells that are not better than such a prediction.

    Parameters
    ----------
    predictions : mapping
        Cell -> out-of-fold table (subject_id, fold, label, probability).
    protocol : str
        Name of the protocol, for the findings.
    draws, level, seed
        Number of bootstrap draws, confidence level, random seed.

    Returns
    -------
    list of Finding
        First the share of collapsed cells; `suspect` if there is one. Then the share of cells whose accuracy minus the
        majority baseline has an interval that is not above 0; `suspect` if that is true for every cell. The intervals
        are widened for the number of cells. Both values are shares of the cells, so they have no interval.
    """
    measured = accuracies(predictions, draws=draws, seed=seed)
    return [_collapsed(predictions, protocol), _against_majority(measured, protocol, level)]


def _collapsed(predictions: Mapping[Cell, pd.DataFrame], protocol: str) -> Finding:
    fits = sum(table["fold"].nunique() for table in predictions.values())
    collapsed_fits = sum(len(collapsed_folds(table)) for table in predictions.values())
    n, collapsed = len(predictions), collapsed_cells(predictions)
    within = [metrics.auc_within_folds(predictions[cell]) for cell in collapsed]
    return Finding(
        probe=PROBE,
        of=protocol,
        figure="share of cells that predict the same class for everyone",
        value=len(collapsed) / n,
        verdict="suspect" if collapsed else "clear",
        sentence=(
            f"{len(collapsed)} of {n} cells predict the same class for everyone in every fold, and {collapsed_fits} of "
            f"{fits} single networks do so: their accuracy is the share of a class in the fold and does not depend on "
            "the voice."
            if collapsed_fits
            else f"All {fits} networks of the {n} cells predict both classes."
        ),
        details={
            "cells": n,
            "collapsed_cells": len(collapsed),
            "fits": fits,
            "collapsed_fits": collapsed_fits,
            "names": [str(cell) for cell in collapsed],
            "median_auc_of_collapsed_cells": float(np.median(within)) if within else np.nan,
        },
    )


def _against_majority(measured: Accuracies[Cell], protocol: str, level: float) -> Finding:
    n, excess = len(measured.cells), measured.drawn - measured.majority[:, None]
    bounds = [measured.interval(excess[:, place], 1 - (1 - level) / n) for place in range(n)]
    better = [str(cell) for cell in measured.above_majority(measured.cells, level)]
    worse = [str(cell) for cell, (_, high) in zip(measured.cells, bounds, strict=True) if high < 0]
    best = int(np.argmax(excess[0]))
    low, high = (100 * bound for bound in bounds[best])
    return Finding(
        probe=PROBE,
        of=f"{protocol}, against the majority",
        figure="share of cells not shown to be better than the majority baseline",
        value=(n - len(better)) / n,
        verdict="clear" if better else "suspect",
        sentence=(
            f"The majority baseline has an accuracy of {measured.majority[0]:.1%}; "
            f"{len(better)} of {n} cells are shown to be better on new subjects and {len(worse)} to be worse. "
            f"The highest is {measured.cells[best]} with {measured.drawn[0, best]:.1%}, a difference of "
            f"{with_interval(100 * excess[0, best], low, high, SIGNED)} points"
            + (f" (interval widened for {n} cells)." if n > 1 else ".")
        ),
        details={"majority_accuracy": measured.majority[0], "better": better, "worse": worse},
    )

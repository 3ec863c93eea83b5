"""Probe 6: networks that call everyone the same, and networks that are no better than doing so."""

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
"""What accuracies are named by: a Cell, or the name of a model."""


def collapsed_folds(table: pd.DataFrame) -> list[int]:
    """The folds of an out-of-fold table (fold, probability) whose network calls every row the same."""
    share = pd.Series(metrics.called(table["probability"])).groupby(table["fold"].to_numpy()).mean()
    return share.index[share.isin([0, 1])].tolist()


def collapsed_cells(predictions: Mapping[Name, pd.DataFrame]) -> list[Name]:
    """The cells whose network calls every row the same in each of its folds."""
    return [cell for cell, table in predictions.items() if len(collapsed_folds(table)) == table["fold"].nunique()]


@dataclass(frozen=True)
class Accuracies(Generic[Name]):
    """Accuracy per recording of each cell: first as it is, then of draws of the subjects.

    drawn: shape (1 + draws, cells), every cell on the same draws, so that differences are paired. majority: that of
    calling everyone what most recordings are, shape (1 + draws,). collapsed: the cells that call everyone the same.
    smaller_class: how many subjects it has.
    """

    cells: tuple[Name, ...]
    drawn: np.ndarray
    majority: np.ndarray
    collapsed: frozenset[Name]
    smaller_class: int

    def mean(self, cells: Collection[Name]) -> np.ndarray:
        """The mean over some cells, shape (1 + draws,)."""
        return self.drawn[:, [self.cells.index(cell) for cell in cells]].mean(axis=1)

    def above_majority(self, cells: Collection[Name], level: float) -> list[Name]:
        """Those of `cells` whose accuracy minus the majority's has an interval above 0.

        Widened for all of `cells` (Bonferroni): of sixty that learnt nothing, one would often be above by luck.
        """
        widened = 1 - (1 - level) / len(cells)
        return [cell for cell in cells if self.interval(self.mean([cell]) - self.majority, widened)[0] > 0]

    def interval(self, values: np.ndarray, level: float) -> tuple[float, float]:
        """The interval of something made of these accuracies, shape (1 + draws,), as `intervals.intervals` has it."""
        return intervals.percentiles(values[1:], level, subjects=self.smaller_class)


def accuracies(predictions: Mapping[Name, pd.DataFrame], *, draws: int = 2000, seed: int = 0) -> Accuracies[Name]:
    """Accuracies of a sweep with subjects drawn once for all cells, within each class.

    predictions: the out-of-fold table of each cell, all of the same recordings.
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
    """How many recordings of each subject are called right, subjects sorted."""
    right = metrics.called(table["probability"]) == table["label"]
    return right.groupby(table["subject_id"], sort=True).sum().to_numpy()


def probe(
    predictions: Mapping[Cell, pd.DataFrame], protocol: str, *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> list[Finding]:
    """Which cells of a sweep call everyone the same, and which are not shown to be better than that.

    predictions: the out-of-fold table of each cell (subject_id, fold, label, probability). Two findings: the share of
    collapsed cells (`suspect` where there is one), and the share of cells whose accuracy minus the majority's, subjects
    drawn, has an interval that is not above 0 (`suspect` where that is every cell; intervals widened for all cells).
    Shares of the cells run, so without an interval of their own.
    """
    measured = accuracies(predictions, draws=draws, seed=seed)
    return [_collapsed(predictions, protocol), _against_majority(measured, protocol, level)]


def _collapsed(predictions: Mapping[Cell, pd.DataFrame], protocol: str) -> Finding:
    fits = sum(table["fold"].nunique() for table in predictions.values())
    collapsed_fits = sum(len(collapsed_folds(table)) for table in predictions.values())
    n, collapsed = len(predictions), collapsed_cells(predictions)
    within = [metrics.scores(predictions[cell])["roc_auc"] for cell in collapsed]
    return Finding(
        probe=PROBE,
        of=protocol,
        figure="share of cells that call everyone the same",
        value=len(collapsed) / n,
        verdict="suspect" if collapsed else "clear",
        sentence=(
            f"{len(collapsed)} of {n} cells call everyone the same class in every fold, and {collapsed_fits} of {fits} "
            "single networks do: their accuracy is the class share of a fold, whatever the voice."
            if collapsed_fits
            else f"All {fits} networks of the {n} cells use both classes."
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
        figure="share of cells not shown to be better than calling everyone the majority",
        value=(n - len(better)) / n,
        verdict="clear" if better else "suspect",
        sentence=(
            f"Calling everyone the majority is right {measured.majority[0]:.1%} of the time; "
            f"{len(better)} of {n} cells are shown to do better over new subjects and {len(worse)} to do worse. "
            f"The highest is {measured.cells[best]} with {measured.drawn[0, best]:.1%}, "
            f"{with_interval(100 * excess[0, best], low, high, SIGNED)} points"
            + (f", the interval widened for {n} cells." if n > 1 else ".")
        ),
        details={"majority_accuracy": measured.majority[0], "better": better, "worse": worse},
    )

"""Permutation importance of clinical columns on held-out subjects, split into values and which cells are recorded.

The cells of a group are shuffled between the held-out subjects of a fold, and the model scores them without a new fit
(Breiman 2001; Fisher, Rudin and Dominici, JMLR 2019). Two kinds of shuffles split the loss: `values` moves values among
the subjects who have one, so that the pattern of recorded cells does not change; `cells` moves whole cells, recorded or
not. loss(cells) = loss(values) + loss from which cells are recorded, when the values are already uninformative.

scikit-learn's `permutation_importance` shuffles one encoded column of one fitted estimator: it knows no groups and no
folds, and does not separate recorded cells. For a single column that is always recorded both are the same (see tests).
"""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from bulbar.scoring import intervals

How = Literal["values", "cells"]
HOW: tuple[How, ...] = ("values", "cells")


class Importance(NamedTuple):
    """Importance of a group: drop of the AUC in [-1, 1] with its interval, and rise of the log loss (nats).

    `lost` is for the shuffle `cells`, `by_values` for `values`, `by_recording` is the difference of the two.
    """

    lost: float
    lost_low: float
    lost_high: float
    by_values: float
    by_values_low: float
    by_values_high: float
    by_recording: float
    by_recording_low: float
    by_recording_high: float
    log_loss_gained: float
    log_loss_by_values: float
    log_loss_by_recording: float


def shuffled(table: pd.DataFrame, columns: list[str], how: How, *, times: int, seed: int) -> pd.DataFrame:
    """Stack `times` copies of a table; in each copy the cells of `columns` are shuffled between the rows.

    Parameters
    ----------
    table : DataFrame
        One row per subject; empty cells are not recorded.
    columns : list of str
        Columns to shuffle.
    how : {"values", "cells"}
        "cells": all columns of a row move together, recorded or not. "values": the recorded cells of each column change
        places among themselves.
    times, seed : int
        Number of copies, random seed.

    Returns
    -------
    DataFrame
        The copies one after another, each in the order of the table.

    Notes
    -----
    Both use the same permutation of the rows. With "values", a cell moves along the permutation to the first row with a
    recorded cell. So columns that are recorded for the same people move together, and if all cells are recorded, both
    kinds of shuffle are equal.
    """
    rows = np.tile(np.arange(len(table)), (times, 1))
    moved = np.random.default_rng(seed).permuted(rows, axis=1)
    taken = {name: rows for name in table.columns}
    for name in columns:
        taken[name] = moved if how == "cells" else _among(moved, table[name].notna().to_numpy())
    return pd.DataFrame({name: table[name].to_numpy()[order.ravel()] for name, order in taken.items()})


def _among(moved: np.ndarray, recorded: np.ndarray) -> np.ndarray:
    """Turn permutations of all rows into permutations of the recorded rows; the other rows stay in place.

    `moved`, shape (times, rows), is the row from which each row takes its cell. If `moved` is uniformly random, the
    result is too.
    """
    found = np.where(recorded, moved, np.arange(len(recorded)))
    while (astray := recorded & ~recorded[found]).any():  # ends: every cycle of a permutation returns to its start
        found = np.where(astray, np.take_along_axis(moved, found, axis=1), found)
    return found


class Scored:
    """AUC within folds and log loss of held-out subjects, averaged over shuffles, for bootstrap draws of the subjects.

    Parameters
    ----------
    probability : array, shape (shuffles, subjects)
    label, fold : array, shape (subjects,)
    """

    def __init__(self, probability: np.ndarray, label: np.ndarray, fold: np.ndarray) -> None:
        self.pairs = np.zeros((len(label), len(label)))
        self.concordant = np.zeros_like(self.pairs)
        for one in np.unique(fold):
            positive, negative = (np.flatnonzero((fold == one) & (label == of)) for of in (1, 0))
            higher = np.sign(probability[:, positive, np.newaxis] - probability[:, np.newaxis, negative])
            self.concordant[np.ix_(positive, negative)] = ((higher + 1) / 2).mean(axis=0)
            self.pairs[np.ix_(positive, negative)] = 1
        self.losses = np.mean([intervals.log_losses(label, row) for row in probability], axis=0)

    def auc(self, drawn: np.ndarray) -> np.ndarray:
        """AUC within folds for each draw (draws, subjects), mean over the shuffles; NaN if a draw has no pair."""
        return intervals.auc_of_draws((self.concordant, self.pairs), drawn)

    @property
    def log_loss(self) -> float:
        """Mean log loss, in nats."""
        return float(self.losses.mean())


def importance(
    plain: Scored, by_how: dict[How, Scored], label: np.ndarray, *, draws: int, level: float, seed: int
) -> Importance:
    """Importance of one group for one model, from its scores without and with shuffling.

    The intervals come from bootstrap draws of the subjects within each class. The shuffles are averaged, not drawn.
    """
    drawn = np.vstack([np.ones((1, len(label))), intervals.drawn_subjects(label, draws=draws, seed=seed)])
    auc, values, cells = (scored.auc(drawn) for scored in (plain, by_how["values"], by_how["cells"]))
    parts: list[float] = []
    for lost in (auc - cells, auc - values, values - cells):
        ends = intervals.percentiles(lost[1:], level, subjects=intervals.smaller_class(label))
        parts += [float(lost[0]), *ends]
    losses = [scored.log_loss for scored in (plain, by_how["values"], by_how["cells"])]
    return Importance._make([*parts, losses[2] - losses[0], losses[1] - losses[0], losses[2] - losses[1]])


def averaging(owner: np.ndarray, recording: np.ndarray) -> sparse.csr_array:
    """Weights (subjects, rows) that average a recording's rows, then a subject's recordings.

    `owner` is the subject of each row, 0 to subjects - 1; `recording` is the recording of each row, any numbers.

    Examples
    --------
    >>> averaging(np.array([0, 0, 0, 1]), np.array([7, 7, 8, 9])).toarray().tolist()
    [[0.25, 0.25, 0.5, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """
    _, of_row, rows_of = np.unique(recording, return_inverse=True, return_counts=True)
    recordings_of = np.array([len(np.unique(recording[owner == one])) for one in range(owner.max() + 1)])
    weights = 1 / (rows_of[of_row] * recordings_of[owner])
    return sparse.csr_array((weights, (owner, np.arange(len(owner)))))

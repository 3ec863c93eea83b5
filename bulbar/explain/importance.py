"""Permutation importance of clinical columns on held-out subjects, split: is it the values, or which are recorded?

A group's cells are shuffled between the held-out subjects of a fold, and the model, not fitted again, scores them
(Breiman 2001; Fisher, Rudin and Dominici, JMLR 2019). Two shuffles take the loss apart: `values` moves values among the
subjects who have one, so that which cells are recorded stays as it is; `cells` moves whole cells, recorded or not.
loss(cells) = loss(values) + the loss from which cells are recorded, once the values carry nothing.

scikit-learn's `permutation_importance` shuffles one encoded column of one fitted estimator: no groups, no folds, no
recorded cells apart. For a single column that is always recorded both are the same (tests).
"""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from bulbar.scoring import intervals

How = Literal["values", "cells"]
HOW: tuple[How, ...] = ("values", "cells")


class Importance(NamedTuple):
    """The importance of a group: AUC lost (share of 1), its interval, and log loss gained (nats).

    lost: by `cells`. by_values: by `values`. by_recording: what is between the two.
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
    """`times` copies of a table under each other, in each of which the cells of `columns` change their rows.

    cells: all columns of a row move together, whether recorded or not. values: each column's recorded cells change
    places among themselves, each going to the first row on the same way that has one recorded: so columns that are
    recorded for the same people move together, and where all cells are recorded both shuffles of one seed are the same.
    Copies come one after another, each in the order of the table.
    """
    rows = np.tile(np.arange(len(table)), (times, 1))
    moved = np.random.default_rng(seed).permuted(rows, axis=1)
    taken = {name: rows for name in table.columns}
    for name in columns:
        taken[name] = moved if how == "cells" else _among(moved, table[name].notna().to_numpy())
    return pd.DataFrame({name: table[name].to_numpy()[order.ravel()] for name, order in taken.items()})


def _among(moved: np.ndarray, recorded: np.ndarray) -> np.ndarray:
    """From shuffles of all rows those of the recorded ones among themselves; the others stay where they are.

    moved: (times, rows), the row that each takes its cell from. Of a random order of all this is a random order too.
    """
    found = np.where(recorded, moved, np.arange(len(recorded)))
    while (astray := recorded & ~recorded[found]).any():  # each way comes back to where it began at the latest
        found = np.where(astray, np.take_along_axis(moved, found, axis=1), found)
    return found


class Scored:
    """Probabilities of held-out subjects, over several shuffles: AUC within folds, and log loss, for draws of subjects.

    probability: (shuffles, subjects). label, fold: (subjects,).
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
        """The AUC within folds, mean over the shuffles, of each draw (draws, subjects); NaN where one has no pair."""
        return intervals.auc_of_draws((self.concordant, self.pairs), drawn)

    @property
    def log_loss(self) -> float:
        """The mean log loss, in nats."""
        return float(self.losses.mean())


def importance(
    plain: Scored, by_how: dict[How, Scored], label: np.ndarray, *, draws: int, level: float, seed: int
) -> Importance:
    """The importance of one group to one model, from its scores as they are and after each shuffle of the group.

    Intervals: subjects drawn within each class; how subjects were shuffled is averaged over, not drawn.
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
    """Weights (subjects, rows): the mean of a recording's rows, then of a subject's recordings.

    owner: each row's subject, 0 to subjects - 1. recording: each row's recording, any numbers.
    """
    _, of_row, rows_of = np.unique(recording, return_inverse=True, return_counts=True)
    recordings_of = np.array([len(np.unique(recording[owner == one])) for one in range(owner.max() + 1)])
    weights = 1 / (rows_of[of_row] * recordings_of[owner])
    return sparse.csr_array((weights, (owner, np.arange(len(owner)))))

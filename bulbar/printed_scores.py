"""Which confusion matrices could give a row of printed scores: every one that a test set of its size can have is tried.

A table prints male accuracy, precision, recall and F1 of one model; how precision, recall and F1 are averaged over the
two classes it does not say. Male is the positive class, male accuracy its recall (TP / (TP + FN)).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd

Averaging = Literal["male", "female", "macro", "weighted"]
AVERAGINGS: tuple[Averaging, ...] = ("male", "female", "macro", "weighted")

Printing = Literal["rounded", "cut off"]
PRINTINGS: tuple[Printing, ...] = ("rounded", "cut off")

SCORES = ("male_accuracy", "precision", "recall", "f1")

_SLACK = 1e-9
"""Of a score in percent: what floating point may add or take."""


@dataclass(frozen=True)
class Printed:
    """A score as printed, in percent: its digits say to what, `92` to whole percents, `98.57` to hundredths."""

    text: str

    def bounds(self, printing: Printing) -> tuple[float, float]:
        """Lowest and highest score in percent that prints so, both included: a half may go up or down.

        Of digits cut off the highest is the next value, which itself does not print so.
        """
        value = Decimal(self.text)
        step = Decimal(1).scaleb(int(value.as_tuple().exponent))
        return (
            (float(value - step / 2), float(value + step / 2))
            if printing == "rounded"
            else (float(value), float(value + step))
        )

    def admits(self, percent: np.ndarray, printing: Printing) -> np.ndarray:
        """Which scores could print so; NaN never does."""
        low, high = self.bounds(printing)
        end = high + _SLACK if printing == "rounded" else high - _SLACK
        return (percent >= low - _SLACK) & (percent < end)


def matrices_behind(
    printed: dict[str, Printed], positives: int, negatives: int, averaging: Averaging, printing: Printing = "rounded"
) -> np.ndarray:
    """Every confusion matrix of a test set that could give a printed row.

    printed: SCORES. positives, negatives: rows of each class. printing: of the whole row. Returns (n, 4): TP, FN, FP,
    TN, ascending in TP and TN.
    """
    of_male = np.arange(positives + 1)
    of_male = of_male[printed["male_accuracy"].admits(100 * of_male / positives, printing)]
    tp, tn = (grid.ravel() for grid in np.meshgrid(of_male, np.arange(negatives + 1), indexing="ij"))
    fn, fp = positives - tp, negatives - tn
    fits = np.ones(len(tp), dtype=bool)
    for name, score in _scores(tp, fn, fp, tn, averaging).items():
        fits &= printed[name].admits(100 * score, printing)
    return np.stack([tp, fn, fp, tn], axis=1)[fits]


def _scores(
    tp: np.ndarray, fn: np.ndarray, fp: np.ndarray, tn: np.ndarray, averaging: Averaging
) -> dict[str, np.ndarray]:
    """Precision, recall and F1 as shares; NaN where a class is never called."""
    with np.errstate(invalid="ignore", divide="ignore"):
        male = {"precision": tp / (tp + fp), "recall": tp / (tp + fn), "f1": 2 * tp / (2 * tp + fp + fn)}
        female = {"precision": tn / (tn + fn), "recall": tn / (tn + fp), "f1": 2 * tn / (2 * tn + fp + fn)}
    share = (tp + fn) / (tp + fn + fp + tn)
    weight = {"male": 1.0, "female": 0.0, "macro": 0.5, "weighted": share}[averaging]
    if averaging in ("male", "female"):
        return male if averaging == "male" else female
    return {name: weight * male[name] + (1 - weight) * female[name] for name in male}


def search(
    table: pd.DataFrame, *, recordings: int, positives: int, averagings: Iterable[Averaging] = AVERAGINGS
) -> pd.DataFrame:
    """For each printed row, averaging and printing: can it be, with the stated split of the test set, or with another?

    table: model and SCORES, as strings. recordings: of the test set. positives: males among them where the split keeps
    the subset's shares.
    Returns model, averaging, printing; verdict: `stated split`, `another split` or `impossible`; matrices: how many
    confusion matrices of the stated split fit; tp, fn, fp, tn: the one in the middle of them, else of the fitting split
    nearest to the stated one, NaN where none fits; splits: how many of the possible numbers of males fit; fewest_males,
    most_males: their range.
    """
    rows = []
    for row in table.to_dict("records"):
        printed = {name: Printed(row[name]) for name in SCORES}
        for averaging, printing in product(averagings, PRINTINGS):
            found = {
                males: matrices
                for males in range(1, recordings)
                if len(matrices := matrices_behind(printed, males, recordings - males, averaging, printing))
            }
            nearest = min(found, key=lambda males: (abs(males - positives), males), default=None)
            shown = found[nearest][len(found[nearest]) // 2] if nearest is not None else np.full(4, np.nan)
            verdict = "impossible" if nearest is None else "stated split" if nearest == positives else "another split"
            rows.append(
                {
                    "model": row["model"],
                    "averaging": averaging,
                    "printing": printing,
                    "verdict": verdict,
                    "matrices": len(found.get(positives, [])),
                    **dict(zip(("tp", "fn", "fp", "tn"), shown, strict=True)),
                    "splits": len(found),
                    "fewest_males": min(found, default=np.nan),
                    "most_males": max(found, default=np.nan),
                }
            )
    return pd.DataFrame(rows)

"""Which confusion matrices could give a row of printed scores? All matrices of a test set of the size are tested.

The paper's table has male accuracy, precision, recall and F1 of each model. It does not state how precision, recall and
F1 are averaged over the two classes. Male is the positive class; male accuracy is its recall, TP / (TP + FN).
"""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd

from bulbar.paper.printed import PRINTINGS, Printing, admits, bounds, counts, whole_numbers

Averaging = Literal["male", "female", "macro", "weighted"]
AVERAGINGS: tuple[Averaging, ...] = ("male", "female", "macro", "weighted")

SCORES = ("male_accuracy", "precision", "recall", "f1")

PAPER_RECORDINGS, PAPER_MALES = 11_000, 6_000
TEST_SHARES = (0.10, 0.15, 0.20, 0.25, 0.30)
"""Possible shares of the test set in the paper's clips; the paper does not state it."""

VERDICTS = ("stated split", "another split", "impossible")
"""Verdicts on a printed row, the best first."""


def matrices_behind(
    printed: Mapping[str, str], recordings: int, averaging: Averaging, printing: Printing = "rounded"
) -> np.ndarray:
    """Find all confusion matrices of a test set, with both classes in it, that could give a printed row.

    Parameters
    ----------
    printed : mapping
        SCORES as printed, in percent.
    recordings : int
        Size of the test set, with any number of males.
    averaging : {"male", "female", "macro", "weighted"}
        How precision, recall and F1 are averaged over the classes.
    printing : {"rounded", "cut off"}
        How all scores of the row were printed.

    Returns
    -------
    array of int, shape (n, 4)
        TP, FN, FP, TN, ascending in TP + FN, TP and TN.
    """
    males, tp = counts(printed["male_accuracy"], np.arange(1, recordings), printing)
    females = recordings - males
    low, high = _true_negatives(printed, tp, males, females, averaging, printing)
    at, tn = whole_numbers(np.arange(len(tp)), np.maximum(low, 0), np.minimum(high, females))
    tp, fn, fp = tp[at], (males - tp)[at], females[at] - tn
    fits = np.ones(len(tp), dtype=bool)
    for name, score in _scores(tp, fn, fp, tn, averaging).items():
        fits &= admits(printed[name], 100 * score, printing)
    return np.stack([tp, fn, fp, tn], axis=1)[fits]


def _true_negatives(
    printed: Mapping[str, str],
    tp: np.ndarray,
    males: np.ndarray,
    females: np.ndarray,
    averaging: Averaging,
    printing: Printing,
) -> tuple[np.ndarray, np.ndarray]:
    """Fewest and most true negatives for which one score fits its printed value, to reduce the search.

    The score is recall, which increases with the true negatives. Male recall does not depend on them, so precision is
    used instead.
    """
    low, high = np.array(bounds(printed["precision" if averaging == "male" else "recall"], printing)) / 100
    if averaging == "male":
        most_wrong = tp * (1 / low - 1) if low > 0 else females
        return females - most_wrong, females - tp * (1 / high - 1)
    if averaging == "macro":
        return (2 * low - tp / males) * females, (2 * high - tp / males) * females
    if averaging == "weighted":
        return low * (males + females) - tp, high * (males + females) - tp
    return low * females, high * females


def _scores(
    tp: np.ndarray, fn: np.ndarray, fp: np.ndarray, tn: np.ndarray, averaging: Averaging
) -> dict[str, np.ndarray]:
    """Precision, recall and F1 as shares; a class that is never predicted has precision 0, as in scikit-learn."""
    male_calls, female_calls = np.maximum(tp + fp, 1), np.maximum(tn + fn, 1)
    male = {"precision": tp / male_calls, "recall": tp / (tp + fn), "f1": 2 * tp / (2 * tp + fp + fn)}
    female = {"precision": tn / female_calls, "recall": tn / (tn + fp), "f1": 2 * tn / (2 * tn + fp + fn)}
    share = (tp + fn) / (tp + fn + fp + tn)
    weight = {"male": 1.0, "female": 0.0, "macro": 0.5, "weighted": share}[averaging]
    if averaging in ("male", "female"):
        return male if averaging == "male" else female
    return {name: weight * male[name] + (1 - weight) * female[name] for name in male}


def search(
    table: pd.DataFrame, *, recordings: int, positives: int, averagings: Iterable[Averaging] = AVERAGINGS
) -> pd.DataFrame:
    """Test whether each printed row is possible, with the stated split of the test set or with another split.

    Parameters
    ----------
    table : DataFrame
        model and SCORES, as strings.
    recordings : int
        Size of the test set.
    positives : int
        Males in the test set if the split keeps the shares of the subset.
    averagings : iterable
        Averagings to try.

    Returns
    -------
    DataFrame
        One row per printed row, averaging and printing: model, recordings, averaging, printing; verdict (`stated
        split`, `another split` or `impossible`); matrices: number of matching confusion matrices of the stated split;
        tp, fn, fp, tn: the middle one of these, or of the matching split nearest to the stated one, NaN if none
        matches; splits: number of matching numbers of males; fewest_males, most_males: their range.
    """
    rows = []
    for row, averaging, printing in product(table.to_dict("records"), averagings, PRINTINGS):
        found = matrices_behind({name: row[name] for name in SCORES}, recordings, averaging, printing)
        males = found[:, 0] + found[:, 1]
        splits = np.unique(males)
        nearest = min(splits.tolist(), key=lambda split: (abs(split - positives), split), default=None)
        of_nearest = found[males == nearest]
        shown = of_nearest[len(of_nearest) // 2] if len(found) else np.full(4, np.nan)
        rows.append(
            {
                "model": row["model"],
                "recordings": recordings,
                "averaging": averaging,
                "printing": printing,
                "verdict": VERDICTS[2 if nearest is None else int(nearest != positives)],
                "matrices": int((males == positives).sum()),
                **dict(zip(("tp", "fn", "fp", "tn"), shown, strict=True)),
                "splits": len(splits),
                "fewest_males": splits[0] if len(splits) else np.nan,
                "most_males": splits[-1] if len(splits) else np.nan,
            }
        )
    return pd.DataFrame(rows)


def search_sizes(table: pd.DataFrame) -> pd.DataFrame:
    """Run `search` for test sets of each of TEST_SHARES and concatenate the results."""
    return pd.concat(
        search(table, recordings=round(share * PAPER_RECORDINGS), positives=round(share * PAPER_MALES))
        for share in TEST_SHARES
    )


def verdicts(found: pd.DataFrame) -> pd.DataFrame:
    """The best verdict over all sizes of the test set and printings, for each printed row and averaging.

    `found` comes from `search_sizes`. Returns model, averaging, verdict and sizes: the sizes of the test set with this
    verdict as text, empty if all are `impossible`.
    """
    rows = []
    for (model, averaging), own in found.groupby(["model", "averaging"], sort=False):
        verdict = min(own["verdict"], key=VERDICTS.index)
        sizes = own.loc[own["verdict"] == verdict, "recordings"].unique() if verdict != "impossible" else []
        rows.append(
            {"model": model, "averaging": averaging, "verdict": verdict, "sizes": ", ".join(map(str, sorted(sizes)))}
        )
    return pd.DataFrame(rows)

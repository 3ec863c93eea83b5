"""Which confusion matrices could give a row of printed scores: every one that a test set of its size can have is tried.

A table prints male accuracy, precision, recall and F1 of one model; how precision, recall and F1 are averaged over the
two classes is not stated. Male is the positive class, male accuracy its recall (TP / (TP + FN)).
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
"""Of the paper's clips, what its test set may have been: it is not stated."""

VERDICTS = ("stated split", "another split", "impossible")
"""Of a printed row, the best first."""


def matrices_behind(
    printed: Mapping[str, str], recordings: int, averaging: Averaging, printing: Printing = "rounded"
) -> np.ndarray:
    """Every confusion matrix of a test set, with both classes in it, that could give a printed row.

    printed: SCORES as printed, in percent. recordings: of the test set, however many of them male. printing: of the
    whole row. Returns (n, 4): TP, FN, FP, TN, ascending in TP + FN, TP and TN.
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
    """Fewest and most true negatives with which one score, that rises with them, can print so: all else is left out.

    That score is recall, but male recall does not depend on them: then it is precision.
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
    """Precision, recall and F1 as shares; a class that is never called has precision 0, as in scikit-learn."""
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
    """For each printed row, averaging and printing: can it be, with the stated split of the test set, or with another?

    table: model and SCORES, as strings. recordings: of the test set. positives: males among them where the split keeps
    the subset's shares.
    Returns model, recordings, averaging, printing; verdict: `stated split`, `another split` or `impossible`; matrices:
    how many confusion matrices of the stated split fit; tp, fn, fp, tn: the one in the middle of them, else of the
    fitting split nearest to the stated one, NaN where none fits; splits: how many of the possible numbers of males fit;
    fewest_males, most_males: their range.
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
    """`search` of test sets of each of TEST_SHARES, under each other. table: as for `search`."""
    return pd.concat(
        search(table, recordings=round(share * PAPER_RECORDINGS), positives=round(share * PAPER_MALES))
        for share in TEST_SHARES
    )


def verdicts(found: pd.DataFrame) -> pd.DataFrame:
    """The best verdict of `search` over test sets of several sizes, for each printed row and averaging.

    found: of `search_sizes`. Returns model, averaging, verdict (the best for the row of all sizes and
    printings) and sizes: the test sets where it is so, as text, empty where it is `impossible` in all of them.
    """
    rows = []
    for (model, averaging), own in found.groupby(["model", "averaging"], sort=False):
        verdict = min(own["verdict"], key=VERDICTS.index)
        sizes = own.loc[own["verdict"] == verdict, "recordings"].unique() if verdict != "impossible" else []
        rows.append(
            {"model": model, "averaging": averaging, "verdict": verdict, "sizes": ", ".join(map(str, sorted(sizes)))}
        )
    return pd.DataFrame(rows)

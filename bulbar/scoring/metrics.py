"""Scores of predicted probabilities, in scikit-learn's manner: `(y_true, y_score) -> float`.

y_true: 1 = positive class, 0 = the other, shape (n,). y_score: probability of the positive class, in [0, 1], shape
(n,); from `THRESHOLD` on a row is called positive (so 0/1 decisions are scores too). A score that is not
defined, such as the AUC of one class or the precision of a class that was never called, is NaN: no 0, no warning.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn import metrics

THRESHOLD = 0.5

NEAREST = 5e-7
"""What a probability of 0 may have been: our tables hold six digits."""

Of = Literal["positive", "negative", "weighted"]
SUFFIXES: dict[Of, str] = {"positive": "", "negative": "_negative", "weighted": "_weighted"}
"""Of the names of precision, recall and F1 in `scores`."""


def called(y_score: npt.ArrayLike) -> np.ndarray:
    """What a probability is called: 1 from `THRESHOLD` on, else 0."""
    return (np.asarray(y_score, dtype=float) >= THRESHOLD).astype(int)


def confusion(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> tuple[int, int, int, int]:
    """TP, FN, FP, TN: in the order of the paper's Figure 12, which reads 151, 12, 36, 45."""
    true, calls = np.asarray(y_true, dtype=int), called(y_score)
    counts = [int(np.sum((true == actual) & (calls == call))) for actual in (1, 0) for call in (1, 0)]
    return counts[0], counts[1], counts[2], counts[3]


def majority_accuracy(y_true: npt.ArrayLike) -> float:
    """The accuracy of calling every row what most rows are."""
    true = np.asarray(y_true, dtype=int)
    return float(max(true.mean(), 1 - true.mean())) if true.size else np.nan


def accuracy(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Share of rows called right, equation 9."""
    return float(metrics.accuracy_score(np.asarray(y_true, dtype=int), called(y_score))) if np.size(y_true) else np.nan


def balanced_accuracy(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Mean of sensitivity and specificity; NaN where a class is absent."""
    return (sensitivity(y_true, y_score) + specificity(y_true, y_score)) / 2


def _of_class(score: Callable[..., np.ndarray], y_true: npt.ArrayLike, y_score: npt.ArrayLike, of: Of) -> float:
    true, calls = np.asarray(y_true, dtype=int), called(y_score)
    if not true.size:
        return np.nan
    negative, positive = score(true, calls, labels=[0, 1], average=None, zero_division=np.nan)
    if of != "weighted":
        return float(positive if of == "positive" else negative)
    support = np.array([np.sum(true == 0), np.sum(true == 1)])
    return float(sum(value * n for value, n in zip((negative, positive), support, strict=True) if n) / support.sum())


def precision(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, of: Of = "positive") -> float:
    """Share of a class's calls that are right, equation 6; NaN where the class is never called.

    of: `positive`, `negative`, or `weighted`: the mean of both, weighted by how many rows each class has. Table 5's
    numbers are the weighted ones (they follow from Figure 12's counts).
    """
    return _of_class(metrics.precision_score, y_true, y_score, of)


def recall(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, of: Of = "positive") -> float:
    """Share of a class's rows that are called so, equation 7; NaN where the class is absent. `of` as in `precision`."""
    return _of_class(metrics.recall_score, y_true, y_score, of)


def f1(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, of: Of = "positive") -> float:
    """Harmonic mean of precision and recall, equation 8, as 2TP / (2TP + FP + FN): 0 where a class is never called.

    NaN where a class is neither there nor called. `of` as in `precision`.
    """
    return _of_class(metrics.f1_score, y_true, y_score, of)


def sensitivity(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Share of the positive rows called positive."""
    return recall(y_true, y_score, of="positive")


def specificity(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Share of the negative rows called negative."""
    return recall(y_true, y_score, of="negative")


def roc_auc(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Share of (positive, negative) pairs with the positive scored higher, ties half; NaN where a class is absent.

    Over several folds this is the pooled AUC, which also compares the scores of different networks.
    """
    return float(roc_auc_within_folds(y_true, y_score, np.zeros(np.size(y_true))))


def roc_auc_within_folds(y_true: npt.ArrayLike, y_score: npt.ArrayLike, fold: npt.ArrayLike) -> Any:
    """The same share, over those pairs alone whose two rows lie in one fold, so were scored by one network.

    y_true, y_score: shape (n,), or (n, columns) for an AUC of each column. fold: the fold of each row, shape (n,).
    Returns a float or shape (columns,), NaN where a row has no fold, or no fold has both classes.
    """
    true, score, fold = np.asarray(y_true, dtype=int), np.asarray(y_score, dtype=float), np.asarray(fold, dtype=float)
    concordant, pairs = np.zeros((2, *true.shape[1:]))
    for one in np.unique(fold):
        here = fold == one
        positive = true[here].sum(axis=0)
        ranks_of_positive = np.sum(stats.rankdata(score[here], axis=0, nan_policy="raise") * true[here], axis=0)
        concordant += ranks_of_positive - positive * (positive + 1) / 2  # the Mann-Whitney statistic
        pairs += positive * (np.sum(here) - positive)
    defined = pairs > 0 if np.isfinite(fold).all() else np.zeros(pairs.shape, dtype=bool)
    return np.divide(concordant, pairs, out=np.full(pairs.shape, np.nan), where=defined)[()]


def log_loss(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Mean negative log-likelihood, in nats; a probability of 0 or 1 counts as `NEAREST` to it."""
    true, score = np.asarray(y_true, dtype=int), np.clip(np.asarray(y_score, dtype=float), NEAREST, 1 - NEAREST)
    return float(metrics.log_loss(true, score, labels=[0, 1])) if true.size else np.nan


def brier(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Mean squared distance of the probability from what is true, 0 to 1: for two classes, half of Brier's (1950)."""
    true = np.asarray(y_true, dtype=int)
    return float(np.mean((np.asarray(y_score, dtype=float) - true) ** 2)) if true.size else np.nan


def per_subject(table: pd.DataFrame) -> pd.DataFrame:
    """One row per subject: the mean probability over the subject's recordings.

    table: out-of-fold predictions (recording_id, subject_id, fold, label, probability). Returns subject_id, fold,
    label, probability, sorted by subject. Split by recording, one subject's recordings are scored
    by the networks of several folds: then none has a fold (NaN), and an AUC within folds is not defined.
    """
    grouped = table.groupby("subject_id", sort=True)
    subjects = grouped.agg(fold=("fold", "first"), label=("label", "first"), probability=("probability", "mean"))
    if (grouped["fold"].min() != grouped["fold"].max()).any():
        subjects["fold"] = np.nan
    return subjects.reset_index()


def scores(table: pd.DataFrame) -> dict[str, float]:
    """Every score of a table with the columns fold, label, probability: one row per recording, or `per_subject`'s.

    `precision`, `recall`, `f1` are the positive class's; `roc_auc` counts pairs within a fold, `roc_auc_pooled`
    all pairs.
    """
    true, score = table["label"].to_numpy(), table["probability"].to_numpy()
    return {
        "rows": len(table),
        "majority_accuracy": majority_accuracy(true),
        "accuracy": accuracy(true, score),
        "balanced_accuracy": balanced_accuracy(true, score),
        "sensitivity": sensitivity(true, score),
        "specificity": specificity(true, score),
        **{
            f"{name}{suffix}": score_of(true, score, of=of)
            for of, suffix in SUFFIXES.items()
            for name, score_of in (("precision", precision), ("recall", recall), ("f1", f1))
        },
        "roc_auc": float(roc_auc_within_folds(true, score, table["fold"])),
        "roc_auc_pooled": roc_auc(true, score),
        "brier": brier(true, score),
        "log_loss": log_loss(true, score),
    }


def both_ways(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """The scores of an out-of-fold table per recording and per subject."""
    return {"per_recording": scores(table), "per_subject": scores(per_subject(table))}

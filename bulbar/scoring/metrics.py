"""Scores of predicted probabilities, with the signature of scikit-learn: `(y_true, y_score) -> float`.

`y_true`, shape (n,): 1 is the positive class, 0 the negative. `y_score`, shape (n,), in [0, 1]: probability of the
positive class; a row is predicted positive from `THRESHOLD` on, so that 0/1 decisions are valid scores too. A score
that is not defined is NaN, without a warning: for example the AUC of one class, or the precision of a class that is
never predicted.
"""

from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

THRESHOLD = 0.5

NEAREST = 5e-7
"""A probability printed as 0 may have been as large as this, because our tables have six digits."""

Of = Literal["positive", "negative", "weighted"]
SUFFIXES: dict[Of, str] = {"positive": "", "negative": "_negative", "weighted": "_weighted"}
"""Suffixes of the names of precision, recall and F1 in `scores`."""


def _scikit_learn() -> ModuleType:
    """scikit-learn's scores, imported where one is computed: a prediction starts without them."""
    from sklearn import metrics

    return metrics


def called(y_score: npt.ArrayLike) -> np.ndarray:
    """Predicted class of each probability: 1 from `THRESHOLD` on, else 0.

    Examples
    --------
    >>> called([0.2, 0.5, 0.9]).tolist()
    [0, 1, 1]
    """
    return (np.asarray(y_score, dtype=float) >= THRESHOLD).astype(int)


def confusion(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> tuple[int, int, int, int]:
    """TP, FN, FP, TN, in the order of the paper's Figure 12 (151, 12, 36, 45).

    Examples
    --------
    >>> confusion([1, 1, 0, 0], [0.9, 0.2, 0.7, 0.1])
    (1, 1, 1, 1)
    """
    true, calls = np.asarray(y_true, dtype=int), called(y_score)
    counts = [int(np.sum((true == actual) & (calls == call))) for actual in (1, 0) for call in (1, 0)]
    return counts[0], counts[1], counts[2], counts[3]


def majority_accuracy(y_true: npt.ArrayLike) -> float:
    """Accuracy of the majority baseline, which predicts the more frequent class for every row."""
    true = np.asarray(y_true, dtype=int)
    return float(max(true.mean(), 1 - true.mean())) if true.size else np.nan


def accuracy(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Share of rows classified correctly, equation 9."""
    true = np.asarray(y_true, dtype=int)
    return float(_scikit_learn().accuracy_score(true, called(y_score))) if true.size else np.nan


def balanced_accuracy(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Mean of sensitivity and specificity; NaN if a class is absent."""
    return (sensitivity(y_true, y_score) + specificity(y_true, y_score)) / 2


def _of_classes(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> dict[Of, dict[str, float]]:
    """Precision, recall and F1 of each class, and their means weighted by the classes' numbers of rows."""
    true, calls = np.asarray(y_true, dtype=int), called(y_score)
    if not true.size:
        return {of: dict.fromkeys(("precision", "recall", "f1"), np.nan) for of in SUFFIXES}
    *found, support = _scikit_learn().precision_recall_fscore_support(
        true, calls, labels=[0, 1], average=None, zero_division=np.nan
    )
    values: dict[Of, dict[str, float]] = {of: {} for of in SUFFIXES}
    for name, of_class in zip(("precision", "recall", "f1"), found, strict=True):
        values["negative"][name], values["positive"][name] = map(float, of_class)
        parts = [value * n for value, n in zip(of_class, support, strict=True) if n]
        values["weighted"][name] = float(sum(parts) / support.sum())
    return values


def precision(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, of: Of = "positive") -> float:
    """Share of the predictions of a class that are correct, equation 6; NaN if the class is never predicted.

    Parameters
    ----------
    y_true, y_score : array-like, shape (n,)
        See the module.
    of : {"positive", "negative", "weighted"}
        The class, or the mean of both classes weighted by their number of rows. Table 5 of the paper has weighted
        scores; they follow from the counts of Figure 12.
    """
    return _of_classes(y_true, y_score)[of]["precision"]


def recall(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, of: Of = "positive") -> float:
    """Share of a class's rows that are predicted correctly, equation 7; NaN if it is absent. `of` as in `precision`."""
    return _of_classes(y_true, y_score)[of]["recall"]


def f1(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, of: Of = "positive") -> float:
    """Harmonic mean of precision and recall, equation 8, as 2TP / (2TP + FP + FN). `of` as in `precision`.

    0 if a class is never predicted, NaN if it is neither present nor predicted.
    """
    return _of_classes(y_true, y_score)[of]["f1"]


def sensitivity(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Share of the positive rows that are predicted positive."""
    return recall(y_true, y_score, of="positive")


def specificity(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Share of the negative rows that are predicted negative."""
    return recall(y_true, y_score, of="negative")


def roc_auc(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Share of (positive, negative) pairs in which the positive has the higher score, ties half; NaN without pairs.

    Over several folds this is the pooled AUC, which also compares scores of different networks.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    return float(roc_auc_within_folds(y_true, y_score, np.zeros(np.size(y_true))))


def roc_auc_within_folds(y_true: npt.ArrayLike, y_score: npt.ArrayLike, fold: npt.ArrayLike) -> Any:
    """AUC over the pairs of rows in the same fold, which are scored by the same network.

    Parameters
    ----------
    y_true, y_score : array-like, shape (n,) or (n, columns)
        See the module; with columns, one AUC per column.
    fold : array-like, shape (n,)
        Fold of each row.

    Returns
    -------
    float or array, shape (columns,)
        NaN if a row has no fold, or if no fold has both classes.
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
    """Mean negative log-likelihood, in nats; probabilities are clipped to [`NEAREST`, 1 - `NEAREST`]."""
    true, score = np.asarray(y_true, dtype=int), np.clip(np.asarray(y_score, dtype=float), NEAREST, 1 - NEAREST)
    return float(_scikit_learn().log_loss(true, score, labels=[0, 1])) if true.size else np.nan


def brier(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Mean squared difference of probability and label, 0 to 1: for two classes, half of Brier's score (1950).

    Examples
    --------
    >>> brier([1, 0], [0.5, 0.5])
    0.25
    """
    true = np.asarray(y_true, dtype=int)
    return float(np.mean((np.asarray(y_score, dtype=float) - true) ** 2)) if true.size else np.nan


def per_subject(table: pd.DataFrame) -> pd.DataFrame:
    """Average the probabilities over each subject's recordings.

    Parameters
    ----------
    table : DataFrame
        Out-of-fold predictions: recording_id, subject_id, fold, label, probability.

    Returns
    -------
    DataFrame
        subject_id, fold, label, probability, sorted by subject. If the split is by recording, networks of several folds
        score one subject: then all folds are NaN, and an AUC within folds is not defined.
    """
    grouped = table.groupby("subject_id", sort=True)
    subjects = grouped.agg(fold=("fold", "first"), label=("label", "first"), probability=("probability", "mean"))
    if (grouped["fold"].min() != grouped["fold"].max()).any():
        subjects["fold"] = np.nan
    return subjects.reset_index()


def scores(table: pd.DataFrame) -> dict[str, float]:
    """Compute every score of an out-of-fold table.

    Parameters
    ----------
    table : DataFrame
        Columns fold, label, probability; one row per recording, or per subject (`per_subject`).

    Returns
    -------
    dict
        score -> value. `precision`, `recall` and `f1` are for the positive class; `roc_auc` counts pairs within a fold,
        `roc_auc_pooled` all pairs.
    """
    true, score = table["label"].to_numpy(), table["probability"].to_numpy()
    of_classes = _of_classes(true, score)
    sensitivity, specificity = (of_classes[of]["recall"] for of in ("positive", "negative"))
    return {
        "rows": len(table),
        "majority_accuracy": majority_accuracy(true),
        "accuracy": accuracy(true, score),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        **{f"{name}{suffix}": value for of, suffix in SUFFIXES.items() for name, value in of_classes[of].items()},
        "roc_auc": auc_within_folds(table),
        "roc_auc_pooled": roc_auc(true, score),
        "brier": brier(true, score),
        "log_loss": log_loss(true, score),
    }


def auc_within_folds(table: pd.DataFrame) -> float:
    """The `roc_auc` of `scores` alone: over the pairs of an out-of-fold table within a fold."""
    return float(roc_auc_within_folds(table["label"], table["probability"], table["fold"]))


def both_ways(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Scores of an out-of-fold table per recording and per subject."""
    return {"per_recording": scores(table), "per_subject": scores(per_subject(table))}

"""Bootstrap intervals over subjects: of scores, of differences between two models, and of means.

The target is the performance of the whole procedure, training included, on new subjects, as cross-validation estimates
it. A draw takes as many subjects of each class as there are, with replacement, each with all its rows, so a person with
eight recordings counts as one person. The draws do not cover everything: models are not fitted again, so the effect of
another training sample is missing, and folds count as independent although each trains on the others' subjects. On
simulated cohorts a 95 % interval of an AUC contains its target in 92 to 94 % of the cases, and in 86 to 93 % if there
is nothing to learn; benchmarks/README.md has all scores.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field
from scipy import stats

from bulbar.core import disclosure
from bulbar.core.settings import Strict
from bulbar.scoring import metrics

NOT_DRAWN = ("rows", "majority_accuracy")
"""Results of `metrics.scores` without an interval: the cohort determines both."""

LOSSES = ("brier", "log_loss")
"""Scores for which lower is better."""

COMPARED = ("accuracy", "balanced_accuracy", "roc_auc", "roc_auc_pooled", "brier", "log_loss")


class Settings(Strict):
    """The `bootstrap` block of params.yaml."""

    draws: int = Field(default=2000, ge=100, le=100_000)
    level: float = Field(default=0.95, gt=0, lt=1)


class Difference(NamedTuple):
    """First minus second: value, interval and two-sided p-value for no difference."""

    value: float
    low: float
    high: float
    p: float


def drawn_subjects(labels: npt.ArrayLike, *, draws: int, seed: int) -> np.ndarray:
    """Draw subjects with replacement within each class.

    Parameters
    ----------
    labels : array-like, shape (subjects,)
        Class of each subject.
    draws, seed : int
        Number of draws, random seed.

    Returns
    -------
    array, shape (draws, subjects)
        How often each subject is drawn. Every draw has the class sizes of the cohort.
    """
    label_of = np.asarray(labels)
    generator = np.random.default_rng(seed)
    drawn = np.zeros((draws, len(label_of)))
    for label in np.unique(label_of):
        members = np.flatnonzero(label_of == label)
        drawn[:, members] = generator.multinomial(members.size, np.full(members.size, 1 / members.size), size=draws)
    return drawn


def subjects_of(table: pd.DataFrame) -> pd.Series:
    """Label of each subject, indexed by subject_id and sorted: the order of the columns of a draw."""
    return table.groupby("subject_id", sort=True)["label"].first()


def sums_of_subjects(table: pd.DataFrame, of_row: npt.ArrayLike) -> np.ndarray:
    """Sum of one number per row over each subject's rows, shape (subjects,), in the order of `subjects_of`."""
    subject_of, subjects = pd.factorize(table["subject_id"], sort=True)
    return np.bincount(subject_of, np.asarray(of_row, dtype=float), minlength=len(subjects))


def log_losses(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> np.ndarray:
    """Negative log-likelihood of each row, in nats, shape (n,); its mean is `metrics.log_loss`."""
    true, score = np.asarray(y_true, dtype=int), np.asarray(y_score, dtype=float)
    return -np.log(np.clip(np.where(true == 1, score, 1 - score), metrics.NEAREST, 1 - metrics.NEAREST))


def scores_of_draws(table: pd.DataFrame, drawn: np.ndarray) -> dict[str, np.ndarray]:
    """Compute every score of `metrics.scores`, except `NOT_DRAWN`, for each draw.

    Parameters
    ----------
    table : DataFrame
        As for `metrics.scores`, with subject_id.
    drawn : array, shape (draws, subjects)
        How often each subject counts, columns in the order of `subjects_of`. A row of ones gives the own scores.

    Returns
    -------
    dict
        score -> array, shape (draws,); NaN if a score is not defined.
    """
    label = table["label"].to_numpy(dtype=int)
    probability = table["probability"].to_numpy(dtype=float)
    calls = metrics.called(probability)

    def total(of_row: np.ndarray) -> np.ndarray:
        """Sum of one number per row over the rows of each draw."""
        return drawn @ sums_of_subjects(table, of_row)

    tp, fn, fp, tn = (total((label == actual) & (calls == call)) for actual in (1, 0) for call in (1, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = tp + fn + fp + tn
        weight = {"positive": (tp + fn) / rows, "negative": (tn + fp) / rows}
        of_classes = {
            "precision": {"positive": tp / (tp + fp), "negative": tn / (tn + fn)},
            "recall": {"positive": tp / (tp + fn), "negative": tn / (tn + fp)},
            "f1": {"positive": 2 * tp / (2 * tp + fp + fn), "negative": 2 * tn / (2 * tn + fp + fn)},
        }
        for of_class in of_classes.values():
            of_class["weighted"] = _weighted(of_class, weight)
        recall = of_classes["recall"]
        return {
            "accuracy": (tp + tn) / rows,
            "balanced_accuracy": (recall["positive"] + recall["negative"]) / 2,
            "sensitivity": recall["positive"],
            "specificity": recall["negative"],
            **{
                f"{name}{suffix}": of_class[of]
                for of, suffix in metrics.SUFFIXES.items()
                for name, of_class in of_classes.items()
            },
            "roc_auc": auc_of_draws(pairs_of_subjects(table, table["fold"]), drawn),
            "roc_auc_pooled": auc_of_draws(pairs_of_subjects(table, np.zeros(len(table))), drawn),
            "brier": total((probability - label) ** 2) / rows,
            "log_loss": total(log_losses(label, probability)) / rows,
        }


def _weighted(of_class: Mapping[str, np.ndarray], weight: Mapping[str, np.ndarray]) -> np.ndarray:
    """Mean over the classes with rows, weighted by their number of rows."""
    parts = [np.where(share == 0, 0.0, share * of_class[name]) for name, share in weight.items()]
    return parts[0] + parts[1]


def pairs_of_subjects(table: pd.DataFrame, folds: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Count pairs of a positive and a negative row for each pair of subjects.

    Parameters
    ----------
    table : DataFrame
        subject_id, label, probability.
    folds : array-like, shape (n,)
        Pairs are counted within a fold. If a row has no fold (NaN), no pairs are counted at all.

    Returns
    -------
    concordant, pairs : array, shape (subjects, subjects)
        Concordant pairs (a tie counts half) and all pairs; rows are the subjects of the positive row.
    """
    subject_of, subjects = pd.factorize(table["subject_id"], sort=True)
    label, probability = table["label"].to_numpy(dtype=int), table["probability"].to_numpy(dtype=float)
    fold = np.asarray(folds, dtype=float)
    concordant, pairs = np.zeros((2, len(subjects), len(subjects)))
    if np.isnan(fold).any():
        return concordant, pairs
    for one in np.unique(fold):
        positive, negative = (np.flatnonzero((fold == one) & (label == of)) for of in (1, 0))
        higher = (np.sign(probability[positive][:, None] - probability[negative][None, :]) + 1) / 2
        first, second = (np.eye(len(subjects))[subject_of[rows]] for rows in (positive, negative))
        concordant += first.T @ higher @ second
        pairs += np.outer(first.sum(axis=0), second.sum(axis=0))
    return concordant, pairs


def auc_of_draws(counted: tuple[np.ndarray, np.ndarray], drawn: np.ndarray) -> np.ndarray:
    """AUC of each draw from the result of `pairs_of_subjects`; NaN if a draw has no pair."""
    concordant, pairs = (((drawn @ counts) * drawn).sum(axis=1) for counts in counted)
    return np.divide(concordant, pairs, out=np.full(len(drawn), np.nan), where=pairs > 0)


def intervals(
    table: pd.DataFrame, *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Bootstrap interval of every score of `metrics.scores`, except `NOT_DRAWN`.

    Parameters
    ----------
    table : DataFrame
        subject_id, fold, label, probability; one row per recording, or per subject (`metrics.per_subject`).
    draws, level, seed
        Number of draws, confidence level, random seed.

    Returns
    -------
    dict
        score -> (low, high): the percentiles that enclose `level` of the draws in which the score is defined, expanded
        for the number of subjects in the smaller class (`tail_of`). NaN, NaN if no draw defines the score. A perfect
        score does not vary between draws; its bound is that of `beyond_perfect`.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "subject_id": list("abcd"), "fold": 1, "label": [0, 0, 1, 1], "probability": [0.1, 0.6, 0.4, 0.9],
    ... })
    >>> low, high = intervals(table, draws=200)["accuracy"]
    >>> 0 <= low < high <= 1
    True
    """
    labels = subjects_of(table)
    drawn = drawn_subjects(labels, draws=draws, seed=seed)
    fewest = smaller_class(labels)
    found = {}
    for score, values in scores_of_draws(table, drawn).items():
        low, high = percentiles(values, level, subjects=fewest)
        if score not in LOSSES and np.isclose((low, high), 1).all():
            low = beyond_perfect(_resting_on(score, table), level)
        elif score not in LOSSES and np.isclose((low, high), 0).all():
            high = 1 - beyond_perfect(_resting_on(score, table), level)
        found[score] = (low, high)
    return found


def smaller_class(labels: npt.ArrayLike) -> int:
    """Number of subjects in the smaller class; 0 if there are no subjects."""
    return int(np.unique(np.asarray(labels), return_counts=True)[1].min(initial=len(np.asarray(labels))))


def percentiles(values: np.ndarray, level: float, *, subjects: int | None = None) -> tuple[float, float]:
    """Percentiles that enclose the inner `level` of the finite values; NaN, NaN if there are none.

    With `subjects`, they are expanded for this number of subjects (`tail_of`).
    """
    defined = values[np.isfinite(values)]
    if not defined.size:
        return np.nan, np.nan
    tail = (1 - level) / 2 if subjects is None else tail_of(level, subjects)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def tail_of(level: float, subjects: int) -> float:
    """Share of draws to omit at each end, so that an interval from few subjects is not too narrow.

    A bootstrap interval of n subjects is too narrow by sqrt((n - 1) / n), and uses the tail of the normal distribution
    instead of Student's t. Source: the expanded percentile interval, Hesterberg, The American Statistician 69, 2015;
    for several samples (here the classes) his R package resample uses the smallest.

    Examples
    --------
    >>> round(tail_of(0.95, 10_000), 4), round(tail_of(0.95, 10), 4)
    (0.025, 0.0086)
    """
    n = max(subjects, 2)
    return float(stats.norm.sf(np.sqrt(n / (n - 1)) * stats.t.isf((1 - level) / 2, n - 1)))


def beyond_perfect(subjects: int, level: float) -> float:
    """Exact lower bound of a share that is 1 in each of n subjects (Clopper and Pearson 1934).

    For an AUC of 1, n is the number of subjects of one class, each of whom has a score beyond all of the other class.

    Examples
    --------
    >>> round(beyond_perfect(10, 0.95), 3)
    0.692
    """
    return float(((1 - level) / 2) ** (1 / subjects))


def _resting_on(score: str, table: pd.DataFrame) -> int:
    """Number of subjects that a score depends on: all, those of one class or, if it weighs both, of the smaller class.

    A precision depends on the subjects who are predicted to be in the class, which may be one or two. An AUC within
    folds depends on the subjects with someone of the other class in their fold.
    """
    labels = subjects_of(table)
    if score in ("precision", "precision_negative"):
        calls = metrics.called(table["probability"])
        return int(table.loc[calls == (score == "precision"), "subject_id"].nunique())
    if score == "roc_auc":
        _, pairs = pairs_of_subjects(table, table["fold"])
        return int(min((pairs.sum(axis=axis) > 0).sum() for axis in (0, 1)))
    if score in ("accuracy", "recall_weighted"):
        return len(labels)
    of_class = {"sensitivity": 1, "recall": 1, "specificity": 0, "recall_negative": 0}.get(score)
    if of_class is not None and labels.eq(of_class).any():
        return int(labels.eq(of_class).sum())
    return smaller_class(labels)


def both_ways(
    table: pd.DataFrame, *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Scores of an out-of-fold table per recording and per subject, each with its `intervals`."""
    units = {"per_recording": table, "per_subject": metrics.per_subject(table)}
    return {
        unit: {**metrics.scores(rows), "intervals": intervals(rows, draws=draws, level=level, seed=seed)}
        for unit, rows in units.items()
    }


def compare(
    first: pd.DataFrame, second: pd.DataFrame, *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> dict[str, Difference]:
    """Compare two models on the same subjects: first minus second, for the scores in `COMPARED`.

    Parameters
    ----------
    first, second : DataFrame
        As for `intervals`, with the same recordings (or the same subjects, after `metrics.per_subject`).
    draws, level, seed
        Number of draws, confidence level, random seed. Both models share the draws.

    Returns
    -------
    dict
        score -> Difference. The intervals are expanded as in `intervals`. The two-sided p-value is the one for which
        the interval of level 1 - p ends at 0, and is limited by (b + 1) / (m + 1) with m draws.

    Raises
    ------
    ValueError
        If the tables do not have the same rows with the same labels.
    """
    key = "recording_id" if "recording_id" in first and "recording_id" in second else "subject_id"
    columns = list(dict.fromkeys([key, "subject_id", "label"]))
    rows = [table[columns].sort_values(key, ignore_index=True) for table in (first, second)]
    if not rows[0].equals(rows[1]):
        raise ValueError(f"both tables must have the same {key} values with the same labels; found differences")
    labels = subjects_of(first)
    once = np.ones((1, len(labels)))
    drawn = np.vstack([once, drawn_subjects(labels, draws=draws, seed=seed)])
    of_first, of_second = scores_of_draws(first, drawn), scores_of_draws(second, drawn)
    fewest = smaller_class(labels)
    return {score: _difference(of_first[score] - of_second[score], level, fewest) for score in COMPARED}


def _difference(values: np.ndarray, level: float, subjects: int) -> Difference:
    """The Difference of `values`: the difference itself, then that of each draw."""
    own, drawn = float(values[0]), values[1:][np.isfinite(values[1:])]
    if not drawn.size:
        return Difference(own, np.nan, np.nan, np.nan)
    rarer = (min(np.sum(drawn <= 0), np.sum(drawn >= 0)) + 1) / (drawn.size + 1)
    n = max(subjects, 2)
    p = 2 * stats.t.sf(stats.norm.isf(min(rarer, 0.5)) / np.sqrt(n / (n - 1)), n - 1)  # the inverse of `tail_of`
    return Difference(own, *percentiles(drawn, level, subjects=subjects), float(p))


class Mean(NamedTuple):
    """A mean over subjects with the limits of its interval."""

    value: float
    low: float
    high: float


def of_groups(values: np.ndarray, names: pd.Series) -> tuple[pd.Index, np.ndarray]:
    """Mean of the rows of each name, sorted by name: the names, and an array of shape (names, ...).

    Examples
    --------
    >>> names, means = of_groups(np.array([1.0, 3.0, 5.0]), pd.Series(["b", "b", "a"]))
    >>> list(names), means.tolist()
    (['a', 'b'], [5.0, 2.0])
    """
    which, known = pd.factorize(names, sort=True)
    flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    sums = np.zeros((len(known), flat.shape[1]))
    np.add.at(sums, which, flat)
    counts = np.bincount(which, minlength=len(known))
    return pd.Index(known), (sums / counts[:, np.newaxis]).reshape(len(known), *np.shape(values)[1:])


def over_subjects(values: np.ndarray, labels: np.ndarray, *, draws: int, level: float, seed: int) -> Mean:
    """Mean of one number per subject, with a bootstrap interval over subjects within each class.

    NaN (withheld) for fewer than five subjects.
    """
    if len(values) < disclosure.FEWEST_SHOWN:
        return Mean(np.nan, np.nan, np.nan)
    drawn = drawn_subjects(labels, draws=draws, seed=seed) @ values / len(values)
    return Mean(float(np.mean(values)), *percentiles(drawn, level, subjects=smaller_class(labels)))

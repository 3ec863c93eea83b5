"""Intervals of scores, of differences between two models, of means: from drawing subjects again and again.

Target: the performance on new subjects of the whole procedure, training included, as cross-validation estimates it. A
draw takes as many subjects of each class as there are, with replacement, each with all its rows: so a person with eight
recordings counts as one person. What no draw covers: no model is fitted again, so what another training sample would
have changed is left out, and the folds count as independent although each trains on the others' subjects. Counted on
made-up cohorts, a 95 % interval of an AUC holds its target 92 to 94 times in 100, and 86 to 93 times where there is
nothing to learn; benchmarks/README.md has all scores.
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
"""What `metrics.scores` gives that has no interval: both are fixed once the cohort is."""

LOSSES = ("brier", "log_loss")
"""Scores of which less is better."""

COMPARED = ("accuracy", "balanced_accuracy", "roc_auc", "roc_auc_pooled", "brier", "log_loss")


class Settings(Strict):
    """The `bootstrap` block of params.yaml."""

    draws: int = Field(default=2000, ge=100, le=100_000)
    level: float = Field(default=0.95, gt=0, lt=1)


class Difference(NamedTuple):
    """First minus second: the value, its interval, and the p of no difference (two-sided)."""

    value: float
    low: float
    high: float
    p: float


def drawn_subjects(labels: npt.ArrayLike, *, draws: int, seed: int) -> np.ndarray:
    """How often each subject is drawn, with replacement within its class; shape (draws, subjects).

    labels: each subject's class, shape (subjects,). Every draw has as many subjects of a class as there are.
    """
    label_of = np.asarray(labels)
    generator = np.random.default_rng(seed)
    drawn = np.zeros((draws, len(label_of)))
    for label in np.unique(label_of):
        members = np.flatnonzero(label_of == label)
        drawn[:, members] = generator.multinomial(members.size, np.full(members.size, 1 / members.size), size=draws)
    return drawn


def subjects_of(table: pd.DataFrame) -> pd.Series:
    """The label of each subject of a table, by subject_id, sorted: the order of the columns of a draw."""
    return table.groupby("subject_id", sort=True)["label"].first()


def sums_of_subjects(table: pd.DataFrame, of_row: npt.ArrayLike) -> np.ndarray:
    """The sum over each subject's rows of one number per row, shape (subjects,), in the order of `subjects_of`."""
    subject_of, subjects = pd.factorize(table["subject_id"], sort=True)
    return np.bincount(subject_of, np.asarray(of_row, dtype=float), minlength=len(subjects))


def log_losses(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> np.ndarray:
    """The negative log-likelihood of each row, in nats, shape (n,); its mean is `metrics.log_loss`."""
    true, score = np.asarray(y_true, dtype=int), np.asarray(y_score, dtype=float)
    return -np.log(np.clip(np.where(true == 1, score, 1 - score), metrics.NEAREST, 1 - metrics.NEAREST))


def scores_of_draws(table: pd.DataFrame, drawn: np.ndarray) -> dict[str, np.ndarray]:
    """Every score of `metrics.scores` but `NOT_DRAWN`, for each draw, shape (draws,); NaN where it is not defined.

    table: as for `metrics.scores`, with subject_id. drawn: how often each subject counts, shape (draws, subjects),
    columns in the order of `subjects_of`; once each gives the table's own scores.
    """
    label = table["label"].to_numpy(dtype=int)
    probability = table["probability"].to_numpy(dtype=float)
    calls = metrics.called(probability)

    def total(of_row: np.ndarray) -> np.ndarray:
        """The sum over the rows of each draw of one number per row."""
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
    """The mean over the classes that have rows, weighted by how many."""
    parts = [np.where(share == 0, 0.0, share * of_class[name]) for name, share in weight.items()]
    return parts[0] + parts[1]


def pairs_of_subjects(table: pd.DataFrame, folds: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Concordant and all pairs of a positive and a negative row, counted for each pair of subjects.

    table: subject_id, label, probability. folds: pairs are counted within a fold, shape (n,); where a row has none
    (NaN), no pair is. Returns two arrays of shape (subjects, subjects), the positive row's subject first; a tie is
    half concordant.
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
    """The AUC of each draw from `pairs_of_subjects`; NaN where a draw has no pair."""
    concordant, pairs = (((drawn @ counts) * drawn).sum(axis=1) for counts in counted)
    return np.divide(concordant, pairs, out=np.full(len(drawn), np.nan), where=pairs > 0)


def intervals(
    table: pd.DataFrame, *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Bootstrap interval of every score of `metrics.scores` but `NOT_DRAWN`.

    table: subject_id, fold, label, probability; one row per recording, or `metrics.per_subject`'s. Returns
    {score: (low, high)}: the percentiles that enclose `level` of the draws in which the score is defined, expanded for
    the subjects of the smaller class (`tail_of`); NaN, NaN where it is in none. A perfect score, about which the draws
    hold nothing, has the bound of `beyond_perfect`.
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
    """Subjects of the class that has fewer; 0 where there are none."""
    return int(np.unique(np.asarray(labels), return_counts=True)[1].min(initial=len(np.asarray(labels))))


def percentiles(values: np.ndarray, level: float, *, subjects: int | None = None) -> tuple[float, float]:
    """What encloses the inner `level` of the finite values; NaN, NaN where there is none.

    subjects: expanded for so many, as `tail_of` says; None: as they are.
    """
    defined = values[np.isfinite(values)]
    if not defined.size:
        return np.nan, np.nan
    tail = (1 - level) / 2 if subjects is None else tail_of(level, subjects)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def tail_of(level: float, subjects: int) -> float:
    """The share of draws to leave out at each end so that an interval from few subjects is not too narrow.

    A bootstrap of n is narrower than it should be by sqrt((n - 1) / n), and takes the normal's tail for Student's.
    Source: the expanded percentile interval, Hesterberg, The American Statistician 69, 2015; of several samples, here
    the classes, his R package resample takes the smallest.
    """
    n = max(subjects, 2)
    return float(stats.norm.sf(np.sqrt(n / (n - 1)) * stats.t.isf((1 - level) / 2, n - 1)))


def beyond_perfect(subjects: int, level: float) -> float:
    """The lower bound of a share that was 1 in each of n subjects: the exact binomial one (Clopper and Pearson 1934).

    For an AUC of 1: the same of one class's subjects, each of whom scored beyond all those of the other.
    """
    return float(((1 - level) / 2) ** (1 / subjects))


def _resting_on(score: str, table: pd.DataFrame) -> int:
    """How many subjects a score counts: all, those of one class, or, where it weighs both, of the smaller one.

    A precision counts those that are called so, a patient or two where the model hardly ever predicts it; an AUC within
    folds those that have somebody of the other class in their fold.
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
    """The scores of an out-of-fold table per recording and per subject, each with its `intervals`."""
    units = {"per_recording": table, "per_subject": metrics.per_subject(table)}
    return {
        unit: {**metrics.scores(rows), "intervals": intervals(rows, draws=draws, level=level, seed=seed)}
        for unit, rows in units.items()
    }


def compare(
    first: pd.DataFrame, second: pd.DataFrame, *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> dict[str, Difference]:
    """How much better the first model is than the second on the same subjects: first minus second, for `COMPARED`.

    first, second: as for `intervals`, of the same recordings (or subjects, after `metrics.per_subject`). Both are
    scored on the same draws; intervals are expanded as there. p: two-sided, of no difference: at the level 1 - p the
    interval's end is at 0; never under what (b + 1) / (m + 1) of m draws gives.
    Raises ValueError where the tables do not hold the same rows with the same labels.
    """
    key = "recording_id" if "recording_id" in first and "recording_id" in second else "subject_id"
    columns = list(dict.fromkeys([key, "subject_id", "label"]))
    rows = [table[columns].sort_values(key, ignore_index=True) for table in (first, second)]
    if not rows[0].equals(rows[1]):
        raise ValueError(f"tables of the same {key} expected, with the same labels; one holds what the other does not")
    labels = subjects_of(first)
    once = np.ones((1, len(labels)))
    drawn = np.vstack([once, drawn_subjects(labels, draws=draws, seed=seed)])
    of_first, of_second = scores_of_draws(first, drawn), scores_of_draws(second, drawn)
    fewest = smaller_class(labels)
    return {score: _difference(of_first[score] - of_second[score], level, fewest) for score in COMPARED}


def _difference(values: np.ndarray, level: float, subjects: int) -> Difference:
    """From the difference itself, then that of each draw."""
    own, drawn = float(values[0]), values[1:][np.isfinite(values[1:])]
    if not drawn.size:
        return Difference(own, np.nan, np.nan, np.nan)
    rarer = (min(np.sum(drawn <= 0), np.sum(drawn >= 0)) + 1) / (drawn.size + 1)
    n = max(subjects, 2)
    p = 2 * stats.t.sf(stats.norm.isf(min(rarer, 0.5)) / np.sqrt(n / (n - 1)), n - 1)  # `tail_of` the other way round
    return Difference(own, *percentiles(drawn, level, subjects=subjects), float(p))


class Mean(NamedTuple):
    """A mean over subjects with the ends of its interval."""

    value: float
    low: float
    high: float


def of_groups(values: np.ndarray, names: pd.Series) -> tuple[pd.Index, np.ndarray]:
    """The mean of the rows of each name, sorted by name: names, and an array of shape (names, ...)."""
    which, known = pd.factorize(names, sort=True)
    flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    sums = np.zeros((len(known), flat.shape[1]))
    np.add.at(sums, which, flat)
    counts = np.bincount(which, minlength=len(known))
    return pd.Index(known), (sums / counts[:, np.newaxis]).reshape(len(known), *np.shape(values)[1:])


def over_subjects(values: np.ndarray, labels: np.ndarray, *, draws: int, level: float, seed: int) -> Mean:
    """The mean of one number per subject, its interval from drawing subjects within each class.

    NaN, withheld, of fewer than five subjects.
    """
    if len(values) < disclosure.FEWEST_SHOWN:
        return Mean(np.nan, np.nan, np.nan)
    drawn = drawn_subjects(labels, draws=draws, seed=seed) @ values / len(values)
    return Mean(float(np.mean(values)), *percentiles(drawn, level, subjects=smaller_class(labels)))

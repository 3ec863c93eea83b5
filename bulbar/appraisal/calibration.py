"""Calibration of probabilities: reliability curves, calibration scores, and cross-fitted scalers.

All tables have one row per subject, from `metrics.per_subject`: subject_id, fold, label (1 = positive class),
probability. A scaler learns on the subjects of the other folds and is applied to the subjects of this fold, so no
subject is in the training set of its scaler. If the split is by recording, a subject lies in several folds, and only
uncalibrated scores can be computed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, field_validator
from scipy.optimize import elementwise
from scipy.special import expit
from scipy.special import logit as unclipped_logit
from scipy.stats import binomtest

from bulbar.core.disclosure import FEWEST_SHOWN
from bulbar.core.settings import Count, Strict
from bulbar.scoring import intervals

Share = Annotated[float, Field(gt=0, lt=1)]

EXTREME = 1e-6
"""Prediction tables have six digits, so probabilities are clipped to this distance from 0 and 1."""


class Settings(Strict):
    """The `appraise` block of params.yaml."""

    specificity: Share
    sensitivity: Share
    prevalences: tuple[Share, ...] = Field(min_length=1)
    isotonic_from: Count
    age_bands: tuple[Annotated[float, Field(gt=0, le=150)], ...] = Field(min_length=1)
    bins: Annotated[int, Field(ge=1, le=100)]

    @field_validator("prevalences")
    @classmethod
    def _each_once(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(shares)) < len(shares):
            raise ValueError("each prevalence once")
        return shares

    @field_validator("age_bands")
    @classmethod
    def _rising(cls, years: tuple[float, ...]) -> tuple[float, ...]:
        if list(years) != sorted(set(years)):
            raise ValueError("years in increasing order, each once")
        return years


class Estimate(NamedTuple):
    """A score and the ends of its interval; NaN if not defined."""

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan


UNDEFINED = Estimate()


def logit(probability: npt.ArrayLike) -> np.ndarray:
    """Log odds of probabilities, after clipping them to [EXTREME, 1 − EXTREME]."""
    return unclipped_logit(np.clip(np.asarray(probability, dtype=float), EXTREME, 1 - EXTREME))


@dataclass(frozen=True)
class Platt:
    """Platt scaling: the calibrated probability is 1 / (1 + exp(−(slope · logit + intercept))).

    Two numbers, easy to store as JSON: `dataclasses.asdict` writes them, `Platt(**content)` reads them.
    """

    slope: float
    intercept: float

    @classmethod
    def fit(cls, label: npt.ArrayLike, probability: npt.ArrayLike) -> Self:
        """Learn slope and intercept.

        Parameters
        ----------
        label : array, shape (n,), of 0 and 1
            Both classes must occur.
        probability : array, shape (n,), float in [0, 1]
            Uncalibrated scores.

        Returns
        -------
        Platt
            With slope 0 and the share of positives for everyone, if the best slope is negative, so that scaling never
            reverses a model, or if all probabilities are equal, as those of a collapsed network.

        Raises
        ------
        ValueError
            If only one class occurs.

        Notes
        -----
        Targets are (N₊ + 1) / (N₊ + 2) and 1 / (N₋ + 2) instead of 1 and 0. They keep the slope finite if the classes
        do not overlap. Source: Platt, Advances in Large Margin Classifiers, 1999, section 2.2.
        """
        positive = np.asarray(label, dtype=int) == 1
        n_positive, n_negative = int(positive.sum()), int((~positive).sum())
        if not (n_positive and n_negative):
            raise ValueError(f"both classes expected, got {n_positive} positive and {n_negative} negative")
        target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
        scores = logit(probability)[:, None]
        share = cls(slope=0.0, intercept=float(logit(target.mean())))
        if np.ptp(scores) < EXTREME:
            return share
        from sklearn.linear_model import LogisticRegression  # not imported for a prediction

        # A target t becomes two rows: positive with weight t, negative with weight 1 − t.
        twice = np.concatenate([scores, scores])
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8, max_iter=1000)
        model.fit(twice, np.repeat([1, 0], len(scores)), sample_weight=np.concatenate([target, 1 - target]))
        if model.coef_[0, 0] < 0:
            return share
        return cls(slope=float(model.coef_[0, 0]), intercept=float(model.intercept_[0]))

    def __call__(self, probability: npt.ArrayLike) -> np.ndarray:
        """Calibrated probabilities, shape (n,)."""
        return expit(self.slope * logit(probability) + self.intercept)


def isotonic(label: npt.ArrayLike, probability: npt.ArrayLike) -> Callable[[npt.ArrayLike], np.ndarray]:
    """Fit the increasing step function closest to the labels. It needs many more subjects than Platt scaling."""
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    model.fit(np.asarray(probability, dtype=float), np.asarray(label, dtype=float))
    return lambda new: model.predict(np.asarray(new, dtype=float))


def without_each_fold(table: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame, np.ndarray]]:
    """Each fold, the rows of the other folds, and a mask of its own rows, shape (n,) of bool.

    Raises ValueError if a subject lies in several folds, as after a split by recording.
    """
    if table["fold"].isna().any() or table["subject_id"].duplicated().any():
        raise ValueError("one row and one fold per subject expected: a subject's recordings lie in several folds")
    for fold in sorted(table["fold"].unique()):
        here = (table["fold"] == fold).to_numpy()
        yield int(fold), table[~here], here


def cross_fitted(
    table: pd.DataFrame, fit: Callable[[npt.ArrayLike, npt.ArrayLike], Callable[[npt.ArrayLike], np.ndarray]]
) -> pd.DataFrame:
    """Scale each fold's probabilities with a scaler that was learned on the other folds.

    Parameters
    ----------
    table : DataFrame
        From `metrics.per_subject`: subject_id, fold, label, probability.
    fit : callable
        (label, probability) -> scaler, such as `Platt.fit` or `isotonic`.

    Returns
    -------
    DataFrame
        The table with scaled probabilities.

    Raises
    ------
    ValueError
        If a subject lies in several folds.
    """
    scaled = np.full(len(table), np.nan)
    for _, others, here in without_each_fold(table):
        scaled[here] = fit(others["label"], others["probability"])(table.loc[here, "probability"])
    return table.assign(probability=scaled)


def _bin_of(probability: np.ndarray, bins: int) -> np.ndarray:
    """The bin of each row, 0 to bins − 1. Bins are quantiles, as in scikit-learn's `calibration_curve`."""
    edges = np.quantile(probability, np.linspace(0, 1, bins + 1))
    return np.searchsorted(edges[1:-1], probability)


def reliability(label: npt.ArrayLike, probability: npt.ArrayLike, *, bins: int, level: float = 0.95) -> pd.DataFrame:
    """The reliability curve: predicted probability and share of positives, in quantile bins of the probability.

    Parameters
    ----------
    label : array, shape (n,), of 0 and 1
        One value per subject.
    probability : array, shape (n,), float in [0, 1]
        Predicted probabilities; equal ones share a bin.
    bins : int > 0
        Number of bins before small ones are merged.
    level : float in (0, 1)
        Level of the exact binomial interval.

    Returns
    -------
    DataFrame
        n, mean_probability, share_positive, low, high; one row per bin, in increasing order. A bin of fewer than 5
        subjects is merged with the next one, and the last with the one before: if it were left out, its share could be
        computed from the total. Empty for fewer than 5 subjects.
    """
    true, promised = np.asarray(label, dtype=int), np.asarray(probability, dtype=float)
    rows = []
    for here in _bins_of_enough(_bin_of(promised, bins)):
        n = int(here.sum())
        rows.append((n, promised[here].mean(), *exact_share(int(true[here].sum()), n, level=level)))
    return pd.DataFrame(rows, columns=["n", "mean_probability", "share_positive", "low", "high"])


def _bins_of_enough(bin_of: np.ndarray) -> list[np.ndarray]:
    """A mask per bin, shape (n,) of bool, in increasing order, after merging neighbours until each has 5 or more."""
    found: list[np.ndarray] = []
    here = np.zeros(len(bin_of), dtype=bool)
    for one in np.unique(bin_of):
        here = here | (bin_of == one)
        if here.sum() >= FEWEST_SHOWN:
            found.append(here)
            here = np.zeros_like(here)
    if found:
        found[-1] = found[-1] | here
    return found


def exact_share(count: int, of: int, *, level: float = 0.95) -> Estimate:
    """The share `count` / `of` of independent subjects, with the exact interval of Clopper and Pearson.

    Parameters
    ----------
    count, of : int
        0 <= count <= of.
    level : float in (0, 1)
        Level of the interval.

    Returns
    -------
    Estimate
        NaN if `of` is 0.

    Examples
    --------
    >>> [round(float(value), 4) for value in exact_share(9, 10)]
    [0.9, 0.555, 0.9975]
    """
    if not of:
        return UNDEFINED
    bounds = binomtest(count, of).proportion_ci(level, method="exact")
    return Estimate(count / of, float(bounds.low), float(bounds.high))


def _calibration_errors(drawn: np.ndarray, gap: np.ndarray, bin_of: np.ndarray, bins: int) -> np.ndarray:
    """ECE of each draw, shape (draws,): Σ_b n_b / n · |share of positives in bin b − mean probability in bin b|.

    drawn: how often each row occurs in a draw, (draws, n). gap: outcome − probability. Bins are quantiles. With few
    subjects the ECE is above 0 even if the probabilities are true: see `expected_calibration_error_by_chance`.
    Source: Naeini, Cooper, Hauskrecht, AAAI 2015, with quantile bins.
    """
    member = np.eye(bins)[bin_of]
    return np.abs((drawn * gap) @ member).sum(axis=1) / drawn.sum(axis=1)  # n_b cancels


def expected_calibration_error_by_chance(
    probability: npt.ArrayLike, *, bins: int, draws: int = 2000, seed: int = 0
) -> float:
    """The mean ECE if every probability is true, from labels drawn with these probabilities.

    Parameters
    ----------
    probability : array, shape (n,), float in [0, 1]
        Predicted probabilities.
    bins, draws, seed : int
        Number of quantile bins, number of draws, seed of the draws.

    Returns
    -------
    float in [0, 1]
        Compare the ECE of real labels with this value, not with 0.
    """
    promised = np.asarray(probability, dtype=float)
    gaps = (np.random.default_rng(seed).random((draws, len(promised))) < promised) - promised
    return float(_calibration_errors(np.ones_like(gaps), gaps, _bin_of(promised, bins), bins).mean())


def base_rate_brier(label: npt.ArrayLike) -> float:
    """Brier score of predicting the share of positives, π, for everyone: π(1 − π). Above it a model does harm."""
    share = float(np.mean(np.asarray(label, dtype=float)))
    return share * (1 - share)


def calibration_scores(
    table: pd.DataFrame, *, bins: int, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> dict[str, Estimate]:
    """ECE, calibration slope and calibration intercept, with bootstrap intervals over subjects.

    Parameters
    ----------
    table : DataFrame
        From `metrics.per_subject`: subject_id, fold, label, probability.
    bins, draws, seed : int
        Number of quantile bins of the whole table, number of draws, seed of the draws.
    level : float in (0, 1)
        Level of the intervals.

    Returns
    -------
    dict of str to Estimate
        `ece`, in [0, 1]. `slope`: of the logistic regression of the label on the logit. 1 is ideal, below 1 the
        probabilities are too extreme, above 1 not extreme enough; infinite if the classes do not overlap. `intercept`:
        of the same regression with the slope fixed at 1 ("in the large"); 0 if the mean probability is the share of
        positives.

    Notes
    -----
    Subjects are drawn as by `intervals.intervals`: each class keeps its size, because the study recruited by class.
    Source: Van Calster et al., BMC Medicine 17, 2019.
    """
    label, promised = table["label"].to_numpy(dtype=float), table["probability"].to_numpy(dtype=float)
    drawn = np.vstack([np.ones(len(table)), intervals.drawn_subjects(label, draws=draws, seed=seed)])
    each = {
        "ece": _calibration_errors(drawn, label - promised, _bin_of(promised, bins), bins),
        "slope": _slopes(logit(promised), label, drawn),
        "intercept": _intercepts(logit(promised), label, drawn),
    }
    tail = intervals.tail_of(level, intervals.smaller_class(label))
    return {name: _with_interval(values, tail) for name, values in each.items()}


def _with_interval(values: np.ndarray, tail: float) -> Estimate:
    """The first of `values`, with the quantiles `tail` and 1 − `tail` of the others."""
    defined = values[1:][~np.isnan(values[1:])]
    if np.isnan(values[0]) or not defined.size:
        return UNDEFINED
    low, high = np.quantile(defined, [tail, 1 - tail], method="nearest")  # some may be infinite
    return Estimate(float(values[0]), float(low), float(high))


def _slopes(scores: np.ndarray, label: np.ndarray, drawn: np.ndarray, steps: int = 60) -> np.ndarray:
    """Slope of the logistic regression of `label` on `scores` in each draw, all draws at once, by Newton's method."""
    spread = scores.std()
    if spread < EXTREME or len(np.unique(label)) < 2:
        return np.full(len(drawn), np.nan)
    unit = (scores - scores.mean()) / spread
    design = np.column_stack([np.ones_like(unit), unit])
    overlap, direction = _overlap(unit, label, drawn)
    weights = drawn[overlap]
    found = np.zeros((len(weights), 2))
    for _ in range(steps):
        promised = expit(found @ design.T)
        gradient = (weights * (label - promised)) @ design
        curvature = np.einsum("dn,ni,nj->dij", weights * promised * (1 - promised), design, design, optimize=True)
        step = np.linalg.solve(curvature + 1e-10 * np.eye(2), gradient[..., None])[..., 0]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        found += step * np.minimum(1, 2 / np.maximum(length, 2))  # a longer step may overshoot the maximum
    slopes = direction * np.inf
    slopes[overlap] = found[:, 1] / spread
    return slopes


def _overlap(scores: np.ndarray, label: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each draw's classes overlap, so that the slope is finite; and the sign of the slope if it is infinite."""

    def end(extreme: Any, of: int, absent: float) -> np.ndarray:
        return extreme(np.where((drawn > 0) & (label == of), scores, absent), axis=1)

    rising = end(np.max, 0, -np.inf) <= end(np.min, 1, np.inf)
    falling = end(np.max, 1, -np.inf) <= end(np.min, 0, np.inf)
    return ~(rising | falling), np.where(rising & falling, np.nan, np.where(rising, 1.0, -1.0))


def _intercepts(scores: np.ndarray, label: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Intercept of the logistic regression of `label` in each draw, with the slope of `scores` fixed at 1."""
    if len(np.unique(label)) < 2:
        return np.full(len(drawn), np.nan)

    def surplus(intercept: np.ndarray, draw: np.ndarray) -> np.ndarray:
        return (drawn[draw] * (label - expit(intercept[..., None] + scores))).sum(axis=-1)

    widest = np.abs(scores).max() + 30.0  # beyond it every probability is 0 or 1, so the sign is known
    ends = (np.full(len(drawn), -widest), np.full(len(drawn), widest))
    return elementwise.find_root(surplus, ends, args=(np.arange(len(drawn)),)).x

"""Are the probabilities true? Reliability, calibration scores, and scalers scored by cross-fitting.

Everything here is on the level of subjects: tables as `metrics.per_subject` returns them (subject_id, fold, label,
probability; label 1 = positive class). A scaler learns on the subjects of the other folds and is applied to those of
this one, so nothing is scored by a scaler that saw it. Split by recording, a subject lies in several folds and there
are no such other folds: then only the uncalibrated scores can be stated.
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
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from bulbar.core.disclosure import FEWEST_SHOWN
from bulbar.core.settings import Count, Strict
from bulbar.scoring import intervals

Share = Annotated[float, Field(gt=0, lt=1)]

EXTREME = 1e-6
"""Prediction tables hold six digits: a probability of 0 or 1 is taken for this far from it."""


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
            raise ValueError("years that rise are expected")
        return years


class Estimate(NamedTuple):
    """A score with the ends of its interval; NaN where it is not defined."""

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan


UNDEFINED = Estimate()


def logit(probability: npt.ArrayLike) -> np.ndarray:
    """Log odds of a probability, finite: it is kept `EXTREME` away from 0 and 1."""
    return unclipped_logit(np.clip(np.asarray(probability, dtype=float), EXTREME, 1 - EXTREME))


@dataclass(frozen=True)
class Platt:
    """Platt scaling: the calibrated probability is 1 / (1 + exp(−(slope · logit + intercept))).

    Two numbers, so JSON holds it: `dataclasses.asdict` writes it, `Platt(**content)` reads it.
    """

    slope: float
    intercept: float

    @classmethod
    def fit(cls, label: npt.ArrayLike, probability: npt.ArrayLike) -> Self:
        """Learn from labels (0 or 1) and probabilities, shape (n,), both classes among them.

        Platt's targets, (N₊ + 1) / (N₊ + 2) and 1 / (N₋ + 2) in place of 1 and 0, keep the slope finite where the
        classes do not overlap. Source: Platt, Advances in Large Margin Classifiers, 1999, section 2.2. Where the best
        slope would be negative it is 0, and everyone gets the share of positives: scaling never turns a model round. So
        too where all have one probability, as of a collapsed network: no slope can be learned from it.
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
        twice = np.concatenate([scores, scores])  # a target t is the row as positive with weight t, as negative 1 − t
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8, max_iter=1000)
        model.fit(twice, np.repeat([1, 0], len(scores)), sample_weight=np.concatenate([target, 1 - target]))
        if model.coef_[0, 0] < 0:
            return share
        return cls(slope=float(model.coef_[0, 0]), intercept=float(model.intercept_[0]))

    def __call__(self, probability: npt.ArrayLike) -> np.ndarray:
        """Calibrated probabilities, shape (n,)."""
        return expit(self.slope * logit(probability) + self.intercept)


def isotonic(label: npt.ArrayLike, probability: npt.ArrayLike) -> Callable[[npt.ArrayLike], np.ndarray]:
    """The rising step function that fits the labels best; it needs many more subjects than Platt's two numbers."""
    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    model.fit(np.asarray(probability, dtype=float), np.asarray(label, dtype=float))
    return lambda new: model.predict(np.asarray(new, dtype=float))


def without_each_fold(table: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame, np.ndarray]]:
    """Each fold with the rows of the other folds, and which rows are its own, shape (n,) of bool.

    Raises ValueError where a subject has no fold of its own, as after a split by recording: its recordings would be
    on both sides.
    """
    if table["fold"].isna().any() or table["subject_id"].duplicated().any():
        raise ValueError("one row and one fold for each subject expected: its recordings lie in several folds")
    for fold in sorted(table["fold"].unique()):
        here = (table["fold"] == fold).to_numpy()
        yield int(fold), table[~here], here


def cross_fitted(
    table: pd.DataFrame, fit: Callable[[npt.ArrayLike, npt.ArrayLike], Callable[[npt.ArrayLike], np.ndarray]]
) -> pd.DataFrame:
    """The table with each fold's probabilities as scaled by what `fit` learned on the other folds.

    fit: such as `Platt.fit` or `isotonic`.
    """
    scaled = np.full(len(table), np.nan)
    for _, others, here in without_each_fold(table):
        scaled[here] = fit(others["label"], others["probability"])(table.loc[here, "probability"])
    return table.assign(probability=scaled)


def _bin_of(probability: np.ndarray, bins: int) -> np.ndarray:
    """The bin of each row, 0 to bins − 1: equally filled, as scikit-learn's `calibration_curve` with `quantile`."""
    edges = np.quantile(probability, np.linspace(0, 1, bins + 1))
    return np.searchsorted(edges[1:-1], probability)


def reliability(label: npt.ArrayLike, probability: npt.ArrayLike, *, bins: int, level: float = 0.95) -> pd.DataFrame:
    """The reliability curve: what was promised and what came, in equally filled bins of probability.

    label: 0 or 1, shape (n,), one row a subject. Returns n, mean_probability, share_positive, low, high (exact binomial
    interval at `level`), a row per bin, rising; tied probabilities share a bin. A bin with fewer than 5 subjects joins
    the next one (the last one that before it): left out, its share would be the total less the others. Empty of fewer.
    """
    true, promised = np.asarray(label, dtype=int), np.asarray(probability, dtype=float)
    rows = []
    for here in _bins_of_enough(_bin_of(promised, bins)):
        n = int(here.sum())
        rows.append((n, promised[here].mean(), *exact_share(int(true[here].sum()), n, level=level)))
    return pd.DataFrame(rows, columns=["n", "mean_probability", "share_positive", "low", "high"])


def _bins_of_enough(bin_of: np.ndarray) -> list[np.ndarray]:
    """Which rows lie in each bin, rising, after neighbours were joined until each has 5 or more; each (n,) of bool."""
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
    """`count` of `of` independent subjects as a share, with Clopper and Pearson's exact interval; NaN of nobody."""
    if not of:
        return UNDEFINED
    bounds = binomtest(count, of).proportion_ci(level, method="exact")
    return Estimate(count / of, float(bounds.low), float(bounds.high))


def _calibration_errors(drawn: np.ndarray, gap: np.ndarray, bin_of: np.ndarray, bins: int) -> np.ndarray:
    """ECE of each draw, shape (draws,): Σ_b n_b / n · |share of positives in bin b − mean probability in bin b|.

    drawn: how often each row is in it, (draws, n). gap: outcome − promise. Bins are equally filled. With few subjects
    the ECE is above 0 even where the probabilities are true: see `expected_calibration_error_by_chance`.
    Source: Naeini, Cooper, Hauskrecht, AAAI 2015, with quantile bins.
    """
    member = np.eye(bins)[bin_of]
    return np.abs((drawn * gap) @ member).sum(axis=1) / drawn.sum(axis=1)  # n_b cancels


def expected_calibration_error_by_chance(
    probability: npt.ArrayLike, *, bins: int, draws: int = 2000, seed: int = 0
) -> float:
    """What ECE comes to on average where every probability is true: labels are drawn from the probabilities."""
    promised = np.asarray(probability, dtype=float)
    gaps = (np.random.default_rng(seed).random((draws, len(promised))) < promised) - promised
    return float(_calibration_errors(np.ones_like(gaps), gaps, _bin_of(promised, bins), bins).mean())


def base_rate_brier(label: npt.ArrayLike) -> float:
    """Brier score of predicting the share of positives for everyone, π(1 − π): above it a model does harm."""
    share = float(np.mean(np.asarray(label, dtype=float)))
    return share * (1 - share)


def calibration_scores(
    table: pd.DataFrame, *, bins: int, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> dict[str, Estimate]:
    """ECE, calibration slope and calibration intercept, with intervals from drawing subjects.

    `slope`: of the logistic regression of the label on the logit; 1 where the probabilities are neither too extreme
    (below 1) nor too timid (above); infinite where the classes do not overlap. `intercept`: of the same regression with
    the slope held at 1 ("in the large"); 0 where as many are positive as was promised. Subjects are drawn as by
    `intervals.intervals`, so the classes keep their sizes, as they were recruited; the bins are those of the whole
    table. Source: Van Calster et al., BMC Medicine 17, 2019.
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
    """The first of `values`, and what leaves the share `tail` of the others out at each end."""
    defined = values[1:][~np.isnan(values[1:])]
    if np.isnan(values[0]) or not defined.size:
        return UNDEFINED
    low, high = np.quantile(defined, [tail, 1 - tail], method="nearest")  # some may be infinite
    return Estimate(float(values[0]), float(low), float(high))


def _slopes(scores: np.ndarray, label: np.ndarray, drawn: np.ndarray, steps: int = 60) -> np.ndarray:
    """Slope of the logistic regression of `label` on `scores` in each draw, all at once by Newton's method."""
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
        found += step * np.minimum(1, 2 / np.maximum(length, 2))  # a longer step may leap past the maximum
    slopes = direction * np.inf
    slopes[overlap] = found[:, 1] / spread
    return slopes


def _overlap(scores: np.ndarray, label: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each draw's classes overlap, so that a regression has a finite slope; else which way it is infinite."""

    def end(extreme: Any, of: int, absent: float) -> np.ndarray:
        return extreme(np.where((drawn > 0) & (label == of), scores, absent), axis=1)

    rising = end(np.max, 0, -np.inf) <= end(np.min, 1, np.inf)
    falling = end(np.max, 1, -np.inf) <= end(np.min, 0, np.inf)
    return ~(rising | falling), np.where(rising & falling, np.nan, np.where(rising, 1.0, -1.0))


def _intercepts(scores: np.ndarray, label: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Intercept in each draw of the logistic regression of `label` with the slope of `scores` held at 1."""
    if len(np.unique(label)) < 2:
        return np.full(len(drawn), np.nan)

    def surplus(intercept: np.ndarray, draw: np.ndarray) -> np.ndarray:
        return (drawn[draw] * (label - expit(intercept[..., None] + scores))).sum(axis=-1)

    widest = np.abs(scores).max() + 30.0  # beyond it every promise is 0 or 1, so the sign of the surplus is known
    ends = (np.full(len(drawn), -widest), np.full(len(drawn), widest))
    return elementwise.find_root(surplus, ends, args=(np.arange(len(drawn)),)).x

"""Thresholds chosen on other subjects, what they really reach, and the predictive values in a clinic.

Tables as `metrics.per_subject` returns them: subject_id, fold, label (1 = patient), probability; from the threshold on
a subject is called a patient.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import metrics

from bulbar.appraisal.calibration import UNDEFINED, Estimate, exact_share, without_each_fold
from bulbar.scoring import intervals

ROUNDING = 1e-9
"""0.9 of 10 is 9: a rate this far below its target has reached it."""


def threshold_at_specificity(label: npt.ArrayLike, probability: npt.ArrayLike, target: float) -> float:
    """The lowest of the probabilities that, as a threshold, reaches this specificity; infinite where none does."""
    false_rate, _, thresholds = metrics.roc_curve(label, probability, drop_intermediate=False)
    return float(thresholds[np.flatnonzero(1 - false_rate >= target - ROUNDING)[-1]])


def threshold_at_sensitivity(label: npt.ArrayLike, probability: npt.ArrayLike, target: float) -> float:
    """The highest of the probabilities that, as a threshold, reaches this sensitivity."""
    _, true_rate, thresholds = metrics.roc_curve(label, probability, drop_intermediate=False)
    return float(thresholds[np.flatnonzero(true_rate >= target - ROUNDING)[0]])


def cross_fitted_thresholds(
    table: pd.DataFrame, choose: Callable[[npt.ArrayLike, npt.ArrayLike, float], float], target: float
) -> dict[int, float]:
    """For each fold the threshold that reaches `target` on the subjects of the other folds.

    choose: `threshold_at_specificity` or `threshold_at_sensitivity`. Raises ValueError where a subject has no fold of
    its own.
    """
    return {
        fold: choose(others["label"], others["probability"], target) for fold, others, _ in without_each_fold(table)
    }


def called(table: pd.DataFrame, thresholds: float | Mapping[int, float]) -> np.ndarray:
    """Who is called a patient, shape (n,) of bool, by one threshold or by each fold's own."""
    limits = thresholds if isinstance(thresholds, float) else table["fold"].map(dict(thresholds)).to_numpy(dtype=float)
    return table["probability"].to_numpy(dtype=float) >= limits


def reached(label: npt.ArrayLike, calls: npt.ArrayLike, *, level: float = 0.95) -> dict[str, Estimate]:
    """Sensitivity and specificity of the calls, with exact binomial intervals: each subject is called once."""
    patient, call = np.asarray(label, dtype=int) == 1, np.asarray(calls, dtype=bool)
    return {
        "sensitivity": exact_share(int((patient & call).sum()), int(patient.sum()), level=level),
        "specificity": exact_share(int((~patient & ~call).sum()), int((~patient).sum()), level=level),
    }


def bayes(sensitivity: npt.ArrayLike, specificity: npt.ArrayLike, prevalence: float) -> tuple[np.ndarray, np.ndarray]:
    """PPV and NPV where `prevalence` of the people tested are patients; NaN where nobody is called so."""
    found, cleared = np.asarray(sensitivity, dtype=float), np.asarray(specificity, dtype=float)
    rightly, wrongly = found * prevalence, (1 - cleared) * (1 - prevalence)
    healthy, missed = cleared * (1 - prevalence), (1 - found) * prevalence
    with np.errstate(invalid="ignore"):
        return rightly / (rightly + wrongly), healthy / (healthy + missed)


def predictive_values(
    label: npt.ArrayLike,
    calls: npt.ArrayLike,
    prevalence: float,
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Estimate]:
    """PPV and NPV at a prevalence, by Bayes from the sensitivity and specificity that the calls really reached.

    Intervals: a parametric bootstrap. Sensitivity and specificity are drawn from Jeffreys' posteriors, Beta(k + ½,
    n − k + ½). Drawing subjects would never move a rate of 0 or 1 seen in a few dozen people, and so promise a PPV of
    100 % without any width. They reach as far as the value itself where a rate is 0 or 1, as Jeffreys' own interval
    does by convention. Source: Brown, Cai, DasGupta, Statistical Science 16, 2001, section 4.1.
    """
    patient, call = np.asarray(label, dtype=int) == 1, np.asarray(calls, dtype=bool)
    n_patients, n_controls = int(patient.sum()), int((~patient).sum())
    if not (n_patients and n_controls):
        return {"ppv": UNDEFINED, "npv": UNDEFINED}
    found, cleared = int((patient & call).sum()), int((~patient & ~call).sum())
    generator = np.random.default_rng(seed)
    drawn = bayes(
        generator.beta(found + 0.5, n_patients - found + 0.5, size=draws),
        generator.beta(cleared + 0.5, n_controls - cleared + 0.5, size=draws),
        prevalence,
    )
    values = bayes(found / n_patients, cleared / n_controls, prevalence)
    estimates = {}
    for name, value, of_draws in zip(("ppv", "npv"), map(float, values), drawn, strict=True):
        low, high = intervals.percentiles(of_draws, level)
        estimates[name] = Estimate(value, min(low, value), max(high, value)) if np.isfinite(value) else UNDEFINED
    return estimates

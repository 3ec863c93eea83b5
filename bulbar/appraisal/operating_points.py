"""Thresholds chosen on other subjects, the rates that they reach, and predictive values at a prevalence.

Tables come from `metrics.per_subject`: subject_id, fold, label (1 = patient), probability. A subject is called a
patient if the probability is at or above the threshold.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from bulbar.appraisal.calibration import UNDEFINED, Estimate, exact_share, without_each_fold
from bulbar.scoring import intervals

ROUNDING = 1e-9
"""Tolerance for rounding errors: a rate this far below its target has reached it, such as 9 of 10 for 0.9."""


def threshold_at_specificity(label: npt.ArrayLike, probability: npt.ArrayLike, target: float) -> float:
    """The lowest threshold that reaches a specificity.

    Parameters
    ----------
    label : array, shape (n,), of 0 and 1
        1 = patient.
    probability : array, shape (n,), float in [0, 1]
        Scores; the threshold is one of them.
    target : float in (0, 1]
        Specificity to reach.

    Returns
    -------
    float
        Infinite if no score reaches the target.

    Examples
    --------
    >>> threshold_at_specificity([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.8], 1.0)
    0.8
    """
    from sklearn import metrics  # not imported for a prediction

    false_rate, _, thresholds = metrics.roc_curve(label, probability, drop_intermediate=False)
    return float(thresholds[np.flatnonzero(1 - false_rate >= target - ROUNDING)[-1]])


def threshold_at_sensitivity(label: npt.ArrayLike, probability: npt.ArrayLike, target: float) -> float:
    """The highest threshold that reaches a sensitivity. Parameters as for `threshold_at_specificity`.

    Examples
    --------
    >>> threshold_at_sensitivity([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.8], 1.0)
    0.3
    """
    from sklearn import metrics

    _, true_rate, thresholds = metrics.roc_curve(label, probability, drop_intermediate=False)
    return float(thresholds[np.flatnonzero(true_rate >= target - ROUNDING)[0]])


def cross_fitted_thresholds(
    table: pd.DataFrame, choose: Callable[[npt.ArrayLike, npt.ArrayLike, float], float], target: float
) -> dict[int, float]:
    """Fold -> the threshold that reaches `target` on the subjects of the other folds.

    choose: `threshold_at_specificity` or `threshold_at_sensitivity`. Raises ValueError if a subject lies in several
    folds.
    """
    return {
        fold: choose(others["label"], others["probability"], target) for fold, others, _ in without_each_fold(table)
    }


def called(table: pd.DataFrame, thresholds: float | Mapping[int, float]) -> np.ndarray:
    """Who is called a patient, shape (n,) of bool. thresholds: one value, or fold -> threshold."""
    limits = thresholds if isinstance(thresholds, float) else table["fold"].map(dict(thresholds)).to_numpy(dtype=float)
    return table["probability"].to_numpy(dtype=float) >= limits


def reached(label: npt.ArrayLike, calls: npt.ArrayLike, *, level: float = 0.95) -> dict[str, Estimate]:
    """Sensitivity and specificity of the calls, with exact binomial intervals, as each subject is called once.

    Parameters
    ----------
    label : array, shape (n,), of 0 and 1
        1 = patient.
    calls : array, shape (n,), of bool
        True = called a patient.
    level : float in (0, 1)
        Level of the intervals.

    Returns
    -------
    dict of str to Estimate
        `sensitivity` and `specificity`; NaN for a class without subjects.
    """
    patient, call = np.asarray(label, dtype=int) == 1, np.asarray(calls, dtype=bool)
    return {
        "sensitivity": exact_share(int((patient & call).sum()), int(patient.sum()), level=level),
        "specificity": exact_share(int((~patient & ~call).sum()), int((~patient).sum()), level=level),
    }


def bayes(sensitivity: npt.ArrayLike, specificity: npt.ArrayLike, prevalence: float) -> tuple[np.ndarray, np.ndarray]:
    """PPV and NPV at a prevalence, by Bayes' theorem.

    Parameters
    ----------
    sensitivity, specificity : array, shape (n,), or float, in [0, 1]
        Rates of the calls.
    prevalence : float in (0, 1)
        Share of patients among the people tested.

    Returns
    -------
    tuple of two arrays, shape (n,), in [0, 1]
        PPV, NaN if nobody is called a patient; NPV, NaN if nobody is called a control.

    Examples
    --------
    >>> ppv, npv = bayes(0.9, 0.9, 0.1)
    >>> round(float(ppv), 3), round(float(npv), 3)
    (0.5, 0.988)
    """
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
    """PPV and NPV at a prevalence, by Bayes' theorem from the sensitivity and specificity of the calls.

    Parameters
    ----------
    label : array, shape (n,), of 0 and 1
        1 = patient.
    calls : array, shape (n,), of bool
        True = called a patient.
    prevalence : float in (0, 1)
        Share of patients among the people tested.
    draws, seed : int
        Number of draws for the intervals, and their seed.
    level : float in (0, 1)
        Level of the intervals.

    Returns
    -------
    dict of str to Estimate
        `ppv` and `npv`; NaN if not defined.

    Notes
    -----
    Intervals come from a parametric bootstrap: sensitivity and specificity are drawn from Jeffreys' posteriors,
    Beta(k + ½, n − k + ½). Drawing subjects would never change a rate of 0 or 1 seen in a few dozen people, and the
    interval of a PPV of 100 % would have no width. If a rate is 0 or 1, the interval ends at the value itself, as
    Jeffreys' interval does by convention. Source: Brown, Cai, DasGupta, Statistical Science 16, 2001, section 4.1.
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

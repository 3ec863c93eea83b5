"""Patients and controls who are alike in something, one to one: what a model scores when that cannot help it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bulbar import clinical, disclosure, scoring, uncertainty
from bulbar.audit.telling import kinds_of

CALIPER_SD = 0.2
"""Furthest that a pair may lie apart, in standard deviations of the propensity's logit. Source: Austin 2011."""

FEWEST_PAIRS = disclosure.FEWEST_SHOWN
"""Nothing is scored on fewer."""


@dataclass(frozen=True, eq=False)
class Matched:
    """Pairs of one patient and one control.

    pairs: positive, negative (subject ids), distance (of the propensity's logits), shape (pairs, 3). caliper: the most
    that a distance may be. balance: for each encoded column the standardised mean difference `before` and `after`.
    """

    pairs: pd.DataFrame
    caliper: float
    balance: pd.DataFrame

    @property
    def subject_ids(self) -> set[str]:
        """Everyone in a pair."""
        return set(self.pairs["positive"]) | set(self.pairs["negative"])


def match(covariates: pd.DataFrame, labels: pd.Series, *, caliper_sd: float = CALIPER_SD) -> Matched:
    """Pair as many patients and controls as the caliper allows, with the least sum of distances.

    covariates: a row per subject, indexed by subject_id; numbers and categories, gaps filled by medians and modes.
    labels: 1 or 0 of each, same index. Distance: of the logits of the propensity to be positive, from a logistic
    regression on the standardised covariates (penalty 1, which keeps it finite where they tell the classes apart).
    Caliper: `caliper_sd` times the logit's standard deviation within the classes (root mean of both variances).
    Source: Austin 2011, Pharmaceutical Statistics 10; optimal pairs: Rosenbaum 1989, JASA 84.
    """
    label = labels.loc[covariates.index].to_numpy(dtype=int)
    kinds = kinds_of(covariates)
    encoded = clinical.encoder(kinds, "subject_wise").fit_transform(clinical.typed(covariates, kinds))
    scaled = StandardScaler().fit_transform(encoded.to_numpy())
    logit = LogisticRegression().fit(scaled, label).decision_function(scaled)
    positive, negative = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    caliper = caliper_sd * _deviation(logit[positive], logit[negative])
    distance = np.abs(logit[positive][:, np.newaxis] - logit[negative][np.newaxis, :])
    within = distance <= caliper + 1e-9  # with nothing to tell apart both are 0
    too_far = (caliper + 1.0) * len(label)  # dearer than any number of allowed pairs: so the most pairs come first
    rows, columns = linear_sum_assignment(np.where(within, distance, too_far))
    kept = within[rows, columns]
    first, second = positive[rows[kept]], negative[columns[kept]]
    ids = covariates.index.to_numpy()
    pairs = pd.DataFrame(
        {"positive": ids[first], "negative": ids[second], "distance": distance[rows[kept], columns[kept]]}
    )
    values = encoded.to_numpy()
    balance = pd.DataFrame(
        {
            "before": standardised_mean_difference(values[positive], values[negative]),
            "after": standardised_mean_difference(
                values[first], values[second], deviation=_deviation(values[positive], values[negative])
            ),
        },
        index=pd.Index(encoded.columns, name="column"),
    )
    return Matched(pairs, float(caliper), balance)


def standardised_mean_difference(
    positive: np.ndarray, negative: np.ndarray, *, deviation: np.ndarray | float | None = None
) -> np.ndarray:
    """Difference of the means over the standard deviation within the classes, per column; 0 where nothing varies.

    positive, negative: shape (subjects, columns). deviation: to divide by; by default the root mean of both variances,
    and after matching that of before, so that both can be compared (Stuart 2010, Statistical Science 25). NaN where a
    class has nobody.
    """
    if not len(positive) or not len(negative):
        return np.full(positive.shape[1], np.nan)
    spread = np.asarray(_deviation(positive, negative) if deviation is None else deviation)
    difference = positive.mean(axis=0) - negative.mean(axis=0)
    return np.divide(difference, spread, out=np.zeros(len(difference)), where=spread > 0)


def _deviation(positive: np.ndarray, negative: np.ndarray) -> Any:
    return np.sqrt((positive.var(axis=0) + negative.var(axis=0)) / 2)


def score_within(predictions: pd.DataFrame, matched: Matched, *, draws: int = 2000, seed: int = 0) -> Mapping[str, Any]:
    """A model's AUC per subject among the matched, beside that among all subjects.

    predictions: out-of-fold table, split by subject. Returns pairs (how many), roc_auc, low, high, roc_auc_all, and the
    largest absolute standardised mean difference before and after. With fewer than 5 pairs `pairs` is `<5` and
    nothing is scored (NaN).
    """
    subjects = scoring.per_subject(predictions)
    scores: dict[str, Any] = {
        "pairs": disclosure.shown(len(matched.pairs)),
        "roc_auc": np.nan,
        "low": np.nan,
        "high": np.nan,
        "roc_auc_all": scoring.scores(subjects)["roc_auc"],
        "largest_difference_before": float(matched.balance["before"].abs().max()),
        "largest_difference_after": np.nan,
    }
    if len(matched.pairs) >= FEWEST_PAIRS:
        alike = subjects[subjects["subject_id"].isin(matched.subject_ids)]
        low, high = uncertainty.intervals(alike, draws=draws, seed=seed)["roc_auc"]
        scores |= {"roc_auc": scoring.scores(alike)["roc_auc"], "low": low, "high": high}
        scores["largest_difference_after"] = float(matched.balance["after"].abs().max())
    return scores

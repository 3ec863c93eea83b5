import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import binomtest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from bulbar.appraisal import calibration
from bulbar.appraisal.calibration import Platt


def people(n: int = 400, *, extreme: float = 1.0, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """As many of each class, with normal true log odds; predicted `extreme` times as far from 0, `shift` higher."""
    generator = np.random.default_rng(seed)
    true = generator.normal(0, 1.2, 4 * n)
    label = (generator.random(4 * n) < expit(true)).astype(int)
    recruited = np.sort(
        np.concatenate([np.flatnonzero(label == 1)[: n - n // 2], np.flatnonzero(label == 0)[: n // 2]])
    )
    table = pd.DataFrame({"subject_id": np.arange(n), "fold": np.arange(n) % 5 + 1, "label": label[recruited]})
    return table.assign(probability=expit(extreme * true[recruited] + shift))


class LogOdds(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose decision is the log odds of its only feature."""

    def __init__(self):
        self.classes_ = np.array([0, 1])

    def fit(self, X, y):
        return self

    def decision_function(self, X):
        return logit(X[:, 0])

    def predict(self, X):
        return (X[:, 0] >= 0.5).astype(int)


def test_platt_scaling_is_scikit_learns_sigmoid_calibration():
    table = people(150, extreme=3)
    probability = table["probability"].to_numpy()
    theirs = CalibratedClassifierCV(FrozenEstimator(LogOdds()), method="sigmoid", ensemble=False)
    theirs.fit(probability[:, None], table["label"])
    ours = Platt.fit(table["label"], probability)
    assert ours(probability) == pytest.approx(theirs.predict_proba(probability[:, None])[:, 1], abs=1e-4)


def test_platt_scaling_of_separated_classes_stays_finite_and_a_refusal_names_the_counts():
    scaler = Platt.fit([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert 0 < scaler.slope < 10
    assert scaler([0.0, 1.0]) == pytest.approx([0, 1], abs=0.01)
    with pytest.raises(ValueError, match="3 positive and 0 negative"):
        Platt.fit([1, 1, 1], [0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("label", "probability"),
    [([1, 1, 1, 0, 0, 1], [0.2, 0.3, 0.1, 0.8, 0.9, 0.4]), ([0, 0, 1, 1, 1, 1], [0.7] * 6)],
    ids=["turned round", "one probability"],
)
def test_without_a_rising_slope_everyone_gets_the_share_of_patients(label, probability):
    scaler = Platt.fit(label, probability)
    assert scaler.slope == 0
    assert scaler([0.1, 0.9]) == pytest.approx([(4 * 5 / 6 + 2 * 1 / 4) / 6] * 2)  # Platt's targets of 4 and 2 people


def test_platt_scaling_goes_through_json_unchanged():
    scaler = Platt(slope=0.7, intercept=-0.2)
    assert Platt(**json.loads(json.dumps(dataclasses.asdict(scaler)))) == scaler
    assert Platt(slope=1.0, intercept=0.0)([0.2, 0.7]) == pytest.approx([0.2, 0.7])


def test_isotonic_scaling_is_scikit_learns():
    table = people(300, extreme=2)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(table["probability"], table["label"])
    new = np.linspace(0, 1, 21)
    ours = calibration.isotonic(table["label"], table["probability"])
    assert ours(new) == pytest.approx(theirs.predict(new))


def test_each_fold_is_scaled_by_what_the_other_folds_taught():
    table = people(100, extreme=2)
    found = calibration.cross_fitted(table, Platt.fit)
    for fold in range(1, 6):
        others, here = table[table["fold"] != fold], table["fold"] == fold
        expected = Platt.fit(others["label"], others["probability"])(table.loc[here, "probability"])
        assert found.loc[here, "probability"].to_numpy() == pytest.approx(expected)


def test_subjects_without_a_fold_of_their_own_are_not_cross_fitted():
    table = people(20).assign(fold=np.nan)
    with pytest.raises(ValueError, match="one fold per subject"):
        calibration.cross_fitted(table, Platt.fit)


def test_the_reliability_curve_is_scikit_learns_with_exact_intervals():
    table = people(203)
    curve = calibration.reliability(table["label"], table["probability"], bins=5)
    share, promised = calibration_curve(table["label"], table["probability"], n_bins=5, strategy="quantile")
    assert curve["share_positive"].to_numpy() == pytest.approx(share)
    assert curve["mean_probability"].to_numpy() == pytest.approx(promised)
    assert curve["n"].sum() == 203
    first = curve.iloc[0]
    bounds = binomtest(round(first["share_positive"] * first["n"]), int(first["n"])).proportion_ci(0.95)
    assert (first["low"], first["high"]) == pytest.approx((bounds.low, bounds.high))


def test_bins_of_fewer_than_five_subjects_join_the_next_one_and_ties_share_a_bin():
    assert calibration.reliability([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], bins=2).empty
    label = [0] * 6 + [1] * 15  # the first bin holds six, the last two: all the others have one probability
    curve = calibration.reliability(label, [0.1] * 6 + [0.5] * 13 + [0.8, 0.9], bins=4)
    assert curve["n"].tolist() == [6, 15]
    assert curve["mean_probability"].to_numpy() == pytest.approx([0.1, (13 * 0.5 + 1.7) / 15])
    few_first = calibration.reliability(label, [0.1] * 2 + [0.5] * 10 + [0.9] * 9, bins=20)
    assert few_first["n"].tolist() == [12, 9]
    one = calibration.reliability([0, 1] * 10, [0.5] * 20, bins=5)
    assert one[["n", "mean_probability", "share_positive"]].to_numpy().tolist() == [[20, 0.5, 0.5]]


def ece(table: pd.DataFrame, bins: int = 5) -> float:
    return calibration.calibration_scores(table, bins=bins, draws=2)["ece"].value


def test_the_calibration_error_is_its_stated_formula():
    table = pd.DataFrame({"label": [0, 0, 1, 0, 1, 1], "probability": [0.1, 0.2, 0.3, 0.6, 0.7, 0.8]})
    low, high = abs(1 / 3 - 0.2), abs(2 / 3 - 0.7)
    assert ece(table, bins=2) == pytest.approx(3 / 6 * low + 3 / 6 * high)


@pytest.mark.parametrize(("extreme", "times"), [(1, (0.8, 1.2)), (4, (1.3, 9))], ids=["true", "overconfident"])
def test_true_probabilities_have_the_calibration_error_that_chance_gives(extreme, times):
    tables = [people(60, extreme=extreme, seed=seed) for seed in range(20)]
    by_chance = [calibration.expected_calibration_error_by_chance(one["probability"], bins=5) for one in tables]
    low, high = np.multiply(times, np.mean(by_chance))
    assert low < np.mean([ece(table) for table in tables]) < high


def test_slope_and_intercept_are_those_of_logistic_regression():
    table = people(300, extreme=2, shift=0.7)
    scores = calibration.calibration_scores(table, bins=5, draws=200)
    model = LogisticRegression(C=np.inf, tol=1e-8).fit(logit(table[["probability"]]), table["label"])
    assert scores["slope"].value == pytest.approx(model.coef_[0, 0], abs=1e-4)
    shifted = expit(scores["intercept"].value + logit(table["probability"]))
    assert shifted.sum() == pytest.approx(table["label"].sum())  # what maximum likelihood implies for the intercept
    assert scores["slope"].high < 1
    assert scores["intercept"].high < 0


def test_nearly_all_intervals_hold_the_slope_and_intercept_that_were_planted():
    held = {"slope": 0, "intercept": 0}
    for seed in range(20):
        overconfident = calibration.calibration_scores(people(100, extreme=2, seed=seed), bins=5, draws=200)
        held["slope"] += overconfident["slope"].low < 0.5 < overconfident["slope"].high
        true = calibration.calibration_scores(people(100, seed=seed), bins=5, draws=200)
        held["intercept"] += true["intercept"].low < 0 < true["intercept"].high
    assert min(held.values()) >= 17


def test_the_slope_of_separated_classes_is_infinite_and_of_one_probability_undefined():
    table = people(20).assign(label=[0] * 10 + [1] * 10)
    apart = table.assign(probability=[0.2] * 10 + [0.8] * 10)
    assert calibration.calibration_scores(apart, bins=2, draws=50)["slope"] == (np.inf, np.inf, np.inf)
    same = calibration.calibration_scores(table.assign(probability=0.5), bins=2, draws=50)
    assert np.isnan(same["slope"]).all()
    assert same["intercept"].value == pytest.approx(0, abs=1e-6)


def test_the_base_rates_brier_score_is_that_of_the_share_for_everyone():
    label = np.array([1, 1, 1, 0])
    assert calibration.base_rate_brier(label) == pytest.approx(np.mean((0.75 - label) ** 2))

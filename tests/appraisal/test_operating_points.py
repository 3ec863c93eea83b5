import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from bulbar.appraisal import operating_points
from bulbar.scoring import metrics


def people(n: int = 200, seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    label = np.arange(n) % 2
    probability = np.clip(0.4 + 0.2 * label + generator.normal(0, 0.15, n), 0, 1)
    return pd.DataFrame({"subject_id": np.arange(n), "fold": np.arange(n) // 2 % 5 + 1, "label": label,
                         "probability": probability})  # fmt: skip


@pytest.mark.parametrize("wanted", ["specificity", "sensitivity"])
def test_the_threshold_reaches_its_rate_and_none_that_calls_one_more_right_does(wanted):
    table = people()
    scores, label = table["probability"], table["label"]
    choose = getattr(operating_points, f"threshold_at_{wanted}")
    found = choose(label, scores, 0.9)

    def rate(threshold):
        return getattr(metrics, wanted)(label, (scores >= threshold).astype(int))

    beyond = scores[scores < found] if wanted == "specificity" else scores[scores > found]
    assert rate(found) >= 0.9 and len(beyond)
    assert all(rate(other) < 0.9 for other in beyond)


def test_nine_of_ten_controls_are_90_percent():
    label, scores = [0] * 10 + [1], [*np.linspace(0, 0.9, 10), 0.85]
    assert operating_points.threshold_at_specificity(label, scores, 0.9) == 0.85


def test_a_specificity_that_no_score_reaches_calls_nobody():
    assert operating_points.threshold_at_specificity([1, 0], [0.5, 0.5], 0.9) == np.inf


def test_a_folds_threshold_depends_on_the_other_folds_alone():
    table = people()
    moved = table.assign(probability=table["probability"].where(table["fold"] != 2, 0.99))
    first, second = (
        operating_points.cross_fitted_thresholds(one, operating_points.threshold_at_specificity, 0.9)
        for one in (table, moved)
    )
    assert first[2] == second[2]
    assert first[1] != second[1]


def test_each_fold_is_called_by_its_own_threshold():
    table = pd.DataFrame({"fold": [1, 2, 1, 2], "probability": [0.5, 0.5, 0.7, 0.9]})
    assert operating_points.called(table, {1: 0.6, 2: 0.9}).tolist() == [False, False, True, True]
    assert operating_points.called(table, 0.5).all()


def test_on_many_new_subjects_the_specificity_reached_is_the_one_wanted():
    table = people(20_000)
    thresholds = operating_points.cross_fitted_thresholds(table, operating_points.threshold_at_specificity, 0.9)
    found = operating_points.reached(table["label"], operating_points.called(table, thresholds))
    assert found["specificity"].value == pytest.approx(0.9, abs=0.01)
    assert 0.3 < found["sensitivity"].value < 0.6


def test_what_is_reached_has_exact_binomial_intervals():
    found = operating_points.reached([1] * 10 + [0] * 20, [True] * 7 + [False] * 3 + [True] * 5 + [False] * 15)
    for rate, k, n in (("sensitivity", 7, 10), ("specificity", 15, 20)):
        bounds = binomtest(k, n).proportion_ci(0.95, method="exact")
        assert found[rate] == pytest.approx((k / n, bounds.low, bounds.high))


@pytest.mark.parametrize(
    ("rates", "ppv", "npv"),
    [
        ((0.9, 0.8, 0.1), 90 / 270, 720 / 730),  # of 1000: 100 patients, 90 found; 900 healthy, 180 called ill
        ((1, 1, 0.01), 1, 1),
        ((0, 1, 0.2), np.nan, 0.8),
    ],
)
def test_predictive_values_follow_from_counting_people(rates, ppv, npv):
    assert operating_points.bayes(*rates) == pytest.approx((ppv, npv), nan_ok=True)


def test_predictive_values_at_the_cohorts_own_share_are_those_counted():
    label, calls = [1] * 40 + [0] * 60, [True] * 30 + [False] * 10 + [True] * 12 + [False] * 48
    found = operating_points.predictive_values(label, calls, 0.4)
    assert found["ppv"].value == pytest.approx(30 / 42)
    assert found["npv"].value == pytest.approx(48 / 58)
    assert found["ppv"].low < 30 / 42 < found["ppv"].high


def test_a_few_faultless_calls_have_a_ppv_with_an_interval():
    found = operating_points.predictive_values([1] * 10 + [0] * 15, [True] * 10 + [False] * 15, 0.01)
    assert found["ppv"].value == found["ppv"].high == 1
    assert found["ppv"].low < 0.5


def test_predictive_values_of_one_class_are_undefined():
    assert np.isnan(operating_points.predictive_values([1, 1], [True, False], 0.5)["ppv"]).all()

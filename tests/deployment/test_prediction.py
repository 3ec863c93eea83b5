import numpy as np
import pytest
from scipy.stats import beta

from bulbar.appraisal import calibration
from bulbar.appraisal.appraiser import Appraiser, of_patients
from bulbar.appraisal.calibration import Platt
from bulbar.deployment import prediction
from bulbar.deployment.deployed import DeployedModel
from bulbar.scoring import intervals, metrics
from tests.sweeps import predictions, subjects_and_recordings, with_folds

PREVALENCES = (0.05,)
APPRAISER = Appraiser(
    settings=calibration.Settings(
        specificity=0.9, sensitivity=0.9, prevalences=PREVALENCES, isotonic_from=200, age_bands=(60.0,), bins=5
    ),
    bootstrap=intervals.Settings(draws=500),
    seed=3,
    cross_fits=True,
)


@pytest.fixture(scope="module")
def people():
    return metrics.per_subject(predictions(with_folds(subjects_and_recordings(90), "subject_wise"), 1.0, seed=1))


@pytest.fixture(scope="module")
def model(people):
    return DeployedModel.of(people, {}, APPRAISER)


def test_the_calibrator_is_the_one_that_appraise_states_for_new_subjects(people, model):
    stated = APPRAISER.calibration(people)["platt"]["scaler"]
    assert model.calibrator.slope == pytest.approx(stated["slope"], abs=1e-6)
    assert model.calibrator.intercept == pytest.approx(stated["intercept"], abs=1e-6)
    assert (model.patients, model.controls) == (60, 30)


def test_sensitivity_specificity_and_predictive_values_are_those_that_appraise_found_by_cross_fitting(people, model):
    stated = APPRAISER.operating_points(people)
    assert [point.name for point in model.operating_points] == list(stated)
    for point in model.operating_points:
        for rate, estimate in point.reached(0.95).items():
            assert estimate == pytest.approx(tuple(stated[point.name][rate].values()))
        found = point.predictive_values(0.05, draws=500, level=0.95, seed=3)
        for value, estimate in found.items():
            assert estimate == pytest.approx(tuple(stated[point.name]["at_prevalence"]["0.05"][value].values()))


def test_the_interval_of_a_rate_is_clopper_and_pearson_s(model):
    point = model.operating_points[-1]
    found, of = point.found, point.patients
    low, high = beta.ppf(0.025, found, of - found + 1), beta.ppf(0.975, found + 1, of - found)
    assert point.reached(0.95)["sensitivity"] == pytest.approx((found / of, low, high))


def test_the_threshold_in_use_reaches_the_wanted_rate_on_all_subjects(people, model):
    by_name = {point.name: point for point in model.operating_points}
    controls = people[people["label"] == 0]["probability"]
    patients = people[people["label"] == 1]["probability"]
    assert np.mean([not by_name["specificity_0.9"].called(score) for score in controls]) >= 0.9
    assert np.mean([by_name["sensitivity_0.9"].called(score) for score in patients]) >= 0.9


def test_where_no_score_reaches_the_rate_nobody_is_called(people):
    turned = people.assign(probability=np.where(people["label"] == 1, 0.1, 0.9))
    point = {p.name: p for p in DeployedModel.of(turned, {}, APPRAISER).operating_points}["specificity_0.9"]
    assert point.threshold is None and not point.called(1.0)


def test_each_fold_model_is_calibrated_before_the_mean_is_taken():
    scores, platt = np.array([0.2, 0.5, 0.9]), Platt(slope=2.0, intercept=-0.5)
    each = 1 / (1 + np.exp(-(2 * np.log(scores / (1 - scores)) - 0.5)))
    found = prediction.calibrated(scores, platt)
    assert (found.value, found.low, found.high) == pytest.approx((each.mean(), each.min(), each.max()))
    assert found.score == pytest.approx(scores.mean())


def test_a_person_is_the_mean_over_the_recordings_as_in_evaluation(model):
    scores = np.array([[0.2, 0.6], [0.4, 0.8]])  # two fold models, two recordings
    person, recordings = prediction.of_person(scores, model)
    assert person.scores == pytest.approx((0.4, 0.6))
    assert [one.scores for one in recordings] == [pytest.approx((0.2, 0.4)), pytest.approx((0.6, 0.8))]


def test_another_prevalence_changes_a_probability_as_counting_people_would():
    # of 300 people 200 are patients; a score is had by 40 of the patients and 10 of the controls
    among_200_and_100 = 40 / 50
    # among 100 patients and 1900 controls as many of each have it: 20, and 190
    assert prediction.at_prevalence(among_200_and_100, 2 / 3, 0.05) == pytest.approx(20 / 210)
    assert prediction.at_prevalence(0.3, 0.6, 0.6) == pytest.approx(0.3)


def test_where_hc_is_the_positive_class_the_same_patients_have_the_same_probability(people):
    turned = people.assign(label=1 - people["label"], probability=1 - people["probability"])
    back = of_patients(turned, "HC")
    np.testing.assert_allclose(back["probability"], people["probability"])
    assert (back["label"] == people["label"]).all() and of_patients(people, "ALS") is people

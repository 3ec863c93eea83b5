import math
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from bulbar.scoring import intervals
from bulbar.scoring import metrics as scoring


@pytest.fixture(autouse=True)
def no_warning_is_let_pass():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def made_up(subjects: int = 45, recordings: int = 3, effect: float = 0.1, seed: int = 0) -> pd.DataFrame:
    """Two patients for each control; a subject's recordings are similar."""
    generator = np.random.default_rng(seed)
    subject = np.repeat(np.arange(subjects), recordings)
    label = (subject % 3 > 0).astype(int)
    voice = generator.normal(0, 0.15, subjects)[subject]
    probability = np.clip(0.5 + effect * label + voice + generator.normal(0, 0.1, len(subject)), 0.01, 0.99).round(3)
    return pd.DataFrame({"recording_id": [f"R{n:04d}" for n in range(len(subject))],
                         "subject_id": [f"S{n:03d}" for n in subject], "fold": subject // 3 % 5 + 1, "label": label,
                         "probability": probability})  # fmt: skip


def of_class(table: pd.DataFrame, label: int) -> np.ndarray:
    return table.loc[table["label"] == label, "probability"].to_numpy()


def test_the_scores_of_a_draw_are_those_of_a_table_with_these_subjects():
    table = made_up(subjects=21)
    names = intervals.subjects_of(table).index
    drawn = intervals.drawn_subjects(intervals.subjects_of(table), draws=6, seed=3)
    found = intervals.scores_of_draws(table, drawn)
    for place, counts in enumerate(drawn.astype(int)):
        parts = [table[table["subject_id"] == name] for name, n in zip(names, counts, strict=True) for _ in range(n)]
        expected = scoring.scores(pd.concat(parts))
        for score, values in found.items():
            assert values[place] == pytest.approx(expected[score]), score
    assert {*found, *intervals.NOT_DRAWN} == set(expected)


def test_every_draw_has_as_many_subjects_of_a_class_as_there_are():
    labels = np.array([1, 0, 1, 1, 0])
    drawn = intervals.drawn_subjects(labels, draws=500, seed=0)
    assert (drawn[:, labels == 1].sum(axis=1) == 3).all()
    assert (drawn[:, labels == 0].sum(axis=1) == 2).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(5), abs=0.15)


def both_classes(patients: np.ndarray, controls: np.ndarray, axis: int) -> np.ndarray:
    return np.concatenate([patients, controls], axis=axis).mean(axis=axis)


STATISTICS = {
    "accuracy": lambda patients, controls, axis: both_classes(patients >= 0.5, controls < 0.5, axis),
    "brier": lambda patients, controls, axis: both_classes((1 - patients) ** 2, controls**2, axis),
    "roc_auc_pooled": lambda patients, controls, axis: (
        stats.mannwhitneyu(patients, controls, axis=axis).statistic / patients.shape[axis] / controls.shape[axis]
    ),
}


@pytest.mark.parametrize("score", STATISTICS)
def test_the_percentiles_are_those_of_scipys_bootstrap(score):
    table = scoring.per_subject(made_up(subjects=150))
    expected = stats.bootstrap(
        (of_class(table, 1), of_class(table, 0)), STATISTICS[score], n_resamples=4000, method="percentile",
        random_state=1,
    ).confidence_interval  # fmt: skip
    drawn = intervals.drawn_subjects(intervals.subjects_of(table), draws=4000, seed=2)
    found = intervals.percentiles(intervals.scores_of_draws(table, drawn)[score], 0.95)
    assert found == pytest.approx(tuple(expected), abs=0.06 * (expected.high - expected.low))


def test_the_interval_of_a_mean_over_few_subjects_is_students():
    patients = made_up(subjects=18, recordings=1, effect=0.0).query("label == 1")
    squares = (1 - patients["probability"]) ** 2
    expected = stats.ttest_1samp(squares, 0).confidence_interval(0.95)
    low, high = intervals.intervals(patients, draws=20000)["brier"]
    assert high - low == pytest.approx(expected.high - expected.low, rel=0.05)


def test_with_many_subjects_nothing_is_expanded():
    assert intervals.tail_of(0.95, 100_000) == pytest.approx(0.025, rel=1e-3)
    assert intervals.tail_of(0.95, 15) < intervals.tail_of(0.95, 30) < 0.025


def test_a_perfect_score_has_the_exact_binomial_bound_of_the_subjects_it_rests_on():
    table = made_up(subjects=45).assign(probability=lambda rows: 0.1 + 0.8 * rows["label"])
    found = intervals.intervals(table)
    for score, subjects in {"accuracy": 45, "sensitivity": 30, "specificity": 15, "roc_auc": 15, "f1": 15}.items():
        exact = stats.binomtest(subjects, subjects).proportion_ci(0.95, method="exact")
        assert found[score] == pytest.approx(tuple(exact)), score
    wrong = intervals.intervals(table.assign(probability=lambda rows: 1 - rows["probability"]))
    assert wrong["accuracy"] == pytest.approx(tuple(stats.binomtest(0, 45).proportion_ci(0.95, method="exact")))


def test_the_precision_of_one_call_rests_on_one_subject():
    table = made_up(subjects=45, recordings=1).assign(probability=0.1)
    table.loc[table.index[table["label"] == 1][0], "probability"] = 0.9
    exact = stats.binomtest(1, 1).proportion_ci(0.95, method="exact")
    assert intervals.intervals(table)["precision"] == pytest.approx(tuple(exact))


def test_a_perfect_auc_within_folds_rests_on_those_who_meet_the_other_class_there():
    table = made_up(subjects=12, recordings=1).assign(probability=lambda rows: 0.1 + 0.8 * rows["label"])
    table["fold"] = np.where(np.arange(12) < 2, 1, np.arange(12))  # the first two meet: a control and a patient
    exact = stats.binomtest(1, 1).proportion_ci(0.95, method="exact")
    assert intervals.intervals(table)["roc_auc"] == pytest.approx(tuple(exact))


def test_one_call_for_everyone_has_an_accuracy_that_cannot_vary():
    found = intervals.intervals(made_up().assign(probability=0.7))
    assert found["accuracy"] == pytest.approx((2 / 3, 2 / 3))
    assert found["roc_auc"] == found["balanced_accuracy"] == (0.5, 0.5)
    assert all(math.isnan(bound) for bound in found["precision_negative"])


def test_an_interval_encloses_the_score_and_narrows_with_more_subjects():
    few, many = made_up(subjects=30), made_up(subjects=300)
    of_few, of_many, scores = intervals.intervals(few), intervals.intervals(many), scoring.scores(many)
    for score, (low, high) in of_many.items():
        assert low < scores[score] < high
        assert high - low < of_few[score][1] - of_few[score][0]


def test_drawing_subjects_one_recording_repeated_makes_no_interval_narrower():
    once = made_up(recordings=1)
    eight_times = intervals.intervals(pd.concat([once] * 8))
    for score, low_high in intervals.intervals(once).items():
        assert eight_times[score] == pytest.approx(low_high)


def test_a_lower_level_is_narrower_and_the_seed_decides_the_draws():
    table = made_up()
    wide, narrow = intervals.intervals(table), intervals.intervals(table, level=0.5)
    assert all(wide[score][0] < narrow[score][0] and narrow[score][1] < wide[score][1] for score in wide)
    assert intervals.intervals(table) == wide
    assert intervals.intervals(table, seed=1) != wide


def test_what_is_not_defined_has_no_interval():
    patients = intervals.intervals(made_up().query("label == 1"))
    for score in ("specificity", "balanced_accuracy", "roc_auc", "roc_auc_pooled"):
        assert all(math.isnan(bound) for bound in patients[score])
    assert 0 < patients["sensitivity"][0] < patients["sensitivity"][1] < 1
    several_networks = scoring.per_subject(made_up().assign(fold=lambda rows: rows.index % 5))
    assert all(math.isnan(bound) for bound in intervals.intervals(several_networks)["roc_auc"])
    nobody = intervals.intervals(made_up().iloc[:0])
    assert all(math.isnan(bound) for low_high in nobody.values() for bound in low_high)


def test_both_ways_are_the_scores_with_the_intervals_of_each_unit():
    table = made_up()
    found = intervals.both_ways(table, draws=200, level=0.9, seed=5)
    subjects = scoring.per_subject(table)
    assert found["per_subject"].pop("intervals") == intervals.intervals(subjects, draws=200, level=0.9, seed=5)
    assert found["per_recording"].pop("intervals") == intervals.intervals(table, draws=200, level=0.9, seed=5)
    assert found == scoring.both_ways(table)


def delong(first: pd.DataFrame, second: pd.DataFrame) -> tuple[float, float]:
    """Difference of two AUCs on the same subjects and its standard error. DeLong, DeLong, Clarke-Pearson 1988."""
    of_patients, of_controls, areas = [], [], []
    for table in (first, second):
        patients, controls = of_class(table, 1), of_class(table, 0)
        higher = (np.sign(patients[:, None] - controls[None, :]) + 1) / 2
        of_patients.append(higher.mean(axis=1))
        of_controls.append(higher.mean(axis=0))
        areas.append(higher.mean())
    covariance = np.cov(of_patients) / len(of_patients[0]) + np.cov(of_controls) / len(of_controls[0])
    return areas[0] - areas[1], math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])


def two_models(subjects: int, **second) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The second model has the scores of the first, with noise of its own, and less of the disease."""
    first = scoring.per_subject(made_up(subjects=subjects, recordings=1))
    own = np.random.default_rng(9).normal(0, 0.1, subjects) - 0.04 * first["label"]
    return first, first.assign(probability=np.clip(first["probability"] + own, 0, 1), **second)


@pytest.mark.parametrize("subjects", [150, 450])
def test_the_difference_of_two_aucs_is_as_uncertain_as_by_delong(subjects):
    first, second = two_models(subjects)
    difference, error = delong(first, second)
    found = intervals.compare(first, second, draws=6000)["roc_auc_pooled"]
    assert found.value == pytest.approx(difference)
    assert difference == pytest.approx(metrics.roc_auc_score(first["label"], first["probability"])
                                       - metrics.roc_auc_score(second["label"], second["probability"]))  # fmt: skip
    tails = stats.norm.isf(intervals.tail_of(0.95, subjects // 3))
    assert (found.high - found.low) / (2 * tails) == pytest.approx(error, rel=0.05)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(difference) / error), abs=0.02)


def test_the_difference_of_two_accuracies_is_as_uncertain_as_scipys_paired_bootstrap():
    first, second = (table.query("label == 1") for table in two_models(450))
    right = [scoring.called(table["probability"]).astype(float) for table in (first, second)]
    expected = stats.bootstrap(
        right, lambda a, b, axis: a.mean(axis) - b.mean(axis), paired=True, n_resamples=6000, method="percentile",
        random_state=4,
    )  # fmt: skip
    found = intervals.compare(first, second, draws=6000)["accuracy"]
    tails = stats.norm.isf(intervals.tail_of(0.95, len(first)))
    assert found.value == pytest.approx(right[0].mean() - right[1].mean())
    assert (found.high - found.low) / (2 * tails) == pytest.approx(expected.standard_error, rel=0.05)


def test_paired_by_subject_a_small_steady_difference_shows_that_two_intervals_hide():
    first = made_up(subjects=90)
    second = first.assign(probability=first["probability"] - 0.02 * (2 * first["label"] - 1))
    own, other = intervals.intervals(first)["brier"], intervals.intervals(second)["brier"]
    assert own[1] > other[0]
    found = intervals.compare(first, second)["brier"]
    assert found.high < 0
    assert found.p < 0.01


def test_two_models_of_the_same_scores_do_not_differ():
    table = made_up()
    for difference in intervals.compare(table, table).values():
        assert difference == (0.0, 0.0, 0.0, 1.0)


def test_the_other_way_round_the_difference_changes_its_sign_and_nothing_else():
    first, second = two_models(60)
    there, back = intervals.compare(first, second)["roc_auc"], intervals.compare(second, first)["roc_auc"]
    assert back == pytest.approx((-there.value, -there.high, -there.low, there.p))


def test_p_is_under_5_percent_where_the_interval_leaves_0_out():
    for effect in np.linspace(0, 0.1, 12):
        first, second = two_models(60)
        worse = second.assign(probability=np.clip(second["probability"] - effect * second["label"], 0, 1))
        for found in intervals.compare(first, worse, draws=1000).values():
            if found.p < 0.049 or found.p > 0.051:
                assert (found.p < 0.05) == (not found.low <= 0 <= found.high)


def test_tables_of_other_recordings_or_labels_are_not_compared_and_their_order_does_not_matter():
    table = made_up()
    with pytest.raises(ValueError, match="recording_id"):
        intervals.compare(table, table.iloc[1:])
    with pytest.raises(ValueError, match="same labels"):
        intervals.compare(table, table.assign(label=1 - table["label"]))
    with pytest.raises(ValueError, match="subject_id"):
        intervals.compare(scoring.per_subject(table), scoring.per_subject(table).iloc[1:])
    other = table.assign(probability=0.6)
    shuffled = other.sample(frac=1, random_state=0)
    in_order = intervals.compare(table, other)
    for score, found in intervals.compare(table, shuffled).items():
        assert found == pytest.approx(in_order[score])

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from bulbar.appraisal import groups
from bulbar.scoring import metrics

AGES = (50.0, 60.0, 70.0)


def cohort(n: int = 120, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Subjects and their recordings of two tasks, half patients, in five folds."""
    generator = np.random.default_rng(seed)
    number = np.arange(n)
    subjects = pd.DataFrame({"subject_id": [f"P{k:03d}" for k in number], "label": np.where(number % 2, "ALS", "HC")})
    subjects["sex"] = np.where(number % 4 < 2, "M", "F")
    subjects["age_years"] = generator.integers(40, 80, n)
    subjects["alsfrs_r_speech"] = np.where(number % 2, number % 5, np.nan)
    recordings = subjects[["subject_id"]].merge(pd.DataFrame({"task": ["A", "PA"]}), how="cross")
    recordings.insert(0, "recording_id", recordings["subject_id"] + "_" + recordings["task"])
    return subjects, recordings


def predictions(subjects: pd.DataFrame, recordings: pd.DataFrame, effect: pd.Series, seed: int = 1) -> pd.DataFrame:
    """Log odds moved by `effect` (a number per subject, by subject_id) towards a recording's class."""
    generator = np.random.default_rng(seed)
    table = recordings[["recording_id", "subject_id"]].copy()
    of = table["subject_id"].map(subjects.set_index("subject_id")["label"])
    table["fold"] = table["subject_id"].str[1:].astype(int) // 2 % 5 + 1
    table["label"] = (of == "ALS").astype(int)
    odds = table["subject_id"].map(effect) * (2 * table["label"] - 1) + generator.normal(0, 1, len(table))
    table["probability"] = 1 / (1 + np.exp(-odds))
    return table


def found_by(
    name: str, table: pd.DataFrame, subjects: pd.DataFrame, recordings: pd.DataFrame, **how
) -> dict[str, groups.Group]:
    divided = [one for one in groups.groupings(AGES) if one.name == name]
    return {group.group: group for group in groups.by_group(table, subjects, recordings, divided, draws=200, **how)}


@pytest.mark.parametrize("of_women", [0.0, 1.0])
def test_a_model_that_works_for_one_sex_or_for_both_is_reported_so(of_women):
    subjects, recordings = cohort()
    effect = pd.Series(np.where(subjects["sex"] == "M", 3.0 - 2 * of_women, of_women), index=subjects["subject_id"])
    by_sex = found_by("sex", predictions(subjects, recordings, effect), subjects, recordings)
    men, women = (by_sex[sex].scores["roc_auc"] for sex in "MF")
    assert men.low > 0.5
    assert (women.low < 0.5 < women.high) == (of_women == 0)
    assert (max(men.low, women.low) < min(men.high, women.high)) == (of_women == 1)


def test_a_groups_scores_are_those_of_its_subjects_alone():
    subjects, recordings = cohort()
    table = predictions(subjects, recordings, pd.Series(1.0, index=subjects["subject_id"]))
    group = found_by("sex", table, subjects, recordings)["F"]
    women = subjects.loc[subjects["sex"] == "F", "subject_id"]
    people = metrics.per_subject(table[table["subject_id"].isin(women)])
    assert (group.patients, group.controls) == (30, 30)
    assert group.scores["roc_auc"].value == pytest.approx(metrics.scores(people)["roc_auc"])
    for score in ("accuracy", "sensitivity", "specificity"):
        assert group.scores[score].value == pytest.approx(metrics.scores(people)[score])


def test_a_task_is_scored_on_its_recordings():
    subjects, recordings = cohort()
    table = predictions(subjects, recordings, pd.Series(2.0, index=subjects["subject_id"]))
    spoilt = table["recording_id"].str.endswith("PA")
    table.loc[spoilt, "probability"] = 1 - table.loc[spoilt, "probability"]
    by_task = found_by("task", table, subjects, recordings)
    assert by_task["A"].scores["roc_auc"].low > 0.8
    assert by_task["PA"].scores["roc_auc"].high < 0.2


def test_patients_of_one_severity_are_compared_with_all_controls():
    subjects, recordings = cohort()
    table = predictions(subjects, recordings, pd.Series(1.0, index=subjects["subject_id"]))
    by_speech = found_by("ALSFRS-R speech", table, subjects, recordings, auc="roc_auc_pooled")
    assert list(by_speech) == ["0 or 1", "2", "3", "4 (normal)"]
    people = metrics.per_subject(table).merge(subjects[["subject_id", "alsfrs_r_speech"]])
    here = people[(people["label"] == 0) | (people["alsfrs_r_speech"] == 4)]
    normal = by_speech["4 (normal)"]
    assert (normal.patients, normal.controls, normal.of) == (12, 60, "patients")
    assert normal.scores["roc_auc"].value == pytest.approx(roc_auc_score(here["label"], here["probability"]))
    found = (here.loc[here["label"] == 1, "probability"] >= 0.5).mean()
    assert normal.scores["sensitivity"].value == pytest.approx(found)
    assert np.isnan([*normal.scores["accuracy"], *normal.scores["specificity"]]).all()


def test_a_band_that_controls_alone_fill_is_no_group_of_patients():
    subjects, recordings = cohort()
    subjects["onset_region"] = np.where(subjects["label"] == "HC", "none", "spinal")
    table = predictions(subjects, recordings, pd.Series(1.0, index=subjects["subject_id"]))
    assert list(found_by("onset", table, subjects, recordings)) == ["spinal"]


def test_ages_fall_into_the_bands_that_begin_at_the_given_years():
    by_age = next(one for one in groups.groupings(AGES) if one.name == "age")
    banded = by_age.bands(pd.Series([49.9, 50, 59, 60, 70, np.nan]))
    assert banded.astype(object).tolist()[:5] == ["under 50", "50–59", "50–59", "60–69", "70 and over"]
    assert banded.isna().tolist()[-1]


def test_groups_of_fewer_than_five_have_no_score_and_no_count():
    subjects, recordings = cohort()
    patient, number = (subjects["label"] == "ALS").to_numpy(), np.arange(len(subjects))
    subjects["onset_region"] = np.where(patient, np.where(number < 8, "bulbar", "spinal"), None)
    table = predictions(subjects, recordings, pd.Series(1.0, index=subjects["subject_id"]))
    by_onset = found_by("onset", table, subjects, recordings)
    assert by_onset["bulbar"].patients == "<5"
    assert by_onset["spinal"].patients == "all but <5"  # the total would give the other four away
    assert np.isnan([list(score) for score in by_onset["bulbar"].scores.values()]).all()
    assert np.isfinite(by_onset["spinal"].scores["roc_auc"].value)


def test_a_column_that_a_release_lacks_is_passed_over():
    subjects, recordings = cohort()
    table = predictions(subjects, recordings, pd.Series(1.0, index=subjects["subject_id"]))
    found = groups.by_group(table, subjects, recordings, groups.groupings(AGES), draws=100)
    assert {group.grouping for group in found} == {"sex", "age", "task", "ALSFRS-R speech"}


def test_the_share_of_patients_with_normal_speech_who_are_found():
    subjects, recordings = cohort()
    normal = subjects["alsfrs_r_speech"] == 4
    effect = pd.Series(np.where(normal, -9.0, 9.0), index=subjects["subject_id"])  # finds all but those
    people = metrics.per_subject(predictions(subjects, recordings, effect))
    found = groups.normal_speech_found(people, subjects, {"half": 0.5, "none": dict.fromkeys(range(1, 6), 0.0)})
    assert (found["column"], found["patients"]) == ("alsfrs_r_speech", 12)
    nobody = binomtest(0, 12).proportion_ci(0.95, method="exact")
    assert found["found"]["half"] == pytest.approx((0, nobody.low, nobody.high))
    assert found["found"]["none"].value == 1


def test_another_release_rates_speech_in_another_column_or_not_at_all():
    subjects, recordings = cohort()
    people = metrics.per_subject(predictions(subjects, recordings, pd.Series(1.0, index=subjects["subject_id"])))
    normal = np.where(subjects["alsfrs_r_speech"] == 4, "no", "yes")
    signs = subjects.drop(columns="alsfrs_r_speech").assign(bulbar_signs=normal)
    found = groups.normal_speech_found(people, signs, {"half": 0.5})
    assert (found["column"], found["patients"]) == ("bulbar_signs", 12)
    assert groups.normal_speech_found(people, signs.drop(columns="bulbar_signs"), {"half": 0.5}) is None


@pytest.mark.parametrize(("n", "normal", "count"), [(30, 2, "<5"), (120, 57, "all but <5")])
def test_of_few_or_all_but_few_patients_with_normal_speech_no_share_reveals_how_many(n, normal, count):
    subjects, recordings = cohort(n)
    patients = subjects["subject_id"][subjects["label"] == "ALS"]
    rated = np.where(subjects["subject_id"].isin(patients[:normal]), 4.0, 2.0)
    subjects["alsfrs_r_speech"] = np.where(subjects["label"] == "ALS", rated, np.nan)
    people = metrics.per_subject(predictions(subjects, recordings, pd.Series(1.0, index=subjects["subject_id"])))
    found = groups.normal_speech_found(people, subjects, {"half": 0.5})
    assert found["patients"] == count
    assert np.isnan(found["found"]["half"]).all()


def test_no_exact_interval_reveals_a_count_that_is_withheld():
    subjects, recordings = cohort()
    subjects["age_years"] = np.select([subjects.index < 6, subjects.index < 30], [80, 55], 65)
    table = predictions(subjects, recordings, pd.Series(0.2, index=subjects["subject_id"]))
    by_age = found_by("age", table, subjects, recordings)
    assert {name: group.controls for name, group in by_age.items()} == {
        "50–59": "5 or more", "60–69": 45, "70 and over": "<5"}  # fmt: skip
    assert np.isnan([by_age["50–59"].scores[score].low for score in ("accuracy", "sensitivity", "specificity")]).all()
    auc = by_age["50–59"].scores["roc_auc"]
    assert np.isfinite(auc.low) and auc == tuple(np.round(auc, 2))  # four digits would reveal the number of pairs
    assert by_age["60–69"].scores["roc_auc"] != tuple(np.round(by_age["60–69"].scores["roc_auc"], 2))
    assert all(np.isfinite(score.low) for score in by_age["60–69"].scores.values())
    perfect = table.assign(probability=table["label"] * 0.8 + 0.1)
    assert np.isnan(found_by("age", perfect, subjects, recordings)["50–59"].scores["roc_auc"].low)

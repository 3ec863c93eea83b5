import numpy as np
import pandas as pd
import pytest

from bulbar.audit import missingness
from bulbar.phantom import voc_als
from tests.sweeps import subjects_and_recordings, with_folds

KINDS = {
    "all": {"age_years": "numeric", "onset_region": "categorical", "therapy": "categorical"},
    "common": ["age_years"],
}


@pytest.fixture
def subjects() -> pd.DataFrame:
    """Thirty patients and fifteen controls with every cell filled in, and a fold for each."""
    table = with_folds(subjects_and_recordings(45, ("A",)), "subject_wise")[["subject_id", "label", "fold"]]
    generator = np.random.default_rng(0)
    ages, onsets = generator.normal(60, 10, 45), generator.choice(["bulbar", "spinal"], 45)
    return table.assign(age_years=ages, onset_region=onsets, therapy="None")


def probed(subjects: pd.DataFrame):
    folds = subjects.set_index("subject_id")["fold"].dropna().to_dict()
    return missingness.probe(subjects.drop(columns="fold"), KINDS, folds, shuffles=199, seed=1)


def test_columns_that_only_patients_have_leak_the_label_without_a_value(subjects):
    for name in ("onset_region", "therapy"):
        subjects[name] = subjects[name].where(subjects["label"] == 1)
    everything, in_common = probed(subjects)
    assert (everything.of, everything.value, everything.high, everything.verdict) == ("clinical all", 1.0, 1.0, "leak")
    assert everything.p == 1 / 200
    assert "2 of 3 columns do so alone (onset_region, therapy)" in everything.sentence
    aucs = {name: each["roc_auc"] for name, each in everything.details["by_column"].items()}
    assert aucs == {"onset_region": 1.0, "therapy": 1.0}
    assert (in_common.of, in_common.value, in_common.p, in_common.verdict) == ("clinical common", 0.5, 1.0, "clear")


def test_with_no_cell_missing_there_is_nothing_to_learn(subjects):
    for finding in probed(subjects):
        assert (finding.value, finding.low, finding.high, finding.p) == (0.5, 0.5, 0.5, 1.0)
        assert finding.verdict == "clear"
        assert finding.sentence.startswith("No cell of the")


def test_cells_that_are_missing_by_chance_are_clear(subjects):
    holes = np.random.default_rng(5).random(45) < 0.4
    subjects["therapy"] = subjects["therapy"].where(~holes)
    everything, _ = probed(subjects)
    assert everything.verdict == "clear"
    assert everything.low < 0.5 < everything.high
    assert list(everything.details["by_column"]) == ["therapy"]


def test_a_column_that_fewer_than_five_lack_is_not_shown_by_itself(subjects):
    subjects.loc[subjects.index[:4], "therapy"] = np.nan
    everything, _ = probed(subjects)
    assert everything.details["by_column"] == {}
    assert everything.details["columns_with_empty_cells"] == 1


def test_a_column_that_one_patient_lacks_keeps_its_numbers_to_itself(subjects):
    subjects.loc[subjects["label"] == 0, "therapy"] = np.nan
    subjects.loc[subjects.index[subjects["label"] == 1][0], "therapy"] = np.nan
    everything, _ = probed(subjects)
    assert everything.details["by_column"] == {"therapy": {"verdict": "leak"}}


def test_a_subject_without_a_fold_is_left_out(subjects):
    stranger = subjects.iloc[[0]].assign(subject_id="S999", fold=np.nan, age_years=np.nan)
    everything, _ = probed(pd.concat([subjects, stranger]))
    assert everything.details["columns_with_empty_cells"] == 0


@pytest.mark.parametrize(("missing", "value", "verdict"), [("as_released", 1.0, "leak"), ("none", 0.5, "clear")])
def test_a_cohort_shaped_like_the_release_leaks_unless_its_controls_have_cells_too(missing, value, verdict):
    size = {"subjects": 45, "tasks": ("A",), "effect": 1.0, "median_duration_s": 2.0, "max_epochs": 1}
    people = voc_als.cohort(voc_als.Settings(missingness=missing, **size), seed=1)
    clinical = pd.DataFrame(
        {"subject_id": each.subject_id, "label": int(each.label == "ALS"), "age": each.age_years, **each.cells}
        for each in people
    )
    columns = list(clinical)[2:]
    folds = with_folds(clinical.assign(recording_id=clinical["subject_id"]), "subject_wise")
    fold_of = dict(zip(folds["subject_id"], folds["fold"], strict=True))
    everything, in_common = missingness.probe(clinical, {"all": columns, "common": ["age"]}, fold_of, shuffles=199)
    assert len(columns) > 20
    assert (everything.value, everything.verdict) == (value, verdict)
    assert (in_common.value, in_common.verdict) == (0.5, "clear")

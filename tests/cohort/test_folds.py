import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold

from bulbar.cohort import folds
from bulbar.cohort.folds import Settings
from bulbar.core.digests import seed_of
from bulbar.core.errors import BadInput
from bulbar.core.names import PROTOCOLS


def cohort(controls: int = 15, patients: int = 30, recordings: int = 3) -> pd.DataFrame:
    """Subjects in a mixed order, some with a recording fewer."""
    subjects = [(f"CT{n:02d}", 0) for n in range(controls)] + [(f"PZ{n:02d}", 1) for n in range(patients)]
    np.random.default_rng(1).shuffle(subjects)
    rows = [
        {"recording_id": f"{subject}_{task}", "subject_id": subject, "label": int(label)}
        for place, (subject, label) in enumerate(subjects)
        for task in range(recordings - (place % 7 == 0))
    ]
    return pd.DataFrame(rows)


@pytest.fixture(params=PROTOCOLS)
def protocol(request):
    return request.param


def test_every_recording_is_tested_once_and_trained_on_where_it_is_not_tested_or_watched(protocol):
    table = folds.assign(cohort(), protocol, Settings(), 7)
    assert folds.numbers(table) == [1, 2, 3, 4, 5]
    tested = np.concatenate([folds.parts(table, fold)[2] for fold in range(1, 6)])
    assert sorted(tested) == list(range(len(table)))
    for fold in range(1, 6):
        train, watched, test = map(set, folds.parts(table, fold))
        assert train | watched | test == set(range(len(table)))
        assert not train & test
        assert not train & watched


def test_a_subject_is_never_on_both_sides():
    table = folds.assign(cohort(), "subject_wise", Settings(), 7)
    for fold in range(1, 6):
        train, watched, test = (set(table["subject_id"].iloc[part]) for part in folds.parts(table, fold))
        assert not train & test
        assert not train & watched
        assert not watched & test
    assert len(table[["subject_id", "fold"]].drop_duplicates()) == table["subject_id"].nunique()


def test_split_by_recording_is_stratified_k_fold_and_watches_its_test_fold():
    recordings = cohort()
    table = folds.assign(recordings, "record_wise", Settings(n_splits=4), 7)
    splitter = StratifiedKFold(4, shuffle=True, random_state=seed_of(7, "folds/record_wise"))
    for fold, (train, test) in enumerate(splitter.split(recordings, recordings["label"]), start=1):
        ours = folds.parts(table, fold)
        assert np.array_equal(ours[0], train)
        assert np.array_equal(ours[1], test)
        assert np.array_equal(ours[2], test)
        assert np.array_equal(table[f"validation_{fold}"], table["fold"] == fold)


def test_each_fold_has_the_cohorts_share_of_patients(protocol):
    table = folds.assign(cohort(), protocol, Settings(), 7)
    shares = table.groupby("fold")["label"].mean()
    assert shares.to_numpy() == pytest.approx(np.full(5, table["label"].mean()), abs=0.05)
    assert table["fold"].value_counts().to_numpy() == pytest.approx(np.full(5, len(table) / 5), abs=4)


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_split_by_subject_a_stratified_share_of_the_training_subjects_is_watched(share):
    table = folds.assign(cohort(), "subject_wise", Settings(validation_share=share), 7)
    for fold in range(1, 6):
        train, watched, _ = folds.parts(table, fold)
        trained_on = table.iloc[train].drop_duplicates("subject_id")["label"]
        looked_at = table.iloc[watched].drop_duplicates("subject_id")["label"]
        assert len(trained_on) + len(looked_at) == 36
        assert len(looked_at) == pytest.approx(36 * share, abs=1)
        assert looked_at.sum() == pytest.approx(24 * share, abs=1)
        assert (looked_at == 0).sum() == pytest.approx(12 * share, abs=1)


def test_the_same_seed_gives_the_same_folds_and_another_seed_others(protocol):
    first = folds.assign(cohort(), protocol, Settings(), 7)
    pd.testing.assert_frame_equal(first, folds.assign(cohort(), protocol, Settings(), 7))
    other = folds.assign(cohort(), protocol, Settings(), 8)
    assert (first["fold"] != other["fold"]).any()


def test_the_columns_are_those_that_later_stages_read(protocol):
    table = folds.assign(cohort().assign(task="A"), protocol, Settings(n_splits=2), 7)
    assert list(table) == ["recording_id", "subject_id", "label", "fold", "validation_1", "validation_2"]
    assert set(table[["validation_1", "validation_2"]].to_numpy().ravel()) == {0, 1}


def test_too_few_subjects_of_a_class_are_named_with_their_number(protocol):
    with pytest.raises(BadInput) as error:
        folds.assign(cohort(controls=3, patients=4), protocol, Settings(), 7)
    assert [problem.found for problem in error.value.problems] == ["3 of class 0", "4 of class 1"]
    assert all("folds.n_splits" in problem.where for problem in error.value.problems)
    assert all("at least 5 subjects" in problem.expected for problem in error.value.problems)


@pytest.mark.parametrize(("controls", "patients", "splits"), [(2, 9, 2), (3, 3, 3), (4, 6, 2), (4, 22, 2)])
def test_too_few_subjects_to_watch_one_of_each_class_is_no_crash(controls, patients, splits):
    with pytest.raises(BadInput, match=r"folds\.validation_share") as error:
        folds.assign(cohort(controls, patients), "subject_wise", Settings(n_splits=splits), 7)
    assert "of class 0" in error.value.problems[0].found


@pytest.mark.parametrize(("controls", "patients"), [(5, 5), (5, 60), (8, 5), (31, 33)])
def test_every_part_has_both_classes(protocol, controls, patients):
    table = folds.assign(cohort(controls, patients), protocol, Settings(), 7)
    for fold in range(1, 6):
        assert all(table["label"].iloc[part].nunique() == 2 for part in folds.parts(table, fold))

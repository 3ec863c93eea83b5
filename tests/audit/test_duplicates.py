import numpy as np
import pandas as pd
import pytest

from bulbar.audit import duplicates
from bulbar.cohort import folds

RECORDINGS = pd.DataFrame(
    [
        {"recording_id": f"S{subject:02}_{task}", "subject_id": f"S{subject:02}", "label": subject % 2}
        for subject in range(20)
        for task in "AE"
    ]
)
FOLDS = {protocol: folds.assign(RECORDINGS, protocol, folds.Settings(), seed=1) for protocol in folds.PROTOCOLS}


def pairs(*named: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(named, columns=["first", "second", "kind"])


def fold_of(recording: str, protocol: str) -> int:
    return FOLDS[protocol].set_index("recording_id").loc[recording, "fold"]


def a_pair_of_one_subject(*, in_one_fold: bool) -> tuple[str, str]:
    """Two recordings of one subject that the record-wise split keeps together, or not."""
    for subject in range(20):
        first, second = f"S{subject:02}_A", f"S{subject:02}_E"
        if (fold_of(first, "record_wise") == fold_of(second, "record_wise")) == in_one_fold:
            return first, second
    raise AssertionError("no such pair")


def test_a_cohort_without_duplicates_is_clear():
    (finding,) = duplicates.probe(pairs(), RECORDINGS, FOLDS)
    assert (finding.verdict, finding.value) == ("clear", 0)
    assert np.isnan([finding.low, finding.high, finding.p]).all()
    assert "780 pairs" in finding.sentence  # 40 recordings: 40 * 39 / 2


def test_one_voice_under_two_subjects_of_both_groups_is_a_leak():
    (finding,) = duplicates.probe(pairs(("S00_A", "S01_A", "exact")), RECORDINGS, FOLDS)
    assert finding.verdict == "leak"
    assert (finding.details["exact"], finding.details["near"]) == (1, 0)
    assert (finding.details["across_subjects"], finding.details["across_labels"]) == (1, 1)
    assert "1 exactly, 0 nearly; 1 across subjects, 1 across labels" in finding.sentence


def test_two_subjects_of_one_group_are_a_leak_across_no_label():
    (finding,) = duplicates.probe(pairs(("S00_A", "S02_E", "near")), RECORDINGS, FOLDS)
    assert finding.verdict == "leak"
    assert (finding.details["across_subjects"], finding.details["across_labels"]) == (1, 0)


def test_a_pair_of_one_subject_leaks_where_the_split_parts_it_and_only_there():
    (finding,) = duplicates.probe(pairs((*a_pair_of_one_subject(in_one_fold=False), "near")), RECORDINGS, FOLDS)
    assert finding.verdict == "leak"
    assert finding.details["across_training_and_test"] == {"record_wise": 1, "subject_wise": 0}
    assert "training and test at once under record_wise" in finding.sentence


def test_a_pair_of_one_subject_on_one_side_is_suspect():
    (finding,) = duplicates.probe(pairs((*a_pair_of_one_subject(in_one_fold=True), "exact")), RECORDINGS, FOLDS)
    assert finding.verdict == "suspect"
    assert finding.details["across_training_and_test"] == {"record_wise": 0, "subject_wise": 0}


@pytest.mark.parametrize("kept", ["S00_A", None])
def test_a_recording_that_did_not_come_through_is_on_no_side(kept):
    left = {name: table[table["recording_id"] == kept] for name, table in FOLDS.items()}
    (finding,) = duplicates.probe(pairs(("S00_A", "S00_E", "near")), RECORDINGS, left)
    assert finding.verdict == "suspect"


def test_no_recording_is_named_outside_data():
    (finding,) = duplicates.probe(pairs(("S00_A", "S01_A", "exact")), RECORDINGS, FOLDS)
    assert "S00" not in repr(finding)
    assert "data/conditions/duplicates.csv" in finding.sentence

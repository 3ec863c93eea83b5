import numpy as np
import pandas as pd
import pytest

from bulbar.audit import duplicates
from bulbar.audit.finding import Finding
from bulbar.cohort import folds
from bulbar.core.names import PROTOCOLS

RECORDINGS = pd.DataFrame(
    [
        {"recording_id": f"S{subject:02}_{task}", "subject_id": f"S{subject:02}", "task": task, "label": subject % 2}
        for subject in range(20)
        for task in "AE"
    ]
)
FOLDS = {protocol: folds.assign(RECORDINGS, protocol, folds.Settings(), seed=1) for protocol in PROTOCOLS}


KINDS = ("exact", "near")
ACROSS = ("across_subjects", "across_labels", "across_tasks")


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


def of_pair(*pair: str) -> Finding:
    """The finding on one pair, whose details are `<5` where it is counted and 0 where it is not."""
    (finding,) = duplicates.probe(pairs(pair), RECORDINGS, FOLDS)
    return finding


def counted(finding: Finding) -> set[str]:
    """What the one pair of a finding is counted as."""
    details = {**finding.details, **finding.details["across_training_and_test"]}
    assert {details[name] for name in (*KINDS, *ACROSS, *PROTOCOLS)} <= {"<5", 0}
    return {name for name in (*KINDS, *ACROSS, *PROTOCOLS) if details[name]}


@pytest.mark.parametrize(
    ("second", "kind", "as_what"),
    [("S01_A", "exact", {"across_subjects", "across_labels"}), ("S02_E", "near", {"across_subjects", "across_tasks"})],
)
def test_one_voice_under_two_subjects_is_a_leak(second, kind, as_what):
    finding = of_pair("S00_A", second, kind)
    assert finding.verdict == "leak"
    assert counted(finding) - set(PROTOCOLS) == {kind, *as_what}


def test_what_the_names_contradict_is_in_the_sentence_and_no_recording_is():
    finding = of_pair("S00_A", "S01_A", "exact")
    assert "(<5 exactly). Of these sets <5 under two subjects; <5 under both labels, one of which" in finding.sentence
    assert np.isnan(finding.value) and "<5 sets among 40 recordings" in finding.sentence
    assert "S00" not in repr(finding) and "data/conditions/duplicates.csv" in finding.sentence


def test_a_pair_of_one_subject_leaks_where_the_split_parts_it_and_only_there():
    finding = of_pair(*a_pair_of_one_subject(in_one_fold=False), "near")
    assert finding.verdict == "leak"
    assert counted(finding) == {"near", "across_tasks", "record_wise"}
    assert finding.sentence.count("both sides of the split") == 1
    assert "<5 on both sides of the split record_wise" in finding.sentence


def test_a_pair_of_one_subject_on_one_side_is_suspect():
    finding = of_pair(*a_pair_of_one_subject(in_one_fold=True), "exact")
    assert finding.verdict == "suspect"
    assert counted(finding) == {"exact", "across_tasks"}


def test_sets_are_counted_and_not_their_pairs():
    """Nine sets: eight of a control and a patient, one of these with a second patient, and one nearly a set of two."""
    of_control = [(f"S{at:02}_A", f"S{at + 1:02}_A", "exact") for at in range(0, 16, 2)]
    third = [("S00_A", "S17_A", "exact"), ("S01_A", "S17_A", "exact")]
    near = [("S18_A", "S18_E", "near")]
    (finding,) = duplicates.probe(pairs(*of_control, *third, *near), RECORDINGS, FOLDS)
    assert (finding.value, finding.details["sets"]) == (9, 9)
    assert (finding.details["exact"], finding.details["near"]) == ("all but <5", "<5")
    assert finding.details["across_labels"] == "all but <5"
    assert "9 sets among 40 recordings (all but <5 exactly, <5 nearly)" in finding.sentence


def test_a_set_in_which_one_copy_is_altered_is_nearly_the_same_and_stays_one_set():
    linked = [(f"S{at:02}_A", f"S{at:02}_E", "exact") for at in range(10)]
    altered = [(f"S{at:02}_E", f"S{at + 10:02}_A", "near") for at in range(10)]
    (finding,) = duplicates.probe(pairs(*linked, *altered), RECORDINGS, FOLDS)
    assert (finding.value, finding.details["exact"], finding.details["near"]) == (10, 0, 10)


@pytest.mark.parametrize("kept", ["S00_A", None])
def test_a_recording_that_did_not_come_through_is_on_no_side(kept):
    left = {name: table[table["recording_id"] == kept] for name, table in FOLDS.items()}
    (finding,) = duplicates.probe(pairs(("S00_A", "S00_E", "near")), RECORDINGS, left)
    assert finding.verdict == "suspect"

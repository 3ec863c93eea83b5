"""Random labels within one class: a split by recording learns the speakers, a split by subject nothing."""

import warnings

import numpy as np
import pandas as pd
import pytest

from bulbar.audit import label_shuffle, page
from bulbar.audit.finding import Finding
from bulbar.core.names import PROTOCOLS
from tests.sweeps import subjects_and_recordings, with_folds

TASKS = ("A", "E", "I", "KA", "PA", "TA")


def voices(table: pd.DataFrame, *, spread: float, effect: float = 0.0) -> pd.DataFrame:
    """Features equal within a subject, `spread` times noise, the classes `effect` apart."""
    generator = np.random.default_rng(2)
    subject_of, subjects = pd.factorize(table["subject_id"])
    own = generator.normal(size=(len(subjects), 6))[subject_of]
    values = own + spread * generator.normal(size=own.shape) + effect * table[["label"]].to_numpy()
    return pd.DataFrame(values, index=pd.Index(table["recording_id"]))


def probed(subjects: int = 45, *, splits: int = 5, patients: int = 1, **strength: float) -> dict[str, Finding]:
    table = subjects_and_recordings(subjects, TASKS)
    folds = {protocol: with_folds(table, protocol, splits) for protocol in PROTOCOLS}
    task_of = {name: name.split("_")[1] for name in table["recording_id"]}
    found = label_shuffle.within_classes(
        voices(table, **strength), folds, patients=patients, within=task_of, shuffles=199, seed=1
    )
    return {finding.of: finding for finding in found}


@pytest.fixture(scope="module")
def lasting() -> dict[str, Finding]:
    """Voices that last from one recording of a person to the next, and no difference between the classes."""
    return probed(spread=0.2)


@pytest.mark.parametrize("words", ["patients", "controls"])
def test_split_by_recording_speaker_identity_alone_scores_above_a_half(lasting, words):
    finding = lasting[f"record_wise, {words}"]
    assert finding.low > 0.5
    assert finding.verdict == "leak"
    assert finding.p == 1 / 200
    assert f"On random labels among {words} speaker identity alone scores {finding.value:.2f}" in finding.sentence
    assert finding.details["people"] == {"patients": 30, "controls": 15}[words]


@pytest.mark.parametrize("words", ["patients", "controls"])
def test_split_by_subject_nothing_is_learned(lasting, words):
    finding = lasting[f"subject_wise, {words}"]
    assert finding.value == pytest.approx(0.5, abs=0.03)
    assert finding.low < 0.5 < finding.high
    assert finding.verdict == "clear"


def test_where_voices_do_not_last_every_split_is_clear():
    for finding in probed(spread=100.0).values():
        assert finding.verdict == "clear"
        assert finding.value == pytest.approx(0.5, abs=0.03)


def test_what_the_disease_does_to_every_patient_cannot_be_learned_within_a_class(lasting):
    """A difference between the classes shifts all of one class alike: standardised, the class is the same."""
    for of, finding in probed(spread=0.2, effect=5.0).items():
        assert finding.value == pytest.approx(lasting[of].value, abs=1e-6)


def test_whichever_class_is_positive_the_patients_are_called_so(lasting):
    swapped = probed(spread=0.2, patients=0)
    assert swapped["record_wise, controls"].details["people"] == 30
    assert lasting["record_wise, controls"].details["people"] == 15


@pytest.mark.parametrize(
    ("subjects", "splits", "testable"),
    [
        (45, 5, {"patients", "controls"}),
        (27, 3, {"patients"}),
        (30, 3, {"patients", "controls"}),
        (30, 6, {"patients"}),
    ],
)
def test_a_class_with_fewer_than_ten_people_or_two_for_each_fold_is_not_testable(subjects, splits, testable):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = probed(subjects, splits=splits, spread=0.2)
    assert len(found) == 4
    for of, finding in found.items():
        assert (finding.verdict != "not testable") == (of.split(", ")[1] in testable)
        if finding.verdict == "not testable":
            assert np.isnan(finding.value)
            assert finding.sentence.startswith("Not testable: random labels among controls need ")
    assert page.by_gravity(list(found.values()))[-1].verdict in ("clear", "not testable")
    assert "- **not testable**: too few people" in page.markdown(list(found.values()), [])


def test_half_of_the_people_have_each_label_and_every_draw_is_another():
    drawn = label_shuffle.draw_labels(20, shuffles=50, seed=3)
    assert drawn.shape == (20, 50)
    assert (drawn.sum(axis=0) == 10).all()
    assert len({tuple(column) for column in drawn.T}) == 50


def test_who_is_recognised_without_fail_scores_one_and_who_not_at_all_a_half():
    """Split into halves that hold every person once, a classifier that sees who it is learns each label."""
    table = subjects_and_recordings(30, ("A", "E")).query("label == 1").reset_index(drop=True)
    table = table.assign(fold=1 + table["recording_id"].str.endswith("_E"))
    own = pd.get_dummies(table["subject_id"], dtype=float).set_index(table["recording_id"])
    aucs = label_shuffle.score_draws(own, table, within=None, shuffles=20, seed=3)
    np.testing.assert_array_equal(aucs, 1.0)
    nobody = own * 0
    np.testing.assert_array_equal(label_shuffle.score_draws(nobody, table, within=None, shuffles=20, seed=3), 0.5)

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import zscore

from bulbar.audit import speakers
from bulbar.core.names import PROTOCOLS
from tests.sweeps import subjects_and_recordings, with_folds

TASKS = ("A", "E", "PA")


def recordings() -> pd.DataFrame:
    table = subjects_and_recordings(30, TASKS)
    return table.assign(task=table["recording_id"].str.split("_").str[1])


def voices(table: pd.DataFrame, *, spread: float) -> pd.DataFrame:
    """Five features: the subject's own, the task's on top, and `spread` times noise."""
    generator = np.random.default_rng(3)
    own = generator.normal(size=(30, 5))[pd.factorize(table["subject_id"])[0]]
    of_task = 20 * generator.normal(size=(len(TASKS), 5))[pd.factorize(table["task"])[0]]
    values = own + of_task + spread * generator.normal(size=own.shape)
    return pd.DataFrame(values, index=pd.Index(table["recording_id"]))


@cache
def probed(spread: float) -> dict[str, speakers.Finding]:
    table = recordings()
    folds = {protocol: with_folds(table, protocol) for protocol in PROTOCOLS}
    task_of = dict(zip(table["recording_id"], table["task"], strict=True))
    found = speakers.probe(voices(table, spread=spread), folds, within=task_of, shuffles=199, seed=1)
    return {finding.of: finding for finding in found}


def test_people_on_both_sides_who_are_recognised_by_their_voices_are_a_leak():
    record_wise = probed(spread=0.1)["record_wise"]
    table = with_folds(recordings(), "record_wise")
    several = table.groupby("subject_id")["fold"].transform("nunique") > 1
    assert record_wise.value == pytest.approx(several.mean())
    assert record_wise.low <= record_wise.value <= record_wise.high
    assert record_wise.verdict == "leak"
    assert record_wise.details["share_in_validation"] == 1.0
    assert record_wise.details["nearest_neighbour"]["accuracy"] > 0.9
    assert record_wise.p == 1 / 200


def test_people_on_both_sides_who_are_not_recognised_are_suspect():
    assert probed(spread=1e4)["record_wise"].verdict == "suspect"


def test_split_by_subject_nobody_is_on_both_sides():
    subject_wise = probed(spread=0.1)["subject_wise"]
    assert (subject_wise.value, subject_wise.low, subject_wise.high) == (0, 0, 0)
    assert subject_wise.verdict == "clear"
    assert subject_wise.details["share_in_validation"] == 0.0
    assert np.isnan(subject_wise.p)


def test_recognition_is_scipys_nearest_neighbour_by_hand():
    table = recordings()
    features = voices(table, spread=1.0).to_numpy()
    found = speakers.recognise(features, table["subject_id"], within=table["task"], shuffles=99)
    scaled = np.empty_like(features)
    for task in TASKS:
        here = (table["task"] == task).to_numpy()
        scaled[here] = zscore(features[here])
    distance = cdist(scaled, scaled)
    np.fill_diagonal(distance, np.inf)
    subject = table["subject_id"].to_numpy()
    assert found.accuracy == np.mean(subject[distance.argmin(axis=1)] == subject)
    assert found.low < found.accuracy < found.high


def test_chance_is_what_blind_neighbours_hit():
    counts = np.array([1, 2, 3, 5])
    subject = np.repeat(np.arange(4), counts)
    generator = np.random.default_rng(0)
    hits = []
    for _ in range(4000):
        other = (np.arange(11) + generator.integers(1, 11, 11)) % 11
        hits.append(np.mean((subject[other] == subject)[1:]))  # the first has no other recording to be found by
    assert speakers.chance_of_recognition(counts) == pytest.approx(np.mean(hits), abs=0.01)
    assert np.isnan(speakers.chance_of_recognition(np.ones(4, int)))


def test_shuffled_subjects_are_recognised_by_chance_and_p_is_not_small():
    table = recordings()
    found = [
        speakers.recognise(np.random.default_rng(seed).normal(size=(90, 4)), table["subject_id"], shuffles=39)
        for seed in range(30)
    ]
    assert found[0].chance == pytest.approx(2 / 89)
    assert np.mean([each.accuracy for each in found]) == pytest.approx(2 / 89, abs=0.006)
    assert np.mean([each.p <= 0.05 for each in found]) < 0.15


def test_where_everyone_has_one_recording_nobody_can_be_recognised():
    table = with_folds(subjects_and_recordings(30, ("A",)), "record_wise")
    features = pd.DataFrame(np.eye(30), index=pd.Index(table["recording_id"]))
    (finding,) = speakers.probe(features, {"record_wise": table}, shuffles=9)
    assert finding.verdict == "clear"
    assert np.isnan(finding.details["nearest_neighbour"]["accuracy"])

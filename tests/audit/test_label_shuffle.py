from functools import cache

import numpy as np
import pandas as pd
import pytest

from bulbar.audit import label_shuffle
from bulbar.audit.finding import Finding
from bulbar.core.names import PROTOCOLS
from tests.sweeps import subjects_and_recordings, with_folds

TASKS = ("A", "E", "I", "KA", "PA", "TA")


@cache
def probed(*, spread: float, effect: float = 0.0) -> dict[str, Finding]:
    """Voices equal within a subject, `spread` times noise, the classes `effect` apart."""
    table = subjects_and_recordings(45, TASKS)
    generator = np.random.default_rng(2)
    own = generator.normal(size=(45, 6))[pd.factorize(table["subject_id"])[0]]
    values = own + spread * generator.normal(size=own.shape) + effect * table[["label"]].to_numpy()
    features = pd.DataFrame(values, index=pd.Index(table["recording_id"]))
    folds = {protocol: with_folds(table, protocol) for protocol in PROTOCOLS}
    task_of = {name: name.split("_")[1] for name in table["recording_id"]}
    found = label_shuffle.findings(label_shuffle.learn(features, folds, within=task_of, shuffles=199, seed=1))
    return {finding.of: finding for finding in found}


def test_split_by_recording_a_classifier_that_knows_the_speakers_scores_without_anything_to_learn():
    record_wise = probed(spread=0.2)["record_wise"]
    assert record_wise.low > 0.6
    assert record_wise.p == 1 / 200
    assert record_wise.verdict == "leak"
    assert record_wise.details["share_over_half"] == 1.0


def test_split_by_subject_it_scores_half_and_is_clear():
    subject_wise = probed(spread=0.2)["subject_wise"]
    assert subject_wise.value == pytest.approx(0.5, abs=0.03)
    assert subject_wise.low < 0.5 < subject_wise.high
    assert subject_wise.verdict == "clear"


def test_where_voices_do_not_last_from_one_recording_to_the_next_both_splits_are_clear():
    for finding in probed(spread=100.0).values():
        assert finding.verdict == "clear"
        assert finding.value == pytest.approx(0.5, abs=0.03)


def test_a_real_effect_lies_beyond_the_shuffles_and_no_effect_among_them():
    real = probed(spread=0.2, effect=3.0)["subject_wise"].details["true_labels"]
    assert real["p"] == 1 / 200
    assert real["low"] > 0.6
    none = probed(spread=0.2)["subject_wise"].details["true_labels"]
    assert none["p"] > 0.05
    assert none["low"] < 0.5 < none["high"]

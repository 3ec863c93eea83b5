import dataclasses

import numpy as np
import pandas as pd
import pytest

from bulbar.deployment.training_range import CONDITIONS, TrainingData, range_of
from bulbar.features.conditions import Conditions, background

KINDS = {"age_years": "numeric", "sex": "categorical"}
USUAL = Conditions(
    sample_rate_hz=8000, format="WAV/PCM_16", channels=1, bandwidth_hz=4000.0, clipped_share=0.0, dc_offset=0.0,
    noise_dbfs=-60.0, noise_centroid_hz=500.0, digital_silence_share=0.0, duration_s=12.0, level_dbfs=-20.0,
    pause_share=0.1,
)  # fmt: skip


@pytest.fixture
def training() -> TrainingData:
    draws = np.random.default_rng(0)
    measured = pd.DataFrame(
        {
            "task": ["A", "PA"] * 50,
            "bandwidth_hz": 4000.0,
            "level_dbfs": draws.uniform(-30, -15, 100),
            "noise_dbfs": draws.uniform(-70, -55, 100),
            "duration_s": draws.uniform(6, 20, 100),
            "pause_share": draws.uniform(0.02, 0.2, 100),
            "clipped_share": 0.0,
        }
    )
    subjects = pd.DataFrame({"age_years": draws.uniform(45, 80, 50), "sex": ["F", "M"] * 25})
    return TrainingData.of(measured, subjects, KINDS)


def test_a_range_holds_the_middle_and_reveals_no_extreme_value():
    values = np.concatenate([np.linspace(50, 70, 98), [20.0, 104.0]])
    low, high = range_of(values, 5)
    assert (low, high) == (45, 75)
    assert range_of(np.array([0.0, 1.0, 2.0]), 5)[0] == 0, "what is never below 0 is not shown to be"
    assert range_of(np.array([4000.0] * 3), 200) == (3800, 4200)


def test_a_recording_like_the_others_has_no_warning(training):
    assert training.of_recording("A", USUAL) == []
    assert training.of_person(["A", "PA"], {"age_years": 60.0, "sex": "F"}) == []


@pytest.mark.parametrize(
    ("name", "value", "warning"),
    [
        ("bandwidth_hz", 11025.0, "band limit: 11025 Hz; the training data range from 3800 to 4200"),
        ("level_dbfs", -55.0, "level of the voice: -55 dB"),
        ("noise_dbfs", -30.0, "background noise: -30 dB"),
        ("duration_s", 1.2, "length: 1.2 s; the training data range from"),
        ("pause_share", 0.93, "pauses: 0.93 of the length; the training data range from 0 to 0.25"),
        ("clipped_share", 0.0213, "clipped: 0.021 of the samples; the training data range from 0 to 0.001"),
    ],
)
def test_each_condition_outside_the_range_is_named(training, name, value, warning):
    warnings = training.of_recording("A", dataclasses.replace(USUAL, **{name: value}))
    assert len(warnings) == 1 and warnings[0].startswith(warning)


def test_no_printed_value_lies_within_the_range_that_it_is_outside_of(training):
    low, high = training.conditions["duration_s"]
    for beyond in (low - 0.04, high + 0.04):
        assert training.of_recording("A", dataclasses.replace(USUAL, duration_s=beyond)) == []
    warnings = training.of_recording("A", dataclasses.replace(USUAL, duration_s=high + 0.06))
    assert warnings == [f"length: {high + 0.1:.10g} s; the training data range from {low:.10g} to {high:.10g}"]


def test_where_everything_is_low_passed_a_wider_band_is_no_warning_and_a_narrower_one_is(training):
    measured = pd.DataFrame({"task": "A", **{name: 0.0 for name in CONDITIONS}}, index=range(20))
    measured["bandwidth_hz"] = [4000.0, 22050.0] * 10
    cut = TrainingData.of(measured, pd.DataFrame(), {}, low_pass_hz=3600.0)
    assert cut.conditions["bandwidth_hz"] == (3400, 3800)
    warnings = [
        " ".join(cut.of_recording("A", dataclasses.replace(USUAL, bandwidth_hz=hz)))
        for hz in (8000.0, 22050.0, float("nan"), 2000.0)
    ]
    assert ["band limit: 2000 Hz" in each for each in warnings] == [False, False, False, True]
    assert not any(" Hz" in each for each in warnings[:3])


def test_of_what_fewer_than_five_have_there_is_no_range():
    measured = pd.DataFrame({"task": "A", **{name: 0.0 for name in CONDITIONS}}, index=range(20))
    for known, numeric in ((4, set()), (5, {"cantagallo_questionnaire"})):
        measured["noise_dbfs"] = [-60.0] * known + [np.nan] * (20 - known)
        people = pd.DataFrame({"cantagallo_questionnaire": [7.0] * known + [np.nan] * (20 - known)})
        found = TrainingData.of(measured, people, {"cantagallo_questionnaire": "numeric"})
        assert set(found.numeric) == numeric and ("noise_dbfs" in found.conditions) == bool(numeric)


def test_what_could_not_be_measured_is_a_warning_only_where_it_nearly_always_could(training):
    unmeasured = dataclasses.replace(USUAL, noise_dbfs=float("nan"))
    seldom = training.model_copy(update={"measurable": ()})
    assert seldom.of_recording("A", unmeasured) == []
    assert training.of_recording("A", unmeasured)[0].startswith(
        "background noise: cannot be measured because nothing is much"
    )


def test_noise_as_loud_as_the_voice_is_a_warning_though_there_is_no_pause_to_measure_it_in(training):
    draws, time_s = np.random.default_rng(0), np.arange(8 * 8000) / 8000
    voice = 0.2 * np.sin(2 * np.pi * 150 * time_s) * (np.sin(time_s) > -0.5)
    warnings = {}
    for noise in (0.0005, 0.05):
        samples = (voice + noise * draws.normal(size=len(voice))).astype(np.float32)
        noise_dbfs, _ = background(samples, 8000)
        warnings[noise] = " ".join(training.of_recording("A", dataclasses.replace(USUAL, noise_dbfs=noise_dbfs)))
    assert warnings[0.0005] == "" and "background noise" in warnings[0.05]


def test_a_task_an_age_and_a_category_that_training_lacked_are_named(training):
    assert training.of_recording("I", USUAL) == ["task I: the models were trained only on A and PA"]
    assert training.of_person(["A", "PA"], {"age_years": 17.0})[0].startswith(
        "age: 17 years; the training data range from"
    )
    assert training.of_person(["A", "PA"], {"sex": "X"}) == ["sex: X; the training data contain F and M"]
    assert training.of_person(["A"], {})[0].startswith("tasks: no recording of PA")

import numpy as np
import pandas as pd
import pytest

from bulbar.audit import recording_conditions
from bulbar.audit.finding import Finding
from tests.sweeps import predictions, subjects_and_recordings, with_folds

RECORDINGS = with_folds(subjects_and_recordings(60, ("A", "PA")), "subject_wise")
PATIENT = RECORDINGS["label"].to_numpy() == 1


def released(*only: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Recordings and people whose conditions do not depend on the label. only: some of the conditions' columns."""
    generator = np.random.default_rng(1)
    n = len(RECORDINGS)
    conditions = pd.DataFrame(
        {
            "recording_id": RECORDINGS["recording_id"],
            "subject_id": RECORDINGS["subject_id"],
            "task": RECORDINGS["recording_id"].str.split("_").str[1],
            "sample_rate_hz": 8000,
            "format": "WAV/PCM_16",
            "channels": 1,
            "bandwidth_hz": 4000.0,
            "clipped_share": 0.0,
            "dc_offset": generator.normal(0, 1e-4, n),
            "noise_dbfs": generator.normal(-60, 4, n),
            "noise_centroid_hz": np.nan,
            "digital_silence_share": generator.random(n) / 50,
            "duration_s": generator.lognormal(2.5, 0.4, n),
            "level_dbfs": generator.normal(-20, 4, n),
            "pause_share": generator.random(n) / 5,
        }
    )
    names = RECORDINGS["subject_id"].unique()
    sex, age = generator.choice(["F", "M"], len(names)), generator.normal(62, 9, len(names))
    subjects = pd.DataFrame({"subject_id": names, "label": "not read", "sex": sex, "age_years": age})
    return conditions[["recording_id", "subject_id", "task", *only]] if only else conditions, subjects


def probed(conditions: pd.DataFrame, subjects: pd.DataFrame, *, shuffles: int = 49) -> dict[str, Finding]:
    audio_model = predictions(RECORDINGS, effect=0.5, seed=0)
    found = recording_conditions.probe(
        conditions, subjects, RECORDINGS, audio_model, shuffles=shuffles, draws=300, seed=4
    )
    return {finding.of: finding for finding in found}


@pytest.fixture(scope="module")
def clean() -> dict[str, Finding]:
    return probed(*released(), shuffles=199)


def test_conditions_that_know_nothing_of_the_label_are_clear(clean):
    names = [*recording_conditions.CONDITIONS, *recording_conditions.TOGETHER]
    assert list(clean) == names
    assert [finding.verdict for finding in clean.values()].count("clear") >= len(names) - 1  # one in twenty is p < 0.05
    assert not any(finding.verdict == "leak" for finding in clean.values())
    for name in ("sampling rate", "format", "bandwidth", "clipping"):
        assert (clean[name].value, clean[name].p, clean[name].verdict) == (0.5, 1.0, "clear")


def test_a_condition_without_any_value_is_left_out_of_the_columns(clean):
    assert clean["noise"].details["columns"] == ["noise_dbfs", "digital_silence_share"]
    assert "level" not in probed(*released("duration_s"), shuffles=9)


@pytest.fixture(scope="module")
def faulty() -> dict[str, Finding]:
    """Patients recorded with another device, in louder rooms, for a shorter time, and older."""
    conditions, subjects = released()
    conditions["format"] = np.where(PATIENT, "FLAC/PCM_16", "WAV/PCM_16")
    conditions["noise_dbfs"] += 12 * PATIENT
    conditions["duration_s"] *= np.where(PATIENT, 0.6, 1.0)
    ill = subjects["subject_id"].isin(RECORDINGS.loc[PATIENT, "subject_id"])
    subjects["age_years"] += 10 * ill
    return probed(conditions, subjects, shuffles=199)


def test_what_no_disease_does_is_a_leak(faulty):
    assert faulty["format"].value == 1.0
    assert faulty["format"].verdict == faulty["noise"].verdict == faulty["all possible leaks"].verdict == "leak"
    assert faulty["sampling rate"].verdict == "clear"
    assert "uses only format predicts the label" in faulty["format"].sentence


def test_what_a_disease_may_do_is_a_sign_and_age_is_a_confounder(faulty):
    assert faulty["duration"].verdict == "sign"
    assert faulty["age"].verdict == faulty["age and sex"].verdict == "confounder"


def test_beside_a_sign_or_a_confounder_is_the_audio_models_score_among_people_matched_on_it(faulty):
    for name in ("duration", "age"):
        matched = faulty[name].details["matched"]
        assert matched["pairs"] >= 5
        assert matched["low"] <= matched["roc_auc"] <= matched["high"]
        assert matched["largest_difference_after"] < matched["largest_difference_before"]
        assert f"Among {matched['pairs']} pairs matched on {name} the audio model's AUC is" in faulty[name].sentence
    assert "matched" not in faulty["format"].details
    assert "matched" not in faulty["level"].details


def test_where_hardly_anyone_can_be_matched_the_sentence_reports_it():
    conditions, subjects = released("duration_s")
    conditions["duration_s"] = np.where(PATIENT, 3.0, 20.0) + np.random.default_rng(0).random(len(conditions))
    duration = probed(conditions, subjects, shuffles=199)["duration"]
    assert duration.verdict == "sign"
    assert duration.details["matched"]["pairs"] == "none"
    assert "Too few" in duration.sentence


def test_where_few_of_a_class_are_of_one_sex_no_figure_reveals_how_many():
    conditions, subjects = released("level_dbfs")
    subjects["age_years"] += 10 * subjects["subject_id"].isin(RECORDINGS.loc[PATIENT, "subject_id"])
    controls = subjects["subject_id"].isin(RECORDINGS.loc[~PATIENT, "subject_id"])
    subjects.loc[controls, "sex"] = ["F", "F", *["M"] * (controls.sum() - 2)]
    found = probed(conditions, subjects, shuffles=199)
    assert "sex" not in found  # AUC and standardised difference are those of the shares of women
    for name, shown in (("age", True), ("age and sex", False)):
        matched = found[name].details["matched"]
        assert matched["pairs"] >= 5
        differences = [matched[f"largest_difference_{when}"] for when in ("before", "after")]
        assert np.isfinite(differences).tolist() == [shown, shown]


def test_a_subjects_value_is_the_mean_of_its_recordings_and_the_mode_of_a_category():
    table = pd.DataFrame(
        {"subject_id": ["a", "a", "a", "b"], "x": [1.0, np.nan, 3.0, 5.0], "format": ["W", "F", "F", "W"]}
    )
    found = recording_conditions.per_subject(table, ["x", "format"])
    assert found.loc["a"].tolist() == [2.0, "F"]
    assert found.loc["b"].tolist() == [5.0, "W"]


def test_a_noise_that_no_recording_shows_is_reported_as_not_measurable(clean):
    conditions, subjects = released("noise_dbfs", "noise_centroid_hz", "digital_silence_share")
    found = probed(conditions.assign(noise_dbfs=np.nan), subjects, shuffles=9)["noise"]
    assert found.sentence.endswith("Not measurable: noise_dbfs in 100 %, noise_centroid_hz in 100 % of the recordings.")
    assert found.details["columns"] == ["digital_silence_share"]
    assert "Not measurable" not in clean["DC offset"].sentence

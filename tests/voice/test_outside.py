"""Models of one cohort's folds on another cohort: what is learned where, and what a low-pass leaves."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.metrics import roc_auc_score

from bulbar.features import audio, conditions, praat
from bulbar.features.voice_measures import MEASURES
from bulbar.phantom import voice
from bulbar.voice import folds, model, outside, people

TASKS = ("A", "I")
SETTINGS = model.Settings(members={"few": model.Member(strongest=4, c=0.1), "all": model.Member(c=0.01)})
CLEANING = audio.Settings(min_duration_s=0.5)
ONE = model.Settings(members={"f0": model.Member(measures="f0_spread", c=0.1)})


def cohort(seed: int, *, people_of: int = 40, effect: float = 0.0, louder: float = 0.0) -> outside.MeasuredCohort:
    """Random measures, those of F0 higher in patients by `effect`, and patients louder by `louder` standard deviations.

    Odd numbers are patients; folds are dealt out so that each has as many of both classes.
    """
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(people_of):
        label = number % 2
        for task in TASKS:
            measures = {name: generator.normal() + effect * label * name.startswith("f0") for name in MEASURES}
            made = {
                "sample_rate_hz": 8000, "format": "WAV/PCM_16", "channels": 1, "bandwidth_hz": 4000.0,
                "clipped_share": 0.0, "dc_offset": generator.normal(), "noise_dbfs": generator.normal(),
                "noise_centroid_hz": np.nan, "digital_silence_share": 0.0, "duration_s": generator.normal(),
                "level_dbfs": generator.normal() + louder * label, "pause_share": generator.normal(),
            }  # fmt: skip
            named = {"recording_id": f"S{number:02d}_{task}", "subject_id": f"S{number:02d}", "task": task}
            rows.append(named | {"fold": number // 2 % 2 + 1, "label": label} | measures | made)
    table = pd.DataFrame(rows)
    names = table["subject_id"].unique()
    ages, sexes = 40 + 40 * generator.random(len(names)), np.where(generator.random(len(names)) < 0.5, "M", "F")
    return outside.MeasuredCohort(table, pd.DataFrame({"subject_id": names, "age_years": ages, "sex": sexes}))


def auc(table: pd.DataFrame) -> float:
    people_of = table.groupby("subject_id")[["label", "probability"]].first()
    return float(roc_auc_score(people_of["label"], people_of["probability"]))


def test_what_is_in_the_voice_of_both_cohorts_transfers_and_what_only_one_s_recordings_have_does_not():
    own, other = cohort(1, effect=1.5, louder=3.0), cohort(2, effect=1.5)
    found = outside.within_and_outside(own, other, SETTINGS)
    assert list(found) == ["voice", "conditions"]
    assert min(map(auc, found["voice"])) > 0.85
    within, beyond = map(auc, found["conditions"])
    assert within > 0.9
    assert beyond == pytest.approx(0.5, abs=0.2)


def test_outside_is_the_mean_log_odds_of_the_folds_models_with_the_ends_of_their_range():
    own, other = cohort(1, effect=1.0), cohort(2, effect=1.0)
    _, table = outside.within_and_outside(own, other, SETTINGS)["voice"]
    fitted = [folds.fit_fold(number, own.recordings, own.subjects, SETTINGS) for number in (1, 2)]
    rows = model.rows_for(other.recordings, other.subjects, TASKS)
    log_odds = np.array([fold.voice.log_odds(rows) for fold in fitted])
    assert np.ptp(log_odds, axis=0).min() > 0
    for column, of in (("probability", log_odds.mean(0)), ("lowest", log_odds.min(0)), ("highest", log_odds.max(0))):
        expected = pd.Series(1 / (1 + np.exp(-of)), index=rows.index)
        np.testing.assert_allclose(table[column], table["subject_id"].map(expected), atol=1e-6)
    assert table["recording_id"].tolist() == other.recordings["recording_id"].tolist()
    assert set(table["fold"]) == {1}


def test_nothing_is_learned_from_the_cohort_tested():
    own, other = cohort(1, effect=1.0), cohort(2, effect=1.0)
    recordings = other.recordings.assign(label=1 - other.recordings["label"])
    first = recordings["subject_id"] == "S00"
    recordings.loc[first, [*MEASURES, "level_dbfs"]] += 50.0
    changed = outside.MeasuredCohort(recordings, other.subjects)
    before, after = (outside.within_and_outside(own, tested, SETTINGS) for tested in (other, changed))
    for name, (within, beyond) in before.items():
        pd.testing.assert_frame_equal(within, after[name][0])
        columns = ["recording_id", "probability", "lowest", "highest"]
        pd.testing.assert_frame_equal(beyond.loc[~first, columns], after[name][1].loc[~first, columns])
        assert (beyond.loc[first, "probability"] != after[name][1].loc[first, "probability"]).all()


def test_within_a_person_is_predicted_by_models_that_did_not_see_them():
    own, other = cohort(1, effect=1.0), cohort(2)
    recordings = own.recordings.copy()
    recordings.loc[recordings["subject_id"] == "S00", "label"] = 1
    relabelled = outside.MeasuredCohort(recordings, own.subjects)
    before, after = (
        outside.within_and_outside(one, other, SETTINGS)["voice"][0].set_index("recording_id")
        for one in (own, relabelled)
    )
    same_fold = before["fold"] == 1
    assert (before["probability"] == after["probability"])[same_fold].all()
    assert not (before["probability"] == after["probability"])[~same_fold].all()


@pytest.mark.parametrize("lacking", ["age_years", "sex"])
@pytest.mark.parametrize("whose", [0, 1])
def test_where_a_cohort_lacks_age_or_sex_the_unadjusted_model_stands_beside(lacking, whose):
    both = [cohort(1, effect=1.5), cohort(2, effect=1.5)]
    both[whose].subjects[lacking] = np.nan
    found = outside.within_and_outside(*both, ONE)
    assert list(found) == ["voice", "voice_unadjusted", "conditions"]
    assert min(map(auc, found["voice_unadjusted"])) > 0.8
    unadjusted = outside.within_and_outside(*both, ONE.model_copy(update={"adjust": ()}))
    assert list(unadjusted) == ["voice", "conditions"]
    pd.testing.assert_frame_equal(unadjusted["voice"][1], found["voice_unadjusted"][1])


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """A synthetic /a/ at 16 kHz, 2 s, with noise up to 8 kHz."""
    drawn = voice.Phonation(
        f0_hz=140.0, wander=0.01, tremor_hz=8.0, tremor=0.004, jitter=0.004, shimmer=0.02, hnr_db=20.0,
        open_quotient=0.6, rise_share=0.7, tilt_db=6.0,
    )  # fmt: skip
    generator = np.random.default_rng(1)
    formants_hz = np.array(voice.FORMANTS_HZ["M"]["A"])
    spoken = voice.vowel(drawn, "A", formants_hz, 2.0, generator, sample_rate_hz=16000).samples
    path = tmp_path_factory.mktemp("recording") / "a.wav"
    samples = 0.3 * spoken + 0.003 * generator.standard_normal(len(spoken))
    soundfile.write(path, samples, 16000, subtype="PCM_16")
    return path


def test_low_passed_a_recording_loses_its_band_and_keeps_its_f0(recording):
    measure = partial(outside.measure_recording, recording, "A", measuring=praat.Settings(), cleaning=CLEANING)
    as_it_is, low_passed = measure(None), measure(3000.0)
    assert set(as_it_is) == {*MEASURES, *conditions.Conditions.__slots__}
    assert as_it_is["bandwidth_hz"] > 7000
    assert 2700 <= low_passed["bandwidth_hz"] <= 3300
    assert low_passed["mean_f0_hz"] == pytest.approx(as_it_is["mean_f0_hz"], abs=0.2)
    assert low_passed["noise_dbfs"] != as_it_is["noise_dbfs"] or np.isnan(as_it_is["noise_dbfs"])


def test_a_recording_whose_rate_holds_no_more_than_the_low_pass_is_measured_as_it_is(recording):
    measure = partial(outside.measure_recording, recording, "A", measuring=praat.Settings(), cleaning=CLEANING)
    assert measure(8000.0) == pytest.approx(measure(None), nan_ok=True)


def test_a_covariate_that_one_person_has_is_not_lacking():
    one = cohort(1)
    one.subjects.loc[1:, "age_years"] = np.nan
    assert not one.lacks_a_covariate(people.COVARIATES)
    one.subjects["age_years"] = np.nan
    assert one.lacks_a_covariate(people.COVARIATES)
    assert not one.lacks_a_covariate(("sex",))

"""Voice features against what was synthesised, closed forms, and what cannot be measured."""

import warnings

import numpy as np
import pandas as pd
import parselmouth
import pytest
import soundfile
from scipy import stats

from bulbar.features import praat as acoustics
from bulbar.phantom import voc_als, voice
from tests.phantom.synthesised import a_train, a_vowel

RATE_HZ = 8000
PRAAT = acoustics.Settings()


def measured(samples, *, train=False, rate_hz=RATE_HZ, settings=PRAAT):
    return acoustics.measure(samples, rate_hz, settings, train=train)


def truth_of(utterance):
    """Rate and irregularity of the releases that were synthesised."""
    intervals_s = np.diff(utterance.syllables_s)
    return 1 / intervals_s.mean(), intervals_s.std(ddof=1) / intervals_s.mean()


def rhythm_of(samples):
    found = measured(samples, train=True)
    return found["syllable_rate_hz"], found["syllable_irregularity"]


def in_a_room(samples, level_db, seed=3):
    return samples + 10 ** (level_db / 20) * np.random.default_rng(seed).standard_normal(len(samples))


@pytest.mark.parametrize("name", acoustics.MEASURES)
def test_a_measure_alone_is_what_it_is_among_all(name):
    samples = a_train(seconds=8.0).samples
    alone = measured(samples, train=True, settings=acoustics.Settings(measures=(name,)))
    assert alone == {name: measured(samples, train=True)[name]}
    assert np.isfinite(alone[name])


def test_mean_f0_alone_opens_nothing_of_praat_but_the_pitch(monkeypatch):
    calls = []
    praat = acoustics.call
    monkeypatch.setattr(acoustics, "call", lambda *arguments: (calls.append(arguments[1]), praat(*arguments))[1])
    measured(a_train(seconds=8.0).samples, train=True, settings=acoustics.Settings(measures=("mean_f0_hz",)))
    assert [name for name in calls if name.startswith("To ")] == ["To Pitch"]


def test_the_features_of_a_vowel_are_those_that_were_generated():
    utterance = a_vowel(jitter=0.008, shimmer=0.06, tremor=0.0, hnr_db=45.0)
    found, truth = measured(utterance.samples), voice.measure(utterance)
    assert found["mean_f0_hz"] == pytest.approx(truth.mean_f0_hz, rel=0.005)
    assert found["sd_f0_hz"] == pytest.approx(truth.sd_f0_hz, rel=0.2)
    assert found["jitter_local"] == pytest.approx(truth.local_jitter, rel=0.2)
    assert found["shimmer_local"] == pytest.approx(truth.local_shimmer, rel=0.2)
    assert np.isnan(found["syllable_rate_hz"]) and np.isnan(found["syllable_irregularity"])


def test_f0_and_hnr_are_the_mean_and_deviation_over_praats_voiced_frames():
    samples = a_vowel().samples
    sound = parselmouth.Sound(samples, RATE_HZ)
    f0_hz = sound.to_pitch(None, 75, 500).selected_array["frequency"]
    hnr_db = sound.to_harmonicity_cc(0.01, 75, 0.1, 1.0).as_array()
    found = measured(samples)
    assert found["mean_f0_hz"] == pytest.approx(f0_hz[f0_hz > 0].mean())
    assert found["sd_f0_hz"] == pytest.approx(f0_hz[f0_hz > 0].std(ddof=1))
    assert found["hnr_db"] == pytest.approx(hnr_db[hnr_db > -200].mean())


def test_a_pure_tone_has_its_frequency_and_no_jitter_or_shimmer():
    found = measured(0.3 * np.sin(2 * np.pi * 200 * np.arange(RATE_HZ) / RATE_HZ))
    assert found["mean_f0_hz"] == pytest.approx(200, rel=1e-3)
    assert found["sd_f0_hz"] < 0.1
    assert found["jitter_local"] < 1e-4 and found["shimmer_local"] < 1e-3
    assert found["hnr_db"] > 50


@pytest.mark.parametrize("offset", [0.002, 0.01, -0.05])
def test_an_offset_of_the_recorder_changes_no_measure(offset):
    samples = in_a_room(0.3 * a_train(seconds=8.0, irregularity=0.2).samples, -60)
    steady = samples - samples.mean()
    assert measured(samples + offset, train=True) == pytest.approx(measured(steady, train=True), rel=1e-6)


def test_a_voice_outside_the_pitch_range_is_not_measured_at_its_own_pitch():
    tone = 0.3 * np.sin(2 * np.pi * 300 * np.arange(RATE_HZ) / RATE_HZ)
    below = measured(tone, settings=acoustics.Settings(min_pitch_hz=75, max_pitch_hz=250))
    assert not abs(below["mean_f0_hz"] - 300) < 30


@pytest.mark.parametrize("place", voice.PLACES)
@pytest.mark.parametrize("rate_hz", [2.0, 5.0, 8.0])
def test_syllables_are_counted_at_every_rate_and_place(place, rate_hz):
    utterance = a_train(place, 8.0, rate_hz=rate_hz)
    rate, irregularity = rhythm_of(in_a_room(utterance.samples, -55))
    true_rate, true_irregularity = truth_of(utterance)
    assert rate == pytest.approx(true_rate, rel=0.01)
    assert irregularity == pytest.approx(true_irregularity, rel=0.15)


def test_irregularity_is_as_generated_from_a_metronome_to_a_stumble():
    trains = [a_train(seconds=8.0, irregularity=share) for share in (0.0, 0.03, 0.1, 0.2)]
    pairs = [(rhythm_of(train.samples)[1], truth_of(train)[1]) for train in trains]
    assert [found for found, _ in pairs] == pytest.approx([true for _, true in pairs], abs=0.02)


def test_a_mouth_that_goes_on_voicing_and_a_breathy_voice_still_have_syllables():
    for mouth in ({"leak": 0.25, "burst_db": -6.0}, {"hnr_db": 5.0}):
        utterance = a_train(seconds=8.0, rate_hz=4.5, irregularity=0.1, **mouth)
        rate, irregularity = rhythm_of(utterance.samples)
        assert rate == pytest.approx(truth_of(utterance)[0], rel=0.02)
        assert irregularity == pytest.approx(truth_of(utterance)[1], abs=0.02)


def test_neither_level_nor_silence_before_it_changes_a_trains_rhythm():
    samples = in_a_room(a_train(seconds=8.0).samples, -60)
    quiet = np.concatenate([np.zeros(RATE_HZ), 0.01 * samples, np.zeros(RATE_HZ // 2)])
    assert rhythm_of(quiet)[0] == pytest.approx(rhythm_of(samples)[0], rel=0.01)
    assert rhythm_of(quiet)[1] == pytest.approx(rhythm_of(samples)[1], rel=0.05)


def test_a_breath_between_two_trains_is_no_slow_syllable():
    first, second = (in_a_room(a_train(seconds=8.0, seed=seed, irregularity=0.05).samples, -60) for seed in (1, 2))
    breath = in_a_room(np.zeros(RATE_HZ), -60)
    rate, irregularity = rhythm_of(np.concatenate([first, breath, second]))
    assert rate == pytest.approx(np.mean([rhythm_of(first)[0], rhythm_of(second)[0]]), rel=0.01)
    assert irregularity < 0.08


def test_the_phantoms_trains_have_the_rhythm_that_was_drawn(monkeypatch):
    utterances = []
    measure = voice.measure
    monkeypatch.setattr(voice, "measure", lambda utterance: (utterances.append(utterance), measure(utterance))[1])
    wanted = voc_als.Settings(
        subjects=18, tasks=("PA",), effect=1.0, missingness="none", median_duration_s=6.0, max_epochs=1
    )
    found = []
    for subject in voc_als.cohort(wanted, 7):
        samples, _ = voc_als.record(subject, "PA", 7)
        found.append(rhythm_of(samples / 32768))
    found, true = np.array(found), np.array([truth_of(utterance) for utterance in utterances])
    assert found[:, 0] == pytest.approx(true[:, 0], rel=0.05)
    assert stats.spearmanr(found[:, 1], true[:, 1]).statistic > 0.95
    assert np.median(found[:, 1] / true[:, 1]) == pytest.approx(1, abs=0.05)


def test_rhythm_is_the_closed_form_of_the_intervals_without_pauses():
    begun = np.array([0.0, 0.2, 0.5, 2.5, 2.7])
    after_pause = np.array([False, False, False, True, False])
    found = acoustics.rhythm(begun, after_pause)
    assert found["syllable_rate_hz"] == pytest.approx(3 / 0.7)
    assert found["syllable_irregularity"] == pytest.approx(stats.variation([0.2, 0.3, 0.2], ddof=1))


@pytest.mark.parametrize("begun", [[], [0.1], [0.1, 0.4]])
def test_fewer_than_three_syllables_have_no_rhythm(begun):
    found = acoustics.rhythm(np.array(begun), np.zeros(len(begun), dtype=bool))
    assert all(np.isnan(list(found.values())))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("rate_hz", [8000, 44100])
@pytest.mark.parametrize("kind", ["silence", "constant", "click", "noise", "faint noise"])
def test_what_has_no_voice_has_no_feature(kind, rate_hz, train):
    noise = np.random.default_rng(5).standard_normal(2 * rate_hz)
    samples = {
        "silence": np.zeros(2 * rate_hz),
        "constant": np.full(2 * rate_hz, 0.3),
        "click": np.eye(1, 2 * rate_hz, rate_hz)[0],
        "noise": 0.1 * noise,
        "faint noise": np.round(noise) / 32768,
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = measured(samples, train=train, rate_hz=rate_hz)
    assert list(found) == list(acoustics.MEASURES)
    assert all(np.isnan(list(found.values())))


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100])
@pytest.mark.parametrize("milliseconds", [0, 0.2, 40, 100, 128, 129, 131, 150, 400])
def test_a_recording_of_any_length_is_measured_or_is_undefined(milliseconds, rate_hz):
    samples = 0.3 * np.sin(2 * np.pi * 150 * np.arange(int(milliseconds * rate_hz / 1000)) / rate_hz)
    for settings in (PRAAT, acoustics.Settings(min_pitch_hz=20, max_pitch_hz=500)):
        found = measured(samples, train=True, rate_hz=rate_hz, settings=settings)
        assert list(found) == list(acoustics.MEASURES)
        assert np.isnan(found["mean_f0_hz"]) or found["mean_f0_hz"] == pytest.approx(150, rel=0.02)
        assert np.isnan(found["mean_f0_hz"]) == (milliseconds < max(130, 3200 / settings.min_pitch_hz))


def test_a_voiced_hum_without_syllables_has_a_voice_and_no_rhythm():
    found = measured(a_vowel(shimmer=0.02).samples, train=True)
    assert found["mean_f0_hz"] > 0
    assert np.isnan(found["syllable_rate_hz"])


def test_a_file_is_measured_as_its_channels_mean_and_by_its_task(tmp_path):
    samples = 0.4 * a_train(seconds=8.0).samples
    soundfile.write(tmp_path / "stereo.wav", np.stack([samples, 0.5 * samples], axis=1), RATE_HZ, subtype="FLOAT")
    as_train = acoustics.measure_file(tmp_path / "stereo.wav", "PA", PRAAT)
    assert as_train == pytest.approx(measured(0.75 * samples, train=True), rel=1e-3)
    as_vowel = acoustics.measure_file(tmp_path / "stereo.wav", "A", PRAAT)
    assert np.isnan(as_vowel["syllable_rate_hz"])
    assert as_vowel["hnr_db"] == as_train["hnr_db"]


def columns_of_a_release(subjects=12, seed=4):
    """Features of one task, and a release whose HNR is ours and noise, whose jitter is ours in other units."""
    draw = np.random.default_rng(seed)
    features = pd.DataFrame({name: draw.uniform(1, 2, subjects) for name in acoustics.VOICE_MEASURES})
    features.insert(0, "subject_id", [f"S{n}" for n in range(subjects)])
    features.insert(1, "task", "PA")
    released = pd.DataFrame(
        {
            "subject_id": features["subject_id"],
            "HNR_PA": features["hnr_db"] + draw.normal(0, 0.2, subjects),
            "localJitter_PA": 100 * features["jitter_local"],
            "localShimmer_PA": np.where(np.arange(subjects) < 4, 1.0, np.nan),
            "meanF0Hz_PA": 1.5,
            "HNR_reading": 1.0,
        }
    )
    return features, released.sample(frac=1, random_state=seed)


def test_agreement_with_a_release_is_scipys_correlation_and_the_median_difference():
    features, released = columns_of_a_release()
    found = acoustics.agreement(features, released).set_index("column")
    assert set(found.index) == {"meanF0Hz_PA", "HNR_PA", "localJitter_PA", "localShimmer_PA"}
    theirs = released.set_index("subject_id").loc[features["subject_id"], "HNR_PA"].to_numpy()
    ours = features["hnr_db"].to_numpy()
    hnr = found.loc["HNR_PA"]
    assert hnr["n"] == 12
    assert hnr["pearson"] == pytest.approx(stats.pearsonr(ours, theirs).statistic)
    assert hnr["spearman"] == pytest.approx(stats.spearmanr(ours, theirs).statistic)
    assert hnr["median_relative_difference"] == pytest.approx(np.median(ours / theirs - 1))
    assert hnr["median_absolute_relative_difference"] == pytest.approx(np.median(np.abs(ours / theirs - 1)))


def test_values_in_other_units_correlate_and_differ():
    jitter = acoustics.agreement(*columns_of_a_release()).set_index("column").loc["localJitter_PA"]
    assert jitter["pearson"] == pytest.approx(1)
    assert jitter["median_relative_difference"] == pytest.approx(-0.99)


def test_a_column_of_a_few_people_is_not_compared_and_a_constant_one_has_no_correlation():
    found = acoustics.agreement(*columns_of_a_release()).set_index("column")
    assert found.loc["localShimmer_PA", "n"] == 4
    assert found.loc["localShimmer_PA", list(acoustics.AGREEMENT)].isna().all()
    assert np.isnan(found.loc["meanF0Hz_PA", "pearson"])
    assert np.isfinite(found.loc["meanF0Hz_PA", "median_relative_difference"])

"""Voice measures against Praat itself, what was synthesised, closed forms, librosa; and what cannot be measured."""

import json
import os
import warnings
from pathlib import Path

import librosa
import numpy as np
import parselmouth
import pytest
import soundfile
from parselmouth.praat import call

from bulbar.features import cepstra, harmonicity, praat, spectrogram, voice_measures, voice_signal
from bulbar.phantom import voice
from tests.features import praat_values
from tests.phantom.synthesised import a_train, a_vowel

RATE_HZ = 8000
PRAAT = praat.Settings()
ROOT = Path(__file__).parents[2]
BY_PRAAT = json.loads(praat_values.VALUES.read_text())
MINSK2020 = os.environ.get("BULBAR_MINSK2020")
"""Folder of the Minsk2020 release."""

LARGEST_DIFFERENCE = {
    "hnr_db": {"abs": 0.01},
    "f0_iqr_semitones": {"rel": 0.03},  # Praat's quantiles interpolate between other places
    "f0_range_semitones": {"rel": 0.03},
    "cpps_db": {"abs": 0.2},  # frames that begin between two samples are placed by the last bit of a time
}
"""From the program; of the others 1e-5 of the value."""


def measured(samples, *, train=False, rate_hz=RATE_HZ):
    return voice_measures.measure(samples, rate_hz, PRAAT, train=train)


def a_tone(seconds=6.0, semitones=0.0, decibels=0.0, rate_hz=5.0, fall_db_per_s=0.0, sample_rate_hz=RATE_HZ):
    """Ten harmonics of 150 Hz whose pitch and level are sines of a known amplitude, and whose level falls."""
    times_s = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    sine = np.sin(2 * np.pi * rate_hz * times_s)
    phase = 2 * np.pi * np.cumsum(150 * 2 ** (semitones * sine / 12)) / sample_rate_hz
    tone = sum(np.cos(number * phase) / number for number in range(1, 11))
    return 0.1 * tone * 10 ** ((decibels * sine - fall_db_per_s * times_s) / 20)


def check_against_praat(found, expected, *, train):
    for name, value in expected.items():
        if name.startswith("voice_breaks") and train:
            assert np.isnan(found[name])
        else:
            wanted = pytest.approx(
                np.nan if value is None else value, nan_ok=True, **LARGEST_DIFFERENCE.get(name, {"rel": 1e-5})
            )
            assert found[name] == wanted, name


@pytest.mark.parametrize("name", praat_values.PHANTOM)
def test_synthetic_voices_are_measured_as_the_program_praat_does(name):
    samples, rate_hz, train = praat_values.phantom(name)
    check_against_praat(measured(samples, train=train, rate_hz=rate_hz), BY_PRAAT["phantom"][name], train=train)


@pytest.mark.skipif(MINSK2020 is None, reason="BULBAR_MINSK2020 names no folder of the release")
@pytest.mark.parametrize("name", praat_values.MINSK2020)
def test_real_voices_are_measured_as_the_program_praat_does(name):
    expected = dict(BY_PRAAT["minsk2020"][name])
    if expected.pop("sha256") != praat_values.digest(Path(MINSK2020), name):
        pytest.skip("another recording than the fixture's")
    samples, rate_hz, train = praat_values.minsk2020(Path(MINSK2020), name)
    check_against_praat(measured(samples, train=train, rate_hz=rate_hz), expected, train=train)


def test_the_page_is_the_one_that_the_code_writes():
    assert (ROOT / "docs/voice_measures.md").read_text(encoding="utf-8") == voice_measures.page(), "run `make docs`"


def test_the_seven_come_first_and_every_measure_is_described():
    names = list(voice_measures.MEASURES)
    assert tuple(names[: len(praat.MEASURES)]) == praat.MEASURES
    assert set(voice_measures.F0_SPREAD) < set(names)
    for name, measure in voice_measures.MEASURES.items():
        assert name.islower() and name.isidentifier()
        assert measure.unit and measure.definition and measure.source and measure.tasks in ("all", "vowels", "trains")


@pytest.mark.parametrize("train", [False, True])
def test_a_measure_is_defined_in_its_tasks_alone_and_the_seven_are_praats(train):
    samples, _, _ = praat_values.phantom("train TA, slow" if train else "vowel A")
    found = measured(samples, train=train)
    defined = {
        name for name, of in voice_measures.MEASURES.items() if of.tasks in ("all", "trains" if train else "vowels")
    }
    assert {name for name, value in found.items() if np.isfinite(value)} == defined
    seven = praat.measure(samples, RATE_HZ, PRAAT, train=train)
    assert {name: found[name] for name in seven} == pytest.approx(seven, nan_ok=True, rel=1e-12)


@pytest.mark.parametrize("train", [False, True])
def test_neither_level_nor_offset_changes_a_measure(train):
    samples, _, _ = praat_values.phantom("train PA" if train else "vowel I, breathy")
    assert measured(0.1 * samples + 0.01, train=train) == pytest.approx(
        measured(samples, train=train), rel=1e-5, abs=1e-7, nan_ok=True
    )


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("rate_hz", [8000, 48_000])
@pytest.mark.parametrize("kind", ["nothing", "silence", "constant", "click", "noise", "40 ms", "400 ms", "900 ms"])
def test_what_is_short_or_has_no_voice_is_undefined_without_a_warning(kind, rate_hz, train):
    tone = a_tone(1.0, sample_rate_hz=rate_hz)
    samples = {
        "nothing": np.zeros(0),
        "silence": np.zeros(rate_hz),
        "constant": np.full(rate_hz, 0.3),
        "click": np.eye(1, rate_hz, rate_hz // 2)[0],
        "noise": 0.1 * np.random.default_rng(5).standard_normal(rate_hz),
        "40 ms": tone[: rate_hz // 25],
        "400 ms": tone[: 2 * rate_hz // 5],
        "900 ms": tone[: 9 * rate_hz // 10],
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = measured(samples, train=train, rate_hz=rate_hz)
    assert list(found) == list(voice_measures.MEASURES)
    has_f0 = kind == "900 ms" or (kind == "400 ms" and train)
    assert np.isfinite(found["f0_mean_semitones"]) == np.isfinite(found["cpps_db"]) == has_f0
    assert np.isnan(found["f0_tremor_hz"]) and np.isnan(found["syllable_duty_cycle"])


def test_a_file_is_measured_as_its_channels_mean_and_by_its_task(tmp_path):
    samples = 0.4 * a_train(seconds=3.0).samples
    soundfile.write(tmp_path / "stereo.wav", np.stack([samples, 0.5 * samples], axis=1), RATE_HZ, subtype="FLOAT")
    as_train = voice_measures.measure_file(tmp_path / "stereo.wav", "PA", PRAAT)
    assert as_train["burst_level_db"] == pytest.approx(measured(0.75 * samples, train=True)["burst_level_db"], rel=1e-3)
    assert np.isnan(voice_measures.measure_file(tmp_path / "stereo.wav", "A", PRAAT)["burst_level_db"])


@pytest.mark.parametrize(("semitones", "rate_hz"), [(0.2, 4.0), (1.0, 5.5), (0.5, 8.0)])
def test_a_wobble_in_pitch_has_the_spread_depth_and_rate_of_a_sine(semitones, rate_hz):
    found = measured(a_tone(semitones=semitones, rate_hz=rate_hz))
    assert found["f0_mean_semitones"] == pytest.approx(12 * np.log2(1.5), abs=0.02)
    assert found["f0_mad_semitones"] == pytest.approx(semitones * np.sin(np.pi / 4), rel=0.08)
    assert found["f0_iqr_semitones"] == pytest.approx(2 * semitones * np.sin(np.pi / 4), rel=0.08)
    assert found["f0_range_semitones"] == pytest.approx(2 * semitones * np.sin(0.45 * np.pi), rel=0.08)
    assert found["f0_tremor_semitones"] == pytest.approx(semitones, rel=0.08)
    assert found["f0_tremor_hz"] == pytest.approx(rate_hz, abs=0.1)


@pytest.mark.parametrize(("decibels", "rate_hz"), [(0.5, 4.0), (2.0, 6.0), (1.0, 10.0)])
def test_a_wobble_in_level_has_the_depth_and_rate_of_a_sine(decibels, rate_hz):
    found = measured(a_tone(decibels=decibels, rate_hz=rate_hz))
    assert found["level_tremor_db"] == pytest.approx(decibels, rel=0.1)
    assert found["level_tremor_hz"] == pytest.approx(rate_hz, abs=0.1)
    assert found["f0_tremor_semitones"] < 0.05


@pytest.mark.parametrize("rate_hz", [1.0, 25.0])
def test_a_wobble_outside_3_to_12_hz_is_no_tremor(rate_hz):
    found = measured(a_tone(semitones=0.5, decibels=1.0, rate_hz=rate_hz))
    assert found["f0_tremor_semitones"] < 0.05 and found["level_tremor_db"] < 0.1


@pytest.mark.parametrize("fall_db_per_s", [-1.0, 0.0, 2.5])
def test_a_level_that_falls_evenly_falls_by_so_much_a_second(fall_db_per_s):
    assert measured(a_tone(fall_db_per_s=fall_db_per_s))["level_decay_db_per_s"] == pytest.approx(
        fall_db_per_s, abs=0.02
    )


@pytest.mark.parametrize("sex", ["M", "F"])
@pytest.mark.parametrize("vowel", ["A", "E", "O"])
def test_the_formants_are_those_that_were_synthesised(vowel, sex):
    first_hz, second_hz = voice.FORMANTS_HZ[sex][vowel][:2]
    found = measured(a_vowel(vowel, sex, seconds=2.0, hnr_db=30.0).samples)
    assert found["f1_median_hz"] == pytest.approx(first_hz, rel=0.15)
    assert found["f2_median_hz"] == pytest.approx(second_hz, rel=0.1)
    assert found["f2_f1_ratio"] == pytest.approx(found["f2_median_hz"] / found["f1_median_hz"])


@pytest.mark.parametrize("sex", ["M", "F"])
@pytest.mark.parametrize("vowel", ["A", "E"])
def test_the_timbre_has_the_synthesised_formants_and_the_mfccs_of_the_other_measures(vowel, sex):
    formants_hz = voice.FORMANTS_HZ[sex][vowel][:3]
    samples = a_vowel(vowel, sex, seconds=2.0, hnr_db=30.0).samples
    found, others = voice_measures.timbre(samples, RATE_HZ, vowel=True), measured(samples)
    assert list(found) == [*voice_measures.TRACT_MEASURES, *voice_measures.MFCC_MEANS]
    for name, expected, within in zip(voice_measures.TRACT_MEASURES, formants_hz, (0.15, 0.1, 0.1), strict=False):
        assert found[name] == pytest.approx(expected, rel=within), name
    assert found["formant_dispersion_hz"] == pytest.approx((found["f3_median_hz"] - found["f1_median_hz"]) / 2)
    for name in (*voice_measures.MFCC_MEANS, "f1_median_hz", "f2_median_hz"):
        assert found[name] == pytest.approx(others[name], rel=1e-12), name


@pytest.mark.parametrize("samples", [np.zeros(RATE_HZ), np.full(9, 0.1), np.random.default_rng(0).normal(0, 0.1, 4000)])
def test_without_a_voice_there_is_no_timbre(samples):
    assert np.isnan(list(voice_measures.timbre(samples, RATE_HZ, vowel=False).values())).all()


def test_a_pause_in_the_voice_is_a_break_of_its_length():
    samples = a_tone(4.0)
    samples[2 * RATE_HZ : 2 * RATE_HZ + RATE_HZ // 2] *= 1e-4
    found = measured(samples)
    assert found["voice_breaks_per_s"] == pytest.approx(1 / 3.5)
    assert found["voice_break_share"] == pytest.approx(0.5 / 3.5, rel=0.05)
    assert measured(a_tone(4.0))["voice_breaks_per_s"] == 0


def test_the_same_voice_compares_across_sampling_rates():
    formants, found = np.array(voice.FORMANTS_HZ["M"]["A"]), {}
    for rate_hz in (8000, 16_000, 32_000):
        larynx = voice.Phonation(120.0, hnr_db=25.0)
        uttered = voice.vowel(larynx, "A", formants, 3.0, np.random.default_rng(2), sample_rate_hz=rate_hz)
        found[rate_hz] = measured(uttered.samples, rate_hz=rate_hz)
    for name in ("f0_mean_semitones", "f1_median_hz", "f2_median_hz", "level_decay_db_per_s", "level_tremor_db"):
        assert found[8000][name] == pytest.approx(found[32_000][name], rel=0.02, abs=0.05), name
    for name in (name for name in found[8000] if name.startswith("mfcc")):
        assert found[16_000][name] == pytest.approx(found[32_000][name], abs=0.1), name
        assert found[8000][name] == pytest.approx(found[32_000][name], abs=2.0), name


def test_a_louder_burst_is_measured_louder_and_a_train_that_tires_falls():
    levels_db = [
        measured(a_train("TA", 4.0, burst_db=level_db).samples, train=True)["burst_level_db"]
        for level_db in (-12.0, -6.0, 0.0)
    ]
    assert np.diff(levels_db) == pytest.approx([6.0, 6.0], abs=1.5)
    samples = a_train("TA", 5.0).samples
    tiring = samples * 10 ** (-3.0 * np.arange(len(samples)) / RATE_HZ / 20)
    steady, falling = (measured(each, train=True) for each in (samples, tiring))
    fallen = falling["syllable_level_decay_db_per_s"] - steady["syllable_level_decay_db_per_s"]
    assert fallen == pytest.approx(3.0, abs=0.15)
    assert falling["burst_decay_db_per_s"] == pytest.approx(steady["burst_decay_db_per_s"], abs=0.15)


@pytest.mark.parametrize("open_share", [0.3, 0.5, 0.7])
def test_the_duty_cycle_is_the_share_of_time_that_sounds(open_share):
    sounding = (np.arange(6 * RATE_HZ) / RATE_HZ * 3.0) % 1 < open_share
    samples = a_tone(6.0) * np.where(sounding, 1.0, 0.003)
    assert measured(samples, train=True)["syllable_duty_cycle"] == pytest.approx(open_share, abs=0.05)


@pytest.mark.parametrize("hnr_db", [5.0, 20.0, 40.0])
def test_cpps_is_praats(hnr_db):
    samples = a_vowel(seconds=2.0, hnr_db=hnr_db).samples
    cepstrogram = call(parselmouth.Sound(samples, RATE_HZ), "To PowerCepstrogram", 60, 0.01, 4000, 50)
    settings = ("no", 0.02, 0.0005, 60, 330, 0.05, "parabolic", 0.001, 0.05, "Exponential decay", "Robust")
    assert cepstra.cpps_db(samples, RATE_HZ) == pytest.approx(call(cepstrogram, "Get CPPS", *settings), abs=0.2)


def test_mfccs_are_librosas_over_the_same_bands():
    samples = a_vowel(seconds=1.0).samples
    window, bands = spectrogram.hamming(256), {"fmin": 100.0, "fmax": 3800.0, "n_mels": 24, "htk": True, "norm": None}
    power = librosa.feature.melspectrogram(
        y=samples, sr=RATE_HZ, n_fft=256, hop_length=80, window=window, center=False, **bands
    )
    level_db = librosa.power_to_db(power, ref=np.max, top_db=80.0)
    expected = librosa.feature.mfcc(S=level_db, n_mfcc=13)[1:]
    assert cepstra.mfcc_db(samples, RATE_HZ) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("rate_hz", [8000, 44_100])
@pytest.mark.parametrize(("hnr_db", "difference_db"), [(0.0, 0.2), (15.0, 0.1), (30.0, 0.01)])
def test_hnr_is_that_of_praats_harmonicity(hnr_db, difference_db, rate_hz):
    noise = np.random.default_rng(7).standard_normal(round(1.5 * rate_hz))
    tone = a_tone(1.5, semitones=1.0, decibels=3.0, sample_rate_hz=rate_hz)
    samples = tone + noise * tone.std() * 10 ** (-hnr_db / 20)
    expected = call(parselmouth.Sound(samples, rate_hz), "To Harmonicity (cc)", 0.01, 75, 0.1, 1.0)
    found = harmonicity.mean_hnr_db(samples, rate_hz, step_s=0.01, min_pitch_hz=75.0, silence_share=0.1)
    assert found == pytest.approx(call(expected, "Get mean", 0, 0), abs=difference_db)


def test_preparation_strips_zeros_takes_the_main_segment_and_cuts_a_vowels_ends():
    rate_hz, tone = 16_000, a_tone(3.0, sample_rate_hz=16_000)
    cough, gap = tone[: rate_hz // 4], 1e-5 * np.random.default_rng(1).standard_normal(2 * rate_hz)
    samples = 0.05 + np.concatenate([np.zeros(rate_hz), cough, gap, tone, gap, np.zeros(rate_hz)])
    for train, seconds in ((True, 3.0), (False, 2.5)):
        prepared = voice_signal.prepare(samples, rate_hz, train=train)
        assert len(prepared.samples) / rate_hz == pytest.approx(seconds, abs=0.05)
        assert len(prepared.level_db) == round(len(prepared.samples) / rate_hz / voice_signal.STEP_S)
        assert prepared.samples.mean() == pytest.approx(0, abs=1e-9)
        assert prepared.loud.all()


@pytest.mark.parametrize(("frequency_hz", "left"), [(10, 1e-3), (20, 0.01), (40, 0.5), (100, 1.0), (1000, 1.0)])
def test_the_high_pass_is_6_db_down_at_40_hz(frequency_hz, left):
    times_s = np.arange(4 * RATE_HZ) / RATE_HZ
    passed = voice_signal.prepare(np.sin(2 * np.pi * frequency_hz * times_s), RATE_HZ, train=False).samples
    assert np.sqrt(2) * passed.std() == pytest.approx(left, rel=0.03, abs=1e-2)

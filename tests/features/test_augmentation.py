"""Pitch and speed of changed copies, measured with Praat and beside librosa's own effects."""

import librosa
import numpy as np
import parselmouth
import pytest

from bulbar.features import augmentation
from bulbar.features.augmentation import Change
from bulbar.phantom import voice

RATE = 16000


@pytest.fixture(scope="module")
def spoken():
    """A synthetic vowel of 2 s at about 120 Hz."""
    formants = np.array(voice.FORMANTS_HZ["M"]["A"])
    utterance = voice.vowel(voice.Phonation(f0_hz=120.0), "A", formants, 2.0, np.random.default_rng(1))
    return librosa.resample(0.5 * utterance.samples, orig_sr=voice.SAMPLE_RATE_HZ, target_sr=RATE)


def f0(samples):
    track = parselmouth.Sound(samples, RATE).to_pitch_ac(pitch_floor=60.0, pitch_ceiling=400.0)
    found = track.selected_array["frequency"]
    return np.median(found[found > 0])


@pytest.mark.parametrize("semitones", [-2.0, 0.0, 1.5])
@pytest.mark.parametrize("speed", [0.9, 1.0, 1.1])
def test_praat_measures_the_pitch_and_the_clock_the_speed(spoken, semitones, speed):
    changed = augmentation.changed(spoken, RATE, Change(semitones, speed))
    assert f0(changed) / f0(spoken) == pytest.approx(2 ** (semitones / 12), rel=0.01)
    assert len(changed) == pytest.approx(len(spoken) / speed, rel=0.02)


def test_a_shift_or_a_stretch_alone_is_librosa_s(spoken):
    ours, theirs = (
        augmentation.changed(spoken, RATE, Change(semitones=1.3)),
        librosa.effects.pitch_shift(spoken, sr=RATE, n_steps=1.3),
    )
    both = min(len(ours), len(theirs))
    assert np.array_equal(ours[:both], theirs[:both])
    stretched = augmentation.changed(spoken, RATE, Change(speed=1.07))
    assert np.allclose(stretched, librosa.effects.time_stretch(spoken, rate=1.07), atol=1e-4)


def test_both_at_once_are_librosa_s_two_in_turn_with_less_lost_on_the_way(spoken):
    """Each run of a phase vocoder smears a voice that is not quite periodic: one run takes less than two."""
    ours = augmentation.changed(spoken, RATE, Change(1.5, 1.1))
    theirs = librosa.effects.time_stretch(librosa.effects.pitch_shift(spoken, sr=RATE, n_steps=1.5), rate=1.1)
    bands = [librosa.feature.melspectrogram(y=samples, sr=RATE, n_mels=40, fmax=4000) for samples in (ours, theirs)]
    gain = np.subtract(*(librosa.power_to_db(power.mean(axis=1)) for power in bands))
    assert (gain > 0).all() and (gain < 6).all()
    assert f0(ours) == pytest.approx(f0(theirs), rel=0.005)
    assert len(ours) == pytest.approx(len(theirs), abs=512)


def test_no_change_is_the_recording_itself(spoken):
    assert augmentation.changed(spoken, RATE, Change()) is spoken


def test_draws_lie_within_the_settings_and_are_the_recording_s_own():
    settings = augmentation.Settings(copies=3, semitones=1.5, speed=(0.8, 1.3))
    draws = [augmentation.draw(settings, f"clip{n}", copy, 7) for n in range(200) for copy in (1, 2, 3)]
    semitones, speeds = np.array([[draw.semitones, draw.speed] for draw in draws]).T
    assert -1.5 <= semitones.min() < -1.4 and 1.4 < semitones.max() <= 1.5
    assert 0.8 <= speeds.min() < 0.82 and 1.28 < speeds.max() <= 1.3
    assert len(set(draws)) == len(draws)
    assert augmentation.draw(settings, "clip5", 2, 7) == draws[16]
    assert augmentation.draw(settings, "clip5", 2, 8) != draws[16]
    assert augmentation.draw(settings, "clip5", 0, 7) == Change()

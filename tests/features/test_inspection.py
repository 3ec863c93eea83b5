import numpy as np
import pytest
import soundfile

from bulbar.cohort import recording
from bulbar.features import audio, inspection

SETTINGS = audio.Settings(min_duration_s=0.5)
RATE = 16000


def empty_room(seconds: float, level: float = 1e-3, offset: float = 0.0) -> np.ndarray:
    return offset + level * np.random.default_rng(0).standard_normal(round(seconds * RATE))


def with_sound(seconds: float, *, offset: float = 0.0, hz: float = 200.0) -> np.ndarray:
    """Three seconds of a room, in their middle a tone."""
    samples = empty_room(3.0, offset=offset)
    length = round(seconds * RATE)
    samples[RATE : RATE + length] += 0.3 * np.sin(2 * np.pi * hz * np.arange(length) / RATE)
    return samples


def inspected(folder, samples, settings=SETTINGS, **how):
    soundfile.write(folder / "a.wav", samples, RATE, **how)
    return inspection.inspect("a.wav", folder, settings)


@pytest.mark.parametrize("offset", [0.0, 0.01])
def test_a_knock_in_an_empty_room_is_a_bad_recording_named_with_what_is_left(tmp_path, offset):
    """A knock of a millisecond is in the frames of 2048 samples around it: in four, 512 apart."""
    knocking = empty_room(3.0, offset=offset)
    knocking[RATE : RATE + 16] += 0.8
    (problem,) = inspected(tmp_path, knocking).problems
    assert problem.where == "a.wav"
    assert problem.expected == "at least 0.5 s left after silence removal (audio.min_duration_s, audio.top_db)"
    assert problem.found == f"{4 * 512 / 22050:.3f} s of 3.000 s"
    assert "take it out of the release" in problem.remedy and "audio.min_duration_s" in problem.remedy


@pytest.mark.parametrize(("seconds", "sound"), [(0.3, False), (0.4, False), (0.6, True), (1.5, True)])
def test_as_much_as_the_shortest_recording_must_be_left(tmp_path, seconds, sound):
    """Silence removal keeps a sound and at most a frame, 0.09 s, beside it."""
    assert (not inspected(tmp_path, with_sound(seconds)).problems) == sound


def test_the_settings_say_how_much_is_left_and_how_much_must_be(tmp_path):
    samples = with_sound(0.3)
    assert not inspected(tmp_path, samples, audio.Settings(min_duration_s=0.2)).problems
    assert not inspected(tmp_path, samples, audio.Settings(min_duration_s=0.5, top_db=60.0)).problems
    (problem,) = inspected(tmp_path, samples, audio.Settings(min_duration_s=0.2, top_db=1e-3)).problems
    assert problem.expected.startswith("at least 0.2 s")


def test_of_what_a_low_pass_takes_away_altogether_nothing_is_left(tmp_path):
    high = 0.3 * np.sin(2 * np.pi * 6000 * np.arange(2 * RATE) / RATE) * np.hanning(2 * RATE)
    (problem,) = inspected(tmp_path, high, audio.Settings(min_duration_s=0.5, bandwidth_hz=500.0)).problems
    assert problem.found == "0.000 s of 2.000 s"


@pytest.mark.parametrize("how", [{}, {"subtype": "FLOAT"}, {"format": "FLAC"}])
def test_a_sound_recording_is_inspected_as_the_cohort_does(tmp_path, how):
    found = inspected(tmp_path, with_sound(1.0), **how)
    assert found == recording.inspect("a.wav", tmp_path, min_duration_s=0.5)
    assert not found.problems


@pytest.mark.parametrize(
    "samples", [np.zeros(RATE), empty_room(0.1), 40 * with_sound(1.0)], ids=["zeros", "short", "clipped"]
)
def test_what_is_wrong_otherwise_is_reported_alone(tmp_path, samples):
    found = inspected(tmp_path, samples)
    assert found.problems == recording.inspect("a.wav", tmp_path, min_duration_s=0.5).problems != ()

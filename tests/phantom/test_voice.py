"""The synthesised voice, measured by Praat and by closed forms."""

import numpy as np
import parselmouth
import pytest
from scipy import signal

from bulbar.phantom import voice
from tests.phantom.synthesised import a_train, a_vowel, by_praat


@pytest.mark.parametrize("sex", ["M", "F"])
@pytest.mark.parametrize("vowel", voice.VOWELS)
def test_praat_measures_the_mean_f0_that_was_generated(vowel, sex):
    utterance = a_vowel(vowel, sex)
    measured = by_praat(utterance.samples)["mean_f0_hz"]
    assert measured == pytest.approx(voice.measure(utterance).mean_f0_hz, rel=0.02)
    assert measured == pytest.approx(voice.F0_HZ[sex][vowel], rel=0.04)  # it wanders, over seconds, by about 1 %


def test_praat_measures_the_f0_of_a_train():
    utterance = a_train()
    assert by_praat(utterance.samples)["mean_f0_hz"] == pytest.approx(voice.measure(utterance).mean_f0_hz, rel=0.02)


@pytest.mark.parametrize(
    ("measure", "wanted", "others", "tolerance"),
    [
        ("jitter", [0.002, 0.005, 0.01, 0.02], {"tremor": 0.0, "hnr_db": 45.0}, {"rel": 0.2}),
        ("shimmer", [0.02, 0.05, 0.1], {"jitter": 0.001, "tremor": 0.0, "hnr_db": 45.0}, {"rel": 0.4}),
        ("hnr_db", [5.0, 10.0, 15.0, 20.0], {"jitter": 0.002, "shimmer": 0.01}, {"abs": 3.0}),
    ],
)
def test_praat_measures_what_was_generated(measure, wanted, others, tolerance):
    measured = [by_praat(a_vowel(**{measure: value}, **others).samples)[measure] for value in wanted]
    assert measured == pytest.approx(wanted, **tolerance)
    assert sorted(measured) == measured


@pytest.mark.parametrize("vowel", voice.VOWELS)
def test_praat_finds_the_formants_of_the_table(vowel):
    sound = parselmouth.Sound(a_vowel(vowel, f0_hz=100.0).samples, voice.SAMPLE_RATE_HZ)
    track = sound.to_formant_burg(None, 4, 4000, 0.05, 50)
    for number in (1, 2):
        measured = np.nanmedian([track.get_value_at_time(number, time) for time in np.arange(0.5, 2.5, 0.05)])
        assert measured == pytest.approx(voice.FORMANTS_HZ["M"][vowel][number - 1], rel=0.1)


def test_flutter_shows_at_its_frequency_in_praats_pitch():
    sound = parselmouth.Sound(a_vowel(tremor=0.03, tremor_hz=9.0, wander=0.005, seconds=5.0).samples, 8000)
    pitch = sound.to_pitch(0.01, 75, 500).selected_array["frequency"]
    pitch = pitch[20:-20]
    frequencies, power = signal.welch(pitch - pitch.mean(), fs=100, nperseg=256)
    beyond_drift = frequencies > 4
    assert frequencies[beyond_drift][np.argmax(power[beyond_drift])] == pytest.approx(9.0, abs=1.0)


def test_the_pulse_is_rosenbergs():
    cycles = voice.Cycles(np.array([0.0, 0.01]), np.full(2, 0.01), np.full(2, 0.01), np.array([1.0, 0.5]))
    times = np.linspace(0, 0.02, 401)
    flow = voice.glottal_flow(cycles, times, open_quotient=0.5, rise_share=0.6)
    for time, value in zip(times[:-1], flow[:-1], strict=True):
        cycle, since_opening = int(time / 0.01 + 1e-9), (time + 1e-12) % 0.01 - 0.005  # closed for the first half
        if since_opening < 0:
            expected = 0.0
        elif since_opening < 0.003:
            expected = 0.5 * (1 - np.cos(np.pi * since_opening / 0.003))
        else:
            expected = np.cos(np.pi / 2 * (since_opening - 0.003) / 0.002)
        assert value == pytest.approx((1.0, 0.5)[cycle] * expected, abs=1e-6)


def test_a_resonator_peaks_at_its_formant_with_its_bandwidth_and_passes_0_hz_unchanged():
    click = np.zeros(16000)
    click[0] = 1.0
    response = voice.resonate(click, np.array([[800.0]]), np.array([60.0]), rate_hz=16000)
    gain = np.abs(np.fft.rfft(response))
    assert np.argmax(gain) == pytest.approx(800, abs=3)
    half_power = np.flatnonzero(gain > gain.max() / np.sqrt(2))
    assert half_power[-1] - half_power[0] == pytest.approx(60, abs=3)
    assert gain[0] == pytest.approx(1.0)


def test_a_mouth_that_does_not_move_sounds_the_same_in_blocks():
    noise = np.random.default_rng(0).standard_normal(4000)
    still = np.array([[500.0, 1500.0]])
    whole = voice.resonate(noise, still, np.array([60.0, 80.0]), rate_hz=8000)
    moving = np.repeat(still, 100, axis=0)
    moving[::2] += 1e-9
    assert voice.resonate(noise, moving, np.array([60.0, 80.0]), rate_hz=8000) == pytest.approx(whole, abs=1e-6)


def test_a_mouth_that_moves_after_the_end_changes_nothing():
    source = np.random.default_rng(0).normal(size=(1, 80))  # two blocks of 5 ms at 8 kHz
    ending = voice.resonate(source, np.array([[500.0], [600.0]]), np.array([60.0]), rate_hz=8000)
    longer = voice.resonate(source, np.array([[500.0], [600.0], [700.0]]), np.array([60.0]), rate_hz=8000)
    np.testing.assert_array_equal(longer, ending)


@pytest.mark.parametrize("place", voice.PLACES)
@pytest.mark.parametrize("rate_hz", [2.5, 6.0])
def test_the_envelope_shows_as_many_syllables_as_were_spoken(place, rate_hz):
    utterance = a_train(place, rate_hz=rate_hz, irregularity=0.05)
    low = signal.butter(4, 18, fs=voice.SAMPLE_RATE_HZ, output="sos")
    envelope = signal.sosfiltfilt(low, np.abs(utterance.samples))
    peaks, _ = signal.find_peaks(envelope, prominence=0.3 * envelope.max())
    assert len(peaks) == len(utterance.syllables_s)
    assert 1 / np.diff(peaks / voice.SAMPLE_RATE_HZ).mean() == pytest.approx(rate_hz, rel=0.05)


def test_syllables_are_as_irregular_as_wanted():
    spreads = []
    for irregularity in (0.02, 0.2):
        lengths = np.diff(a_train(seconds=40.0, irregularity=irregularity).syllables_s)
        spreads.append(lengths.std() / lengths.mean())
    assert spreads == pytest.approx([0.02, 0.2], rel=0.3)


def test_the_burst_of_k_lies_between_those_of_p_and_t():
    centroids = {}
    for place in voice.PLACES:
        utterance = a_train(place)
        bursts = [utterance.samples[round(time * 8000) :][:64] for time in utterance.syllables_s]
        power = np.mean([np.abs(np.fft.rfft(burst, 256)) ** 2 for burst in bursts], axis=0)
        centroids[place] = np.average(np.fft.rfftfreq(256, 1 / 8000), weights=power)
    assert centroids["PA"] < centroids["KA"] < centroids["TA"]


def test_local_jitter_and_shimmer_are_praats_formulas():
    cycles = voice.Cycles(
        onsets_s=np.array([0.0, 0.010, 0.022, 0.032]),
        periods_s=np.array([0.010, 0.012, 0.010, 0.020]),  # the last is more than 1.3 times its neighbour: left out
        steady_s=np.full(4, 0.013),
        amplitudes=np.array([1.0, 0.8, 1.0, 1.0]),
    )
    truth = voice.measure(voice.Utterance(np.zeros(1), cycles, 20.0, np.empty(0)))
    assert truth.local_jitter == pytest.approx(0.002 / 0.011)
    assert truth.local_shimmer == pytest.approx((0.2 + 0.2 + 0) / 3 / ((0.9 + 0.9 + 1) / 3))
    assert truth.mean_f0_hz == pytest.approx(4 / 0.052)  # cycles over time


def test_the_same_seed_speaks_the_same_and_another_does_not():
    assert np.array_equal(a_train(seed=3).samples, a_train(seed=3).samples)
    assert not np.array_equal(a_train(seed=3).samples, a_train(seed=4).samples)


def test_a_train_too_short_for_a_syllable_still_speaks_one():
    assert len(a_train(seconds=0.4, rate_hz=1.0).syllables_s) == 1

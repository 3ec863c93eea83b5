import io
import itertools

import librosa
import numpy as np
import pytest
import soundfile
from scipy.signal import lfilter

from bulbar.features import near_duplicates

RATE = 22050


def voice(seed: int, seconds: float = 4.0, rate: int = RATE) -> np.ndarray:
    """A sustained vowel: pulses of a wandering pitch through three resonances, with a breath of noise; all differ."""
    draw = np.random.default_rng(seed)
    n = round(seconds * rate)
    pitch = 120 * (
        1 + 0.02 * draw.normal(size=n).cumsum() / np.sqrt(n) + 0.01 * draw.normal(size=n // 100 + 1).repeat(100)[:n]
    )
    source = np.diff(np.floor(np.cumsum(pitch) / rate), prepend=0) + 0.02 * draw.normal(size=n)
    for formant, width in ((700, 80), (1200, 100), (2600, 150)):
        radius = np.exp(-np.pi * width / rate)
        source = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * formant / rate), radius**2], source)
    swell = 1 + 0.2 * np.interp(np.arange(n), np.linspace(0, n, 20), draw.normal(size=20))
    return 0.5 * swell * source / np.abs(swell * source).max()


def coded(samples: np.ndarray, **how: object) -> np.ndarray:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, **how)
    file.seek(0)
    return soundfile.read(file)[0]


def noisy(samples: np.ndarray, db: float) -> np.ndarray:
    hiss = np.random.default_rng(9).normal(size=len(samples))
    return samples + hiss * np.sqrt(np.mean(samples**2)) * 10 ** (db / 20)


def resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    return librosa.resample(samples, orig_sr=RATE, target_sr=rate)


ALTERED = {
    "turned down": lambda voice: (0.1 * voice, RATE),
    "of the other polarity": lambda voice: (-voice, RATE),
    "without its start": lambda voice: (voice[7777:], RATE),
    "without its start and end": lambda voice: (voice[12345:-30001], RATE),
    "after a silence": lambda voice: (np.concatenate([np.zeros(15000), voice]), RATE),
    "resampled down": lambda voice: (resampled(voice, 8000), 8000),
    "resampled up": lambda voice: (resampled(voice, 44100), 44100),
    "with dither": lambda voice: (noisy(voice, -60), RATE),
    "in mu-law": lambda voice: (coded(voice, format="WAV", subtype="ULAW"), RATE),
    "in MP3": lambda voice: (coded(voice, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.9), RATE),
    "offset and stereo": lambda voice: (np.column_stack([voice, 0.5 * voice]) + 0.1, RATE),
    "all at once": lambda voice: (noisy(resampled(-0.2 * voice[9999:-9999], 8000), -50), 8000),
}


def correlation(first: np.ndarray, first_hz: int, second: np.ndarray, second_hz: int) -> tuple[float, float]:
    """As the stage does it: by fingerprints, then by waveforms."""
    sides = [samples.reshape(len(samples), -1) for samples in (first, second)]
    rates = (first_hz, second_hz)
    prints = [near_duplicates.fingerprint(samples, rate) for samples, rate in zip(sides, rates, strict=True)]
    pairs = list(near_duplicates.candidates(prints))
    if not pairs:
        return 0.0, np.nan
    waves = [near_duplicates.low_rate(samples, rate) for samples, rate in zip(sides, rates, strict=True)]
    return near_duplicates.compare(waves[0], waves[1], pairs[0].lag_s)


@pytest.mark.parametrize("how", ALTERED)
def test_a_copy_is_found(how):
    original = voice(0)
    altered, rate = ALTERED[how](original)
    assert correlation(original, RATE, altered, rate)[0] > near_duplicates.NEAR + 0.05


def test_other_recordings_of_one_speaker_and_vowel_are_not():
    voices = [voice(seed)[:, np.newaxis] for seed in range(36)]  # more than a block
    prints = [near_duplicates.fingerprint(samples, RATE) for samples in voices]
    waves = [near_duplicates.low_rate(samples, RATE) for samples in voices]
    pairs = list(near_duplicates.candidates(prints, threshold=-1))
    assert sorted((pair.first, pair.second) for pair in pairs) == list(itertools.combinations(range(36), 2))
    assert max(pair.score for pair in pairs) < near_duplicates.CANDIDATE
    found = [near_duplicates.compare(waves[pair.first], waves[pair.second], pair.lag_s)[0] for pair in pairs[::20]]
    assert max(found) < near_duplicates.NEAR - 0.3


def test_the_lag_says_where_the_second_begins_in_the_first():
    original = voice(1)
    assert correlation(original, RATE, original[10000:], RATE)[1] == pytest.approx(10000 / RATE, abs=2e-4)
    assert correlation(original[10000:], RATE, original, RATE)[1] == pytest.approx(-10000 / RATE, abs=2e-4)


def test_the_correlation_is_numpys_over_the_overlap():
    first, second = (near_duplicates.low_rate(voice(seed)[:, np.newaxis], RATE) for seed in (2, 3))
    mixed = (first + 0.4 * second)[800:]
    expected = np.corrcoef(first[800:], mixed)[0, 1]
    found, lag_s = near_duplicates.compare(first, mixed, 0.21)
    assert found == pytest.approx(expected, abs=0.01)
    assert lag_s == pytest.approx(0.2, abs=1e-4)


@pytest.mark.parametrize("offset", [0.002, 0.01, -0.1])
def test_an_offset_changes_neither_what_is_compared_nor_the_fingerprint(offset):
    original = np.pad(voice(4), RATE)[:, np.newaxis]
    plain, shifted = (near_duplicates.fingerprint(samples, RATE) for samples in (original, original + offset))
    assert shifted.start_frame == plain.start_frame > 0
    assert np.mean(shifted.signs != plain.signs) < 1e-3
    waves = [near_duplicates.low_rate(samples, RATE) for samples in (original, original + offset)]
    np.testing.assert_allclose(*waves, atol=1e-6)


def test_a_common_hum_and_offset_are_no_duplicates():
    hum = 0.5 * np.sin(2 * np.pi * 50 * np.arange(4 * RATE) / RATE) + 0.2
    assert correlation(voice(4) + hum, RATE, voice(5) + hum, RATE)[0] < near_duplicates.NEAR - 0.3


def test_the_same_samples_are_exact_whatever_the_container():
    samples = np.round(voice(6) * 32767) / 32768
    copies = [coded(samples, format=container, subtype="PCM_16") for container in ("WAV", "FLAC", "AIFF")]
    prints = [near_duplicates.fingerprint(copy[:, np.newaxis], RATE) for copy in (*copies, 0.5 * samples)]
    assert [(pair.first, pair.second) for pair in near_duplicates.exact_pairs(prints)] == [(0, 1), (0, 2), (1, 2)]


def test_blocks_find_what_one_block_finds(monkeypatch):
    recordings = [voice(seed, 1.5 + seed % 4) for seed in range(9)]
    recordings += [recordings[8][4000:], 0.3 * recordings[1]]
    prints = [near_duplicates.fingerprint(samples[:, np.newaxis], RATE) for samples in recordings]
    monkeypatch.setattr(near_duplicates, "_BLOCK", 3)
    in_blocks = {(pair.first, pair.second): pair.lag_s for pair in near_duplicates.candidates(prints)}
    monkeypatch.setattr(near_duplicates, "_BLOCK", 100)
    assert in_blocks == {(pair.first, pair.second): pair.lag_s for pair in near_duplicates.candidates(prints)}
    assert in_blocks == {(8, 9): pytest.approx(4000 / RATE, abs=0.02), (1, 10): pytest.approx(0, abs=1e-9)}


def test_silence_is_nobodys_duplicate():
    silent = near_duplicates.fingerprint(np.zeros((RATE, 1)), RATE)
    assert list(near_duplicates.candidates([silent, silent])) == []
    assert near_duplicates.compare(np.zeros(4000), np.zeros(4000), 0.0) == (0.0, 0.0)

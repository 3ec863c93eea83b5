import librosa
import numpy as np
import pytest
import soundfile
from scipy.signal import lfilter

from bulbar.core.errors import SilentRecording
from bulbar.features import audio, conditions


def noise(seconds: float = 3.0, rate: int = 44100, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """White noise of an RMS of `level`."""
    return level * np.random.default_rng(seed).normal(size=round(seconds * rate))


def in_16_bit(samples: np.ndarray) -> np.ndarray:
    return np.round(samples * 32768) / 32768


def tone(rate: int, level: float, seconds: float = 1.0, hz: float = 220.0) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def measured(path, samples: np.ndarray, rate: int, subtype: str = "PCM_16") -> conditions.Conditions:
    soundfile.write(path, samples, rate, subtype=subtype)
    return conditions.measure(path, *audio.read(path), audio.Settings(min_duration_s=0.5))


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_a_recording_that_fills_its_band_reaches_half_its_sampling_rate(rate):
    assert conditions.bandwidth_hz(noise(rate=rate), rate, bits=16) == pytest.approx(rate / 2)


@pytest.mark.parametrize("source", [8000, 16000, 22050])
def test_a_recording_that_was_once_at_a_lower_rate_still_shows_it(source):
    once = librosa.resample(noise(rate=source), orig_sr=source, target_sr=44100)
    assert conditions.bandwidth_hz(in_16_bit(once), 44100, bits=16) == pytest.approx(source / 2, rel=0.05)


def test_a_band_that_was_cut_shows_under_the_noise_added_later():
    once = librosa.resample(noise(rate=8000), orig_sr=8000, target_sr=44100)
    dithered = in_16_bit(once + noise(seconds=len(once) / 44100, level=1e-3, seed=1))
    assert conditions.bandwidth_hz(dithered, 44100, bits=16) == pytest.approx(4000, rel=0.05)


def test_the_low_pass_of_lossy_coding_shows(tmp_path):
    soundfile.write(tmp_path / "a.mp3", noise(), 44100, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.9)
    decoded, rate = soundfile.read(tmp_path / "a.mp3")
    found = conditions.bandwidth_hz(decoded, rate)
    spectrum = np.abs(np.fft.rfft(decoded)) ** 2
    beyond = np.fft.rfftfreq(len(decoded), 1 / rate) > found + 500
    assert found < 20000
    assert spectrum[beyond].mean() < 1e-6 * spectrum[~beyond].mean()


def test_a_spectrum_that_falls_gently_has_no_edge():
    falling = lfilter([0.1], [1, -0.9], noise())
    assert conditions.bandwidth_hz(in_16_bit(falling), 44100, bits=16) == pytest.approx(22050)


@pytest.mark.parametrize("turned_down", [1.0, 0.3])
def test_clipping_is_counted_to_the_sample_also_after_the_recording_was_turned_down(turned_down):
    wave = tone(8000, 1.5)
    clipped = in_16_bit(turned_down * np.clip(wave, -1, 1))
    assert conditions.clipped_share(clipped[:, np.newaxis]) == pytest.approx(np.mean(np.abs(wave) >= 1), abs=1e-9)


@pytest.mark.parametrize("level", [0.999, 0.3, 0.001])
def test_a_loud_or_a_quiet_wave_that_was_not_cut_is_not_clipped(level):
    voice = tone(8000, 0.7, hz=217.3) + tone(8000, 0.3, hz=431.7)
    assert conditions.clipped_share(in_16_bit(level * voice)[:, np.newaxis]) == 0


def test_the_header_is_reported_as_it_is(tmp_path):
    found = measured(tmp_path / "a.wav", np.column_stack([noise(rate=16000)] * 2), 16000, "ULAW")
    assert (found.format, found.channels, found.sample_rate_hz, found.duration_s) == ("WAV/ULAW", 2, 16000, 3.0)


@pytest.mark.parametrize("offset", [0.0005, 0.002, 0.01, -0.1])
def test_level_background_pauses_and_offset_are_those_the_recording_was_made_of(tmp_path, offset):
    rate = 8000
    hiss = noise(2.0, rate, 10 ** (-55 / 20))
    recording = np.concatenate([hiss[:rate], tone(rate, 0.2) + hiss[:rate], hiss[rate:]]) + offset
    found = measured(tmp_path / "a.wav", recording, rate)
    assert found.level_dbfs == pytest.approx(20 * np.log10(0.2 / np.sqrt(2)), abs=0.2)
    assert found.noise_dbfs == pytest.approx(-55, abs=1)
    assert found.noise_centroid_hz == pytest.approx(rate / 4, rel=0.1)  # white noise has its centre in the middle
    assert found.dc_offset == pytest.approx(offset, abs=2e-4)
    assert found.pause_share == pytest.approx(2 / 3, abs=0.05)
    assert found.digital_silence_share < 0.01
    cleaned = audio.clean(tmp_path / "a.wav", audio.Settings(min_duration_s=0.5))
    assert found.pause_share == pytest.approx(1 - len(cleaned) / 22050 / 3, abs=1e-3)  # what preprocess_audio leaves


@pytest.mark.parametrize("offset", [0.0, 0.01])
def test_digital_silence_is_counted_and_is_no_background(tmp_path, offset):
    rate = 8000
    recording = np.concatenate([np.zeros(rate), tone(rate, 0.2), np.zeros(2 * rate)])
    found = measured(tmp_path / "a.wav", recording + offset, rate)
    assert found.digital_silence_share == pytest.approx(3 / 4, abs=0.01)
    assert np.isnan([found.noise_dbfs, found.noise_centroid_hz]).all()


def test_an_offset_that_settles_in_the_first_second_is_no_background(tmp_path):
    rate = 8000
    hiss = noise(4.0, rate, 10 ** (-55 / 20))
    hiss[2 * rate : 3 * rate] += tone(rate, 0.2)
    settling = 0.05 * np.exp(-np.arange(4 * rate) / rate / 0.3)
    found = measured(tmp_path / "a.wav", hiss + settling, rate)
    assert found.noise_dbfs == pytest.approx(-55, abs=1)
    assert found.level_dbfs == pytest.approx(20 * np.log10(0.2 / np.sqrt(2)), abs=0.2)
    assert found.pause_share == pytest.approx(3 / 4, abs=0.05)


def test_a_row_of_clipped_samples_is_no_digital_silence():
    clipped = np.clip(20 * tone(44100, 0.2, hz=100), -0.5, 0.5)
    assert np.bincount(np.unique(clipped, return_inverse=True)[1]).max() > 1000  # flat tops of more than 100 samples
    assert not conditions.digital_silence(clipped).any()


def test_a_recording_without_a_pause_has_no_background(tmp_path):
    found = measured(tmp_path / "a.wav", tone(8000, 0.2), 8000)
    assert np.isnan(found.noise_dbfs)
    assert found.pause_share == 0


def test_a_silent_recording_is_refused(tmp_path):
    with pytest.raises(SilentRecording):
        measured(tmp_path / "a.wav", np.zeros(8000), 8000)


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_a_quiet_room_is_background_and_no_digital_silence(steps):
    rate = 44100
    hiss = noise(4.0, rate, steps / 32768)
    hiss[rate : 2 * rate] += tone(rate, 0.2)
    level_dbfs, centroid_hz = conditions.background(in_16_bit(hiss), rate)
    assert level_dbfs == pytest.approx(20 * np.log10(steps / 32768), abs=0.6)  # rounding adds a twelfth of a step
    assert centroid_hz == pytest.approx(rate / 4, rel=0.05)
    assert not conditions.digital_silence(in_16_bit(hiss)).any()


def test_rows_of_zeros_are_digital_silence_to_the_sample():
    recording = np.concatenate([np.zeros(100), tone(8000, 0.2, hz=217.3)[1:], np.zeros(50)])
    recording[3000:3010] = 0
    found = np.flatnonzero(conditions.digital_silence(recording))
    assert found.tolist() == [*range(100), *range(len(recording) - 50, len(recording))]

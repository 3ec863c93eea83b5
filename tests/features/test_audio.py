import librosa
import numpy as np
import pytest
import scipy.signal
import soundfile

from bulbar.core.errors import SilentRecording
from bulbar.features import audio, spectrogram

SETTINGS = audio.Settings(min_duration_s=0.5)


def tone(hz: float, seconds: float = 1.0, rate: int = 22050, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def pitch_hz(samples: np.ndarray, rate: int = 22050) -> float:
    """The frequency of the highest line of a spectrum."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


DEPTHS = {"PCM_U8": 2**-7, "PCM_16": 2**-15, "PCM_24": 2**-23, "PCM_32": 2**-31, "FLOAT": 2**-24, "DOUBLE": 2**-53}


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 192000])
@pytest.mark.parametrize("depth", DEPTHS)
def test_any_rate_and_depth_becomes_16_bit_mono_at_22050_hz(tmp_path, rate, depth):
    soundfile.write(tmp_path / "in.wav", tone(440, 1.0, rate), rate, subtype=depth)
    cleaned = audio.clean(tmp_path / "in.wav", SETTINGS)
    assert cleaned.dtype == np.int16
    assert cleaned.shape == (22050,)
    assert pitch_hz(cleaned) == pytest.approx(440, abs=1)
    middle = slice(2000, -2000)
    error = cleaned[middle] / 32768 - tone(440)[middle]
    assert np.abs(error).max() < 2 * DEPTHS[depth] + (2**-15 if rate == 22050 else 1e-3)


def test_stereo_becomes_the_mean_of_its_channels(tmp_path):
    left, right = tone(200), tone(1000, level=0.2)
    soundfile.write(tmp_path / "in.wav", np.column_stack([left, right]), 22050, subtype="FLOAT")
    cleaned = audio.clean(tmp_path / "in.wav", SETTINGS)
    np.testing.assert_allclose(cleaned / 32768, (left + right) / 2, atol=2**-15)


SILENT = {
    "channels that cancel": np.column_stack([tone(200), -tone(200)]),
    "one value throughout": np.full(22050, 0.1),
    "too quiet for 16 bits": tone(300, level=1e-7),
}


@pytest.mark.parametrize("samples", SILENT.values(), ids=SILENT.keys())
def test_a_recording_of_which_nothing_is_left_is_silent(tmp_path, samples):
    soundfile.write(tmp_path / "in.wav", samples, 22050, subtype="FLOAT")
    with pytest.raises(SilentRecording):
        audio.clean(tmp_path / "in.wav", SETTINGS)


def test_what_is_written_is_16_bit_mono_and_reads_back(tmp_path):
    samples = np.array([0, 1, -1, 32767, -32768], dtype=np.int16)
    audio.write(tmp_path / "out.wav", samples, 22050)
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.subtype, info.channels, info.samplerate) == ("PCM_16", 1, 22050)
    assert soundfile.read(tmp_path / "out.wav", dtype="int16")[0].tolist() == samples.tolist()


@pytest.mark.parametrize(("rate", "up", "down"), [(8000, 441, 160), (44100, 1, 2), (48000, 147, 320)])
def test_resampling_agrees_with_scipys_polyphase_filter(rate, up, down):
    signal = tone(150, 1, rate) + tone(1333, 1, rate, 0.2) + tone(3000, 1, rate, 0.1)
    ours = audio.resample(signal.astype(np.float32), rate, 22050)
    theirs = scipy.signal.resample_poly(signal, up, down, window=("kaiser", 12.0))
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours[1000:-1000], theirs[1000:-1000], atol=5e-3)


def test_what_lies_above_half_the_new_rate_is_gone_and_not_folded_back():
    resampled = audio.resample(tone(15000, 1, 44100).astype(np.float32), 44100, 22050)
    assert np.abs(resampled[500:-500]).max() < 1e-3


def test_what_resampling_lifts_over_full_scale_is_clipped_and_does_not_wrap(tmp_path):
    square = np.where(np.arange(8000) // 40 % 2 == 0, 0.999, -0.999)
    soundfile.write(tmp_path / "in.wav", square, 8000, subtype="FLOAT")
    cleaned = audio.clean(tmp_path / "in.wav", SETTINGS).astype(int)
    assert cleaned.max() == 32767
    assert cleaned.min() == -32768
    middles = np.round((np.arange(200) * 40 + 20) * 22050 / 8000).astype(int)
    assert np.array_equal(np.sign(cleaned[middles]), np.where(np.arange(200) % 2 == 0, 1, -1))


def test_silent_gaps_are_removed_and_the_rest_keeps_its_order():
    gap = np.zeros(22050)
    joined = audio.remove_silence(np.concatenate([gap, tone(300), gap, tone(600), gap]))
    assert len(joined) == pytest.approx(2 * 22050, abs=8 * 1024)
    assert pitch_hz(joined[:20000]) == pytest.approx(300, abs=2)
    assert pitch_hz(joined[-20000:]) == pytest.approx(600, abs=2)


def test_silence_is_what_lies_30_db_below_the_peak():
    parts = [tone(300), tone(300, level=0.5 * 10 ** (-20 / 20)), tone(300, level=0.5 * 10 ** (-40 / 20))]
    joined = audio.remove_silence(np.concatenate(parts), top_db=30)
    assert len(joined) == pytest.approx(2 * 22050, abs=4 * 1024)
    assert len(audio.remove_silence(np.concatenate(parts), top_db=50)) == 3 * 22050
    assert len(audio.remove_silence(np.concatenate(parts), top_db=10)) == pytest.approx(22050, abs=4 * 1024)


@pytest.mark.parametrize(
    "samples", [np.zeros(22050), np.zeros(1), np.zeros(0), np.full(22050, 0.25), np.full(22050, 0.1, np.float32)]
)
def test_a_recording_of_one_value_throughout_is_an_error_and_no_crash_in_a_logarithm(samples):
    with pytest.raises(SilentRecording, match="equal"):
        audio.remove_silence(samples)


def with_pauses(length: int = 60_000, seed: int = 1) -> np.ndarray:
    """Noise of no mean whose level jumps between full, 20 dB and 40 dB below, float32."""
    draws = np.random.default_rng(seed)
    levels = np.repeat(10.0 ** (-draws.integers(0, 3, 1 + length // 3000)), 3000)[:length]
    samples = 0.1 * levels * draws.standard_normal(length)
    return (samples - samples.mean()).astype(np.float32)


def steps_16_bit(samples: np.ndarray) -> np.ndarray:
    return np.round(32768 * samples).astype(np.int16)


@pytest.mark.parametrize("length", [60_000, 61_440, 61_441, 3000, 600, 100])
@pytest.mark.parametrize("top_db", [10.0, 30.0, 60.0])
def test_of_a_recording_without_an_offset_what_is_left_is_what_librosa_leaves(length, top_db):
    samples = with_pauses(length)
    theirs = librosa.effects.split(samples, top_db=top_db)
    left = np.concatenate([samples[start:end] for start, end in theirs])
    np.testing.assert_array_equal(audio.remove_silence(samples, top_db=top_db), left)


OFFSETS = [0.002, 0.01, -0.05]


@pytest.mark.parametrize("offset", OFFSETS)
def test_silence_is_removed_at_the_same_places_whatever_the_offset(offset):
    samples = with_pauses()
    left = audio.remove_silence(samples)
    assert len(left) < 0.9 * len(samples)
    np.testing.assert_allclose(audio.remove_silence(samples + np.float32(offset)) - offset, left, atol=1e-7)


@pytest.mark.parametrize("settling_s", [0.1, 0.3, 1.0])
def test_an_offset_that_settles_slowly_is_no_sound(settling_s):
    """Within a frame it falls by much less than it lies above the end that it settles to."""
    rate = 22050
    hiss = 1e-4 * np.random.default_rng(1).standard_normal(3 * rate)
    hiss[rate : 2 * rate] += tone(300)
    settling = 0.02 * np.exp(-np.arange(3 * rate) / rate / settling_s)
    assert len(audio.remove_silence(hiss + settling)) == len(audio.remove_silence(hiss)) < 1.2 * rate


def test_the_mean_is_subtracted_as_scipy_does():
    samples = with_pauses() + np.float32(0.01)
    found = audio.without_offset(samples)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scipy.signal.detrend(samples.astype(float), type="constant"), atol=1e-8)


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("rate", [8000, 22050, 44100])
@pytest.mark.parametrize("bandwidth_hz", [None, 3600.0])
def test_a_recording_with_an_offset_gives_the_same_cleaned_samples_and_the_same_image(
    tmp_path, offset, rate, bandwidth_hz
):
    settings = audio.Settings(min_duration_s=0.5, bandwidth_hz=bandwidth_hz)
    voice = steps_16_bit(np.concatenate([with_pauses(rate // 2), tone(220, 1.0, rate, 0.3), with_pauses(rate // 2, 2)]))
    soundfile.write(tmp_path / "without.wav", voice, rate)
    soundfile.write(tmp_path / "with.wav", voice + np.int16(round(offset * 32768)), rate)
    without, with_offset = (audio.clean(tmp_path / f"{name}.wav", settings) for name in ("without", "with"))
    assert len(without) == len(with_offset)
    assert np.abs(without.astype(int) - with_offset).max() <= 1  # where a rounding falls the other way
    mel = spectrogram.Settings()
    images = [spectrogram.image_of(cleaned / np.float32(32768), 22050, mel) for cleaned in (without, with_offset)]
    np.testing.assert_allclose(*images, atol=0.01)  # of bands that hold nothing but the noise of rounding


def gain_db(before: np.ndarray, after: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """The measured response of whatever made the one signal of the other: frequencies in hertz, decibels."""
    _, cross = scipy.signal.csd(before, after, rate, nperseg=4096)
    frequencies, power = scipy.signal.welch(before, rate, nperseg=4096)
    return frequencies, 20 * np.log10(np.abs(cross / power))


@pytest.mark.parametrize(("rate", "bandwidth_hz"), [(22050, 4000.0), (22050, 3600.0), (16000, 500.0), (44100, 8000.0)])
def test_a_low_pass_leaves_what_is_below_and_takes_what_is_above(rate, bandwidth_hz):
    noise = np.random.default_rng(1).standard_normal(60 * rate)
    frequencies, response = gain_db(noise, audio.low_pass(noise, rate, bandwidth_hz), rate)
    assert np.abs(response[(frequencies > 0) & (frequencies < 0.9 * bandwidth_hz)]).max() < 0.5
    assert response[frequencies > 1.1 * bandwidth_hz].max() < -40


def test_a_low_pass_keeps_timing_length_and_kind():
    low, high = tone(300).astype(np.float32), tone(6000).astype(np.float32)
    passed = audio.low_pass(low + high, 22050, 4000.0)
    assert passed.shape == low.shape
    assert passed.dtype == np.float32
    np.testing.assert_allclose(passed[500:-500], low[500:-500], atol=1e-5)
    assert audio.low_pass(low[:7], 22050, 4000.0).shape == (7,)


def test_a_recording_is_low_passed_only_where_the_settings_say(tmp_path):
    soundfile.write(tmp_path / "in.wav", tone(300) + tone(6000, level=0.2), 22050, subtype="FLOAT")
    limited = audio.clean(tmp_path / "in.wav", audio.Settings(min_duration_s=0.5, bandwidth_hz=4000)) / 32768
    np.testing.assert_allclose(limited[500:-500], tone(300)[500:-500], atol=2**-15 + 1e-5)
    whole = audio.clean(tmp_path / "in.wav", SETTINGS) / 32768
    assert np.abs(whole - tone(300)).max() > 0.19


@pytest.mark.parametrize("rates_hz", [(8000, 22050), (44100, 22050), (48000, 22050), (22050, 22050), (11025, 8000)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_resampling_is_librosa_s_bit_for_bit_without_its_import(rates_hz, kind):
    samples = np.random.default_rng(rates_hz[0]).normal(size=12347).astype(kind)
    expected = librosa.resample(samples, orig_sr=rates_hz[0], target_sr=rates_hz[1])
    found = audio.resample(samples, *rates_hz)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)

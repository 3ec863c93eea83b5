"""Feature frames beside librosa's and scipy's, their length, and what normalisation takes from where."""

import librosa
import numpy as np
import pytest
import scipy.fft

from bulbar.core.errors import BadInput, SilentRecording
from bulbar.features import sequences

RATE = 16000


def noise(seconds, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def of(samples, **settings):
    return sequences.features_of(samples, RATE, sequences.Settings(**settings))


def librosa_mel(samples, n_fft=2048):
    """Frames of 40 ms every 20 ms in decibels below the loudest, as librosa has them."""
    window = np.hamming(640)
    power = librosa.feature.melspectrogram(
        y=samples, sr=RATE, n_fft=n_fft, win_length=640, hop_length=320, window=window, n_mels=40, htk=True, norm=None,
        fmin=0.0, fmax=8000.0, pad_mode="constant",
    )  # fmt: skip
    return librosa.power_to_db(power, ref=np.max, top_db=80)


def test_mel_frames_are_librosa_s_scaled_to_one():
    samples = noise(1.99)
    features, filled = of(samples)
    expected = 1 + librosa_mel(samples)[:, :100] / 80
    assert (features.shape, features.dtype, filled) == ((40, 100), np.float32, 100)
    assert np.allclose(features, expected, atol=1e-4)


@pytest.mark.parametrize(("frame_ms", "hop_ms"), [(40, 20), (40, 10), (25, 10), (20, 20), (33, 7)])
def test_the_last_frame_before_the_cut_reaches_what_comes_after_it(frame_ms, hop_ms):
    samples, settings = noise(3.0), sequences.Settings(frame_ms=frame_ms, hop_ms=hop_ms, normalise="training")
    cut, _ = sequences.features_of(samples, RATE, settings)
    whole, _ = sequences.features_of(samples, RATE, settings.model_copy(update={"duration_s": 2.8}))
    assert np.array_equal(cut, whole[:, : cut.shape[1]])


def test_the_loudest_frame_is_one_before_the_cut():
    samples = noise(3.0)
    samples[2 * RATE - 200 : 2 * RATE] *= 100
    features, _ = of(samples)
    assert features.max() == 1


def test_mfcc_are_scipy_s_cosine_transform_of_them():
    samples = noise(1.99)
    features, _ = of(samples, representation="mfcc", normalise="training", floor_db=-100)
    log_mel, _ = of(samples, normalise="training", floor_db=-100)
    expected = scipy.fft.dct(log_mel.astype(float), type=2, axis=0, norm=None)[1:14] / 2
    assert features.shape == (13, 100)
    assert np.allclose(features, expected, atol=1e-4)


@pytest.mark.parametrize(("seconds", "filled"), [(0.5, 26), (1.0, 51), (1.98, 100), (2.0, 100), (7.0, 100)])
def test_shorter_ones_are_filled_with_the_floor_and_longer_ones_cut(seconds, filled):
    features, found = of(noise(seconds))
    assert found == filled
    assert features.shape == (40, 100)
    assert (features[:, filled:] == 0).all()
    assert (features[:, filled - 1] > 0).all()


def test_what_is_cut_off_changes_nothing_even_where_it_is_louder():
    samples = np.concatenate([noise(2.1), 5 * noise(1.0, seed=1)])
    assert np.array_equal(of(samples)[0], of(samples[: 2 * RATE])[0])


@pytest.mark.parametrize("representation", ["mel", "mfcc"])
def test_by_recording_the_level_is_gone_and_all_lies_between_0_and_1(representation):
    loud, _ = of(noise(2.0), representation=representation)
    soft, _ = of(0.01 * noise(2.0), representation=representation)
    assert np.allclose(loud, soft, atol=1e-5)
    assert loud.min() >= 0 and loud.max() <= 1


def test_for_the_training_part_s_scaling_the_level_stays():
    loud, _ = of(noise(2.0), normalise="training")
    soft, _ = of(0.1 * noise(2.0), normalise="training")
    assert np.allclose(loud - soft, 20 / 80, atol=1e-4)


def test_a_sine_at_full_scale_is_the_reference():
    times = np.arange(2 * RATE) / RATE
    features, _ = of(np.sin(2 * np.pi * 1000 * times), normalise="training", mel_bands=20)
    assert features[:, 20:80].max() == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(
    ("frame_ms", "hop_ms", "duration_s", "frames"), [(20, 10, 1.0, 100), (25, 10, 3.0, 300), (40, 40, 2.0, 50)]
)
def test_frames_are_as_long_and_as_many_as_the_settings_say(frame_ms, hop_ms, duration_s, frames):
    features, filled = of(noise(5.0), frame_ms=frame_ms, hop_ms=hop_ms, duration_s=duration_s)
    assert (features.shape, filled) == ((40, frames), frames)
    assert (features > 0).all(axis=1).any()


def test_no_band_is_empty_with_the_shortest_frames():
    features, _ = of(noise(2.0), frame_ms=20, mel_bands=64)
    assert (features.mean(axis=1) > 0.2).all()


def test_a_silent_recording_is_refused():
    with pytest.raises(SilentRecording):
        of(np.zeros(RATE))


def test_scaling_is_the_mean_and_deviation_of_all_frames_together():
    rng = np.random.default_rng(3)
    parts = [rng.normal(5, 2, (4, frames)) for frames in (10, 70, 33)]
    parts = [np.vstack([part, np.full(part.shape[1], 7.0)]) for part in parts]
    scaling = sequences.Scaling.learn(iter(parts))
    joined = np.hstack(parts)
    assert np.allclose(scaling.mean, joined.mean(axis=1))
    assert np.allclose(scaling.sd[:4], joined[:4].std(axis=1))
    assert scaling.sd[4] == 1
    scaled = scaling.apply(joined)
    assert scaled.dtype == np.float32
    assert np.allclose(scaled[:4].std(axis=1), 1, atol=1e-5)


def test_bands_beyond_half_the_sampling_rate_are_refused_with_both_keys():
    with pytest.raises(BadInput, match=r"features\.max_hz(.|\n)*audio\.sample_rate_hz"):
        sequences.check_rate(sequences.Settings(), 8000)
    sequences.check_rate(sequences.Settings(), 16000)

import math

import librosa
import numpy as np
import pytest
import scipy.signal
import soundfile

from bulbar.core.errors import SilentRecording
from bulbar.features import spectrogram
from bulbar.features.spectrogram import Settings

RATE = 22050


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Two seconds of a buzz that fades, with noise."""
    times = np.arange(2 * RATE) / RATE
    draws = np.random.default_rng(3)
    buzz = sum(np.sin(2 * np.pi * 140 * k * times) / k for k in range(1, 20))
    return 0.1 * buzz * np.exp(-times) + 0.001 * draws.standard_normal(len(times))


def unresized(samples: np.ndarray, **changes) -> np.ndarray:
    """The image with one column for each frame."""
    settings = Settings(time_axis="pad", frames=1 + len(samples) // 512, **changes)
    return spectrogram.image_of(samples, RATE, settings)[0]


def test_the_hamming_window_is_equation_2():
    by_hand = [0.54 - 0.46 * math.cos(2 * math.pi * n / 2047) for n in range(2048)]
    np.testing.assert_allclose(spectrogram.hamming(2048), by_hand, atol=1e-12)
    np.testing.assert_allclose(spectrogram.hamming(101, a=0.5), scipy.signal.windows.hann(101, sym=True), atol=1e-12)


def test_the_mel_scale_is_equation_4_and_its_inverse():
    hz = np.array([0.0, 100.0, 700.0, 1000.0, 11025.0])
    np.testing.assert_allclose(spectrogram.hz_to_mel(hz), [2595 * math.log10(1 + each / 700) for each in hz])
    np.testing.assert_allclose(spectrogram.mel_to_hz(spectrogram.hz_to_mel(hz)), hz, atol=1e-9)


@pytest.mark.parametrize("changes", [{}, {"mel_bands": 40, "min_hz": 50.0, "max_hz": 4000.0}])
def test_the_filterbank_is_librosas(changes):
    settings = Settings(**changes)
    low, high, bands = settings.min_hz, settings.max_hz, settings.mel_bands
    theirs = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=bands, fmin=low, fmax=high, htk=True, norm=None)
    assert np.array_equal(spectrogram.mel_filterbank(settings, RATE).toarray(), theirs)


def test_the_mel_image_is_librosas_mel_spectrogram_in_decibels(voice):
    """Pre-emphasis, frames, equation 3, filterbank and decibels at once."""
    emphasised = librosa.effects.preemphasis(voice, coef=0.97, zi=[0.0])
    power = librosa.feature.melspectrogram(
        y=emphasised, sr=RATE, n_fft=2048, hop_length=512, window=scipy.signal.windows.hamming(2048, sym=True),
        pad_mode="constant", n_mels=128, fmin=0.0, fmax=11025.0, htk=True, norm=None,
    )  # fmt: skip
    decibels = librosa.power_to_db(power, ref=np.max, top_db=80)
    np.testing.assert_allclose(unresized(voice), (decibels + 80) / 80, atol=1e-5)


def test_single_precision_gives_the_same_image(voice):
    np.testing.assert_allclose(unresized(voice.astype(np.float32)), unresized(voice), atol=1e-3)


def test_the_maximum_is_1_and_what_is_80_db_below_it_is_0():
    image = spectrogram.to_unit_range(np.array([[1e3, 1e-1], [1e-5, 1e-9]]), floor_db=-80)
    np.testing.assert_allclose(image, [[1.0, 0.5], [0.0, 0.0]], atol=1e-12)


def test_a_zero_spectrum_has_no_maximum_to_compare_with():
    with pytest.raises(SilentRecording):
        spectrogram.to_unit_range(np.zeros((4, 4)))
    with pytest.raises(SilentRecording):
        spectrogram.image_of(np.zeros(RATE), RATE, Settings())


def test_the_level_of_a_recording_changes_nothing(voice):
    np.testing.assert_allclose(unresized(0.01 * voice), unresized(voice), atol=1e-5)


def test_equation_5_is_the_sum_it_states():
    energies = np.random.default_rng(2).random((20, 4))
    by_hand = np.zeros((12, 4))
    for m in range(1, 13):
        for k in range(1, 21):
            by_hand[m - 1] += math.cos(m * (k - 0.5) * math.pi / 20) * energies[k - 1]
    np.testing.assert_allclose(spectrogram.cosine_transform(energies, 12), by_hand, atol=1e-12)


def test_coefficients_reach_0_and_1_at_their_bounds_and_lie_at_one_half_without_a_shape():
    places = np.arange(128) + 0.5
    for m in range(1, 13):
        half_waves = np.cos(m * places * np.pi / 128)
        most = (half_waves > 0).astype(float)[:, np.newaxis]
        spectra = np.hstack([most, 1 - most, np.full((128, 1), 0.7)])
        scaled = spectrogram.mfcc_to_unit_range(spectrogram.cosine_transform(spectra, 12), 128)
        np.testing.assert_allclose(scaled[m - 1], [1.0, 0.0, 0.5], atol=1e-9)


def test_an_mfcc_image_has_the_shape_of_a_mel_image(voice):
    image = spectrogram.image_of(voice, RATE, Settings(representation="mfcc"))
    assert image.shape == (1, 128, 128)
    assert 0 <= image.min() < image.max() <= 1
    # rows 0 to 10 are C_1 alone in the middle: 128 rows for 12 coefficients
    coefficients = spectrogram.mfcc_to_unit_range(spectrogram.cosine_transform(unresized(voice), 12), 128)
    assert image[0, 5].mean() == pytest.approx(coefficients[0].mean(), abs=0.01)
    assert image[0, 122].mean() == pytest.approx(coefficients[11].mean(), abs=0.01)


@pytest.mark.parametrize("columns", [1, 40, 128, 300, 2000])
def test_resizing_leaves_a_constant_image_constant(columns):
    resized = spectrogram.resize(np.full((128, columns), 0.3), (128, 128))
    assert resized.shape == (128, 128)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, 0.3, atol=1e-6)


def test_a_longer_image_is_averaged_over_what_a_pixel_covers():
    row = np.random.default_rng(5).random(300)
    scale = 300 / 128
    by_hand = []
    for pixel in range(128):
        weights = np.maximum(0, 1 - np.abs(np.arange(300) + 0.5 - (pixel + 0.5) * scale) / scale)
        by_hand.append((weights * row).sum() / weights.sum())
    resized = spectrogram.resize(row[np.newaxis], (1, 128))[0]
    np.testing.assert_allclose(resized, by_hand, atol=1e-4)
    assert resized.mean() == pytest.approx(row.mean(), abs=0.01)


def test_a_shorter_image_is_interpolated_linearly():
    row = np.random.default_rng(6).random(40)
    expected = np.interp((np.arange(128) + 0.5) * 40 / 128 - 0.5, np.arange(40), row)
    np.testing.assert_allclose(spectrogram.resize(row[np.newaxis], (1, 128))[0], expected, atol=1e-4)


def test_resize_takes_in_the_whole_recording():
    image = np.zeros((128, 500), dtype=np.float32)
    image[:, 490:] = 1
    (row,) = spectrogram.fit_time_axis(image, Settings(time_axis="resize"))
    assert row[0, -1] == pytest.approx(1)
    assert row[0, :120].max() == 0


def test_pad_takes_the_first_frames_and_fills_up_with_the_floor():
    image = np.random.default_rng(7).random((128, 300)).astype(np.float32)
    (longer,) = spectrogram.fit_time_axis(image, Settings(time_axis="pad"))
    assert np.array_equal(longer, image[:, :128])
    (shorter,) = spectrogram.fit_time_axis(image[:, :50], Settings(time_axis="pad"))
    assert np.array_equal(shorter[:, :50], image[:, :50])
    assert not shorter[:, 50:].any()


@pytest.mark.parametrize(("frames", "rows"), [(3, 1), (10, 1), (14, 1), (15, 2), (20, 2), (24, 2), (26, 3)])
def test_segments_are_whole_lengths_and_a_rest_of_at_least_half_a_row(frames, rows):
    image = 1 + np.arange(2 * frames, dtype=np.float32).reshape(2, frames)
    settings = Settings(time_axis="segments", frames=10)
    cut = spectrogram.fit_time_axis(image, settings)
    assert cut.shape == (rows, 2, 10)
    joined = np.concatenate(list(cut), axis=1)
    filled = min(frames, 10 * rows)
    assert np.array_equal(joined[:, :filled], image[:, :filled])
    assert not joined[:, filled:].any()


def test_a_file_has_the_image_of_its_samples(tmp_path, voice):
    soundfile.write(tmp_path / "a.wav", voice, RATE, subtype="FLOAT")
    from_file = spectrogram.image_of_file(tmp_path / "a.wav", Settings())
    assert from_file.dtype == np.float32
    np.testing.assert_array_equal(from_file, spectrogram.image_of(voice.astype(np.float32), RATE, Settings()))


@pytest.mark.parametrize("samples", [1, 100, 2048])
def test_the_shortest_recordings_have_an_image_too(samples):
    image = spectrogram.image_of(np.ones(samples, dtype=np.float32), RATE, Settings())
    assert image.shape == (1, 128, 128)
    assert np.isfinite(image).all()


@pytest.mark.parametrize("representation", ["mel", "mfcc"])
@pytest.mark.parametrize("silent_samples", [0, 40_000])
def test_where_a_recording_is_silent_and_after_its_end_an_image_is_that_of_silence(representation, silent_samples):
    settings = Settings(representation=representation, time_axis="pad", mel_bands=32, frames=40)
    samples = np.concatenate([np.random.default_rng(0).normal(0, 0.1, 4096), np.zeros(silent_samples)])
    image, silence = spectrogram.image_of(samples, RATE, settings)[0], spectrogram.silence(settings)
    np.testing.assert_allclose(image[:, 20:], silence[:, 20:], atol=1e-6)
    assert np.abs(image[:, :6] - silence[:, :6]).max() > 0.1


def test_an_edge_between_bands_is_where_their_triangles_are_equally_high():
    settings = Settings(mel_bands=32)
    edges = spectrogram.hz_of_rows(np.arange(33), settings)
    assert edges[0] == 0 and edges[-1] == 11025
    filters = spectrogram.mel_filterbank(settings, RATE).toarray()
    bins = np.fft.rfftfreq(settings.frame_length, 1 / RATE)
    for band in (10, 25):
        below, above = (np.interp(edges[band], bins, filters[row]) for row in (band - 1, band))
        assert below == pytest.approx(above, abs=0.1) and below > 0.3


def test_a_tone_lights_up_the_row_at_which_its_frequency_is_drawn():
    settings = Settings()
    for hz in (100, 440, 3000, 10500):
        image = spectrogram.image_of(np.sin(2 * np.pi * hz * np.arange(RATE) / RATE), RATE, settings)[0]
        brightest = int(image.mean(axis=1).argmax())
        assert brightest - 0.25 <= spectrogram.rows_of_hz(np.array([hz]), settings)[0] <= brightest + 1.25
    edges = np.arange(129)
    np.testing.assert_allclose(
        spectrogram.rows_of_hz(spectrogram.hz_of_rows(edges, settings), settings), edges, atol=1e-6
    )

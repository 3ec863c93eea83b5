import numpy as np
import pytest

from bulbar.deployment.explanation import BANDS, TIMES, Occlusion, figure, mean, occlusion
from bulbar.features import spectrogram

SILENCE = np.zeros((32, 24))


def linear(weights):
    return lambda images: (images * weights).sum(axis=(1, 2))


@pytest.fixture
def images():
    return np.random.default_rng(0).random((1, 32, 24)).astype(np.float32)


def test_of_a_linear_score_each_part_has_what_it_adds(images):
    weights = np.random.default_rng(1).normal(size=(32, 24))
    found = occlusion(linear(weights), images, SILENCE)
    parts = (images[0] * weights).reshape(BANDS, 32 // BANDS, TIMES, 24 // TIMES).sum(axis=(1, 3))
    np.testing.assert_allclose(found.blocks, parts, atol=1e-5)
    np.testing.assert_allclose(found.bands, parts.sum(axis=1), atol=1e-5)
    np.testing.assert_allclose(found.times, parts.sum(axis=0), atol=1e-5)


def test_the_rows_of_a_segmented_recording_follow_each_other_and_share_its_score(images):
    weights = np.ones((32, 24))
    two = np.concatenate([images, 2 * images])
    found, one = (occlusion(linear(weights), of, SILENCE) for of in (two, images))
    np.testing.assert_allclose(found.blocks, np.hstack([one.blocks / 2, one.blocks]), atol=1e-4)
    np.testing.assert_allclose(found.bands, 1.5 * one.bands, atol=1e-4)


def test_a_part_that_is_silent_already_moves_nothing(images):
    images[:, 20:] = 0
    found = occlusion(lambda shown: np.tanh(shown.mean(axis=(1, 2))), images, SILENCE)
    assert (found.blocks[10:] == 0).all() and (found.blocks[:10] > 0).all()


def test_the_mean_over_fold_models_is_taken_part_by_part(images):
    found = [occlusion(linear(np.full((32, 24), weight)), images, SILENCE) for weight in (1.0, 3.0)]
    np.testing.assert_allclose(mean(found).blocks, 2 * found[0].blocks, rtol=1e-3)


def drawn(representation: str = "mel", rows: int = 1):
    draws = np.random.default_rng(0)
    found = Occlusion(draws.normal(0, 0.01, (16, 8 * rows)), draws.normal(0, 0.01, 16), draws.normal(0, 0.01, 8 * rows))
    settings = spectrogram.Settings(representation=representation)
    images = draws.random((rows, 128, 128)).astype(np.float32)
    return found, figure(images, found, settings, 6.0 * rows, "a_A.wav, task A", "Research tool")


@pytest.mark.parametrize("rows", [1, 3])
def test_the_explanation_is_drawn_in_hertz_and_seconds(rows):
    found, picture = drawn(rows=rows)
    seen, moved, by_band, by_time = picture.axes[:4]
    assert seen.get_xlim() == (0, 6 * rows) and seen.get_xlabel().startswith("Time (seconds")
    assert [tick.get_text() for tick in seen.get_yticklabels()][-2:] == ["4,000", "8,000"]
    share = np.log10(1 + 4000 / 700) / np.log10(1 + 11025 / 700)
    place = share * 129 - 0.5  # band k, from k to k + 1, has its peak at corner k + 1 of 0 to 129
    assert seen.get_yticks()[-2] == pytest.approx(place)
    shown = moved.get_images()[0]
    np.testing.assert_allclose(shown.get_array(), 100 * found.blocks)
    assert shown.norm.vmin == -shown.norm.vmax, "no change is white"
    assert [bar.get_width() for bar in by_band.patches] == pytest.approx(list(100 * found.bands))
    assert [bar.get_height() for bar in by_time.patches] == pytest.approx(list(100 * found.times))


def test_what_the_figure_is_not_stands_below_it():
    _, picture = drawn()
    assert picture.get_supxlabel() == "Research tool"


def test_coefficients_have_no_hertz():
    _, picture = drawn("mfcc")
    assert picture.axes[0].get_ylabel() == "MFCC coefficient"

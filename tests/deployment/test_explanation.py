import numpy as np
import pytest

from bulbar.deployment.explanation import BANDS, TIMES, mean, occlusion

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
    found = occlusion(lambda asked: np.tanh(asked.mean(axis=(1, 2))), images, SILENCE)
    assert (found.blocks[10:] == 0).all() and (found.blocks[:10] > 0).all()


def test_the_mean_over_fold_models_is_taken_part_by_part(images):
    found = [occlusion(linear(np.full((32, 24), weight)), images, SILENCE) for weight in (1.0, 3.0)]
    np.testing.assert_allclose(mean(found).blocks, 2 * found[0].blocks, rtol=1e-3)

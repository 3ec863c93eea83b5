import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import logit

from bulbar.explain import gradients
from bulbar.explain.gradients import completeness, grad_cam, integrated_gradients, log_odds, predict_log_odds
from bulbar.training import networks
from bulbar.training.architectures import ARCHITECTURES, Network

SHAPE = (24, 20)


def images_of(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, *SHAPE)).astype(np.float32)


def network(code: str = "S2A", **options) -> keras.Model:
    keras.utils.set_random_seed(1)
    return networks.build(Network(ARCHITECTURES[code], SHAPE, **options), dropout_rate=0.3)


def linear(weights: np.ndarray, bias: float = 0.2) -> keras.Model:
    """A network whose output is the sigmoid of a weighted sum of its image."""
    image = keras.Input(SHAPE, name="image")
    output = layers.Dense(1, activation="sigmoid")
    model = keras.Model([image], output(layers.Flatten()(image)))
    output.set_weights([weights.reshape(-1, 1), np.array([bias])])
    return model


def two_cells_a_side(kernel: np.ndarray, weights: np.ndarray) -> keras.Model:
    """One convolution of 3 × 3 with two filters on 6 × 6 pixels, pooled to 2 × 2 cells that are weighed and added."""
    image = keras.Input((6, 6), name="image")
    convolution, output = layers.Conv2D(2, 3), layers.Dense(1, activation="sigmoid")
    x = layers.AveragePooling2D(2)(convolution(layers.Reshape((6, 6, 1))(image)))
    model = keras.Model([image], output(layers.Flatten()(x)))
    convolution.set_weights([kernel, np.zeros(2)])
    output.set_weights([weights.reshape(-1, 1), np.zeros(1)])
    return model


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_log_odds_are_those_of_the_probability_of_the_positive_class(output):
    model, images = network(n_clinical=3, output=output), images_of(5)
    clinical = np.random.default_rng(2).random((5, 3)).astype(np.float32)
    probability = model.predict([images, clinical], verbose=0)[:, -1]
    np.testing.assert_allclose(predict_log_odds(log_odds(model), images, clinical), logit(probability), atol=1e-5)


def test_log_odds_of_log_odds_are_the_same():
    model, images = network(), images_of(3)
    np.testing.assert_array_equal(
        predict_log_odds(log_odds(log_odds(model)), images), predict_log_odds(log_odds(model), images)
    )


def test_of_a_linear_network_each_pixel_adds_its_weight_times_its_distance_from_the_baseline():
    weights = np.random.default_rng(3).normal(size=SHAPE)
    images, baseline = images_of(4), images_of(1, seed=9)[0]
    maps = integrated_gradients(linear(weights), images, baseline=baseline, steps=3)
    np.testing.assert_allclose(maps, (images - baseline) * weights, atol=1e-5)
    np.testing.assert_allclose(integrated_gradients(linear(weights), images, steps=1), images * weights, atol=1e-5)


@pytest.mark.parametrize("code", ["S1B", "S2A"])
def test_a_map_adds_up_to_the_difference_between_the_image_and_the_baseline(code):
    model, images, baseline = network(code), images_of(3), images_of(1, seed=9)[0]
    moved = predict_log_odds(log_odds(model), images) - predict_log_odds(log_odds(model), baseline[np.newaxis])
    maps = integrated_gradients(model, images, baseline=baseline, steps=150, at_once=4)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), moved, atol=0.02 * np.abs(moved).max())
    missed = completeness(model, images, maps, baseline=baseline)
    np.testing.assert_allclose(missed, maps.sum(axis=(1, 2)) - moved, atol=1e-6)
    rough = integrated_gradients(model, images, baseline=baseline, steps=2)
    coarse = completeness(model, images, rough, baseline=baseline)
    assert np.abs(missed).max() < np.abs(coarse).max() / 3


def test_pixels_that_are_the_baselines_have_no_share():
    images = images_of(3)
    images[:, 5:9] = 0.25
    maps = integrated_gradients(network(), images, baseline=np.full(SHAPE, 0.25), steps=2)
    assert (maps[:, 5:9] == 0).all() and (maps[:, :5] != 0).any()


def test_a_fused_network_is_explained_at_each_recordings_own_clinical_features():
    model, images = network(n_clinical=2, output="softmax"), images_of(4)
    clinical = np.random.default_rng(4).random((4, 2)).astype(np.float32)
    together = integrated_gradients(model, images, clinical=clinical, steps=4)
    alone = [integrated_gradients(model, images[[i]], clinical=clinical[[i]], steps=4)[0] for i in range(4)]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert np.abs(together - integrated_gradients(model, images, clinical=1 - clinical, steps=4)).max() > 1e-6


def test_grad_cam_weighs_the_last_feature_maps_by_their_mean_gradient():
    kernel = np.zeros((3, 3, 1, 2))
    kernel[1, 1, 0] = [1, -1]  # the first filter copies the image, the second its negative
    weights = np.zeros((2, 2, 2))
    weights[..., 0] = [[4, 0], [0, 0]]  # mean gradient of the first map 1, of the second 0
    image = np.zeros((1, 6, 6), np.float32)
    image[0, 1:3, 1:3] = 1  # all that the first of the four cells sees
    image[0, 3:5, 3:5] = -2
    cam = grad_cam(two_cells_a_side(kernel, weights), image, rectified=False)[0]
    between = (1.5 - 1) / 2  # cells lie at 1.5 and 3.5, so pixel 2 is a quarter of the way
    assert cam[0, 0] == pytest.approx(1) and cam[1, 1] == pytest.approx(1)
    assert cam[4, 4] == pytest.approx(-2) and cam[0, 5] == pytest.approx(0)
    assert cam[2, 0] == pytest.approx(1 - between)
    rectified = grad_cam(two_cells_a_side(kernel, weights), image)[0]
    np.testing.assert_allclose(rectified, np.maximum(cam, 0))
    weights[..., 1] = weights[..., 0]  # the second map is the first's negative: together they cancel
    np.testing.assert_allclose(grad_cam(two_cells_a_side(kernel, weights), image), 0, atol=1e-6)


@pytest.mark.parametrize("code", ["S1B", "S2B"])
def test_a_cell_of_the_last_feature_map_lies_in_the_middle_of_what_it_sees(code):
    model = log_odds(network(code))
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):  # all weights are positive: whatever is in view is seen
            layer.set_weights([np.abs(layer.get_weights()[0]) + 0.1, np.zeros(layer.filters)])
    flatten = next(layer for layer in model.layers if isinstance(layer, layers.Flatten))
    features = keras.Model(model.inputs, flatten.input)
    brighter = np.full((SHAPE[0] + 1, *SHAPE), 0.5, np.float32)
    brighter[np.arange(SHAPE[0]), np.arange(SHAPE[0])] = 1  # one row in each, none in the last
    of_cell = np.asarray(features.predict([brighter], verbose=0)).mean(axis=(2, 3))
    to_rows = gradients.spread(model, 0, SHAPE[0])
    np.testing.assert_allclose(to_rows.sum(axis=1), 1)
    for cell in range(1, to_rows.shape[1] - 1):  # beyond the outermost nothing is nearer
        seen = np.flatnonzero(of_cell[:-1, cell] > of_cell[-1, cell] + 1e-4)
        centre = (to_rows[:, cell] * np.arange(SHAPE[0])).sum() / to_rows[:, cell].sum()
        assert centre == pytest.approx(seen.mean(), abs=1e-6)


def test_a_backend_without_gradients_is_named(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(NotImplementedError, match="tensorflow or jax, found torch"):
        gradients.gradients(log_odds(network()), images_of(1))

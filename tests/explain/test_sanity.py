import keras
import numpy as np
import pytest
from scipy import stats

from bulbar.explain import sanity
from bulbar.explain.gradients import integrated_gradients, log_odds
from tests.explain.test_gradients import SHAPE, images_of, network


def weights_of(model: keras.Model) -> dict[str, np.ndarray]:
    return {layer.name: layer.get_weights()[0] for layer in model.layers if layer.get_weights()}


def test_layers_forget_from_the_top_down_each_beside_those_before():
    model = log_odds(network("S2A"))
    before = weights_of(model)
    changed = {}
    for level in sanity.randomised(model, seed=1):
        now = weights_of(model)
        changed[level] = {name for name in now if not np.array_equal(now[name], before[name])}
    assert changed == {"output": {"log_odds"}, "dense": {"log_odds", "dense_256"}, "convolutions": set(before)}


def test_new_weights_are_drawn_as_before_training():
    model = log_odds(network("S2A"))
    list(sanity.randomised(model, seed=1))
    kernel = weights_of(model)["dense_256"]
    limit = np.sqrt(6 / sum(kernel.shape))
    assert np.abs(kernel).max() == pytest.approx(limit, rel=1e-3)
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    again = log_odds(network("S2A"))
    list(sanity.randomised(again, seed=1))
    np.testing.assert_array_equal(weights_of(again)["dense_256"], kernel)


def test_a_map_is_like_itself_and_like_its_negative_but_not_like_noise():
    maps = np.random.default_rng(0).normal(size=(3, *SHAPE)).astype(np.float32)
    np.testing.assert_allclose(sanity.likeness(maps, maps), 1, atol=1e-6)
    np.testing.assert_allclose(sanity.likeness(maps, -2 * maps), 1, atol=1e-6)
    noise = np.random.default_rng(1).normal(size=maps.shape).astype(np.float32)
    found = sanity.likeness(maps, noise)
    for one, other, (either_sign, of_sizes, structural) in zip(maps, noise, found, strict=True):
        assert either_sign == pytest.approx(abs(stats.spearmanr(one.ravel(), other.ravel())[0]))
        assert of_sizes == pytest.approx(stats.spearmanr(np.abs(one).ravel(), np.abs(other).ravel())[0])
        assert structural < 0.2


def test_a_map_without_ranks_is_like_none():
    assert sanity.likeness(np.zeros((1, *SHAPE), np.float32), images_of(1))[0, 0] == 0


def test_a_map_of_what_was_learned_changes_and_a_picture_of_the_recording_does_not():
    model, images = log_odds(network("S2A")), images_of(6)
    learned = integrated_gradients(model, images, steps=4)
    *_, _ = sanity.randomised(model, seed=3)
    changed = sanity.likeness(learned, integrated_gradients(model, images, steps=4))[:, 0]
    assert sanity.verdict(changed.min(), changed.max()) == "passes"
    edges = np.abs(np.diff(images, axis=1, prepend=0))  # an edge detector uses no network
    unchanged = sanity.likeness(edges, edges)[:, 0]
    assert sanity.verdict(unchanged.min(), unchanged.max()) == "fails"


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.1, 0.4, "passes"), (0.4, 0.6, "undecided"), (0.5, 0.9, "fails")]
)
def test_the_whole_interval_decides(low, high, verdict):
    assert sanity.verdict(low, high) == verdict

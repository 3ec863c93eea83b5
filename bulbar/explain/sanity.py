"""Does a map change when what the network learned is taken from it? One that does not shows the recording alone.

Source: Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018: the cascading randomisation.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from bulbar.core.digests import seed_of

if TYPE_CHECKING:
    import keras

LEVELS = ("output", "dense", "convolutions")
"""What is randomised, from the top down, each beside what went before: after the last nothing learned is left."""

MEASURES = ("spearman", "spearman_absolute", "ssim")
"""Likeness of two maps: rank correlation of their values and of their sizes, structural similarity of their sizes.

Of the first the size counts: a map turned from for to against is still the same picture."""

SIMILAR_FROM = 0.5
"""Two maps are similar from this rank correlation on: the verdict's threshold, ours."""


def randomised(network: "keras.Model", seed: int) -> Iterator[str]:
    """Give the layers of a network new weights, level after level, and yield the level each time; in place.

    network: of `gradients.log_odds`. New ones are drawn as before training: Glorot's uniform kernels, no bias.
    """
    import keras

    levels: dict[str, list[keras.layers.Layer]] = {level: [] for level in LEVELS}
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dense):
            levels["output" if layer is network.layers[-1] else "dense"].append(layer)
        elif isinstance(layer, keras.layers.Conv2D):
            levels["convolutions"].append(layer)
    for level, layers in levels.items():
        for layer in layers:
            weights: list[np.ndarray] = layer.get_weights()
            kernel, bias = weights
            field = int(np.prod(kernel.shape[:-2]))
            limit = np.sqrt(6 / (field * (kernel.shape[-2] + kernel.shape[-1])))
            draws = np.random.default_rng(seed_of(seed, layer.name))
            layer.set_weights([draws.uniform(-limit, limit, kernel.shape).astype(np.float32), np.zeros_like(bias)])
        yield level


def likeness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Likeness of two maps of each recording, (n, mel, frame) to (n, 3): `MEASURES`; 1 is the same.

    A map that is the same everywhere has no ranks: its likeness to any other is 0.
    """
    sizes = [_between_0_and_1(np.abs(maps)) for maps in (first, second)]
    either_sign = np.abs(_rank_correlations(first, second))
    return np.stack([either_sign, _rank_correlations(*sizes), _structural(*sizes)], axis=1)


def verdict(low: float, high: float) -> str:
    """`passes` where the whole interval of the likeness is below `SIMILAR_FROM`, `fails` where it is above."""
    return "passes" if high < SIMILAR_FROM else "fails" if low >= SIMILAR_FROM else "undecided"


def _rank_correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's, of each pair of maps."""
    ranks = [stats.rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), size, out=np.zeros(len(a)), where=size > 0)


def _between_0_and_1(maps: np.ndarray) -> np.ndarray:
    """Each map divided by its maximum."""
    largest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0)


def _structural(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """SSIM of each pair of maps in [0, 1], over windows of 11 × 11 (Wang et al. 2004), by TensorFlow."""
    import tensorflow as tf

    window = min(11, *first.shape[1:])
    return tf.image.ssim(first[..., np.newaxis], second[..., np.newaxis], 1.0, filter_size=window).numpy()

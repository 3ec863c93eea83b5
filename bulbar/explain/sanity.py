"""Sanity check of maps: does a map change if the network's weights are replaced by random ones?

A map that does not change shows the recording and not what the network learned. Source: Adebayo et al., Sanity checks
for saliency maps, NeurIPS 2018, the cascading randomisation.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from bulbar.core.digests import seed_of

if TYPE_CHECKING:
    import keras

LEVELS = ("output", "dense", "convolutions")
"""Layers to randomise, cumulatively from the output down: after the last, all weights are random."""

MEASURES = ("spearman", "spearman_absolute", "ssim")
"""Similarity of two maps: rank correlation of the values and of the absolute values, SSIM of the absolute values.

The first is used without its sign, because a map with the opposite sign still shows the same picture."""

SIMILAR_FROM = 0.5
"""Two maps are similar if their rank correlation is at least this. The threshold is our choice."""


def randomised(network: "keras.Model", seed: int) -> Iterator[str]:
    """Replace the weights of a network in place, level by level, and yield each level.

    `network` comes from `gradients.log_odds`. New weights are drawn as before training: Glorot uniform kernels, zero
    bias.
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
    """Similarity of two maps of each recording.

    Parameters
    ----------
    first, second : array, shape (n, mel, frame)
        The maps to compare.

    Returns
    -------
    array, shape (n, 3)
        `MEASURES`; 1 means identical. A constant map has no ranks: its rank correlation with any map is 0.
    """
    sizes = [_between_0_and_1(np.abs(maps)) for maps in (first, second)]
    either_sign = np.abs(_rank_correlations(first, second))
    return np.stack([either_sign, _rank_correlations(*sizes), _structural(*sizes)], axis=1)


def verdict(low: float, high: float) -> str:
    """`passes` if the whole interval of the similarity is below `SIMILAR_FROM`, `fails` if it is above.

    Examples
    --------
    >>> verdict(0.1, 0.3), verdict(0.6, 0.8), verdict(0.3, 0.7)
    ('passes', 'fails', 'undecided')
    """
    return "passes" if high < SIMILAR_FROM else "fails" if low >= SIMILAR_FROM else "undecided"


def _rank_correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each pair of maps."""
    ranks = [stats.rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), size, out=np.zeros(len(a)), where=size > 0)


def _between_0_and_1(maps: np.ndarray) -> np.ndarray:
    """Each map divided by its maximum."""
    largest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0)


def _structural(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """SSIM of each pair of maps in [0, 1], over windows of 11 × 11 (Wang et al. 2004), computed by TensorFlow."""
    import tensorflow as tf

    window = min(11, *first.shape[1:])
    return tf.image.ssim(first[..., np.newaxis], second[..., np.newaxis], 1.0, filter_size=window).numpy()

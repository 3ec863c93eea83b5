"""Effect of changed pixels on a network: deletion curves of a map, and occlusion of parts of every image."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def curves(
    network: "keras.Model", images: np.ndarray, baseline: np.ndarray, attributions: np.ndarray, *, steps: int
) -> np.ndarray:
    """Deletion curves: the remaining effect of an image while its pixels are replaced by the baseline.

    Parameters
    ----------
    network : keras.Model
        From `gradients.log_odds`.
    images : array, shape (n, mel, frame)
        Mel images.
    baseline : array, shape (mel, frame)
        Replaces the deleted pixels.
    attributions : array, shape (n, mel, frame)
        The map. Pixels that support the direction of the image's effect (above or below the output for the baseline)
        most strongly are deleted first.
    steps : int
        Number of deletion steps.

    Returns
    -------
    array, shape (n, steps + 1)
        Log-odds relative to the baseline, in the direction of the effect: from the full image (at least 0) to the
        baseline (0).

    Notes
    -----
    Source: the deletion metric of Petsiuk et al., RISE, BMVC 2018.
    """
    from bulbar.explain.gradients import predict_log_odds

    nothing = predict_log_odds(network, baseline[np.newaxis])[0]
    direction = directions(network, images, baseline)
    flat = (attributions * direction[:, np.newaxis, np.newaxis]).reshape(len(images), -1)
    rank = np.empty(flat.shape, np.int32)
    np.put_along_axis(rank, np.argsort(-flat, axis=1, kind="stable"), np.arange(flat.shape[1], dtype=np.int32)[None], 1)
    rank = rank.reshape(images.shape)
    left = []
    for gone in np.round(np.linspace(0, flat.shape[1], steps + 1)):
        some = np.where(rank < gone, baseline, images).astype(np.float32)
        left.append(direction * (predict_log_odds(network, some) - nothing))
    return np.stack(left, axis=1)


def directions(network: "keras.Model", images: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """1 if an image has at least the log-odds of the baseline, else -1, shape (n,)."""
    from bulbar.explain.gradients import predict_log_odds

    return np.where(predict_log_odds(network, images) >= predict_log_odds(network, baseline[np.newaxis])[0], 1.0, -1.0)


def random_attributions(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Attributions that put the pixels in a random order."""
    return np.random.default_rng(seed).permutation(shape[0] * shape[1]).reshape(shape).astype(np.float32)


def areas(left: np.ndarray) -> np.ndarray:
    """Area under each curve (n, steps + 1) over the share of deleted pixels, 0 to 1; shape (n,), in log-odds."""
    return np.trapezoid(left, dx=1 / (left.shape[1] - 1), axis=1)


def edges(length: int, parts: int) -> np.ndarray:
    """Limits of `parts` equal parts of an axis, shape (parts + 1,); fewer parts if the axis is shorter.

    Examples
    --------
    >>> edges(128, 4).tolist()
    [0, 32, 64, 96, 128]
    """
    return np.round(np.linspace(0, length, min(parts, length) + 1)).astype(int)


def hidden_bands(network: "keras.Model", images: np.ndarray, baseline: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """Log-odds if some mel bands of each image are replaced by the baseline, shape (n,).

    `network` comes from `gradients.log_odds`; `images` has the shape (n, mel, frame); `bands`, (n, mel), bool, are the
    bands to hide in each image.
    """
    from bulbar.explain.gradients import predict_log_odds

    return predict_log_odds(network, np.where(bands[:, :, np.newaxis], baseline, images).astype(np.float32))


def hidden(network: "keras.Model", images: np.ndarray, baseline: np.ndarray, *, axis: int, parts: int) -> np.ndarray:
    """Log-odds if one part of each image after the other is replaced by the baseline, shape (n, parts).

    `network` comes from `gradients.log_odds`; `images` has the shape (n, mel, frame); `axis` 0 hides mel bands, 1 hides
    frames.
    """
    from bulbar.explain.gradients import predict_log_odds

    bounds = edges(images.shape[axis + 1], parts)
    found = []
    for begin, end in pairwise(bounds):
        covered = np.array(images, dtype=np.float32)
        where = (slice(begin, end), slice(None)) if axis == 0 else (slice(None), slice(begin, end))
        covered[:, *where] = baseline[where]
        found.append(predict_log_odds(network, covered))
    return np.stack(found, axis=1)

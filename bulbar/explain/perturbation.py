"""What changed pixels do to a network: deletion curves of a map, and parts of every image hidden one at a time."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def curves(
    network: "keras.Model", images: np.ndarray, baseline: np.ndarray, evidence: np.ndarray, *, steps: int
) -> np.ndarray:
    """What is left of an image's effect when more and more of its pixels give way to the baseline's.

    network: of `gradients.log_odds`. images, evidence: (n, mel, frame); pixels with the most evidence for the direction
    in which the image moved the network away from the baseline go first. Returns (n, steps + 1): log-odds beyond the
    baseline's, in that direction, from all of the image (at least 0) to nothing of it (0).
    Source: the deletion metric of Petsiuk et al., RISE, BMVC 2018.
    """
    from bulbar.explain.gradients import predict_log_odds

    nothing = predict_log_odds(network, baseline[np.newaxis])[0]
    direction = directions(network, images, baseline)
    flat = (evidence * direction[:, np.newaxis, np.newaxis]).reshape(len(images), -1)
    rank = np.empty(flat.shape, np.int32)
    np.put_along_axis(rank, np.argsort(-flat, axis=1, kind="stable"), np.arange(flat.shape[1], dtype=np.int32)[None], 1)
    rank = rank.reshape(images.shape)
    left = []
    for gone in np.round(np.linspace(0, flat.shape[1], steps + 1)):
        some = np.where(rank < gone, baseline, images).astype(np.float32)
        left.append(direction * (predict_log_odds(network, some) - nothing))
    return np.stack(left, axis=1)


def directions(network: "keras.Model", images: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """1 where an image has more log-odds of the positive class than the baseline, else -1, shape (n,)."""
    from bulbar.explain.gradients import predict_log_odds

    return np.where(predict_log_odds(network, images) >= predict_log_odds(network, baseline[np.newaxis])[0], 1.0, -1.0)


def random_evidence(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Evidence that puts pixels in a random order."""
    return np.random.default_rng(seed).permutation(shape[0] * shape[1]).reshape(shape).astype(np.float32)


def areas(left: np.ndarray) -> np.ndarray:
    """The area under each curve over the share of pixels deleted, 0 to 1, shape (n, steps + 1) to (n,), log-odds."""
    return np.trapezoid(left, dx=1 / (left.shape[1] - 1), axis=1)


def edges(length: int, parts: int) -> np.ndarray:
    """Where `parts` equal parts of an axis begin and end, shape (parts + 1,); fewer where it is shorter."""
    return np.round(np.linspace(0, length, min(parts, length) + 1)).astype(int)


def hidden_bands(network: "keras.Model", images: np.ndarray, baseline: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """Log-odds with the baseline in place of some mel bands of each image, shape (n,).

    network: of `gradients.log_odds`. images: (n, mel, frame). bands: those to hide in each image, (n, mel), bool.
    """
    from bulbar.explain.gradients import predict_log_odds

    return predict_log_odds(network, np.where(bands[:, :, np.newaxis], baseline, images).astype(np.float32))


def hidden(network: "keras.Model", images: np.ndarray, baseline: np.ndarray, *, axis: int, parts: int) -> np.ndarray:
    """Log-odds with the baseline in place of one part of the image after another, shape (n, parts).

    network: of `gradients.log_odds`. images: (n, mel, frame). axis: 0 hides mel bands, 1 hides frames.
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

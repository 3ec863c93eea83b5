"""Hiding a part of every image at a time: how much less a network says for it."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def edges(length: int, parts: int) -> np.ndarray:
    """Where `parts` equal parts of an axis begin and end, shape (parts + 1,); fewer where it is shorter."""
    return np.round(np.linspace(0, length, min(parts, length) + 1)).astype(int)


def hidden(network: "keras.Model", images: np.ndarray, baseline: np.ndarray, *, axis: int, parts: int) -> np.ndarray:
    """Log-odds with the baseline in place of one part of the image after another, shape (n, parts).

    network: of `gradients.log_odds`. images: (n, mel, frame). axis: 0 hides mel bands, 1 hides frames.
    """
    from bulbar.explain.gradients import said

    bounds = edges(images.shape[axis + 1], parts)
    told = []
    for begin, end in pairwise(bounds):
        covered = np.array(images, dtype=np.float32)
        where = (slice(begin, end), slice(None)) if axis == 0 else (slice(None), slice(begin, end))
        covered[:, *where] = baseline[where]
        told.append(said(network, covered))
    return np.stack(told, axis=1)

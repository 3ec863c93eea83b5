"""Hiding a part of every image at a time: how much less a network says for it."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bulbar.spectrogram import Settings, hz_to_mel

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


def silence(settings: Settings) -> np.ndarray:
    """The image of nothing above the floor, (mel, frame), float32: 0, or where it holds MFCCs, each 0 there, 0.5."""
    return np.full(settings.image_shape, 0.5 if settings.representation == "mfcc" else 0.0, np.float32)


def hz_of_rows(rows: np.ndarray, settings: Settings) -> np.ndarray:
    """The frequency of edges between rows of a mel image, hertz: edge k lies between the bands k - 1 and k.

    Bands are triangles, each reaching to the peaks of its neighbours; an edge is where two are equally high.
    """
    low, high = hz_to_mel(settings.min_hz), hz_to_mel(settings.max_hz)
    corner = np.clip(np.asarray(rows) + 0.5, 0.5, settings.mel_bands + 0.5)
    hz = 700 * (10 ** ((low + (high - low) * corner / (settings.mel_bands + 1)) / 2595) - 1)
    outermost = {0: settings.min_hz, settings.mel_bands: settings.max_hz}
    return np.array([outermost.get(int(row), value) for row, value in zip(rows, hz, strict=True)])


def rows_of_hz(hz: np.ndarray, settings: Settings) -> np.ndarray:
    """Where a frequency lies on an axis on which band k reaches from k to k + 1: `hz_of_rows` the other way round."""
    low, high = hz_to_mel(settings.min_hz), hz_to_mel(settings.max_hz)
    corner = (hz_to_mel(hz) - low) / (high - low) * (settings.mel_bands + 1)
    return np.clip(corner - 0.5, 0, settings.mel_bands)

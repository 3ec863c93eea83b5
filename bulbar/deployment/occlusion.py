"""Which parts of an image a score rests on: each is silenced in turn, and the score asked for again."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

BANDS, TIMES = 16, 8
"""Parts of the frequency axis and of the time axis."""


class Occlusion(NamedTuple):
    """By how much the score falls where a part is silenced; below 0 where it rises.

    blocks: shape (BANDS, rows · TIMES), of a band for a stretch of time. bands: shape (BANDS,), of a band throughout.
    times: shape (rows · TIMES,), of all bands for a stretch.
    """

    blocks: np.ndarray
    bands: np.ndarray
    times: np.ndarray


def mean(of: Sequence[Occlusion]) -> Occlusion:
    """The mean of several, such as of the fold models' for one recording."""
    return Occlusion(*(np.mean(part, axis=0) for part in zip(*of, strict=True)))


def occlusion(score: Callable[[np.ndarray], np.ndarray], images: np.ndarray, silence: np.ndarray) -> Occlusion:
    """Silence every block, band and stretch of a recording's images in turn.

    score: images (n, mel, frame) to (n,). images: of one recording, shape (rows, mel, frame), rows one after another
    in time. silence: the image of no sound, (mel, frame). The recording's score is the mean over its rows. Source:
    Zeiler and Fergus, ECCV 2014, section 4.2, there with a grey square.
    """
    rows, mel, frames = images.shape
    bands = np.array_split(np.arange(mel), min(BANDS, mel))
    times = np.array_split(np.arange(frames), min(TIMES, frames))
    whole = score(images)
    blocks = np.zeros((len(bands), rows, len(times)))
    of_band, of_time = np.zeros(len(bands)), np.zeros((rows, len(times)))
    for row, image in enumerate(images):
        masks = [(band, time) for band in bands for time in times]
        masks += [(band, np.arange(frames)) for band in bands] + [(np.arange(mel), time) for time in times]
        silenced = np.repeat(image[np.newaxis], len(masks), axis=0)
        for place, (band, time) in enumerate(masks):
            where = np.ix_(band, time)
            silenced[place][where] = silence[where]
        fall = (whole[row] - score(silenced)) / rows
        by_block, by_band, by_time = np.split(fall, [len(bands) * len(times), len(bands) * (len(times) + 1)])
        blocks[:, row] = by_block.reshape(len(bands), len(times))
        of_band += by_band
        of_time[row] = by_time
    return Occlusion(blocks.reshape(len(bands), -1), of_band, of_time.ravel())

"""Which parts of a recording changed its score: each part is silenced in turn, and a figure shows the change."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bulbar.features import spectrogram
from bulbar.features.figures import frequency_axis
from bulbar.style.figure_style import GREEN, GREY, PURPLE, styled

BANDS, TIMES = 16, 8
"""Number of parts along the frequency axis and along the time axis."""


class Occlusion(NamedTuple):
    """How much the score falls if a part is silenced; negative if it rises.

    blocks: shape (BANDS, rows · TIMES), one band during one stretch of time. bands: shape (BANDS,), one band during the
    whole recording. times: shape (rows · TIMES,), all bands during one stretch of time.
    """

    blocks: np.ndarray
    bands: np.ndarray
    times: np.ndarray


def mean(of: Sequence[Occlusion]) -> Occlusion:
    """The mean of several occlusions, such as those of all fold models for one recording."""
    return Occlusion(*(np.mean(part, axis=0) for part in zip(*of, strict=True)))


def occlusion(score: Callable[[np.ndarray], np.ndarray], images: np.ndarray, silence: np.ndarray) -> Occlusion:
    """Silence every block, band and stretch of time of a recording in turn, and measure the change of its score.

    Parameters
    ----------
    score : callable
        The model: images, shape (n, mel, frame) -> scores, shape (n,). The score of a recording is the mean over rows.
    images : array, shape (rows, mel, frame)
        Images of one recording; the rows follow each other in time.
    silence : array, shape (mel, frame)
        The image of no sound.

    Returns
    -------
    Occlusion
        The fall of the score for each part, in units of the score.

    Notes
    -----
    Zeiler and Fergus, ECCV 2014, section 4.2, where a grey square covers the part.
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


@styled
def figure(
    images: np.ndarray, found: Occlusion, mel: spectrogram.Settings, duration_s: float, title: str, note: str
) -> Figure:
    """Draw a recording's mel image, and next to it how silencing each part changes the score.

    images: shape (rows, mel, frame); the rows follow each other in time. found: changes of the score for ALS.
    duration_s: length that the images show, in seconds, after silence removal. note: printed below the figure.
    """
    figure = Figure(figsize=(16, 8), layout="constrained")
    figure.suptitle(title, parse_math=False)  # a file name may contain a $
    grid = figure.add_gridspec(2, 3, width_ratios=[5, 5, 2], height_ratios=[4, 1])
    seen, moved = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    by_band = figure.add_subplot(grid[0, 2], sharey=moved)
    by_time = figure.add_subplot(grid[1, 1], sharex=moved)

    image = np.concatenate(list(images), axis=1)
    bands = image.shape[0]
    extent = (0.0, duration_s, 0.0, float(bands))
    is_mel = mel.representation == "mel"
    shown = mel.floor_db * (1 - image.astype(float)) if is_mel else image
    drawn = seen.imshow(shown, origin="lower", aspect="auto", cmap="magma" if is_mel else "cividis", extent=extent)
    figure.colorbar(drawn, ax=seen, label="Level (dB re its maximum)" if is_mel else "Value", pad=0.01)
    seen.set_title("Input image of the models")

    points = 100 * np.array(found.blocks)
    limit = max(np.abs(points).max(), 1e-3)
    drawn = moved.imshow(
        points, origin="lower", aspect="auto", cmap="PRGn_r", vmin=-limit, vmax=limit, extent=extent,
        interpolation="nearest",
    )  # fmt: skip
    figure.colorbar(drawn, ax=moved, label="Change of score (percentage points)", pad=0.01)
    moved.set_title("How much each part raises (+) or lowers (−) the score")

    _bars(by_band, 100 * found.bands, bands, upwards=True)
    by_band.set_title("By frequency band")
    by_band.set_xlabel("Points (%)")
    by_band.tick_params(labelleft=False)
    _bars(by_time, 100 * found.times, duration_s, upwards=False)
    by_time.set_ylabel("Points (%)")
    by_time.set_xlabel("Time (seconds, silence removed)")
    seen.set_xlabel("Time (seconds, silence removed)")
    moved.tick_params(labelbottom=False)
    for axes in (seen, moved):
        frequency_axis(axes, mel)
    moved.set_ylabel("")
    figure.supxlabel(note, x=0.01, ha="left", fontsize=12, color=GREY)
    return figure


def _bars(axes: Axes, points: np.ndarray, length: float, *, upwards: bool) -> None:
    """Draw bars along an axis of `length`: frequency bands upwards, or stretches of time to the right."""
    step = length / len(points)
    middle = (np.arange(len(points)) + 0.5) * step
    colours = [PURPLE if value > 0 else GREEN for value in points]
    draw = axes.barh if upwards else axes.bar
    draw(middle, points, step * 0.9, color=colours)
    (axes.axvline if upwards else axes.axhline)(0, color=GREY, linewidth=1)

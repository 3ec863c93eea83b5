"""The explanation of one recording as a figure: what was heard, and which parts of it moved the score."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bulbar import spectrogram
from bulbar.deployment.occlusion import Occlusion
from bulbar.figures import GREEN, GREY, PURPLE, styled
from bulbar.frequency_axis import frequency_axis


@styled
def explanation(
    images: np.ndarray, found: Occlusion, mel: spectrogram.Settings, duration_s: float, title: str, note: str
) -> Figure:
    """A recording's mel image beside what silencing each part of it does to the score.

    images: shape (rows, mel, frame), rows one after another in time. found: as a change of the score of ALS.
    duration_s: what the images show, seconds, silence removed. note: printed below.
    """
    figure = Figure(figsize=(16, 8), layout="constrained")
    figure.suptitle(title, parse_math=False)  # a file's name may hold a $
    grid = figure.add_gridspec(2, 3, width_ratios=[5, 5, 2], height_ratios=[4, 1])
    heard, moved = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    by_band = figure.add_subplot(grid[0, 2], sharey=moved)
    by_time = figure.add_subplot(grid[1, 1], sharex=moved)

    image = np.concatenate(list(images), axis=1)
    bands = image.shape[0]
    extent = (0.0, duration_s, 0.0, float(bands))
    is_mel = mel.representation == "mel"
    shown = mel.floor_db * (1 - image.astype(float)) if is_mel else image
    drawn = heard.imshow(shown, origin="lower", aspect="auto", cmap="magma" if is_mel else "cividis", extent=extent)
    figure.colorbar(drawn, ax=heard, label="Level (dB re its maximum)" if is_mel else "Value", pad=0.01)
    heard.set_title("What the models hear")

    points = 100 * np.array(found.blocks)
    limit = max(np.abs(points).max(), 1e-3)
    drawn = moved.imshow(
        points, origin="lower", aspect="auto", cmap="PRGn_r", vmin=-limit, vmax=limit, extent=extent,
        interpolation="nearest",
    )  # fmt: skip
    figure.colorbar(drawn, ax=moved, label="Score (percentage points)", pad=0.01)
    moved.set_title("What each part adds to (+) or takes from (−) the score")

    _bars(by_band, 100 * found.bands, bands, upwards=True)
    by_band.set_title("By band")
    by_band.set_xlabel("Points")
    by_band.tick_params(labelleft=False)
    _bars(by_time, 100 * found.times, duration_s, upwards=False)
    by_time.set_ylabel("Points")
    by_time.set_xlabel("Time (seconds, silence removed)")
    heard.set_xlabel("Time (seconds, silence removed)")
    moved.tick_params(labelbottom=False)
    for axes in (heard, moved):
        frequency_axis(axes, mel)
    moved.set_ylabel("")
    figure.supxlabel(note, x=0.01, ha="left", fontsize=12, color=GREY)
    return figure


def _bars(axes: Axes, points: np.ndarray, length: float, *, upwards: bool) -> None:
    """Bars along an axis of `length`: bands upwards, or stretches of time to the right."""
    step = length / len(points)
    middle = (np.arange(len(points)) + 0.5) * step
    colours = [PURPLE if value > 0 else GREEN for value in points]
    draw = axes.barh if upwards else axes.bar
    draw(middle, points, step * 0.9, color=colours)
    (axes.axvline if upwards else axes.axhline)(0, color=GREY, linewidth=1)

"""Figures of recordings and mel images: arrays in, a matplotlib Figure out, the same bytes for the same input."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from bulbar.features.spectrogram import Settings, rows_of_hz
from bulbar.style.figure_style import BLUE, CLASS_COLOURS, GREEN, GREY, ORANGE, PURPLE, styled

ROUND_HZ = (0, 500, 1000, 2000, 4000, 8000, 16000)


def frequency_axis(axes: Axes, settings: Settings) -> None:
    """Ticks in hertz on an axis of mel bands, or numbers of coefficients where the image holds MFCCs."""
    if settings.representation == "mfcc":
        axes.set_ylabel("MFCC coefficient")
        return
    shown = [hz for hz in ROUND_HZ if settings.min_hz <= hz <= settings.max_hz]
    axes.yaxis.set_major_locator(FixedLocator(list(rows_of_hz(np.array(shown), settings))))
    axes.set_yticklabels([f"{hz:,}" for hz in shown])
    axes.set_ylabel("Frequency (Hz, mel scale)")


def _envelope(samples: np.ndarray, rate_hz: float, bins: int = 1600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lowest and highest sample of each of at most `bins` stretches, with the stretches' times in seconds."""
    samples = np.asarray(samples, dtype=float)
    starts = np.unique(np.linspace(0, len(samples), min(bins, len(samples)), endpoint=False).astype(int))
    return starts / rate_hz, np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)


@styled
def before_and_after(
    before: np.ndarray, before_rate_hz: float, after: np.ndarray, after_rate_hz: float, title: str
) -> Figure:
    """Waveforms of one recording before and after silence removal, one time axis (the paper's Figure 7).

    before, after: mono signals, shape (n,), float in [-1, 1] or any common unit; rates in hertz.
    """
    figure = Figure(figsize=(10, 6), layout="constrained")
    figure.suptitle(title)
    rows = figure.subplots(2, 1, sharex=True, sharey=True)
    signals = [("Before silence removal", before, before_rate_hz, GREY), ("After", after, after_rate_hz, BLUE)]
    for axes, (name, samples, rate_hz, colour) in zip(rows, signals, strict=True):
        duration_s = len(samples) / rate_hz
        if len(samples):
            axes.fill_between(*_envelope(samples, rate_hz), color=colour, linewidth=0.4)
        axes.axvline(duration_s, color="black", linestyle=":", linewidth=1.5)
        axes.set_title(f"{name}: {duration_s:.1f} s", loc="left")
        axes.set_ylabel("Amplitude")
    rows[-1].set_xlabel("Time (seconds)")
    rows[-1].set_xlim(0, max(len(before) / before_rate_hz, len(after) / after_rate_hz) * 1.01 or 1)
    return figure


def _mel(hz: np.ndarray | float) -> np.ndarray:
    return 2595 * np.log10(1 + np.asarray(hz) / 700)  # equation 4


@styled
def mel_images(
    images: Sequence[tuple[str, np.ndarray]],
    max_hz: float | None,
    *,
    min_hz: float = 0.0,
    floor_db: float = -80.0,
    title: str = "",
) -> Figure:
    """Mel images side by side, frequency upwards (the paper's Figure 8).

    images: (title, image), image of shape (mel, frame): 1 = the recording's maximum, 0 = `floor_db` relative to it.
    max_hz, min_hz: edges of the mel bands, hertz. `max_hz=None`: the rows are MFCCs, numbered from 1, no unit.
    """
    columns = min(len(images), 3)
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(5.2 * columns + 1, 4.6 * rows + 0.6), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    drawn = None
    for axes, (name, image) in zip(grid, images, strict=False):
        bands, frames = image.shape
        if max_hz is None:
            drawn = axes.imshow(
                image, origin="lower", aspect="auto", cmap="cividis", extent=(0, frames, 0.5, bands + 0.5)
            )
        else:
            level_db = floor_db * (1 - np.asarray(image, dtype=float))
            drawn = axes.imshow(
                level_db,
                origin="lower",
                aspect="auto",
                cmap="magma",
                vmin=floor_db,
                vmax=0,
                extent=(0, frames, 0, bands),
            )
            round_hz = [hz for hz in (0, 250, 500, 1000, 2000, 4000, 8000, 16000) if min_hz <= hz <= max_hz]
            position = (_mel(np.array(round_hz)) - _mel(min_hz)) / (_mel(max_hz) - _mel(min_hz)) * bands
            axes.yaxis.set_major_locator(FixedLocator(list(position)))
            axes.set_yticklabels([f"{hz:,}" for hz in round_hz])
        axes.set_title(name)
    for axes in grid[len(images) :]:
        axes.set_visible(False)
    for place, axes in enumerate(grid[: len(images)]):
        if place % columns == 0:
            axes.set_ylabel("Coefficient" if max_hz is None else "Frequency (Hz, mel scale)")
        if place + columns >= len(images):
            axes.set_xlabel("Frame")
            axes.tick_params(labelbottom=True)
    if drawn is not None:
        label = "Value" if max_hz is None else "Level (dB re the recording's maximum)"
        figure.colorbar(drawn, ax=list(grid[: len(images)]), label=label, pad=0.02)
    return figure


@styled
def recordings_per_task(counts: pd.DataFrame, title: str = "Recordings per task") -> Figure:
    """How many recordings of each class each task has, as stacked bars (the paper's Figure 6 draws pies).

    counts: a row per task (index: task), a column per label, number of recordings.
    """
    figure = Figure(figsize=(10, 1.8 + 0.6 * max(len(counts), 2)), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots()
    left = np.zeros(len(counts))
    totals = counts.sum(axis="columns").to_numpy()
    spare = iter((GREEN, ORANGE, PURPLE, GREY))
    for label in counts.columns:
        width = counts[label].to_numpy()
        bars = axes.barh([str(task) for task in counts.index], width, left=left, label=str(label),
                         color=CLASS_COLOURS.get(str(label)) or next(spare), edgecolor="white")  # fmt: skip
        texts = [f"{n:g} ({n / total:.0%})" if n else "" for n, total in zip(width, totals, strict=True)]
        axes.bar_label(bars, texts, label_type="center", color="white", fontsize=13, fontweight="bold")
        left = left + width
    axes.invert_yaxis()
    axes.set_xlabel("Recordings")
    axes.set_ylabel("Task")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=max(counts.shape[1], 1))
    return figure

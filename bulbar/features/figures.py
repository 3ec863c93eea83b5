"""Figures of recordings and mel images: functions from arrays to a matplotlib Figure, equal bytes for equal inputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from bulbar.features.spectrogram import Settings, rows_of_hz
from bulbar.style.figure_style import BLUE, CLASS_COLOURS, GREEN, GREY, ORANGE, PURPLE, styled

ROUND_HZ = (0, 500, 1000, 2000, 4000, 8000, 16000)


def frequency_axis(axes: Axes, settings: Settings) -> None:
    """Label an axis of mel bands in hertz, or an axis of MFCCs with the numbers of coefficients."""
    if settings.representation == "mfcc":
        axes.set_ylabel("MFCC coefficient")
        return
    shown = [hz for hz in ROUND_HZ if settings.min_hz <= hz <= settings.max_hz]
    axes.yaxis.set_major_locator(FixedLocator(list(rows_of_hz(np.array(shown), settings))))
    axes.set_yticklabels([f"{hz:,}" for hz in shown])
    axes.set_ylabel("Frequency (Hz, mel scale)")


def _envelope(samples: np.ndarray, rate_hz: float, bins: int = 1600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start times in seconds, lowest and highest sample of at most `bins` intervals."""
    samples = np.asarray(samples, dtype=float)
    starts = np.unique(np.linspace(0, len(samples), min(bins, len(samples)), endpoint=False).astype(int))
    return starts / rate_hz, np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)


@styled
def before_and_after(
    before: np.ndarray, before_rate_hz: float, after: np.ndarray, after_rate_hz: float, title: str
) -> Figure:
    """Draw the waveforms of a recording before and after silence removal (the paper's Figure 7).

    `before` and `after` are mono signals, shape (n,), float in [-1, 1] or another common unit; rates in hertz.
    """
    figure = Figure(figsize=(10, 6), layout="constrained")
    figure.suptitle(title)
    rows = figure.subplots(2, 1, sharex=True, sharey=True)
    signals = [
        ("Before silence removal", before, before_rate_hz, GREY),
        ("After silence removal", after, after_rate_hz, BLUE),
    ]
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


@styled
def mel_images(images: Sequence[tuple[str, np.ndarray]], settings: Settings, *, title: str = "") -> Figure:
    """Draw mel images side by side (the paper's Figure 8).

    `images` are pairs (title, image); an image has the shape (mel, frame), where 1 is the recording's maximum and 0 the
    floor, or holds MFCCs. `settings` are those of the images.
    """
    columns = min(len(images), 3)
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(5.2 * columns + 1, 4.6 * rows + 0.6), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    mfcc = settings.representation == "mfcc"
    scale: dict[str, Any] = {"cmap": "cividis"} if mfcc else {"cmap": "magma", "vmin": settings.floor_db, "vmax": 0}
    for place, (axes, (name, image)) in enumerate(zip(grid, images, strict=False)):
        values = image if mfcc else settings.floor_db * (1 - np.asarray(image, dtype=float))
        extent = (0, image.shape[1], 0, image.shape[0])
        drawn = axes.imshow(values, origin="lower", aspect="auto", extent=extent, **scale)
        axes.set_title(name)
        frequency_axis(axes, settings)
        if place % columns:
            axes.set_ylabel("")
        if place + columns >= len(images):
            axes.set_xlabel("Frame")
            axes.tick_params(labelbottom=True)
    for axes in grid[len(images) :]:
        axes.set_visible(False)
    if images:
        label = "Value" if mfcc else "Level (dB re the recording's maximum)"
        figure.colorbar(drawn, ax=list(grid[: len(images)]), label=label, pad=0.02)
    return figure


@styled
def recordings_per_task(counts: pd.DataFrame, title: str = "Recordings per task") -> Figure:
    """Draw the number of recordings per task and class as stacked bars (the paper's Figure 6 has pie charts).

    `counts` has one row per task (index: task), one column per label, and numbers of recordings.
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

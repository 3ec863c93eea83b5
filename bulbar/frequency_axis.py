"""The height of a mel image in hertz."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from bulbar.spectrogram import Settings, hz_to_mel

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

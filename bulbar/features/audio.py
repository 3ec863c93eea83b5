"""Audio clean-up: from any recording that soundfile reads to 16-bit mono at one sampling rate, without silence."""

import io
import math
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import soundfile
import soxr
from pydantic import Field, PositiveFloat, model_validator
from scipy import signal

from bulbar.core import ogg
from bulbar.core.atomic_write import write_bytes
from bulbar.core.errors import SilentRecording
from bulbar.core.settings import Bandwidth, Strict

SLOPE = (0.9, 1.1)
"""Start and end of the slope of a low-pass, as shares of its bandwidth."""

_FRAME, _HOP = 2048, 512  # samples per frame for level measurement, and between the centres of two frames
_STOPPED_DB = 100.0  # more than an image shows: its range is 80 dB, and pre-emphasis raises high frequencies


class Settings(Strict):
    """The `audio` block of params.yaml."""

    sample_rate_hz: int = Field(default=22050, ge=1000, le=384_000)
    top_db: float = Field(default=30.0, gt=0, le=200)
    min_duration_s: PositiveFloat
    bandwidth_hz: Bandwidth | None = None

    @model_validator(mode="after")
    def _below_half_the_rate(self) -> Self:
        if self.bandwidth_hz is not None and SLOPE[1] * self.bandwidth_hz >= self.sample_rate_hz / 2:
            highest = self.sample_rate_hz / 2 / SLOPE[1]
            raise ValueError(f"bandwidth_hz below {highest:g}, or null to keep all frequencies")
        return self


def read(path: str | Path) -> tuple[np.ndarray, int]:
    """Read a recording: samples, shape (n, channels), float32 in [-1, 1], and sampling rate in hertz."""
    return soundfile.read(ogg.playable(path), dtype="float32", always_2d=True)


def to_mono(samples: np.ndarray) -> np.ndarray:
    """Mean of the channels, shape (n, channels) to (n,)."""
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)


def without_offset(samples: np.ndarray) -> np.ndarray:
    """Subtract the mean of a mono signal, shape (n,): cheap recorders add an offset of 0.2 to 1 % of full scale."""
    return samples - samples.mean(dtype=float).astype(samples.dtype)


def resample(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Resample a mono signal (soxr, high quality), shape (n,) to (ceil(n * to_hz / from_hz),)."""
    if from_hz == to_hz:
        return samples
    length = math.ceil(len(samples) * (to_hz / from_hz))
    resampled = soxr.resample(samples, from_hz, to_hz, quality="HQ")[:length]
    return np.pad(resampled, (0, length - len(resampled)))


def highest_hz(source_hz: float, low_pass_hz: float | None) -> float:
    """Highest frequency of a recording that can contain voice.

    Parameters
    ----------
    source_hz : float
        Bandwidth of the recording before the low-pass, such as half its sampling rate.
    low_pass_hz : float or None
        Bandwidth of `low_pass`, whose slope ends at 1.1 of it. None: no low-pass.

    Returns
    -------
    float
        In hertz, the end of the slope rounded to 0.1 Hz.

    Examples
    --------
    >>> highest_hz(11025.0, None), highest_hz(11025.0, 4000.0)
    (11025.0, 4400.0)
    """
    return source_hz if low_pass_hz is None else min(source_hz, round(SLOPE[1] * low_pass_hz, 1))


def low_pass(samples: np.ndarray, sample_rate_hz: int, bandwidth_hz: float) -> np.ndarray:
    """Low-pass filter a mono signal without changing its timing.

    Parameters
    ----------
    samples : array, shape (n,)
        Mono signal.
    sample_rate_hz : int
        Sampling rate.
    bandwidth_hz : float
        Up to 0.9 of it the change is below 0.001 dB, from 1.1 of it on the attenuation is 100 dB. 1.1 of it must be
        below half the sampling rate.

    Returns
    -------
    array, shape (n,)

    Notes
    -----
    A linear-phase FIR filter, designed with a Kaiser window.
    """
    taps = _low_pass_taps(sample_rate_hz, bandwidth_hz)
    return signal.oaconvolve(samples, taps, mode="full")[len(taps) // 2 :][: len(samples)].astype(samples.dtype)


@lru_cache(maxsize=4)
def _low_pass_taps(sample_rate_hz: int, bandwidth_hz: float) -> np.ndarray:
    width_hz = (SLOPE[1] - SLOPE[0]) * bandwidth_hz
    taps, beta = signal.kaiserord(_STOPPED_DB, width_hz / (sample_rate_hz / 2))
    return signal.firwin(taps | 1, bandwidth_hz, window=("kaiser", beta), fs=sample_rate_hz)


def remove_silence(samples: np.ndarray, *, top_db: float = 30.0) -> np.ndarray:
    """Keep the parts of a recording that are louder than `top_db` below its peak.

    Parameters
    ----------
    samples : array, shape (n,), float in [-1, 1]
        Mono signal.
    top_db : float > 0
        Threshold below the peak of the frame-wise standard deviation (2048 samples, hop 512), in dB.

    Returns
    -------
    array, shape (m,), m <= n
        The loud parts, in their order.

    Raises
    ------
    SilentRecording
        If all samples are equal, so that there is no peak.

    Notes
    -----
    Silence removal of Switrayana et al. 2025, section 4.B (14 s become 12 s in its Figure 7). The parts are those of
    `librosa.effects.split`, except that its RMS counts an offset as sound.
    """
    if not samples.size or np.ptp(samples) == 0:
        raise SilentRecording("all samples are equal")
    level = _frame_levels(samples)
    loud = level > level.max() * 10 ** (-top_db / 20)
    return samples[np.repeat(loud, _HOP)[: len(samples)]]


def _frame_levels(samples: np.ndarray) -> np.ndarray:
    """Standard deviation of each frame, centred on multiples of the hop, shape (1 + n // hop,).

    Each frame's own mean is subtracted, because an offset may change slowly. The recording is padded with zeros.
    """
    starts = np.arange(1 + len(samples) // _HOP) * _HOP - _FRAME // 2
    inside = np.minimum(starts + _FRAME, len(samples)) - np.maximum(starts, 0)
    hops = np.zeros((len(starts) - 1 + _FRAME // _HOP, _HOP), samples.dtype)
    hops.reshape(-1)[_FRAME // 2 :][: len(samples)] = samples
    of_hops = hops.sum(axis=1, dtype=float), np.einsum("hn,hn->h", hops, hops, dtype=float)
    sums, squares = (np.convolve(of_each, np.ones(_FRAME // _HOP), "valid") for of_each in of_hops)
    return np.sqrt(np.maximum(squares - sums**2 / inside, 0) / _FRAME)


def clean(path: str | Path, settings: Settings) -> np.ndarray:
    """Clean a recording for the pipeline: mono, no offset, resampled, optionally low-passed, no silence, 16 bit.

    Parameters
    ----------
    path : str or Path
        File that soundfile can read.
    settings : Settings
        The `audio` block of params.yaml.

    Returns
    -------
    array, shape (n,), int16
        At `settings.sample_rate_hz`. Samples that resampling raises above full scale are clipped.

    Raises
    ------
    SilentRecording
        See `remove_silence`; also if every sample rounds to zero.

    Notes
    -----
    The mean is subtracted first, because an offset is not voice and would be visible in the lowest mel bands.
    """
    samples, rate = read(path)
    resampled = resample(without_offset(to_mono(samples)), rate, settings.sample_rate_hz)
    if settings.bandwidth_hz is not None:
        resampled = low_pass(resampled, settings.sample_rate_hz, settings.bandwidth_hz)
    joined = remove_silence(resampled, top_db=settings.top_db)
    rounded = np.round(np.clip(joined * 32768.0, -32768, 32767)).astype(np.int16)
    if not np.any(rounded):
        raise SilentRecording("every sample is zero in 16 bit")
    return rounded


def write(path: str | Path, samples: np.ndarray, sample_rate_hz: int) -> None:
    """Write a mono signal, shape (n,), int16, as 16-bit PCM WAV."""
    content = io.BytesIO()  # much faster: soundfile writes files in small pieces
    soundfile.write(content, samples, sample_rate_hz, subtype="PCM_16", format="WAV")
    write_bytes(content.getvalue(), path)

"""From any recording that soundfile reads to 16-bit mono at one sampling rate, without its silence."""

import io
from functools import lru_cache
from pathlib import Path
from typing import Self

import librosa
import numpy as np
import soundfile
from pydantic import Field, PositiveFloat, model_validator
from scipy import signal

from bulbar.core import ogg
from bulbar.core.atomic_write import write_bytes
from bulbar.core.errors import SilentRecording
from bulbar.core.settings import Bandwidth, Strict

SLOPE = (0.9, 1.1)
"""Where a low-pass begins and ends to fall, as shares of its bandwidth."""

_FRAME, _HOP = 2048, 512  # samples: of which a level is measured, and from one frame's centre to the next one's
_STOPPED_DB = 100.0  # more than an image shows: it reaches 80 dB down, and pre-emphasis lifts what is high


class Settings(Strict):
    """The `audio` block of params.yaml."""

    sample_rate_hz: int = Field(default=22050, ge=1000, le=384_000)
    top_db: float = Field(default=30.0, gt=0, le=200)
    min_duration_s: PositiveFloat
    bandwidth_hz: Bandwidth | None = None

    @model_validator(mode="after")
    def _below_half_the_rate(self) -> Self:
        if self.bandwidth_hz is not None and SLOPE[1] * self.bandwidth_hz >= self.sample_rate_hz / 2:
            raise ValueError(f"bandwidth_hz below {self.sample_rate_hz / 2 / SLOPE[1]:g}, or null for all there is")
        return self


def read(path: str | Path) -> tuple[np.ndarray, int]:
    """A recording's samples, shape (n, channels), float32 in [-1, 1], and its sampling rate in hertz."""
    return soundfile.read(ogg.playable(path), dtype="float32", always_2d=True)


def to_mono(samples: np.ndarray) -> np.ndarray:
    """The mean of the channels: shape (n, channels) to (n,)."""
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)


def without_offset(samples: np.ndarray) -> np.ndarray:
    """A mono signal less its mean: cheap recorders add a constant of 0.2 to 1 % of full scale. Shape (n,) to (n,)."""
    return samples - samples.mean(dtype=float).astype(samples.dtype)


def resample(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """A mono signal at another sampling rate (soxr, high quality). Shape (n,) to (ceil(n * to_hz / from_hz),)."""
    return librosa.resample(samples, orig_sr=from_hz, target_sr=to_hz)


def highest_hz(source_hz: float, low_pass_hz: float | None) -> float:
    """The frequency above which a recording carries no voice, whatever its file holds there; hertz.

    source_hz: of the recording before it was low-passed, such as half its sampling rate. low_pass_hz: of `low_pass`,
    whose slope ends at 1.1 of it (to a tenth of a hertz); None: it was not low-passed.
    """
    return source_hz if low_pass_hz is None else min(source_hz, round(SLOPE[1] * low_pass_hz, 1))


def low_pass(samples: np.ndarray, sample_rate_hz: int, bandwidth_hz: float) -> np.ndarray:
    """A mono signal without what lies above a bandwidth, its timing unchanged. Shape (n,) to (n,).

    bandwidth_hz: up to 0.9 of it nothing changes (by less than 0.001 dB), from 1.1 of it on 100 dB are gone; 1.1 of it
    lies below half the sampling rate. A linear-phase FIR filter by Kaiser's window.
    """
    taps = _low_pass_taps(sample_rate_hz, bandwidth_hz)
    return signal.oaconvolve(samples, taps, mode="full")[len(taps) // 2 :][: len(samples)].astype(samples.dtype)


@lru_cache(maxsize=4)
def _low_pass_taps(sample_rate_hz: int, bandwidth_hz: float) -> np.ndarray:
    width_hz = (SLOPE[1] - SLOPE[0]) * bandwidth_hz
    taps, beta = signal.kaiserord(_STOPPED_DB, width_hz / (sample_rate_hz / 2))
    return signal.firwin(taps | 1, bandwidth_hz, window=("kaiser", beta), fs=sample_rate_hz)


def remove_silence(samples: np.ndarray, *, top_db: float = 30.0) -> np.ndarray:
    """Join the parts of a recording that are louder than `top_db` below its peak.

    samples: mono signal, shape (n,), float in [-1, 1]. Returns the same, shape (m,), m <= n, in the same order.
    top_db: threshold below the peak of the frame-wise standard deviation (2048 samples, hop 512), in dB, > 0.
    Raises SilentRecording where all samples are equal: there is no peak to compare with.
    Source: the silence removal of Switrayana et al. 2025, section 4.B (14 s become 12 s on its Figure 7). The parts are
    those of `librosa.effects.split`, whose RMS takes an offset for sound.
    """
    if not samples.size or np.ptp(samples) == 0:
        raise SilentRecording("all samples are equal")
    level = _frame_levels(samples)
    loud = level > level.max() * 10 ** (-top_db / 20)
    return samples[np.repeat(loud, _HOP)[: len(samples)]]


def _frame_levels(samples: np.ndarray) -> np.ndarray:
    """The standard deviation of each frame, centred on multiples of the hop, shape (1 + n // hop,).

    Without its own mean, for an offset may settle slowly. Beyond both ends of the recording there is nothing.
    """
    starts = np.arange(1 + len(samples) // _HOP) * _HOP - _FRAME // 2
    inside = np.minimum(starts + _FRAME, len(samples)) - np.maximum(starts, 0)
    hops = np.zeros((len(starts) - 1 + _FRAME // _HOP, _HOP), samples.dtype)
    hops.reshape(-1)[_FRAME // 2 :][: len(samples)] = samples
    of_hops = hops.sum(axis=1, dtype=float), np.einsum("hn,hn->h", hops, hops, dtype=float)
    sums, squares = (np.convolve(of_each, np.ones(_FRAME // _HOP), "valid") for of_each in of_hops)
    return np.sqrt(np.maximum(squares - sums**2 / inside, 0) / _FRAME)


def clean(path: str | Path, settings: Settings) -> np.ndarray:
    """One recording as the pipeline uses it: mono, resampled, low-passed where settings say, silence removed, 16 bit.

    Its mean is subtracted before, for an offset is no voice, and the lowest mel bands would show it.
    Returns shape (n,), int16 at `settings.sample_rate_hz`. What resampling lifts over full scale is clipped.
    Raises SilentRecording (see `remove_silence`).
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
    content = io.BytesIO()  # soundfile writes a file in small pieces, which takes many times as long
    soundfile.write(content, samples, sample_rate_hz, subtype="PCM_16", format="WAV")
    write_bytes(content.getvalue(), path)

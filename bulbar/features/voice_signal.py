"""From a recording as released to the stretch that voice measures are taken on, and its level over time."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import parselmouth
from scipy import signal

STEP_S = 0.01
"""From one frame to the next, of levels and of Praat's pitch."""

NARROW_RATE_HZ = 8000
"""What measures of the spectrum are taken at, whatever the recording's rate: so they compare."""

_RESAMPLING_DEPTH = 50  # samples to either side, Praat's standard

HIGH_PASS_HZ, _HIGH_PASS_ORDER = 40.0, 4  # run forwards and backwards: 6 dB down at 40 Hz, 48 dB an octave, no delay
LOUD_DB = 25.0
"""Frames are loud within so many dB of the 90th percentile of all frames' levels."""

_LOUDEST_SHARE = 0.9
_LEVEL_WINDOW_S = 0.03  # Hann: a modulation at 12 Hz keeps 92 %, one at F0 = 70 Hz 1 %
_FLOOR_DB = 120.0  # below the loudest frame: what digital zeros inside a recording count as
_LONGEST_GAP_S = 1.0  # between loud frames of one segment: a closure or a break in the voice, no pause
_VOWEL_EDGE_S = 0.25  # of a vowel's on- and offset
SHORTEST_S = 0.3
"""Below this a prepared recording has no measures: three windows of the cepstrum."""


@dataclass(frozen=True)
class VoiceSignal:
    """A prepared recording.

    samples: shape (n,), float64, around 0. level_db: of each step of STEP_S, shape (t,), dB relative to the 90th
    percentile of the whole recording. loud: which of these frames lie within LOUD_DB of it, shape (t,), bool.
    """

    samples: np.ndarray
    sample_rate_hz: int
    level_db: np.ndarray

    @property
    def loud(self) -> np.ndarray:
        """Which frames lie within LOUD_DB of the 90th percentile."""
        return self.level_db > -LOUD_DB

    @property
    def times_s(self) -> np.ndarray:
        """The centre of each frame, seconds from the first sample."""
        return (np.arange(len(self.level_db)) + 0.5) * STEP_S

    def narrow(self) -> Self:
        """The same at NARROW_RATE_HZ, resampled as Praat does: its band reaches up to 4 kHz."""
        if self.sample_rate_hz == NARROW_RATE_HZ:
            return self
        sound = parselmouth.Sound(self.samples, self.sample_rate_hz).resample(NARROW_RATE_HZ, _RESAMPLING_DEPTH)
        return type(self)(sound.as_array()[0], NARROW_RATE_HZ, self.level_db)


def prepare(samples: np.ndarray, sample_rate_hz: int, *, train: bool) -> VoiceSignal | None:
    """The main segment of a recording, high-passed.

    Parameters
    ----------
    samples : array, shape (n,), float
        Mono signal as released.
    sample_rate_hz : int
        From 8000 on.
    train : bool
        Whether it is a syllable train; of a vowel 0.25 s are cut off both ends.

    Returns
    -------
    VoiceSignal or None
        None where less than 0.3 s are left.

    Notes
    -----
    In this order: rows of equal samples at both ends are stripped (digital zeros, whatever the offset); high-pass at
    40 Hz (Butterworth of order 4, forwards and backwards); the main segment, which runs from the first to the last of
    the loud frames (within 25 dB of the 90th percentile) that lie less than 1 s apart. Of several segments the one with
    the most loud frames is taken: a cough or a word before the task is another segment.
    """
    stripped = _without_equal_edges(np.asarray(samples, dtype=float))
    if len(stripped) < SHORTEST_S * sample_rate_hz:
        return None
    passed = _high_pass(stripped - stripped.mean(), sample_rate_hz)
    level_db = _levels_db(passed, sample_rate_hz)
    first, last = _main_segment(level_db > -LOUD_DB)
    edge = 0 if train else round(_VOWEL_EDGE_S / STEP_S)
    first, last = first + edge, last - edge
    if (last - first) * STEP_S < SHORTEST_S:
        return None
    part = passed[round(first * STEP_S * sample_rate_hz) : round(last * STEP_S * sample_rate_hz)]
    return VoiceSignal(part - part.mean(), sample_rate_hz, level_db[first:last])


def _without_equal_edges(samples: np.ndarray) -> np.ndarray:
    """Without the rows of equal samples that it begins and ends with."""
    changes = np.flatnonzero(np.diff(samples))
    return samples[changes[0] : changes[-1] + 2] if changes.size else samples[:0]


def _high_pass(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    sections = signal.butter(_HIGH_PASS_ORDER, HIGH_PASS_HZ, "highpass", fs=sample_rate_hz, output="sos")
    return signal.sosfiltfilt(sections, samples)


def _levels_db(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Of each step of STEP_S, dB relative to the 90th percentile, shape (n // step,)."""
    power = mean_square(samples, sample_rate_hz, window_s=_LEVEL_WINDOW_S, step_s=STEP_S)
    level_db = 10 * np.log10(np.maximum(power, power.max() * 10 ** (-_FLOOR_DB / 10)))
    return level_db - np.quantile(level_db, _LOUDEST_SHARE)


def mean_square(samples: np.ndarray, sample_rate_hz: int, *, window_s: float, step_s: float) -> np.ndarray:
    """The mean square under a Hann window around the middle of each step, shape (t,); beyond the ends there is zero."""
    length = round(window_s * sample_rate_hz)
    window = signal.windows.hann(length, sym=False)
    padded = np.pad(samples, length)
    centres_s = (np.arange(int(len(samples) / (step_s * sample_rate_hz))) + 0.5) * step_s
    starts = np.round(centres_s * sample_rate_hz - length / 2).astype(int) + length
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[starts]
    # Not by BLAS: its last bits depend on the number of threads.
    return np.einsum("tn,tn,n->t", frames, frames, window / window.sum())


def _main_segment(loud: np.ndarray) -> tuple[int, int]:
    """First frame and the one after the last, of the segment with the most loud frames."""
    at = np.flatnonzero(loud)
    segments = np.split(at, np.flatnonzero(np.diff(at) * STEP_S > _LONGEST_GAP_S) + 1)
    longest = max(segments, key=len)
    return int(longest[0]), int(longest[-1]) + 1

"""Find recordings that occur twice, also after a change of level, trimming, resampling, noise or lossy coding.

All pairs are compared by fingerprints of some kilobytes; the few pairs that agree are compared again by waveform.

| kind | meaning |
| --- | --- |
| exact | the same decoded samples, independent of container and header |
| near | the waveforms below 2 kHz have a correlation of at least `NEAR` over their whole overlap |

A change of speed or pitch is not found.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import scipy.fft
import scipy.signal

from bulbar.features import audio
from bulbar.features.spectrogram import evenly_spaced_in_mel

Likeness = Literal["exact", "near"]

NEAR = 0.9
"""A pair is a near duplicate from this correlation of the waveforms on."""

CANDIDATE = 0.3
"""The waveforms of a pair are compared from this agreement of the fingerprints on (1: all signs, 0: chance).

Both thresholds are in wide gaps. Among the 4005 pairs of the default phantom the fingerprints agree by 0.37 at most,
and the waveforms have a correlation of at most 0.17 at any lag. Altered copies (level, polarity, trimming, resampling,
noise at -30 dB, mu-law, MP3, several at once) agree by at least 0.52 and have a correlation of at least 0.98.
"""

LOW_RATE_HZ = 4000
LEAST_OVERLAP_S = 1.0

_HOP, _WINDOW = 80, 512  # 20 ms and 128 ms at the low rate
_LOWEST_HZ, _HIGHEST_HZ = 100.0, 1800.0  # in every release: even that at 8 kHz reaches 4 kHz
_BANDS, _STEP = 17, 3  # number of bands, and distance in frames of the compared frames
_ACTIVE_DB = 40.0
_BLOCK = 32  # recordings per block; two blocks are compared at once


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Fingerprint of a recording, for comparison with all others.

    Parameters
    ----------
    signs : int8 array, shape (bands, frames)
        -1, 0 or 1, with 50 frames per second, without the quiet parts at both ends.
    start_frame : int
        Number of quiet frames that are omitted at the start.
    samples_digest : str
        Digest of the decoded samples.
    """

    signs: np.ndarray
    start_frame: int
    samples_digest: str


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Two recordings as positions in the cohort, first < second; `second` starts `lag_s` seconds into `first`."""

    first: int
    second: int
    score: float
    lag_s: float


def low_rate(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """The signal for comparison: mean channel from 60 Hz to 2 kHz, at a sampling rate of 4 kHz.

    Shape (n, channels), float, to (m,), float32. The lowest frequencies are removed because different recordings may
    share an offset and mains hum.
    """
    low = audio.resample(audio.without_offset(audio.to_mono(samples)), sample_rate_hz, LOW_RATE_HZ)
    high_pass = scipy.signal.butter(4, 60.0, "highpass", fs=LOW_RATE_HZ, output="sos")
    return scipy.signal.sosfilt(high_pass, low).astype(np.float32)


def fingerprint(samples: np.ndarray, sample_rate_hz: int) -> Fingerprint:
    """Compute a fingerprint: whether the level difference of neighbouring bands rises or falls, 50 times per second.

    Parameters
    ----------
    samples : array, shape (n, channels), float
        Decoded samples.
    sample_rate_hz : int
        Sampling rate.

    Returns
    -------
    Fingerprint

    Notes
    -----
    Gain, polarity and a slowly varying frequency response do not change the signs. A common change of all bands, as at
    a voice onset, has no effect. Source: Haitsma and Kalker 2002 (ISMIR), with fewer bands, shorter frames and a longer
    step.
    """
    digest = hashlib.sha256(np.ascontiguousarray(samples, dtype="<f4").tobytes()).hexdigest()
    padded = np.pad(low_rate(samples, sample_rate_hz), _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(scipy.fft.rfft(frames * scipy.signal.windows.hann(_WINDOW).astype(np.float32), axis=1)) ** 2
    level = power.sum(axis=1)
    active = np.flatnonzero(level > level.max(initial=0.0) * 10 ** (-_ACTIVE_DB / 10))
    if not active.size:
        return Fingerprint(np.zeros((_BANDS - 1, 0), dtype=np.int8), 0, digest)
    start, end = int(active[0]), int(active[-1]) + 1
    bands = power[start:end] @ _band_filter()
    floor = bands.max() * 1e-9  # so that digital silence gives zeros, not random signs
    tilt = -np.diff(np.log(bands + floor), axis=1)
    signs = np.sign(tilt[_STEP:] - tilt[:-_STEP]).astype(np.int8)
    return Fingerprint(np.ascontiguousarray(signs.T), start, digest)


def _band_filter() -> np.ndarray:
    """Adjacent rectangular bands, evenly spaced in mel, shape (1 + window // 2, bands)."""
    line_hz = np.fft.rfftfreq(_WINDOW, 1 / LOW_RATE_HZ)[:, np.newaxis]
    edges_hz = evenly_spaced_in_mel(_LOWEST_HZ, _HIGHEST_HZ, _BANDS + 1)
    inside = (line_hz >= edges_hz[:-1]) & (line_hz < edges_hz[1:])
    return inside.astype(np.float32)


def exact_pairs(fingerprints: Sequence[Fingerprint]) -> list[NearDuplicates]:
    """All pairs with the same decoded samples."""
    places: dict[str, list[int]] = {}
    for place, one in enumerate(fingerprints):
        places.setdefault(one.samples_digest, []).append(place)
    return [
        NearDuplicates(first, second, 1.0, 0.0) for equal in places.values() for first, second in combinations(equal, 2)
    ]


def candidates(fingerprints: Sequence[Fingerprint], threshold: float = CANDIDATE) -> Iterator[NearDuplicates]:
    """Yield the pairs whose fingerprints agree at some lag.

    Parameters
    ----------
    fingerprints : sequence of Fingerprint
        Of all recordings.
    threshold : float in [0, 1]
        Minimum agreement.

    Yields
    ------
    NearDuplicates
        The score is the agreement: the mean product of signs over the overlap. The overlap is at least a second and at
        least half of the shorter recording, or all of it if it is shorter than a second.

    Notes
    -----
    All lags of all pairs are compared by FFT, in blocks of recordings of similar length: memory depends on the size of
    a block, not of the cohort.
    """
    order = sorted(
        (place for place, one in enumerate(fingerprints) if one.signs.shape[1]),
        key=lambda place: fingerprints[place].signs.shape[1],
    )
    blocks = [order[start : start + _BLOCK] for start in range(0, len(order), _BLOCK)]
    for at, longer in enumerate(blocks):
        for shorter in blocks[: at + 1]:
            yield from _agreeing(fingerprints, shorter, longer, threshold)


def _agreeing(
    fingerprints: Sequence[Fingerprint], rows: Sequence[int], columns: Sequence[int], threshold: float
) -> Iterator[NearDuplicates]:
    """The candidates between two blocks; within one block each pair once."""
    lengths = [np.array([fingerprints[place].signs.shape[1] for place in block]) for block in (rows, columns)]
    size = scipy.fft.next_fast_len(int(lengths[0].max() + lengths[1].max()), real=True)
    spectra = [_spectra(fingerprints, block, size) for block in (rows, columns)]
    product = spectra[0].conj() @ spectra[1].swapaxes(1, 2)  # (frequency, row, column): the sum over the bands
    agreement = np.rint(scipy.fft.irfft(product, n=size, axis=0))  # sums of signs are integers: same on any machine
    lags = np.arange(size)
    lags[lags > lengths[1].max()] -= size
    for row, first in enumerate(rows):
        mine, theirs = lengths[0][row], lengths[1]
        shared = np.minimum(mine + lags[:, np.newaxis], theirs) - np.maximum(lags[:, np.newaxis], 0)
        shorter = np.minimum(mine, theirs)
        least = np.minimum(shorter, np.maximum(LEAST_OVERLAP_S * LOW_RATE_HZ / _HOP, shorter / 2))
        score = np.where(shared >= least, agreement[:, row] / (np.maximum(shared, 1) * (_BANDS - 1)), -1.0)
        best = score.argmax(axis=0)
        for column in np.flatnonzero(score[best, np.arange(len(columns))] >= threshold).tolist():
            second = columns[column]
            if rows is columns and column <= row:
                continue
            # the lag is the number of frames of the column's recording before the row's recording starts
            start = int(lags[best[column]]) + fingerprints[second].start_frame - fingerprints[first].start_frame
            found = float(score[best[column], column])
            lag_s = start * _HOP / LOW_RATE_HZ
            yield (
                NearDuplicates(first, second, found, -lag_s)
                if first < second
                else NearDuplicates(second, first, found, lag_s)
            )


def _spectra(fingerprints: Sequence[Fingerprint], block: Sequence[int], size: int) -> np.ndarray:
    """Fourier transforms of the signs of a block, shape (frequency, recording, band), complex64."""
    signs = np.zeros((len(block), _BANDS - 1, size), dtype=np.float32)
    for row, place in enumerate(block):
        signs[row, :, : fingerprints[place].signs.shape[1]] = fingerprints[place].signs
    return np.ascontiguousarray(np.moveaxis(scipy.fft.rfft(signs, axis=2), 2, 0))


def compare(first: np.ndarray, second: np.ndarray, lag_s: float) -> tuple[float, float]:
    """Find the highest correlation of two waveforms near a lag.

    Parameters
    ----------
    first, second : array, shape (n,) and (m,)
        From `low_rate`.
    lag_s : float
        Approximate start of `second` in `first`, in seconds, to within 60 ms.

    Returns
    -------
    correlation : float in [0, 1]
        |r|, normalised over the overlap, because the polarity may be reversed. 0 without overlap, or if one is silent.
    lag_s : float
        Lag with this correlation, in seconds, to an eighth of a sample.
    """
    reach, finer = int(0.06 * LOW_RATE_HZ), 8
    correlation = 0.0
    for _ in range(2):  # the second pass uses the overlap at the lag found by the first
        shift = round(lag_s * LOW_RATE_HZ)
        left, right = first[max(shift, 0) :], second[max(-shift, 0) :]
        shared = min(len(left), len(right))
        left, right = left[:shared].astype(float), right[:shared].astype(float)
        energy = np.sqrt(np.sum(left**2) * np.sum(right**2))
        if not energy > 0:
            return 0.0, lag_s
        products = scipy.signal.correlate(left, right, method="fft")
        near = products[max(shared - 1 - reach, 0) : shared + reach]
        around = scipy.signal.resample_poly(np.pad(near, reach), finer, 1)
        best = int(np.abs(around).argmax())
        correlation = min(float(np.abs(around[best]) / energy), 1.0)
        lag_s = (shift + best / finer - reach - min(shared - 1, reach)) / LOW_RATE_HZ
    return correlation, lag_s

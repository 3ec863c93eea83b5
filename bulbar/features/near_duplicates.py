"""The same recording under two names: after a change of level, trimming, resampling, noise or lossy coding.

All pairs are compared by fingerprints of some kilobytes; the few that agree are compared again by their waveforms.

| kind | what it means |
| --- | --- |
| exact | the same decoded samples, whatever the container and its header |
| near | the waveforms below 2 kHz correlate at `NEAR` or more over the whole of what the two share |

A recording that was made faster or slower, or higher or lower, is not found.
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
"""Correlation of the waveforms from which a pair is a near duplicate."""

CANDIDATE = 0.3
"""Agreement of the fingerprints from which a pair's waveforms are compared: 1 all signs, 0 as many as by chance.

Both thresholds lie in wide gaps: of the default phantom's 4005 pairs the fingerprints agree at 0.37 at most, and the
waveforms correlate at 0.17 at any lag; altered copies (level, polarity, trimming, resampling, noise at -30 dB, mu-law,
MP3, several at once) agree at 0.52 and correlate at 0.98 at least.
"""

LOW_RATE_HZ = 4000
LEAST_OVERLAP_S = 1.0

_HOP, _WINDOW = 80, 512  # 20 ms and 128 ms at the low rate
_LOWEST_HZ, _HIGHEST_HZ = 100.0, 1800.0  # every release carries these: the narrowest, at 8 kHz, reaches 4 kHz
_BANDS, _STEP = 17, 3  # bands, and frames between those that are compared
_ACTIVE_DB = 40.0
_BLOCK = 32  # recordings compared with as many others at once


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a recording is compared with all others by.

    signs: -1, 0 or 1, int8, shape (bands, frames), 50 frames a second, without the quiet parts at both ends.
    start_frame: how many frames of the recording were left out before. samples_digest: of the decoded samples.
    """

    signs: np.ndarray
    start_frame: int
    samples_digest: str


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Two recordings by their places in the cohort, first < second; `second` starts `lag_s` into `first`."""

    first: int
    second: int
    score: float
    lag_s: float


def low_rate(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """The part of a recording that is compared: its mean channel from 60 Hz to 2 kHz, at 4 kHz.

    samples: shape (n, channels), float. Returns shape (m,), float32. Without the lowest frequencies, for an offset and
    the hum of the mains are the same in recordings that have nothing else in common.
    """
    low = audio.resample(audio.without_offset(audio.to_mono(samples)), sample_rate_hz, LOW_RATE_HZ)
    high_pass = scipy.signal.butter(4, 60.0, "highpass", fs=LOW_RATE_HZ, output="sos")
    return scipy.signal.sosfilt(high_pass, low).astype(np.float32)


def fingerprint(samples: np.ndarray, sample_rate_hz: int) -> Fingerprint:
    """Whether each band gains on its upper neighbour or loses, 50 times a second.

    samples: shape (n, channels), float. A gain, the polarity and a slowly varying response change no sign, and what
    all bands do together, as at the start of a voice, makes none.
    Source: Haitsma and Kalker 2002 (ISMIR), with fewer bands, shorter frames and a longer step.
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
    floor = bands.max() * 1e-9  # in digital silence no band gains on another
    tilt = -np.diff(np.log(bands + floor), axis=1)
    signs = np.sign(tilt[_STEP:] - tilt[:-_STEP]).astype(np.int8)
    return Fingerprint(np.ascontiguousarray(signs.T), start, digest)


def _band_filter() -> np.ndarray:
    """Adjacent rectangles evenly spaced in mel, shape (1 + window // 2, bands)."""
    line_hz = np.fft.rfftfreq(_WINDOW, 1 / LOW_RATE_HZ)[:, np.newaxis]
    edges_hz = evenly_spaced_in_mel(_LOWEST_HZ, _HIGHEST_HZ, _BANDS + 1)
    inside = (line_hz >= edges_hz[:-1]) & (line_hz < edges_hz[1:])
    return inside.astype(np.float32)


def exact_pairs(fingerprints: Sequence[Fingerprint]) -> list[NearDuplicates]:
    """Every pair with the same decoded samples."""
    places: dict[str, list[int]] = {}
    for place, one in enumerate(fingerprints):
        places.setdefault(one.samples_digest, []).append(place)
    return [
        NearDuplicates(first, second, 1.0, 0.0) for equal in places.values() for first, second in combinations(equal, 2)
    ]


def candidates(fingerprints: Sequence[Fingerprint], threshold: float = CANDIDATE) -> Iterator[NearDuplicates]:
    """Yield each pair whose fingerprints agree at some lag, scored by that agreement.

    The agreement is the mean product of signs over the overlap, which is at least a second and at least half of the
    shorter recording (all of it where it is shorter than a second). All lags of all pairs, by FFT in blocks of
    recordings of about one length: memory grows with a block, not with the cohort.
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
    """The candidates between two blocks; within one, each pair once."""
    lengths = [np.array([fingerprints[place].signs.shape[1] for place in block]) for block in (rows, columns)]
    size = scipy.fft.next_fast_len(int(lengths[0].max() + lengths[1].max()), real=True)
    spectra = [_spectra(fingerprints, block, size) for block in (rows, columns)]
    product = spectra[0].conj() @ spectra[1].swapaxes(1, 2)  # (frequency, row, column): the sum over the bands
    agreement = np.rint(scipy.fft.irfft(product, n=size, axis=0))  # sums of signs: whole numbers on any machine
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
            # the lag counts frames of the column's recording before the row's begins
            start = int(lags[best[column]]) + fingerprints[second].start_frame - fingerprints[first].start_frame
            found = float(score[best[column], column])
            lag_s = start * _HOP / LOW_RATE_HZ
            yield (
                NearDuplicates(first, second, found, -lag_s)
                if first < second
                else NearDuplicates(second, first, found, lag_s)
            )


def _spectra(fingerprints: Sequence[Fingerprint], block: Sequence[int], size: int) -> np.ndarray:
    """The transforms of a block's signs, shape (frequency, recording, band), complex64."""
    signs = np.zeros((len(block), _BANDS - 1, size), dtype=np.float32)
    for row, place in enumerate(block):
        signs[row, :, : fingerprints[place].signs.shape[1]] = fingerprints[place].signs
    return np.ascontiguousarray(np.moveaxis(scipy.fft.rfft(signs, axis=2), 2, 0))


def compare(first: np.ndarray, second: np.ndarray, lag_s: float) -> tuple[float, float]:
    """Correlation of two waveforms near a lag, normalised over their overlap, and the lag where it is highest.

    first, second: as `low_rate` returns them, shapes (n,), (m,). lag_s: where `second` starts in `first`, within 60 ms,
    seconds. Returns |r| in [0, 1] (the polarity may be reversed) and the lag in seconds, to an eighth of a sample.
    0 where nothing is shared or one is silent.
    """
    reach, finer = int(0.06 * LOW_RATE_HZ), 8
    correlation = 0.0
    for _ in range(2):  # the second time over the overlap at the lag that the first time found
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

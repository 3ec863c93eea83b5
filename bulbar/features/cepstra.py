"""Smoothed cepstral peak prominence (CPPS) and mel cepstral coefficients of a signal at 8 kHz."""

import numpy as np
import scipy.fft

from bulbar.features import spectrogram

# Settings of Praat's `To PowerCepstrogram` and `Get CPPS`: its standard ones, but for the step (2 ms there), the
# highest frequency (5000 Hz) and the fit, "Robust" for "Robust slow", which takes 40 times as long as all the rest.
STEP_S = 0.01
HIGHEST_HZ = 4000.0
PRE_EMPHASIS_FROM_HZ = 50.0
PITCH_FLOOR_HZ, PITCH_CEILING_HZ = 60.0, 330.0
TIME_AVERAGING_S, QUEFRENCY_AVERAGING_S = 0.02, 0.0005
TREND_FROM_S, TREND_TO_S = 0.001, 0.05

_PERIODS_PER_WINDOW = 6.0  # of a Gaussian window, twice as long as the three periods that it shows
_GAUSSIAN = 48.0  # exponent of Praat's Gaussian: its edges lie at exp(-12)
_LEAST_POWER = 1e-300  # keeps the logarithm of an empty line finite

MFCC_COEFFICIENTS = 12
MFCC_WINDOW_S = 0.032
_MFCC_BANDS, _MFCC_FROM_HZ, _MFCC_TO_HZ = 24, 100.0, 3800.0  # below the slope of a recorder's filter at 4 kHz
_MFCC_FLOOR_DB = 80.0  # below the highest band and frame of the recording


def cpps_db(samples: np.ndarray, sample_rate_hz: int) -> float:
    """The smoothed cepstral peak prominence of Praat's `Get CPPS`, computed for all frames at once.

    Parameters
    ----------
    samples : array, shape (n,), float
        Mono signal, at least 0.1 s.
    sample_rate_hz : int
        Twice HIGHEST_HZ.

    Returns
    -------
    float
        dB, the mean over all frames.

    Notes
    -----
    Hillenbrand and Houde 1996, J Speech Hear Res 39; Maryn and Weenink 2015, J Voice 29. Praat itself takes as long for
    it as for all other measures, for it fits each frame's trend on its own. Exponential-decay trend (a line over
    the logarithm of quefrency) by Theil's incomplete method, the peak interpolated by a parabola.
    """
    shown = int(TREND_TO_S * sample_rate_hz) + int(QUEFRENCY_AVERAGING_S * sample_rate_hz) + 1
    power = _smoothed(_cepstrogram(samples, sample_rate_hz)[:, :shown], sample_rate_hz)
    level_db = 10 * np.log10(power + _LEAST_POWER)
    quefrencies_s = np.arange(level_db.shape[1]) / sample_rate_hz
    peak_db, peak_s = _peak(level_db, quefrencies_s)
    fitted = (quefrencies_s >= TREND_FROM_S) & (quefrencies_s <= TREND_TO_S)
    slope, intercept = _theil(np.log(quefrencies_s[fitted]), level_db[:, fitted])
    return float(np.mean(peak_db - (slope * np.log(peak_s) + intercept)))


def _cepstrogram(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Squared cepstrum of each frame, shape (t, quefrency)."""
    factor = np.exp(-2 * np.pi * PRE_EMPHASIS_FROM_HZ / sample_rate_hz)
    emphasised = samples.copy()
    emphasised[1:] -= factor * samples[:-1]
    length = round(_PERIODS_PER_WINDOW / PITCH_FLOOR_HZ * sample_rate_hz)
    step = round(STEP_S * sample_rate_hz)
    first = (len(samples) - length) % step // 2  # frames lie in the middle; where that is between samples, the earlier
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(emphasised[:-1], (1, 0)), length)[first::step]
    phase = (np.arange(length) - (length - 1) / 2) / (length + 1)
    edge = np.exp(-_GAUSSIAN / 4)
    window = (np.exp(-_GAUSSIAN * phase**2) - edge) / (1 - edge)
    size = 2 ** int(np.ceil(np.log2(length)))
    spectra = scipy.fft.rfft((frames - frames.mean(axis=1, keepdims=True)) * window, size, axis=1)
    log_power = np.log(spectra.real**2 + spectra.imag**2 + _LEAST_POWER)
    return scipy.fft.irfft(log_power, size, axis=1)[:, : size // 2 + 1] ** 2


def _smoothed(power: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Averaged over time, then over quefrency."""
    frames = int(TIME_AVERAGING_S / STEP_S + 1e-9)
    bins = int(QUEFRENCY_AVERAGING_S * sample_rate_hz + 1e-9)
    return _moving_average(_moving_average(power, frames, axis=0), bins, axis=1)


def _moving_average(values: np.ndarray, width: int, axis: int) -> np.ndarray:
    """Of those inside; of an even width the outermost on both sides count half, as Praat's."""
    moved = np.moveaxis(values, axis, 0)
    sums, weights = moved.copy(), np.ones(len(moved))
    for shift in range(1, width // 2 + 1):
        weight = 0.5 if 2 * shift == width else 1.0
        sums[shift:] += weight * moved[:-shift]
        sums[:-shift] += weight * moved[shift:]
        weights[shift:] += weight
        weights[:-shift] += weight
    return np.moveaxis(sums / weights[:, np.newaxis], 0, axis)


def _peak(level_db: np.ndarray, quefrencies_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height and place of the highest peak between the pitches' periods, on a parabola, shape (t,) each."""
    inside = np.flatnonzero((quefrencies_s >= 1 / PITCH_CEILING_HZ) & (quefrencies_s <= 1 / PITCH_FLOOR_HZ))
    at = inside[level_db[:, inside].argmax(axis=1)]
    rows = np.arange(len(level_db))
    before, middle, after = (level_db[rows, at + shift] for shift in (-1, 0, 1))
    slope, curvature = (after - before) / 2, 2 * middle - before - after
    is_peak = (middle > before) & (middle >= after)
    shift = np.where(is_peak, slope / np.where(is_peak, curvature, 1.0), 0.0)
    return middle + slope * shift / 2, quefrencies_s[at] + shift * (quefrencies_s[1] - quefrencies_s[0])


def _theil(x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and intercept of a line through each row: medians, over points half the range apart (Theil 1950)."""
    half = len(x) // 2
    ahead = len(x) - half
    slopes = np.median((rows[:, ahead:] - rows[:, :half]) / (x[ahead:] - x[:half]), axis=1)
    return slopes, np.median(rows - slopes[:, np.newaxis] * x, axis=1)


def mfcc_db(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Mel cepstral coefficients 1 to 12 of each frame: the level, coefficient 0, is left out.

    Parameters
    ----------
    samples : array, shape (n,), float
        Mono signal that is not zero throughout.
    sample_rate_hz : int
        At least 8000; 24 bands (HTK mel) lie between 100 and 3800 Hz.

    Returns
    -------
    array, shape (12, t)
        Orthonormal cosine transform of the bands' levels in dB; frames of 32 ms (Hamming) every 10 ms.

    Notes
    -----
    Davis and Mermelstein 1980, IEEE Trans ASSP 28. Levels are cut 80 dB below the recording's highest.
    """
    length, step = round(MFCC_WINDOW_S * sample_rate_hz), round(STEP_S * sample_rate_hz)
    bands = spectrogram.Settings(
        frame_length=length, hop_length=step, mel_bands=_MFCC_BANDS, min_hz=_MFCC_FROM_HZ, max_hz=_MFCC_TO_HZ
    )
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::step]
    power = spectrogram.power_spectrum(frames, spectrogram.hamming(length))
    mel = spectrogram.mel_filterbank(bands, sample_rate_hz) @ power
    level_db = 10 * np.log10(np.maximum(mel / mel.max(), 10 ** (-_MFCC_FLOOR_DB / 10)))
    return scipy.fft.dct(level_db, type=2, axis=0, norm="ortho")[1 : MFCC_COEFFICIENTS + 1]

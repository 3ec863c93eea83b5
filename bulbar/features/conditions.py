"""Recording conditions, as far as the released file shows them: they may reveal a group without any voice.

Everything is measured on the released file, before the pipeline resamples it or removes silence. Levels are those of
frames after subtraction of their mean, because a recorder's offset is not sound.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.ndimage
import scipy.signal
import soundfile

from bulbar.features import audio

FULL_SCALE = 1 - 2**-14
"""A sample counts as full scale from this value on; the tolerance is one 16-bit step on either side."""

_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "ALAC_16": 16, "ALAC_24": 24}
_LINE_HZ = 40.0  # width of a line of the long-term spectrum
_ABOVE_QUANTISATION_DB, _BELOW_LOUDEST_DB = 10.0, 100.0
_EDGE_DB, _EDGE_HZ, _EDGES_FROM_HZ = 15.0, 200.0, 3000.0
_LOUD, _RUN, _RUNS = 0.1, 3, 3  # a clipped peak: minimum height, length in samples, number of runs
_FRAME_S = 0.05
_EQUAL = 32  # noise of one 16-bit step has such a run of equal samples once in 10^13 samples


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions of one released recording; NaN if a value cannot be measured.

    Parameters
    ----------
    sample_rate_hz : int
    format : str
        Container and coding, such as `WAV/PCM_16`.
    channels : int
    bandwidth_hz, clipped_share : float
        See the functions of these names.
    dc_offset : float
        Mean sample, as a share of full scale.
    noise_dbfs, noise_centroid_hz : float
        Level and spectral centroid of the background, see `background`.
    digital_silence_share : float
        Share of the samples in runs of equal samples, see `digital_silence`.
    duration_s : float
    level_dbfs : float
        RMS of the frames that are not silent.
    pause_share : float
        Share of the duration that silence removal deletes.
    """

    sample_rate_hz: int
    format: str
    channels: int
    bandwidth_hz: float
    clipped_share: float
    dc_offset: float
    noise_dbfs: float
    noise_centroid_hz: float
    digital_silence_share: float
    duration_s: float
    level_dbfs: float
    pause_share: float


def measure(path: str | Path, samples: np.ndarray, sample_rate_hz: int, settings: audio.Settings) -> Conditions:
    """Measure all conditions of one recording.

    Parameters
    ----------
    path : str or Path
        The released file, for its header.
    samples : array, shape (n, channels)
        Its content, from `audio.read`.
    sample_rate_hz : int
        Sampling rate.
    settings : audio.Settings
        The settings of the pipeline, which define silence.

    Raises
    ------
    SilentRecording
        If all samples are equal.
    """
    header, mono = soundfile.info(path), audio.to_mono(samples)
    resampled = audio.resample(audio.without_offset(mono), sample_rate_hz, settings.sample_rate_hz)
    voiced_share = len(audio.remove_silence(resampled, top_db=settings.top_db)) / len(resampled)
    noise_dbfs, noise_centroid_hz = background(mono, sample_rate_hz, top_db=settings.top_db)
    return Conditions(
        sample_rate_hz=sample_rate_hz,
        format=f"{header.format}/{header.subtype}",
        channels=samples.shape[1],
        bandwidth_hz=bandwidth_hz(mono, sample_rate_hz, bits=_BITS.get(header.subtype)),
        clipped_share=clipped_share(samples),
        dc_offset=float(samples.mean(dtype=float)),
        noise_dbfs=noise_dbfs,
        noise_centroid_hz=noise_centroid_hz,
        digital_silence_share=float(digital_silence(mono).mean()),
        duration_s=len(mono) / sample_rate_hz,
        level_dbfs=level_dbfs(mono, sample_rate_hz, top_db=settings.top_db),
        pause_share=1 - voiced_share,
    )


def bandwidth_hz(samples: np.ndarray, sample_rate_hz: int, *, bits: int | None = None) -> float:
    """Bandwidth of a recording: the highest frequency with energy in the long-term spectrum.

    Parameters
    ----------
    samples : array, shape (n,)
        Mono signal.
    sample_rate_hz : int
        Sampling rate.
    bits : int, optional
        Bits of the PCM coding; None for other codings.

    Returns
    -------
    float
        In hertz. Half the sampling rate if nothing was cut; NaN if every sample is zero.

    Notes
    -----
    The spectrum (Welch, lines of 40 Hz, median over five) has energy where it is 10 dB above the noise of rounding to
    `bits` and at most 100 dB below its highest line. If background noise was added after the band was cut, the cut is
    found as an edge: above 3 kHz, the spectrum falls by 15 dB within 200 Hz to a flat floor and stays there. Below
    3 kHz vowels fall as steeply.
    """
    length = min(2 * round(sample_rate_hz / _LINE_HZ / 2), len(samples))  # even: the last line is half the rate
    frequencies, density = scipy.signal.welch(samples, sample_rate_hz, nperseg=length)
    density = scipy.ndimage.median_filter(density, size=5, mode="nearest")
    if not density.max() > 0:
        return np.nan
    level = 10 * np.log10(np.maximum(density, 1e-30))
    floor = level.max() - _BELOW_LOUDEST_DB
    if bits is not None:
        rounding = (2.0 ** (1 - bits)) ** 2 / 12 / (sample_rate_hz / 2)
        floor = max(floor, 10 * np.log10(rounding) + _ABOVE_QUANTISATION_DB)
    carrying = np.flatnonzero(level > floor)
    highest = int(carrying[-1]) if carrying.size else 0
    if highest >= len(level) - 3:  # the median filter and the slope of a resampler blur the last lines
        highest = len(level) - 1
    edge = _edge(level, frequencies)
    return float(frequencies[min(highest, edge)])


def _edge(level: np.ndarray, frequencies: np.ndarray) -> int:
    """Index of the line from which the spectrum stays at a flat floor; the last line if there is no such edge."""
    reach = max(round(_EDGE_HZ / (frequencies[1] - frequencies[0])), 1)
    last = len(level) - 1
    for line in range(int(np.searchsorted(frequencies, _EDGES_FROM_HZ)), last - 2 * reach):
        above = level[line + reach :]
        lowest, highest = np.quantile(above, [0.05, 0.95])
        if level[line] - above.max() >= _EDGE_DB and highest - lowest < _EDGE_DB / 2:
            return line + int(np.diff(level[line : line + reach + 1]).argmin())
    return last


def clipped_share(samples: np.ndarray) -> float:
    """Share of clipped samples.

    Parameters
    ----------
    samples : array, shape (n, channels)
        Samples in [-1, 1].

    Returns
    -------
    float in [0, 1]

    Notes
    -----
    Samples count as clipped in a run of at least three equal samples at the highest or lowest value of the channel, if
    this value is full scale. A lower value (clipped, then attenuated) must be at least a tenth of full scale and have
    three such runs, because the peak of a quiet wave may be flat for three samples once. Clipping before resampling or
    lossy coding is not found, because the flat peaks are lost.
    """
    cut = 0
    for channel in samples.T:
        for side in (channel, -channel):
            top = float(side.max(initial=0.0))
            if top < _LOUD:
                continue
            runs = _runs(side == top)
            runs = runs[runs >= _RUN]
            if top >= FULL_SCALE or len(runs) >= _RUNS:
                cut += int(runs.sum())
    return cut / samples.size


def _runs(true: np.ndarray) -> np.ndarray:
    """Lengths of the runs of True."""
    steps = np.diff(np.concatenate([[0], true.astype(np.int8), [0]]))
    return np.flatnonzero(steps == -1) - np.flatnonzero(steps == 1)


def digital_silence(samples: np.ndarray) -> np.ndarray:
    """Whether each sample is in a run of at least `_EQUAL` equal samples, which no microphone records even in silence.

    The value may be zero or an offset. Runs at the highest or lowest sample are excluded, because they are clipped.
    Shape (n,) to (n,), bool.
    """
    equal = scipy.ndimage.binary_opening(np.diff(samples) == 0, np.ones(_EQUAL - 1))
    in_a_row = np.append(equal, False) | np.insert(equal, 0, False)
    inner = (samples > samples.min()) & (samples < samples.max())
    return np.asarray(in_a_row & (inner | (samples == 0)))


def _frames(samples: np.ndarray, sample_rate_hz: int, top_db: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Consecutive frames of 50 ms without their mean, shape (t, n), their mean squares, and whether each is silent.

    A frame is silent if it is more than `top_db` below the loudest one. An incomplete last frame is omitted.
    """
    length = min(round(_FRAME_S * sample_rate_hz), len(samples))
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = np.mean(frames**2, axis=1, dtype=float)
    return frames, power, power < power.max() * 10 ** (-top_db / 10)


def level_dbfs(samples: np.ndarray, sample_rate_hz: int, *, top_db: float = 30.0) -> float:
    """RMS of the frames that are not silent, without their means, in dB re full scale. NaN if all are zero."""
    _, power, silent = _frames(samples, sample_rate_hz, top_db)
    loud = power[~silent].mean()
    return float(10 * np.log10(loud)) if loud > 0 else np.nan


def background(samples: np.ndarray, sample_rate_hz: int, *, top_db: float = 30.0) -> tuple[float, float]:
    """Level and spectral centroid of the background noise.

    Parameters
    ----------
    samples : array, shape (n,)
        Mono signal.
    sample_rate_hz : int
        Sampling rate.
    top_db : float > 0
        Frames this far below the loudest one are silent.

    Returns
    -------
    level, centroid : float
        Median level in dB re full scale, and centroid of the mean spectrum in hertz; NaN, NaN without such frames.

    Notes
    -----
    Measured on silent frames of 50 ms without digital silence. Only the quieter half is used, because voices fade out
    in the other half.
    """
    frames, power, silent = _frames(samples, sample_rate_hz, top_db)
    zeros = digital_silence(samples)[: frames.size].reshape(frames.shape)
    quiet = np.flatnonzero(silent & ~zeros.any(axis=1))
    if not quiet.size:
        return np.nan, np.nan
    quieter = quiet[np.argsort(power[quiet], kind="stable")][: (len(quiet) + 1) // 2]
    spectrum = np.mean(np.abs(np.fft.rfft(frames[quieter] * np.hanning(frames.shape[1]), axis=1)) ** 2, axis=0)
    frequencies = np.fft.rfftfreq(frames.shape[1], 1 / sample_rate_hz)
    total = spectrum.sum()
    centroid = float(frequencies @ spectrum / total) if total > 0 else np.nan
    return float(10 * np.log10(np.median(power[quieter]))), centroid

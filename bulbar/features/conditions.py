"""How a recording was made, as far as the released file shows it: what may give a group away without any voice.

Everything is measured on the file as released, before the pipeline resamples it or removes its silence. A level is
that of frames without their own mean: a recorder's offset is no sound.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.ndimage
import scipy.signal
import soundfile

from bulbar.features import audio

FULL_SCALE = 1 - 2**-14
"""From here on a sample is at full scale, within one step of 16 bit on either side."""

_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "ALAC_16": 16, "ALAC_24": 24}
_LINE_HZ = 40.0  # width of a line of the long-term spectrum
_ABOVE_QUANTISATION_DB, _BELOW_LOUDEST_DB = 10.0, 100.0
_EDGE_DB, _EDGE_HZ, _EDGES_FROM_HZ = 15.0, 200.0, 3000.0
_LOUD, _RUN, _RUNS = 0.1, 3, 3  # a flat top: at least so high, so many samples long, so many times
_FRAME_S = 0.05
_EQUAL = 32  # noise of one step of 16 bit makes a row of so many once in 10^13 samples


@dataclass(frozen=True, slots=True)
class Conditions:
    """One recording as released; NaN where a thing cannot be measured.

    format: container and coding, such as `WAV/PCM_16`. bandwidth_hz: see `bandwidth_hz`. clipped_share: see
    `clipped_share`. dc_offset: the mean sample, share of full scale. noise_dbfs, noise_centroid_hz: level and centre of
    gravity of the background (see `background`). digital_silence_share: share of the samples that stand in a row of
    equal ones (see `digital_silence`). level_dbfs: RMS of the frames that are not silent. pause_share: share of the
    duration that the pipeline's silence removal takes away.
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
    """All conditions of one recording.

    path: the released file, for its header. samples: its content as `audio.read` returns it, shape (n, channels).
    settings: the pipeline's, which define what counts as silence. Raises SilentRecording where all samples are equal.
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
    """The highest frequency at which the long-term spectrum still carries anything, in hertz.

    samples: mono, shape (n,). bits: of the file's PCM; None where its coding has no such steps.
    The spectrum (Welch, lines of 40 Hz, a median over five) carries something where it lies 10 dB above the noise of
    rounding to `bits` and no more than 100 dB below its highest line. Where background noise was added after the band
    had been cut, the cut still shows as an edge, and the edge counts: above 3 kHz (below, vowels fall as steeply), the
    spectrum falls by 15 dB within 200 Hz to a flat floor and stays there. NaN where every sample is zero.
    Half the sampling rate where nothing was cut.
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
    if highest >= len(level) - 3:  # the median filter and the resampler's own slope blur the last lines
        highest = len(level) - 1
    edge = _edge(level, frequencies)
    return float(frequencies[min(highest, edge)])


def _edge(level: np.ndarray, frequencies: np.ndarray) -> int:
    """The line at which the spectrum falls to a flat floor for good; the last one where it nowhere does."""
    reach = max(round(_EDGE_HZ / (frequencies[1] - frequencies[0])), 1)
    last = len(level) - 1
    for line in range(int(np.searchsorted(frequencies, _EDGES_FROM_HZ)), last - 2 * reach):
        above = level[line + reach :]
        lowest, highest = np.quantile(above, [0.05, 0.95])
        if level[line] - above.max() >= _EDGE_DB and highest - lowest < _EDGE_DB / 2:
            return line + int(np.diff(level[line : line + reach + 1]).argmin())
    return last


def clipped_share(samples: np.ndarray) -> float:
    """Share of the samples that a recorder's ceiling cut off.

    samples: shape (n, channels). A sample is cut off in a run of at least three equal ones at its channel's highest or
    lowest value, where that value is full scale; below full scale (clipped, then turned down) where it is at least a
    tenth of it and has at least three such runs, for the top of a quiet wave may rest for three steps once. A clipped
    recording that was resampled or coded with loss has no flat tops any more and is not found.
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
    """The lengths of the runs of True."""
    steps = np.diff(np.concatenate([[0], true.astype(np.int8), [0]]))
    return np.flatnonzero(steps == -1) - np.flatnonzero(steps == 1)


def digital_silence(samples: np.ndarray) -> np.ndarray:
    """Which samples stand in a row of `_EQUAL` equal ones or more: in a quiet room no two are equal for long.

    At zero, or at an offset that was added: anywhere but at the highest and the lowest sample, where a row is clipped.
    Shape (n,) to (n,), bool.
    """
    equal = scipy.ndimage.binary_opening(np.diff(samples) == 0, np.ones(_EQUAL - 1))
    in_a_row = np.append(equal, False) | np.insert(equal, 0, False)
    inner = (samples > samples.min()) & (samples < samples.max())
    return np.asarray(in_a_row & (inner | (samples == 0)))


def _frames(samples: np.ndarray, sample_rate_hz: int, top_db: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames of 50 ms one after another, each less its mean, shape (t, n), their mean squares, and which are silent.

    Silent: more than `top_db` below the loudest frame. What is left at the end is left out.
    """
    length = min(round(_FRAME_S * sample_rate_hz), len(samples))
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = np.mean(frames**2, axis=1, dtype=float)
    return frames, power, power < power.max() * 10 ** (-top_db / 10)


def level_dbfs(samples: np.ndarray, sample_rate_hz: int, *, top_db: float = 30.0) -> float:
    """RMS of the frames that are not silent, each less its mean, in dB of full scale. NaN where all are zero."""
    _, power, silent = _frames(samples, sample_rate_hz, top_db)
    loud = power[~silent].mean()
    return float(10 * np.log10(loud)) if loud > 0 else np.nan


def background(samples: np.ndarray, sample_rate_hz: int, *, top_db: float = 30.0) -> tuple[float, float]:
    """Level and spectral centroid of the sound where nobody speaks: dB of full scale, and hertz.

    samples: mono, shape (n,). Of the frames of 50 ms that lie more than `top_db` below the loudest one and are
    nowhere digital silence, the quieter half (voices fade out in the other): the median level, and the centroid of
    the mean spectrum. NaN, NaN where there is no such frame.
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

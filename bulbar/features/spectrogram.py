"""The mel image of a recording, in the steps of Figure 2 of Switrayana et al. 2025."""

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse
from PIL import Image
from pydantic import Field, NonNegativeFloat, model_validator

from bulbar.core.errors import SilentRecording
from bulbar.core.settings import Count, Strict, Width
from bulbar.features import audio

_FRAMES_AT_ONCE = 64
"""Number of frames transformed at once; they fit into the CPU cache."""


class Settings(Strict):
    """The `spectrogram` block of params.yaml."""

    representation: Literal["mel", "mfcc"] = "mel"
    time_axis: Literal["resize", "pad", "segments"] = "resize"
    pre_emphasis: float = Field(default=0.97, ge=0, lt=1)
    frame_length: int = Field(default=2048, ge=16, le=65_536)
    hop_length: Count = 512
    mel_bands: int = Field(default=128, ge=1, le=1024)
    frames: Width = 128
    min_hz: NonNegativeFloat = 0.0
    max_hz: float = Field(default=11025.0, ge=100)
    floor_db: float = Field(default=-80.0, lt=0, ge=-300)
    mfcc_coefficients: Count = 12
    mask_dead_bands: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min_hz >= self.max_hz:
            raise ValueError(f"min_hz ({self.min_hz}) must lie below max_hz ({self.max_hz})")
        if self.mfcc_coefficients >= self.mel_bands:
            raise ValueError(
                f"mfcc_coefficients ({self.mfcc_coefficients}) must be fewer than mel_bands ({self.mel_bands})"
            )
        if self.hop_length > self.frame_length:
            raise ValueError(f"hop_length ({self.hop_length}) must be at most frame_length ({self.frame_length})")
        if self.mel_bands >= self.frame_length // 2:
            raise ValueError(
                f"mel_bands ({self.mel_bands}) must be fewer than half of frame_length ({self.frame_length}):"
                " a frame has no more frequencies"
            )
        return self

    @property
    def image_shape(self) -> tuple[int, int]:
        """Rows (mel bands, low to high) and columns (frames) of an image."""
        return self.mel_bands, self.frames


def pre_emphasise(samples: np.ndarray, coefficient: float = 0.97) -> np.ndarray:
    """First-order high-pass y[n] = x[n] - coefficient * x[n-1], y[0] = x[0], shape (n,) to (n,).

    Examples
    --------
    >>> pre_emphasise(np.array([1.0, 1.0, 0.0]), 0.5).tolist()
    [1.0, 0.5, -0.5]
    """
    emphasised = samples.astype(np.float64)
    emphasised[1:] -= coefficient * emphasised[:-1]
    return emphasised.astype(samples.dtype)


def frame(samples: np.ndarray, frame_length: int, hop_length: int) -> np.ndarray:
    """Overlapping frames, centred on multiples of `hop_length`; both ends are padded with zeros.

    Shape (n,) to (1 + n // hop_length, frame_length).
    """
    padded = np.pad(samples, frame_length // 2)
    return np.lib.stride_tricks.sliding_window_view(padded, frame_length)[::hop_length]


def hamming(length: int, a: float = 0.46) -> np.ndarray:
    """Symmetric Hamming window, equation 2: W(n) = (1 - a) - a * cos(2 pi n / (N - 1)). Shape (length,)."""
    return (1 - a) + a * np.cos(np.linspace(-np.pi, np.pi, length))


def power_spectrum(frames: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Power |z|² of the Fourier transform (equation 3) of windowed frames, shape (t, n) to (1 + n // 2, t).

    The paper prints e^(-2 pi / N). The exponent used here is that of a Fourier transform, -2 pi j k n / N.
    """
    window = window.astype(frames.dtype)
    power = np.empty((len(frames), 1 + frames.shape[1] // 2), dtype=frames.dtype)
    for start in range(0, len(frames), _FRAMES_AT_ONCE):
        spectrum = scipy.fft.rfft(frames[start : start + _FRAMES_AT_ONCE] * window, axis=1)
        power[start : start + _FRAMES_AT_ONCE] = spectrum.real**2 + spectrum.imag**2
    return power.T


def hz_to_mel(frequency_hz: np.ndarray | float) -> np.ndarray:
    """Mel scale, equation 4: 2595 * log10(1 + f / 700).

    Examples
    --------
    >>> round(float(hz_to_mel(1000.0)))
    1000
    """
    return 2595.0 * np.log10(1.0 + np.asarray(frequency_hz) / 700.0)


def mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """The inverse of `hz_to_mel`."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def evenly_spaced_in_mel(min_hz: float, max_hz: float, number: int) -> np.ndarray:
    """Frequencies in hertz from `min_hz` to `max_hz`, evenly spaced in mel, shape (number,)."""
    return mel_to_hz(np.linspace(hz_to_mel(min_hz), hz_to_mel(max_hz), number))


def mel_corners_hz(settings: Settings) -> np.ndarray:
    """Corners of the triangular filters in hertz, shape (mel_bands + 2,).

    Band k starts at corner k, has its peak at k + 1 and ends at k + 2.
    """
    return evenly_spaced_in_mel(settings.min_hz, settings.max_hz, settings.mel_bands + 2)


def dead_bands(highest_hz: npt.ArrayLike, settings: Settings) -> np.ndarray:
    """Dead bands: mel bands that start at or above a recording's bandwidth and contain no voice.

    Parameters
    ----------
    highest_hz : array-like, shape (...)
        Highest frequency of each recording. A band that only ends above it is not dead.
    settings : Settings
        The `spectrogram` block of params.yaml.

    Returns
    -------
    bool array, shape (..., mel)

    Examples
    --------
    A source sampled at 8 kHz has no energy in the upper 64 % of the frequencies up to 11,025 Hz, which are 31 % of the
    mel bands:

    >>> int(dead_bands(4000.0, Settings()).sum())
    40
    """
    return mel_corners_hz(settings)[:-2] >= np.asarray(highest_hz)[..., np.newaxis]


@lru_cache(maxsize=4)
def mel_filterbank(settings: Settings, sample_rate_hz: int) -> scipy.sparse.csr_array:
    """Triangular filters of height 1, evenly spaced in mel, shape (mel_bands, 1 + frame_length // 2).

    The matrix is sparse because nearly all of it is zero, and because the last bits of a dense product depend on the
    number of threads.
    """
    corners_hz = mel_corners_hz(settings)
    bins_hz = np.fft.rfftfreq(settings.frame_length, 1 / sample_rate_hz)
    left, centre, right = (corners_hz[start : start + settings.mel_bands, np.newaxis] for start in range(3))
    triangles = np.maximum(0, np.minimum((bins_hz - left) / (centre - left), (right - bins_hz) / (right - centre)))
    return scipy.sparse.csr_array(triangles.astype(np.float32))


def to_unit_range(mel_power: np.ndarray, floor_db: float = -80.0) -> np.ndarray:
    """Convert power to dB relative to the recording's own maximum, limit it at `floor_db`, and scale it to [0, 1].

    Parameters
    ----------
    mel_power : array
        Power, >= 0.
    floor_db : float < 0
        Level that becomes 0; the maximum becomes 1.

    Returns
    -------
    array in [0, 1], shape of `mel_power`
        It does not depend on other recordings.

    Raises
    ------
    SilentRecording
        If the maximum is 0.

    Examples
    --------
    >>> to_unit_range(np.array([1.0, 1e-4, 0.0])).tolist()
    [1.0, 0.5, 0.0]
    """
    loudest = mel_power.max(initial=0.0)
    if loudest <= 0:
        raise SilentRecording("the mel spectrum is zero throughout")
    decibels = 10 * np.log10(np.maximum(mel_power / loudest, 10 ** (floor_db / 10)))
    return 1 - decibels / floor_db


def cosine_transform(log_mel: np.ndarray, coefficients: int = 12) -> np.ndarray:
    """MFCCs, equation 5: C_m = sum over k of E_k cos(m (k - 0.5) pi / N), m = 1 ..., shape (N, t) to (m, t)."""
    return scipy.fft.dct(log_mel, type=2, axis=0)[1 : coefficients + 1] / 2


def mfcc_to_unit_range(coefficients: np.ndarray, mel_bands: int) -> np.ndarray:
    """Scale the coefficients C_1 to C_m of a log mel spectrum in [0, 1], shape (m, t), to [0, 1] by their bounds.

    |C_m| is largest if the spectrum is 1 under the positive half-waves of its cosine and 0 elsewhere. This theoretical
    bound is used instead of an observed minimum or maximum, so the result does not depend on other recordings.
    """
    order = np.arange(1, len(coefficients) + 1)[:, np.newaxis]
    half_waves = np.cos(order * (np.arange(mel_bands) + 0.5) * np.pi / mel_bands)
    bounds = np.maximum(half_waves, 0).sum(axis=1, keepdims=True)
    return 0.5 + coefficients / (2 * bounds)


def resize(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resize an image to (rows, columns), float32, with linear interpolation; averages the area of a larger pixel."""
    rows, columns = shape
    pillow = Image.fromarray(np.ascontiguousarray(image, dtype=np.float32))
    return np.asarray(pillow.resize((columns, rows), Image.Resampling.BILINEAR))


def fit_time_axis(image: np.ndarray, settings: Settings) -> np.ndarray:
    """Bring an image to the number of frames in the settings.

    Parameters
    ----------
    image : array, shape (mel, t), in [0, 1]
        Mel image of a recording.
    settings : Settings
        Uses `time_axis`. `resize`: one image of the whole recording. `pad`: one image of the first `frames`, padded
        with silence. `segments`: one image per full length of `frames`; the rest becomes a padded image if it is at
        least half as long, or if it is the only one.

    Returns
    -------
    array, shape (images, mel, frames), in [0, 1]
    """
    frames = settings.frames
    if settings.time_axis == "resize":
        return resize(image, settings.image_shape)[np.newaxis]
    rows = 1 if settings.time_axis == "pad" else max(1, int(image.shape[1] / frames + 0.5))
    padded = np.full((image.shape[0], rows * frames), silent_pixel(settings), dtype=np.float32)
    filled = min(image.shape[1], padded.shape[1])
    padded[:, :filled] = image[:, :filled]
    return padded.reshape(image.shape[0], rows, frames).swapaxes(0, 1)


def image_of(
    samples: np.ndarray, sample_rate_hz: int, settings: Settings, highest_hz: float | None = None
) -> np.ndarray:
    """Compute the mel image (or MFCC image) of a recording.

    Parameters
    ----------
    samples : array, shape (n,)
        Mono signal.
    sample_rate_hz : int
        Sampling rate.
    settings : Settings
        The `spectrogram` block of params.yaml.
    highest_hz : float, optional
        Bandwidth of the recording; required with `mask_dead_bands`, which sets the power of the `dead_bands` to 0: they
        are at the floor in the image, and do not contribute to MFCCs.

    Returns
    -------
    array, shape (images, mel, frames), float32 in [0, 1]
        One image, except with `time_axis: segments`.

    Raises
    ------
    SilentRecording
        If every sample is zero, or if every band is dead and masked.
    ValueError
        If `highest_hz` is required but missing.
    """
    frames = frame(pre_emphasise(samples, settings.pre_emphasis), settings.frame_length, settings.hop_length)
    power = power_spectrum(frames, hamming(settings.frame_length))
    mel_power = mel_filterbank(settings, sample_rate_hz) @ power
    if settings.mask_dead_bands:
        mel_power[_to_mask(highest_hz, settings)] = 0.0
    image = to_unit_range(mel_power, settings.floor_db)
    if settings.representation == "mfcc":
        coefficients = cosine_transform(image, settings.mfcc_coefficients)
        image = mfcc_to_unit_range(coefficients, settings.mel_bands)
        image = resize(image, (settings.mel_bands, image.shape[1]))
    return np.clip(fit_time_axis(image.astype(np.float32), settings), 0.0, 1.0)


def _to_mask(highest_hz: float | None, settings: Settings) -> np.ndarray:
    """The bands to mask, shape (mel,), bool."""
    if highest_hz is None:
        raise ValueError("mask_dead_bands needs highest_hz, the bandwidth of the recording in hertz; found None")
    dead = dead_bands(highest_hz, settings)
    if dead.all():
        raise SilentRecording(f"every mel band begins above {highest_hz:g} Hz, the bandwidth of the recording")
    return dead


def image_of_file(path: str | Path, settings: Settings, highest_hz: float | None = None) -> np.ndarray:
    """`image_of` for the mean channel of a WAV file."""
    samples, rate = audio.read(path)
    return image_of(audio.to_mono(samples), rate, settings, highest_hz)


def silent_pixel(settings: Settings) -> float:
    """Pixel value of silence: 0, or 0.5 in an MFCC image, which means a coefficient of 0."""
    return 0.5 if settings.representation == "mfcc" else 0.0


def silence(settings: Settings) -> np.ndarray:
    """The image of silence, (mel, frame), float32."""
    return np.full(settings.image_shape, silent_pixel(settings), np.float32)


def hz_of_rows(rows: np.ndarray, settings: Settings) -> np.ndarray:
    """Frequency in hertz of the edges between rows of a mel image: edge k is between the bands k - 1 and k.

    Bands are triangles that reach to the peaks of their neighbours. An edge is the frequency at which two triangles are
    equally high.
    """
    low, high = hz_to_mel(settings.min_hz), hz_to_mel(settings.max_hz)
    corner = np.clip(np.asarray(rows) + 0.5, 0.5, settings.mel_bands + 0.5)
    hz = mel_to_hz(low + (high - low) * corner / (settings.mel_bands + 1))
    outermost = {0: settings.min_hz, settings.mel_bands: settings.max_hz}
    return np.array([outermost.get(int(row), value) for row, value in zip(rows, hz, strict=True)])


def rows_of_hz(hz: np.ndarray, settings: Settings) -> np.ndarray:
    """Position of a frequency on an axis on which band k reaches from k to k + 1: the inverse of `hz_of_rows`."""
    low, high = hz_to_mel(settings.min_hz), hz_to_mel(settings.max_hz)
    corner = (hz_to_mel(hz) - low) / (high - low) * (settings.mel_bands + 1)
    return np.clip(corner - 0.5, 0, settings.mel_bands)

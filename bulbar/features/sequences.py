"""A recording as a sequence of frames of fixed length, mel spectrogram or MFCC, as in the gender paper.

Section 3.a of the paper: mel spectrograms or MFCCs of frames of 20 to 40 ms, scaled to a common range. Section 4: input
length standardised by truncation or padding. The paper does not state the number of bands, the length and the range.
"""

from collections.abc import Iterator
from typing import Literal, Self

import librosa
import numpy as np
from pydantic import Field, NonNegativeFloat, model_validator

from bulbar.core.errors import BadInput, Problem
from bulbar.core.settings import Strict, Width
from bulbar.features import spectrogram


class Settings(Strict):
    """The `features` block of gender/params.yaml."""

    representation: Literal["mel", "mfcc"] = "mel"
    frame_ms: float = Field(default=40.0, ge=20, le=40)
    hop_ms: float = Field(default=20.0, ge=1)
    duration_s: float = Field(default=2.0, gt=0, le=600)
    mel_bands: int = Field(default=40, ge=1, le=1024)
    mfcc_coefficients: Width = 13
    min_hz: NonNegativeFloat = 0.0
    max_hz: float = Field(default=8000.0, ge=100)
    floor_db: float = Field(default=-80.0, lt=0, ge=-300)
    normalise: Literal["recording", "training"] = "recording"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.hop_ms > self.frame_ms:
            raise ValueError(f"hop_ms ({self.hop_ms:g}) must be at most frame_ms ({self.frame_ms:g})")
        if self.min_hz >= self.max_hz:
            raise ValueError(f"min_hz ({self.min_hz:g}) must lie below max_hz ({self.max_hz:g})")
        if self.mfcc_coefficients >= self.mel_bands:
            raise ValueError(
                f"mfcc_coefficients ({self.mfcc_coefficients}) must be fewer than mel_bands ({self.mel_bands})"
            )
        if self.shape[1] < 1:
            raise ValueError(f"duration_s ({self.duration_s:g}) must be at least one hop_ms ({self.hop_ms:g})")
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """Rows (mel bands, or coefficients from C_1) and columns (frames) of a recording."""
        rows = self.mel_bands if self.representation == "mel" else self.mfcc_coefficients
        return rows, round(self.duration_s * 1000 / self.hop_ms)


def check_rate(settings: Settings, sample_rate_hz: int) -> None:
    """Raise BadInput if the bands reach above half the sampling rate."""
    if settings.max_hz > sample_rate_hz / 2:
        expected = f"at most {sample_rate_hz / 2:g}, half of audio.sample_rate_hz"
        remedy = "lower features.max_hz, or raise audio.sample_rate_hz"
        raise BadInput([Problem("params.yaml: features.max_hz", expected, f"{settings.max_hz:g}", remedy)])


def features_of(samples: np.ndarray, sample_rate_hz: int, settings: Settings) -> tuple[np.ndarray, int]:
    """Compute the feature sequence of a recording.

    Parameters
    ----------
    samples : array, shape (n,), in [-1, 1]
        Mono signal. It is cut after `duration_s`, except for the rest of the last frame; a shorter signal is padded
        with frames at the floor.
    sample_rate_hz : int
        Sampling rate.
    settings : Settings
        The `features` block of gender/params.yaml.

    Returns
    -------
    features : array, shape `settings.shape`, float32
    filled : int
        Number of frames that the recording fills.

    Raises
    ------
    SilentRecording
        If every sample is zero.

    Notes
    -----
    With `normalise: recording` the values are decibels relative to the loudest band and frame of this recording, scaled
    so that the floor is 0 and the maximum 1; MFCCs are scaled by the resulting bounds. With `normalise: training` they
    are decibels relative to a full-scale sine, on the same scale; `Scaling` does the rest.
    """
    rows, frames = settings.shape
    hop = round(settings.hop_ms * sample_rate_hz / 1000)
    log_mel = _log_mel(samples, sample_rate_hz, hop, settings)
    filled = log_mel.shape[1]
    fixed = np.zeros((settings.mel_bands, frames))
    fixed[:, :filled] = log_mel
    if settings.representation == "mfcc":
        fixed = spectrogram.cosine_transform(fixed, rows)
        if settings.normalise == "recording":
            fixed = spectrogram.mfcc_to_unit_range(fixed, settings.mel_bands)
    if settings.normalise == "recording":
        fixed = np.clip(fixed, 0.0, 1.0)
    return fixed.astype(np.float32), filled


def _log_mel(samples: np.ndarray, sample_rate_hz: int, hop: int, settings: Settings) -> np.ndarray:
    """Mel bands on a decibel scale with the floor at 0 and the reference at 1; shape (bands, t), at most as `shape`."""
    window = spectrogram.hamming(round(settings.frame_ms * sample_rate_hz / 1000))
    length = 1 << (2 * len(window) - 1).bit_length()  # zero-padded: low bands are narrower than the bins of a frame
    padded = librosa.util.pad_center(window, size=length)
    frames = settings.shape[1]
    reached = samples[: (frames - 1) * hop + length // 2]
    power = spectrogram.power_spectrum(spectrogram.frame(reached, length, hop)[:frames], padded)
    bands = spectrogram.Settings(
        frame_length=length,
        hop_length=hop,
        mel_bands=settings.mel_bands,
        min_hz=settings.min_hz,
        max_hz=settings.max_hz,
        mfcc_coefficients=1,
    )
    mel_power = spectrogram.mel_filterbank(bands, sample_rate_hz) @ power
    if settings.normalise == "recording":
        return spectrogram.to_unit_range(mel_power, settings.floor_db)
    of_full_scale = mel_power / (length * np.sum(window**2) / 4)  # Parseval: power of a full-scale sine in any bins
    return 1 - 10 * np.log10(np.maximum(of_full_scale, 10 ** (settings.floor_db / 10))) / settings.floor_db


class Scaling:
    """Mean and standard deviation of every feature row, learned from the filled frames of the training recordings."""

    def __init__(self, mean: np.ndarray, sd: np.ndarray) -> None:
        self.mean, self.sd = mean, sd

    @classmethod
    def learn(cls, parts: Iterator[np.ndarray]) -> Self:
        """Learn from arrays (rows, frames), one after another. A constant row gets a standard deviation of 1."""
        count, total, squares = 0, np.zeros(1), np.zeros(1)
        for part in parts:
            values = part.astype(np.float64)
            count += values.shape[1]
            total = total + values.sum(axis=1)
            squares = squares + (values**2).sum(axis=1)
        mean = total / count
        sd = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        return cls(mean, np.where(sd > 1e-6, sd, 1.0))

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Standardise features, shape (..., rows, frames): subtract the mean, divide by the deviation; float32."""
        return ((features - self.mean[:, None]) / self.sd[:, None]).astype(np.float32)

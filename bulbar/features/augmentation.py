"""Augmentation: copies of a recording with another pitch and speed, for training."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import librosa
import numpy as np
from pydantic import Field, model_validator

from bulbar.core.digests import seed_of
from bulbar.core.settings import Strict


class Settings(Strict):
    """The `augment` block of gender/params.yaml.

    With `schedule: together` every epoch trains on each recording and all its copies. With `in_turn` an epoch trains on
    one version, the recording itself first; if there are as many copies as later epochs, each epoch has a new one.
    """

    copies: int = Field(default=1, ge=0, le=1000)
    schedule: Literal["together", "in_turn"] = "together"
    semitones: float = Field(default=2.0, ge=0, le=12)
    speed: tuple[Annotated[float, Field(ge=0.25, le=4)], Annotated[float, Field(ge=0.25, le=4)]] = (0.9, 1.1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.speed[0] > self.speed[1]:
            raise ValueError(f"speed must be ordered, slowest first, found {self.speed}")
        return self


@dataclass(frozen=True, slots=True)
class Change:
    """The change of a copy: `semitones` up or down; `speed` above 1 is faster and shorter, at the same pitch."""

    semitones: float = 0.0
    speed: float = 1.0


def draw(settings: Settings, recording_id: str, copy: int, seed: int) -> Change:
    """Draw the change of copy 1, 2, ... of a recording; copy 0 is the recording itself. Rounded to 4 digits."""
    if copy == 0:
        return Change()
    rng = np.random.default_rng(seed_of(seed, f"augment/{recording_id}/{copy}"))
    semitones = rng.uniform(-settings.semitones, settings.semitones)
    return Change(round(float(semitones), 4), round(float(rng.uniform(*settings.speed)), 4))


def changed(samples: np.ndarray, sample_rate_hz: int, change: Change) -> np.ndarray:
    """Change the pitch and speed of a mono signal.

    Parameters
    ----------
    samples : array, shape (n,), float
        Mono signal.
    sample_rate_hz : int
        Sampling rate.
    change : Change
        Semitones and speed.

    Returns
    -------
    array, shape about (n / speed,), float

    Notes
    -----
    Equivalent to `librosa.effects.pitch_shift` followed by `time_stretch`, with a single phase vocoder: a pitch shift
    is a time stretch and a resampling, and two stretches combine to one.
    """
    if change == Change():
        return samples
    rate = 2.0 ** (-change.semitones / 12)
    stretched = librosa.effects.time_stretch(samples, rate=rate * change.speed)
    return librosa.resample(stretched, orig_sr=sample_rate_hz / rate, target_sr=sample_rate_hz)

"""Copies of a recording at another pitch and speed, for training."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import librosa
import numpy as np
from pydantic import Field, model_validator

from bulbar.core.digests import seed_of
from bulbar.core.settings import Strict


class Settings(Strict):
    """The `augment` block of gender/params.yaml.

    schedule: `together`: every epoch trains on a recording and all of its copies. `in_turn`: on one of them, the
    recording itself first; with as many copies as epochs that follow, each epoch has a fresh one.
    """

    copies: int = Field(default=1, ge=0, le=1000)
    schedule: Literal["together", "in_turn"] = "together"
    semitones: float = Field(default=2.0, ge=0, le=12)
    speed: tuple[Annotated[float, Field(ge=0.25, le=4)], Annotated[float, Field(ge=0.25, le=4)]] = (0.9, 1.1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.speed[0] > self.speed[1]:
            raise ValueError(f"the slowest speed first, got {self.speed}")
        return self


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to a copy. semitones: up or down. speed: above 1 is faster, so shorter, at the same pitch."""

    semitones: float = 0.0
    speed: float = 1.0


def draw(settings: Settings, recording_id: str, copy: int, seed: int) -> Change:
    """The change of copy 1, 2, ... of a recording; copy 0 is the recording itself. Rounded, for tables to hold it."""
    if copy == 0:
        return Change()
    rng = np.random.default_rng(seed_of(seed, f"augment/{recording_id}/{copy}"))
    semitones = rng.uniform(-settings.semitones, settings.semitones)
    return Change(round(float(semitones), 4), round(float(rng.uniform(*settings.speed)), 4))


def changed(samples: np.ndarray, sample_rate_hz: int, change: Change) -> np.ndarray:
    """A mono signal at another pitch and speed, shape (n,) to about (n / speed,), float.

    What `librosa.effects.pitch_shift` and `time_stretch` do one after the other, with the phase vocoder run once: a
    shift is a stretch and a resampling, and two stretches are one.
    """
    if change == Change():
        return samples
    rate = 2.0 ** (-change.semitones / 12)
    stretched = librosa.effects.time_stretch(samples, rate=rate * change.speed)
    return librosa.resample(stretched, orig_sr=sample_rate_hz / rate, target_sr=sample_rate_hz)

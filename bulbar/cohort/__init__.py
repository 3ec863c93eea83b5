"""Releases in, one contract out: a reader for each kind of release, and the checks every cohort passes."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveFloat

from bulbar.cohort import minsk2020, voc_als
from bulbar.cohort.release import Fault, RecordingFile, Release

__all__ = ["READERS", "Fault", "RecordingFile", "RecordingSettings", "Release", "Settings"]

READERS: dict[str, Callable[[Path], Release]] = {"voc_als": voc_als.read, "minsk2020": minsk2020.read}
"""Reads a release by its source. A reader for another release is one function more: root in, `Release` out."""


class Settings(BaseModel):
    """The `cohort` block of params.yaml: whose release is read, where it lies, what a bad recording does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Literal["voc_als", "minsk2020"]
    root: Path
    on_bad_recording: Literal["fail", "quarantine"] = "fail"


class RecordingSettings(BaseModel):
    """What of the `audio` block says which recording is a bad one; the block's other keys are another stage's."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    min_duration_s: PositiveFloat

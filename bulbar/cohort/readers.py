"""Releases in, one contract out: a reader for each kind of release, and the checks every cohort passes."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import field_validator

from bulbar.cohort import common_voice, minsk2020, subset, voc_als
from bulbar.cohort.check import Duplicates
from bulbar.cohort.release import Fault, RecordingFile, Release
from bulbar.core.errors import BadInput
from bulbar.core.settings import Strict

__all__ = ["READERS", "Fault", "RecordingFile", "Release", "Settings", "read"]

READERS: dict[str, Callable[[Path], Release]] = {"voc_als": voc_als.read, "minsk2020": minsk2020.read}
"""Reads a release by its source. A reader for another release is one function more: root in, `Release` out.

Common Voice is not among them: of its millions of clips a subset must be drawn before there is a `Release`.
"""


class Settings(Strict):
    """The `cohort` block of params.yaml: whose release is read, where it lies, what happens to bad recordings.

    watched: below the root, what DVC reads for changes; empty: every file. duplicates: what happens to recordings that
    have the same samples, whatever on_bad_recording says.
    """

    source: Literal["voc_als", "minsk2020", "common_voice"]
    root: Path
    watched: Literal["", "/validated.tsv"] = ""
    on_bad_recording: Literal["fail", "quarantine"] = "fail"
    duplicates: Duplicates = "fail"

    @field_validator("root", mode="before")
    @classmethod
    def _named(cls, root: object) -> object:
        if isinstance(root, str) and not root.strip():
            raise ValueError("the folder of a release")
        return root


def read(chosen: Settings, choosing: subset.Settings | None = None, seed: int = 0) -> Release:
    """Read a release: all of it, or the subset of its recordings that `choosing` draws from `seed`.

    Raises BadInput where there is no such release, and where Common Voice is to be read whole.
    """
    if chosen.source != "common_voice":
        release = READERS[chosen.source](chosen.root)
        return release if choosing is None else subset.of_release(release, choosing, seed)
    if choosing is None:
        raise BadInput.one(
            where="params.yaml: cohort.source",
            expected="a release with a diagnosis: voc_als or minsk2020",
            found="common_voice",
            remedy="choose another source; common_voice is for the pipeline in gender/",
        )
    return common_voice.read(chosen.root, choosing, seed)

"""A reader for each kind of release; all return a `Release`."""

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
"""Source -> its reader. For another kind of release, add a function that takes the root and returns a `Release`.

Common Voice is not included: a subset of its millions of clips must be drawn first.
"""


class Settings(Strict):
    """The `cohort` block of params.yaml: which release is read, its folder, and what happens to bad recordings.

    watched: the file below the root that DVC checks for changes; empty: every file. duplicates: what happens to
    recordings with the same samples, independent of on_bad_recording.
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
    """Read a release, or a subset of its recordings.

    Parameters
    ----------
    chosen : Settings
        Source and folder of the release.
    choosing : subset.Settings or None
        Size of the subset; None reads all recordings.
    seed : int
        Seed of the draw of the subset.

    Returns
    -------
    Release
        Everything that could be read, and all problems.

    Raises
    ------
    BadInput
        If there is no such release, or if Common Voice is read without a subset.
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

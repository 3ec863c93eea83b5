"""Broken inputs, each made for real inside a sound small project, and what the stages owe to whoever brings them.

A case says what is broken in a reader's words, breaks it, and states what is expected where bad recordings fail the
run and where they are quarantined. `trials` runs them, tests/test_broken_inputs.py judges, snapshot.txt shows what was
printed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Mode = Literal["fail", "quarantine"]
Source = Literal["voc_als", "minsk2020", "common_voice"]
Group = Literal["Recordings", "Releases", "Workbooks", "params.yaml"]

Break = Callable[[Path], object]
"""Changes the files of a project."""

RELEASE = "release"
"""The release's folder in a project; its params.yaml lies beside it."""


@dataclass(frozen=True)
class Refused:
    """Exit code 1, nothing written, and a problem whose place, expectation and finding hold these words.

    problems: how many are printed, 1 unless a case breaks more.
    """

    where: str
    found: str
    expected: str = ""
    problems: int = 1


@dataclass(frozen=True)
class SetAside:
    """Exit code 0; what is bad is named, counted and left out, all else is as in the sound release.

    named: what stands in quarantine.csv's column `file`. found: words of one of its findings.
    lost: recording_ids that the sound release has and this run has not.
    recordings, subjects: as metrics/ingest.json counts what was set aside.
    changed: by recording_id the cells of what is kept that differ from the sound release's.
    """

    named: tuple[str, ...]
    found: str
    lost: tuple[str, ...] = ()
    recordings: int = 1
    subjects: int = 0
    changed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Read:
    """Exit code 0, nothing set aside.

    recordings, subjects: by recording_id and subject_id the cells that differ from those of the sound release's tables.
    tone_hz: by recording_id, the tone that it must hold when it is cleaned.
    lost: recording_ids of the sound release that this one has not.
    """

    recordings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    subjects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tone_hz: Mapping[str, float] = field(default_factory=dict)
    lost: tuple[str, ...] = ()


Outcome = Refused | SetAside | Read


@dataclass(frozen=True)
class Case:
    """One broken input.

    what: the input in words. break_it: changes the files of the sound project in its folder.
    fail, quarantine: what is expected with cohort.on_bad_recording and cohort.duplicates so set; quarantine None: the
    mode changes nothing, and is not tried. stage: the script of stages/ that runs, with its arguments, after the sound
    project has been through ingest, preprocess_clinical, preprocess_audio and folds. source: whose release the project
    holds.
    unprivileged: permissions count, which they do not for root.
    """

    group: Group
    what: str
    break_it: Break
    fail: Outcome
    quarantine: Outcome | None = None
    stage: tuple[str, ...] = ("ingest",)
    source: Source = "voc_als"
    unprivileged: bool = False

    def expected(self, mode: Mode) -> Outcome | None:
        """What the case says of a mode."""
        return self.fail if mode == "fail" else self.quarantine

"""What a reader makes of a release: its recordings, its subjects, and what is wrong with it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from bulbar.errors import BadInput, Problem

Kind = Literal["numeric", "categorical"]

TASKS = ("A", "E", "I", "O", "U", "KA", "PA", "TA")
LABELS = ("ALS", "HC")
SEXES = ("M", "F")

SYNTHETIC_MARK = "SYNTHETIC.txt"


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """One recording of a release: its path below the root (posix), whose it is, which task.

    clip: its own name, where a release has many of one task by one subject; else empty.
    """

    path: str
    subject_id: str
    task: str
    clip: str = ""

    @property
    def recording_id(self) -> str:
        """Subject and task, or the clip's name: unique in a cohort."""
        return self.clip or f"{self.subject_id}_{self.task}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem that `quarantine` can set aside.

    path: the one file that is set aside, or None where the subject's row is bad and all of the subject goes.
    subject_id: whose file or row it is; empty where that cannot be told.
    """

    problem: Problem
    subject_id: str = ""
    path: str | None = None


@dataclass(frozen=True)
class Release:
    """A release as it was read, good or bad.

    files: its recordings, sorted by path.
    subjects: subject_id, label, sex, age_years, then clinical columns in snake_case; missing = not recorded.
        Numeric columns are float, the others strings. A duplicate ID stands in it as often as in the release.
    acoustic: subject_id and the release's acoustic columns, or None.
    clinical: kind of every clinical column (age and sex included), in order; `common`: those both groups have.
    structural: problems that no quarantine helps; faults: problems of single rows and files.
    choice: how its recordings were chosen among all of the release, for metrics; empty where all were taken.
    missing: paths of clips that a table of the release names and no file is there for, as many as are worth naming.
    """

    source: str
    synthetic: bool
    files: list[RecordingFile]
    subjects: pd.DataFrame
    acoustic: pd.DataFrame | None
    clinical: dict[str, Kind]
    common: list[str]
    unused_columns: list[str] = field(default_factory=list)
    structural: list[Problem] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    choice: dict[str, object] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def tasks(self) -> list[str]:
        """The tasks that the release has recordings of, in the usual order."""
        present = {file.task for file in self.files}
        return [task for task in TASKS if task in present]

    def contract(self) -> dict[str, object]:
        """What later stages must know of a release and no table says."""
        return {
            "source": self.source,
            "synthetic": self.synthetic,
            "clinical": {"all": self.clinical, "common": self.common},
            "unused_columns": self.unused_columns,
        }


def is_synthetic(root: Path) -> bool:
    """A synthetic release says so in a file of its own."""
    return (root / SYNTHETIC_MARK).is_file()


def require_root(root: Path, how_to_get_it: str) -> None:
    """Raises BadInput where there is no folder at `root`, with how to get the release."""
    if not root.is_dir():
        found = "a file, not a folder" if root.exists() else "no such folder"
        raise BadInput([Problem(str(root), "the folder of a release (cohort.root)", found, how_to_get_it)])


def wav_paths(root: Path) -> Iterator[str]:
    """Every WAV file at any depth below `root`, as a posix path relative to it, sorted; hidden ones are left out."""
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(folder).relative_to(root)
        for name in sorted(names):
            if name.lower().endswith(".wav") and not name.startswith("."):
                yield (below / name).as_posix()


def files_of(matches: dict[str, RecordingFile | None], pattern: str) -> tuple[list[RecordingFile], list[Fault]]:
    """Sort a release's WAV files into recordings and faults.

    matches: each path and what its name says, None where it says nothing.
    pattern: how a path should look, for the message.
    """
    files: list[RecordingFile] = []
    faults: list[Fault] = []
    first: dict[str, str] = {}
    for path, file in sorted(matches.items()):
        if file is None:
            remedy = "rename it to its subject and task, or take it out of the release"
            faults.append(Fault(Problem(path, f"a path like {pattern}", path, remedy), path=path))
        elif file.recording_id in first:
            problem = Problem(
                path,
                f"one recording of subject {file.subject_id} and task {file.task}",
                f"a second one, beside {first[file.recording_id]}",
                "keep one of the two",
            )
            faults.append(Fault(problem, file.subject_id, path))
        else:
            first[file.recording_id] = path
            files.append(file)
    return files, faults


def usable_id(name: str) -> bool:
    """Whether a subject's ID can be part of a file name: letters, digits and hyphens."""
    return re.fullmatch(r"[A-Za-z0-9-]+", name) is not None

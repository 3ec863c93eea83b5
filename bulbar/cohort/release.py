"""What a reader makes of a release: its recordings, its subjects, and what is wrong with it."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

import pandas as pd

from bulbar.core.errors import BadInput, Problem
from bulbar.core.names import TASKS

ColumnKind = Literal["numeric", "categorical"]
Column = tuple[str, ColumnKind]
"""A column's name here, and its kind."""

LABELS = ("ALS", "HC")
SEXES = ("M", "F")

DVC_CACHE = "*/files/md5/[0-9a-f][0-9a-f]/*"
"""Where DVC's links lead, where it links instead of copying."""

_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # for a table of lines of text

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
    """A problem of what can be quarantined.

    path: the one file that is quarantined, or None where the subject's row is bad and all of the subject goes.
    subject_id: whose file or row it is; empty where that is unknown.
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
    missing: paths of clips that a table of the release names and no file is there for, the first thousand.
    """

    source: str
    synthetic: bool
    files: list[RecordingFile]
    subjects: pd.DataFrame
    acoustic: pd.DataFrame | None
    clinical: dict[str, ColumnKind]
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
        """What later stages must know of a release and no table holds."""
        return {
            "source": self.source,
            "synthetic": self.synthetic,
            "clinical": {"all": self.clinical, "common": self.common},
            "unused_columns": self.unused_columns,
        }


def is_synthetic(root: Path) -> bool:
    """Whether a release is synthetic: then it has a file of this name."""
    return (root / SYNTHETIC_MARK).is_file()


def require_root(root: Path, how_to_get_it: str) -> None:
    """Raises BadInput where there is no folder at `root`, with how to get the release."""
    try:
        there, folder = root.exists(), root.is_dir()
    except OSError as error:  # too long a name, a folder above it that may not be entered
        raise unreadable(str(root), "the folder of a release (cohort.root)", error) from None
    if not folder:
        found = "a file, not a folder" if there else "no such folder"
        raise BadInput.one(str(root), "the folder of a release (cohort.root)", found, how_to_get_it)


def unreadable(where: str, expected: str, error: OSError) -> BadInput:
    """The error for a file or a folder of a release that the system does not let us read."""
    denied = isinstance(error, PermissionError)
    remedy = "allow yourself to read it (chmod u+rX)" if denied else "give another path, or fetch the release again"
    return BadInput.one(where, expected, f"{type(error).__name__}: {error.strerror}", remedy)


def wav_paths(root: Path) -> dict[str, Problem | None]:
    """Every WAV file at any depth below `root`: its posix path relative to it, and why it is none of the release's.

    Sorted; hidden ones are left out. What bears such a name and is no file, such as a folder, is among them.
    A release is what lies below its root, which may be a link itself. A link to a file elsewhere would bring in what
    the release has not: a problem, save DVC's own links, from where it keeps what it tracks.
    Raises BadInput for each folder that cannot be read, and for each link to a folder: DVC does not look behind it, so
    recordings could change there and no stage would be run again.
    """
    paths: dict[str, Problem | None] = {}
    refused: list[Problem] = []
    own = root.resolve()

    def refuse(error: OSError) -> None:
        below = Path(error.filename).relative_to(root).as_posix()
        refused.extend(unreadable(str(root) if below == "." else below, "a folder that can be read", error).problems)

    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(folder).relative_to(root)
        for name in folders:
            if (link := Path(folder, name)).is_symlink():
                found = f"a link to {link.readlink()}, behind which DVC would see no change"
                remedy = "put the folder itself there, or take the link out; cohort.root itself may be a link"
                refused.append(Problem((below / name).as_posix(), "a folder of the release", found, remedy))
        for name in [*folders, *names]:
            if name.lower().endswith(".wav") and not name.startswith("."):
                path = (below / name).as_posix()
                paths[path] = _foreign(path, root, own)
    if refused:
        raise BadInput(sorted(refused, key=lambda problem: problem.where))
    return dict(sorted(paths.items()))


def _foreign(path: str, root: Path, own: Path) -> Problem | None:
    """What makes a path none of the release's: a name that cannot be shown, or a link that leads out of `own`."""
    if _UNFIT.search(path):
        found = "a line break, or bytes that are no text"
        return Problem(path, "a name that can be shown", found, "rename the file, or the folder it is in")
    return link_problem(path, root, own)


def link_problem(path: str, root: Path, own: Path | None = None) -> Problem | None:
    """What is wrong with a file that is a link, by its path below `root`: it leads to nothing, or out of the release.

    own: the root itself, links followed. DVC's own links, from where it keeps what it tracks, lead to files of it.
    """
    own = root.resolve() if own is None else own
    if not (link := root / path).is_symlink():
        return None
    end = Path(os.path.realpath(link))  # Path.resolve fails where links go round in a circle
    if not end.exists():
        found = f"a link to {link.readlink()}, where nothing is"
    elif end.is_relative_to(own) or fnmatch(end.as_posix(), DVC_CACHE):
        return None
    else:
        found = f"a link to {link.readlink()}, out of the release"
    return Problem(path, "a file of the release", found, "put the file itself there, or take the link out")


def files_of(
    paths: Mapping[str, Problem | None], recording: Callable[[str], RecordingFile | None], pattern: str
) -> tuple[list[RecordingFile], list[Fault]]:
    """Sort a release's WAV files into recordings and faults.

    paths: as `wav_paths` returns them. recording: what a path stands for, None for no recording.
    pattern: how a path should look, for the message.
    """
    files: list[RecordingFile] = []
    faults: list[Fault] = []
    first: dict[str, str] = {}
    for path, foreign in paths.items():
        file = recording(path)
        if foreign is not None:
            faults.append(Fault(foreign, file.subject_id if file else "", path))
        elif file is None:
            remedy = "rename it to its subject and task, or take it out of the release"
            faults.append(Fault(Problem(path, f"a path like {pattern}", path, remedy), path=path))
        elif file.recording_id in first:
            expected = f"one recording of subject {file.subject_id} and task {file.task}"
            problem = Problem(path, expected, f"a second one, beside {first[file.recording_id]}", "keep one of the two")
            faults.append(Fault(problem, file.subject_id, path))
        else:
            first[file.recording_id] = path
            files.append(file)
    return files, faults


def usable_id(name: str) -> bool:
    """Whether a subject's ID can be part of a file name: letters, digits and hyphens."""
    return re.fullmatch(r"[A-Za-z0-9-]+", name) is not None

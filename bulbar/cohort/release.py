"""The result of reading a release: its recordings, its subjects, and its problems."""

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
"""Name of a column in bulbar, and its kind."""

LABELS = ("ALS", "HC")
SEXES = ("M", "F")

DVC_CACHE = "*/files/md5/[0-9a-f][0-9a-f]/*"
"""Target of DVC's links, if it links instead of copying."""

_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # for a table of lines of text

SYNTHETIC_MARK = "SYNTHETIC.txt"


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """One recording of a release: its path relative to the root (posix), its subject and its task.

    clip: the recording's own name, if a subject has many recordings of one task; otherwise empty.
    """

    path: str
    subject_id: str
    task: str
    clip: str = ""

    @property
    def recording_id(self) -> str:
        """Subject and task, or the clip's name. Unique in a cohort."""
        return self.clip or f"{self.subject_id}_{self.task}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem that quarantine solves.

    path: the file to leave out, or None if the subject's row is bad and the whole subject is left out.
    subject_id: the subject of the file or row; empty if unknown.
    """

    problem: Problem
    subject_id: str = ""
    path: str | None = None


@dataclass(frozen=True)
class Release:
    """A release as read, with all its problems.

    Attributes
    ----------
    files : list of RecordingFile
        Its recordings, sorted by path.
    subjects : DataFrame
        subject_id, label, sex, age_years, then clinical columns in snake_case; missing = not recorded. Numeric columns
        are float, others strings. A duplicate ID occurs as often as in the release.
    acoustic : DataFrame or None
        subject_id and the release's acoustic columns.
    clinical : dict of str to str
        Clinical column -> kind, in order, including age and sex.
    common : list of str
        Clinical columns that both groups have.
    structural : list of Problem
        Problems that quarantine cannot solve.
    faults : list of Fault
        Problems of single rows and files.
    choice : dict
        Counts of how the recordings were chosen from the release, for metrics; empty if all were taken.
    missing : list of str
        Paths of clips that a table names but that do not exist, the first thousand.
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
        """Facts about a release that later stages need and no table has."""
        return {
            "source": self.source,
            "synthetic": self.synthetic,
            "clinical": {"all": self.clinical, "common": self.common},
            "unused_columns": self.unused_columns,
        }


def is_synthetic(root: Path) -> bool:
    """Whether a release is synthetic: whether it has the file SYNTHETIC.txt."""
    return (root / SYNTHETIC_MARK).is_file()


def require_root(root: Path, how_to_get_it: str) -> None:
    """Raise BadInput, with the way to get the release, if `root` is not a folder."""
    try:
        there, folder = root.exists(), root.is_dir()
    except OSError as error:  # such as a name that is too long, or a parent folder without permission
        raise unreadable(str(root), "the folder of a release (cohort.root)", error) from None
    if not folder:
        found = "a file, not a folder" if there else "no such folder"
        raise BadInput.one(str(root), "the folder of a release (cohort.root)", found, how_to_get_it)


def unreadable(where: str, expected: str, error: OSError) -> BadInput:
    """The error for a file or a folder of a release that cannot be read."""
    denied = isinstance(error, PermissionError)
    remedy = "give yourself read permission (chmod u+rX)" if denied else "name another path, or download it again"
    return BadInput.one(where, expected, f"{type(error).__name__}: {error.strerror}", remedy)


def wav_paths(root: Path) -> dict[str, Problem | None]:
    """Find every path `*.wav` at any depth below `root`.

    Parameters
    ----------
    root : Path
        Root of the release. It may be a link itself.

    Returns
    -------
    dict of str to Problem or None
        Posix path relative to `root`, sorted -> why it is not a file of the release. Includes folders with such a name;
        hidden files are left out. A link to a file outside the release is a problem, except links into DVC's cache.

    Raises
    ------
    BadInput
        For each folder that cannot be read, and for each link to a folder: DVC does not follow it, so recordings could
        change without any stage being run again.
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
                found = f"a link to {link.readlink()}, where DVC would not notice changes"
                remedy = "replace the link with the folder, or remove it; only cohort.root itself may be a link"
                refused.append(Problem((below / name).as_posix(), "a folder of the release", found, remedy))
        for name in [*folders, *names]:
            if name.lower().endswith(".wav") and not name.startswith("."):
                path = (below / name).as_posix()
                paths[path] = _foreign(path, root, own)
    if refused:
        raise BadInput(sorted(refused, key=lambda problem: problem.where))
    return dict(sorted(paths.items()))


def _foreign(path: str, root: Path, own: Path) -> Problem | None:
    """The problem of a path that is not part of the release: a name with control characters, or a link out of `own`."""
    if _UNFIT.search(path):
        found = "a line break, or bytes that are not text"
        return Problem(path, "a file name of printable characters", found, "rename the file, or its folder")
    return link_problem(path, root, own)


def link_problem(path: str, root: Path, own: Path | None = None) -> Problem | None:
    """The problem of a link: its target does not exist, or is outside the release. None for a file or a good link.

    path: relative to `root`. own: the resolved root. Links into DVC's cache are good.
    """
    own = root.resolve() if own is None else own
    if not (link := root / path).is_symlink():
        return None
    end = Path(os.path.realpath(link))  # Path.resolve fails on circular links
    if not end.exists():
        found = f"a link to {link.readlink()}, which does not exist"
    elif end.is_relative_to(own) or fnmatch(end.as_posix(), DVC_CACHE):
        return None
    else:
        found = f"a link to {link.readlink()}, outside the release"
    return Problem(path, "a file of the release", found, "replace the link with the file, or remove it")


def files_of(
    paths: Mapping[str, Problem | None], recording: Callable[[str], RecordingFile | None], pattern: str
) -> tuple[list[RecordingFile], list[Fault]]:
    """Sort a release's WAV files into recordings and faults.

    paths: from `wav_paths`. recording: path -> the recording, or None if the name is not one of a recording. pattern:
    an example path for messages.
    """
    files: list[RecordingFile] = []
    faults: list[Fault] = []
    first: dict[str, str] = {}
    for path, foreign in paths.items():
        file = recording(path)
        if foreign is not None:
            faults.append(Fault(foreign, file.subject_id if file else "", path))
        elif file is None:
            remedy = "rename it to its subject and task, or remove it from the release"
            faults.append(Fault(Problem(path, f"a path like {pattern}", path, remedy), path=path))
        elif file.recording_id in first:
            expected = f"one recording of subject {file.subject_id} and task {file.task}"
            problem = Problem(path, expected, f"two, the other is {first[file.recording_id]}", "keep only one of them")
            faults.append(Fault(problem, file.subject_id, path))
        else:
            first[file.recording_id] = path
            files.append(file)
    return files, faults


def usable_id(name: str) -> bool:
    """Whether a subject's ID can be part of a file name: letters, digits and hyphens."""
    return re.fullmatch(r"[A-Za-z0-9-]+", name) is not None

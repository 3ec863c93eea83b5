"""Mozilla Common Voice as distributed: the `validated.tsv` and `clips/` of one language (Ardila et al., LREC 2020).

The table may have millions of rows. It is read twice, line by line: first to count and draw, with about 20 bytes stored
per row, then to read the drawn rows. No clip is opened here.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from bulbar.cohort import release, subset
from bulbar.cohort.release import ColumnKind, Fault, RecordingFile, Release
from bulbar.core.errors import BadInput, Problem

TABLE, CLIPS = "validated.tsv", "clips"
TASK = "sentence"

REQUIRED = ("client_id", "path", "down_votes", "gender")
ACCENTS = ("accents", "accent")  # the column was renamed in release 7

SEX_OF = {"male": "M", "male_masculine": "M", "female": "F", "female_feminine": "F"}
"""Gender values that are used (they were renamed in release 17). All others are counted and left out."""

NOT_STATED = ("", "do_not_wish_to_say")

OTHERS = ("other", "intersex", "transgender", "non-binary", *NOT_STATED)
"""Gender values of the releases that are not used. Each is counted by name; any other value is counted without it."""

_DECADES = ("teens", "twenties", "thirties", "fourties", "fifties", "sixties", "seventies", "eighties", "nineties")
AGES = {decade: 15 + 10 * n for n, decade in enumerate(_DECADES)} | {"forties": 45}  # spelling of the releases
"""Decade -> years in the middle of it. A release states only decades."""

ANOTHER = "(another)"

CLINICAL: dict[str, ColumnKind] = {"age_years": "numeric", "sex": "categorical", "accent": "categorical"}

PAPER = {"rows": 864448, "no_down_votes": 394818, "subset": {"clips": 11000, "male": 6000, "female": 5000}}
"""Counts of steps that Kavitha et al. state in section 4."""

CHUNK_ROWS = 20_000
LONGEST_TEXT = 200  # characters of a client_id or an accent
MOST_FAULTS = 1000  # a table with more bad rows is not one of Common Voice
MOST_MISSING = 1000  # this many missing clips are named; all are counted

HOW_TO_GET_IT = (
    "download a language of Common Voice (CC0) from"
    " https://mozilladatacollective.com/organization/cmfh0j9o10006ns07jq45h7xk, unpack it, and set"
    f" cohort.root to the folder with {TABLE} and {CLIPS}/"
)


def read(root: Path, choosing: subset.Settings, seed: int) -> Release:
    """Read a subset of the clips of a Common Voice release, and their speakers.

    Parameters
    ----------
    root : Path
        Folder of one language.
    choosing : subset.Settings
        Size of the subset.
    seed : int
        Seed of the draw.

    Returns
    -------
    Release
        subjects: subject_id (the client_id), sex, age_years (middle of the decade), accent. If a speaker states several
        values, that of most chosen clips is used. label is empty, because nobody has a diagnosis.

    Raises
    ------
    BadInput
        If the table cannot be read, or is not a table of Common Voice.
    """
    release.require_root(root, HOW_TO_GET_IT)
    columns = _columns(root)
    scan = _scan(root, columns, seed)
    picked = _choose(scan, _clips_there(root, seed), choosing)
    found = _rows(root, columns, np.concatenate([picked.chosen, picked.missing[:MOST_MISSING]]))
    is_chosen = np.isin(found["line"], picked.chosen)
    rows, missing = found[is_chosen], found["path"][~is_chosen]
    files = [
        RecordingFile(_file(path), client, TASK, _clip(path))
        for client, path in zip(rows["client_id"], rows["path"], strict=True)
    ]
    elsewhere = _elsewhere(root, files)
    used = {*REQUIRED, "age", *ACCENTS}
    return Release(
        source="common_voice",
        synthetic=release.is_synthetic(root),
        files=sorted((file for file in files if file.path not in elsewhere), key=lambda file: file.path),
        subjects=_subjects(rows),
        acoustic=None,
        clinical=CLINICAL,
        common=list(CLINICAL),
        unused_columns=[name for name in columns if name not in used],
        faults=[*scan.faults, *elsewhere.values()],
        choice=picked.counts,
        missing=[_file(path) for path in missing],
    )


_NO_ROWS = tuple(np.empty(0, kind) for kind in (np.int64, np.int32, bool, np.uint64))


@dataclass
class _Scan:
    """Results of the first reading.

    usable: for every row that may be chosen, chunk by chunk: line, speaker, whether male, random number.
    """

    rows: int = 0
    no_down_votes: int = 0
    genders: Counter[str] = field(default_factory=Counter)  # in the rows without down-votes, as written
    usable: list[tuple[np.ndarray, ...]] = field(default_factory=lambda: [_NO_ROWS])
    number_of: dict[str, int] = field(default_factory=dict)  # client_id -> number of the speaker
    stated: dict[int, set[str]] = field(default_factory=dict)  # speaker -> genders in all rows, with down-votes or not
    faults: list[Fault] = field(default_factory=list)

    def fault(self, line: int, column: str, expected: str, found: str) -> None:
        """Add a bad row. Raises BadInput if there are too many."""
        where = f"{TABLE}, line {line}{f', column {column}' if column else ''}"
        self.faults.append(Fault(Problem(where, expected, found, "correct or remove the row"), path=where))
        if len(self.faults) > MOST_FAULTS:
            found = f"more than {MOST_FAULTS} bad rows, the first: {self.faults[0].problem.found}"
            raise BadInput.one(TABLE, "a table of Common Voice", found, HOW_TO_GET_IT)


@dataclass(frozen=True)
class _Picked:
    """Line numbers of chosen clips and of missing clips, and the counts of each step."""

    chosen: np.ndarray
    missing: np.ndarray
    counts: dict[str, object]


def _lines(root: Path) -> Iterator[list[str]]:
    """The fields of every line, the header first. Only a tab ends a field, and only a line feed ends a row.

    A blank line, as an editor may leave at the end, has no fields. Raises BadInput if the table cannot be read.
    """
    try:
        with (root / TABLE).open(encoding="utf-8-sig", newline="\n") as table:
            for line in table:
                text = line.rstrip("\r\n")
                yield text.split("\t") if text else []
    except UnicodeDecodeError as error:
        raise BadInput.one(TABLE, "text in UTF-8", str(error), HOW_TO_GET_IT) from None
    except OSError as error:
        raise release.unreadable(TABLE, "the table of a language", error) from None


def _columns(root: Path) -> list[str]:
    """The names of the columns. Raises BadInput if the table, or a required column, is missing."""
    if not (root / TABLE).is_file():
        below = sorted(path.parent.name for path in root.glob(f"*/{TABLE}"))
        found = f"none in this folder, but in {', '.join(below)}" if below else "none"
        raise BadInput.one(str(root / TABLE), "the table of a language", found, HOW_TO_GET_IT)
    if (foreign := release.link_problem(TABLE, root)) is not None:
        raise BadInput([foreign])
    columns = next(_lines(root), [])
    if lacking := [name for name in REQUIRED if name not in columns]:
        found = f"no {', '.join(lacking)} among {', '.join(columns)[:200]}"
        raise BadInput.one(f"{TABLE}, line 1", f"columns {', '.join(REQUIRED)}", found, HOW_TO_GET_IT)
    if twice := [name for name in (*REQUIRED, "age", *ACCENTS) if columns.count(name) > 1]:
        remedy = "remove or rename one of the two"
        raise BadInput.one(f"{TABLE}, line 1", "every column name once", f"twice: {', '.join(twice)}", remedy)
    return columns


def _scan(root: Path, columns: list[str], seed: int) -> _Scan:
    """Read all rows, chunk by chunk."""
    scan = _Scan()
    lines = enumerate(_lines(root), start=1)
    next(lines)
    places = [columns.index(name) for name in REQUIRED]
    filled = (line for line in lines if line[1])
    while chunk := list(islice(filled, CHUNK_ROWS)):
        scan.rows += len(chunk)
        rows = []
        for line, fields in chunk:
            if len(fields) == len(columns):
                rows.append((line, *(fields[place] for place in places)))
            else:
                scan.fault(line, "", f"{len(columns)} fields, as in line 1", f"{len(fields)} fields")
        _scan_chunk(scan, pd.DataFrame(rows, columns=["line", *REQUIRED], dtype=object), seed)
    return scan


def _scan_chunk(scan: _Scan, rows: pd.DataFrame, seed: int) -> None:
    """Add a chunk of rows to the scan. rows: line and the required columns, as strings."""
    votes = pd.to_numeric(rows["down_votes"], errors="coerce")
    counted = (votes >= 0) & (votes % 1 == 0)
    usable = rows["path"].str.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
    named = rows["client_id"].map(_names_somebody).astype(bool)
    for bad, column, expected in (
        (~counted, "down_votes", "a whole number"),
        (~usable, "path", f"the name of a file in {CLIPS}/"),
        (~named, "client_id", f"a speaker, in at most {LONGEST_TEXT} printable characters"),
    ):
        for line, value in zip(rows["line"][bad], rows[column][bad], strict=True):
            scan.fault(line, column, expected, repr(value)[:80])
    rows = rows[counted & usable & named]
    numbers, clients = pd.factorize(rows["client_id"])
    known = [scan.number_of.setdefault(client, len(scan.number_of)) for client in clients]
    speakers = np.array(known, dtype=np.int32)[numbers]
    gender = rows["gender"].str.strip().str.lower()
    sex = gender.map(SEX_OF).astype(object)
    stated = sex.where(sex.notna(), gender)
    genders = pd.DataFrame({"speaker": speakers, "gender": stated.to_numpy()})[~gender.isin(NOT_STATED).to_numpy()]
    for speaker, value in genders.drop_duplicates().itertuples(index=False):
        scan.stated.setdefault(speaker, set()).add(value)
    approved = (votes[rows.index] == 0).to_numpy()
    scan.no_down_votes += int(approved.sum())
    scan.genders.update(gender[approved].where(gender[approved].isin([*SEX_OF, *OTHERS]), ANOTHER).tolist())
    used = approved & sex.notna().to_numpy()
    lines = rows["line"].to_numpy()[used].astype(np.int64)
    names = [_clip(path) for path in rows["path"].to_numpy()[used]]
    drawn = subset.keys(np.array(names, dtype=object), seed)
    scan.usable.append((lines, speakers[used], (sex == "M").to_numpy()[used], drawn))


def _names_somebody(client_id: str) -> bool:
    """Whether a client_id can be used in bulbar's tables unchanged."""
    return client_id.isprintable() and client_id.strip() == client_id and 0 < len(client_id) <= LONGEST_TEXT


def _printable(accent: str) -> str | None:
    """An accent in printable characters, because speakers type it freely; None if none is stated."""
    printable = "".join(letter if letter.isprintable() else " " for letter in accent)
    return " ".join(printable.split())[:LONGEST_TEXT].strip() or None


def _clip(path: str) -> str:
    """A clip's name without `.mp3`, which the tables of the oldest releases leave out."""
    return path.removesuffix(".mp3")


def _file(path: str) -> str:
    """Path of a clip relative to the root."""
    return f"{CLIPS}/{_clip(path)}.mp3"


def _clips_there(root: Path, seed: int) -> np.ndarray:
    """The random numbers of the clips that exist, sorted. One listing is faster than a check per row."""
    folder = root / CLIPS
    if not folder.is_dir():
        raise BadInput.one(str(folder), f"the folder {CLIPS}/ of a release", "no such folder", HOW_TO_GET_IT)
    found = [np.empty(0, dtype=np.uint64)]
    try:
        with os.scandir(folder) as entries:
            names = (_clip(entry.name) for entry in entries if entry.name.endswith(".mp3"))
            while chunk := list(islice(names, CHUNK_ROWS)):
                found.append(subset.keys(np.array(chunk, dtype=object), seed))
    except OSError as error:
        raise release.unreadable(CLIPS, "a folder that can be read", error) from None
    return np.sort(np.concatenate(found))


def _elsewhere(root: Path, files: list[RecordingFile]) -> dict[str, Fault]:
    """Path -> fault of each chosen clip that is not a regular file of the release. None of them is opened.

    A link may lead to a file outside the release, and reading a pipe may never end. Links into DVC's cache are allowed.
    """
    own = [root.resolve(), (root / CLIPS).resolve()]
    faults = {}
    for file in files:
        end = Path(os.path.realpath(root / file.path))  # Path.resolve fails on circular links
        inside = any(end.is_relative_to(folder) for folder in own) or fnmatch(end.as_posix(), release.DVC_CACHE)
        if inside and (os.path.isfile(end) or not os.path.exists(end)):  # noqa: PTH110, PTH113 - these raise nothing;
            # a missing target, or one that cannot be read, is reported by the inspection
            continue
        path = root / file.path
        found = f"a link to {path.readlink()}" if path.is_symlink() else "a folder, a pipe or a device"
        problem = Problem(file.path, f"a regular file in {CLIPS}/", found, "replace it with the clip itself")
        faults[file.path] = Fault(problem, file.subject_id, file.path)
    return faults


def _choose(scan: _Scan, there: np.ndarray, choosing: subset.Settings) -> _Picked:
    """Apply the exclusions step by step, count the remaining clips after each, then draw."""
    lines, speakers, male, drawn = map(np.concatenate, zip(*scan.usable, strict=True))
    several = np.array(sorted(speaker for speaker, stated in scan.stated.items() if len(stated) > 1), dtype=np.int32)
    counts: dict[str, object] = {
        "rows": scan.rows,
        "bad_rows": len(scan.faults),
        "no_down_votes": scan.no_down_votes,
        "left_out_by_gender": {
            value or "(empty)": count for value, count in sorted(scan.genders.items()) if value not in SEX_OF
        },
        "male_or_female": subset.by_gender(male),
        "speakers": len(scan.number_of),
        "speakers_of_two_genders": len(several),
    }
    one_gender = ~np.isin(speakers, several)
    counts["one_gender"] = subset.by_gender(male[one_gender])
    present = np.isin(drawn, there)
    missing = lines[one_gender & ~present]
    counts["missing_clips"] = len(missing)
    two_speakers = _claimed_twice(drawn[one_gender & present], speakers[one_gender & present])
    counts["clips_of_two_speakers"] = len(two_speakers)
    left = np.flatnonzero(one_gender & present & ~np.isin(drawn, two_speakers))
    left = left[np.sort(np.unique(drawn[left], return_index=True)[1])]
    counts["clip_there_once"] = subset.by_gender(male[left])
    found = subset.choose(speakers[left], male[left], drawn[left], choosing)
    counts["within_cap"] = subset.by_gender(male[left][found.within_cap])
    counts["subset"] = subset.by_gender(male[left][found.chosen])
    counts["paper"] = PAPER
    return _Picked(lines[left[found.chosen]], missing, counts)


def _claimed_twice(clips: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Random numbers of the clips that rows of several speakers name. clips, speakers: shape (n,)."""
    order = np.argsort(clips)
    clips, speakers = clips[order], speakers[order]
    return np.unique(clips[1:][(clips[1:] == clips[:-1]) & (speakers[1:] != speakers[:-1])])


def _rows(root: Path, columns: list[str], lines: np.ndarray) -> pd.DataFrame:
    """The rows with the given line numbers: line, client_id, path, sex, age_years, accent."""
    wanted = set(lines.tolist())
    accent = next((name for name in ACCENTS if name in columns), "")
    rows = []
    for line, fields in enumerate(_lines(root), start=1):
        if line in wanted:
            row = dict(zip(columns, fields, strict=True))
            sex, age = SEX_OF[row["gender"].strip().lower()], AGES.get(row.get("age", "").strip().lower(), np.nan)
            rows.append((line, row["client_id"], row["path"], sex, age, _printable(row.get(accent, ""))))
    return pd.DataFrame(rows, columns=["line", "client_id", "path", "sex", "age_years", "accent"])


def _subjects(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per speaker of the chosen clips."""

    def most_frequent(stated: pd.Series) -> object:
        return stated.mode().iloc[0] if stated.notna().any() else None

    by_speaker = rows.groupby("client_id")[["sex", "age_years", "accent"]].agg(most_frequent)
    subjects = by_speaker.rename_axis("subject_id").reset_index()
    subjects["age_years"] = subjects["age_years"].astype(float)
    subjects.insert(1, "label", None)
    return subjects

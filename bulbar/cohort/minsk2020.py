"""The Minsk2020 ALS database (Vashkevich and Rushkevich, Biomedical Signal Processing and Control 65, 2021, 102350)."""

import re
from pathlib import Path

import pandas as pd

from bulbar.cohort import release, workbook
from bulbar.cohort.release import SEXES, Column, Fault, RecordingFile, Release
from bulbar.core.errors import BadInput, Problem

_BOTH: dict[str, Column] = {"Age": ("age_years", "numeric"), "Sex": ("sex", "categorical")}
_PATIENTS: dict[str, Column] = {
    "Time from ALS onset (months)": ("months_since_onset", "numeric"),
    "Bulbar/spinal onset": ("onset_region", "categorical"),
    "Presence of the bulbar signs": ("bulbar_signs", "categorical"),
}
_CODE = "Subject code"
TABLES = {"ALS": _BOTH | _PATIENTS, "HC": _BOTH}
"""Columns of ALS_table.xlsx and HC_table.xlsx: name in the workbook -> name in bulbar and kind."""

LIMITS: dict[str, tuple[float, float]] = {"age_years": (1, 120), "months_since_onset": (0, 1200)}
"""The lowest and highest possible value."""

COMMON = ["age_years", "sex"]

HOW_TO_GET_IT = (
    "download it with `dvc import https://github.com/Mak-Sim/Minsk2020_ALS_database . -o data/raw/minsk2020`"
    " (GPL-3.0), then set cohort.root to its folder"
)


def read(root: Path) -> Release:
    """Read the Minsk2020 release: the vowels /a/ and /i/ below ALS/ and HC/, and a workbook for each group.

    Parameters
    ----------
    root : Path
        The folder with ALS_table.xlsx.

    Returns
    -------
    Release
        Everything that could be read, and all problems. A code is unique only within its group, so subject_id is the
        group and the three-digit code: ALS024 and HC024 are two people.

    Raises
    ------
    BadInput
        If there is no such folder.
    """
    release.require_root(root, HOW_TO_GET_IT)
    files, faults = release.files_of(release.wav_paths(root), _recording, "ALS/008_a.wav")
    tables: list[pd.DataFrame] = []
    unused: list[str] = []
    structural: list[Problem] = []
    for label, columns in TABLES.items():
        try:
            table, more_unused, more_faults = _read_group(root, label, columns)
        except BadInput as error:
            structural += error.problems
            continue
        tables.append(table)
        unused += more_unused
        faults += more_faults
    clinical = dict(TABLES["ALS"].values())
    subjects = pd.DataFrame()
    if not structural:
        first = ["subject_id", "label", "sex", "age_years"]
        subjects = pd.concat(tables, ignore_index=True)[first + [name for name in clinical if name not in first]]
    return Release(
        source="minsk2020",
        synthetic=release.is_synthetic(root),
        files=files,
        subjects=subjects,
        acoustic=None,
        clinical=clinical,
        common=COMMON,
        unused_columns=unused,
        structural=structural,
        faults=faults,
    )


def _recording(path: str) -> RecordingFile | None:
    """The recording, from a file's path: `HC/002_i.wav` is task I of HC002."""
    match = re.fullmatch(r"(ALS|HC)/([0-9]+)_([ai])\.wav", path, flags=re.IGNORECASE | re.ASCII)
    if match is None:
        return None
    return RecordingFile(path, _subject_id(match[1].upper(), match[2]), match[3].upper())


def _subject_id(label: str, code: str) -> str:
    return f"{label}{int(code):03d}"


def _read_group(root: Path, label: str, columns: dict[str, Column]) -> tuple[pd.DataFrame, list[str], list[Fault]]:
    """One group's subjects, unused columns, and faults of single rows."""
    file_name = f"{label}_table.xlsx"
    if (foreign := release.link_problem(file_name, root)) is not None:
        raise BadInput([foreign])
    sheet = workbook.read_sheet(root / file_name, None, header_row=1)
    wanted = [_CODE, *columns]
    problems = workbook.column_problems(sheet, wanted)
    if problems:
        raise BadInput(problems)
    table, cell_faults = workbook.typed(sheet, {_CODE: ("subject_id", "categorical"), **columns}, LIMITS)
    faults = _name_subjects(sheet, table, cell_faults, label)
    table["label"] = label
    table["sex"] = [workbook.of_either_case(sex, SEXES) for sex in table["sex"]]
    faults += workbook.row_faults(sheet, table, cell_faults, {"sex": SEXES})
    return table, workbook.unused_columns(sheet, wanted), faults


def _name_subjects(
    sheet: workbook.Sheet, table: pd.DataFrame, cell_faults: list[workbook.CellFault], label: str
) -> list[Fault]:
    """Put the group before every code, in place. Returns a fault for each code that is not a number."""
    known = {fault.at for fault in cell_faults if fault.column == "subject_id"}
    faults = []
    names = []
    for at, ((row_number, _), code) in enumerate(zip(sheet.rows, table["subject_id"], strict=True)):
        if code is not None and re.fullmatch("[0-9]{1,6}", code):
            names.append(_subject_id(label, code))
            continue
        names.append("")
        if at not in known:
            where = f"{sheet.where}, row {row_number}, column {_CODE}"
            found = repr(code) if code else "no code"
            faults.append(Fault(Problem(where, "a whole number, like 008", found, "correct the cell")))
    table["subject_id"] = names
    return faults

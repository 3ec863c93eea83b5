"""Reading a sheet whose cells were typed by people: stray blanks, `-` for not recorded, numbers as strings."""

import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
from openpyxl.utils.exceptions import InvalidFileException

from bulbar.cohort.release import Fault, Kind
from bulbar.errors import BadInput, Problem

NOT_RECORDED = ("", "-")


@dataclass(frozen=True)
class Sheet:
    """One sheet: the file and sheet it is, its stripped column names, its rows with their number in the workbook."""

    where: str
    names: list[str]
    rows: list[tuple[int, list[Any]]]


def read_sheet(path: Path, name: str | None, *, header_row: int) -> Sheet:
    """Read one sheet, its empty rows left out.

    name: of the sheet; None for the workbook's first. header_row: which row holds the names, from 1.
    Raises BadInput where there is no such workbook or sheet, or where a name stands twice.
    """
    where = path.name if name is None else f"{path.name}, sheet {name}"
    if not path.is_file():
        raise BadInput([Problem(str(path), "the release's workbook", "no such file", "fetch the release again")])
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
        raise BadInput([Problem(str(path), "a readable Excel workbook", found, "fetch the release again")]) from None
    try:
        if name is not None and name not in book.sheetnames:
            found = ", ".join(book.sheetnames)
            raise BadInput([Problem(str(path), f"a sheet named {name}", f"sheets {found}", "fetch the release again")])
        sheet = book[name] if name is not None else book.worksheets[0]
        rows = [(number, list(row)) for number, row in enumerate(sheet.iter_rows(values_only=True), start=1)]
    finally:
        book.close()
    header = next((row for number, row in rows if number == header_row), [])
    names = [text(cell) or "" for cell in header]
    twice = sorted({one for one in names if one and names.count(one) > 1})
    if twice:
        found = f"twice: {', '.join(twice)}"
        raise BadInput([Problem(where, "every column name once", found, "take out or rename one of the two")])
    filled = [(number, row) for number, row in rows if number > header_row and any(text(cell) for cell in row)]
    return Sheet(where, names, filled)


def text(value: object) -> str | None:
    """A cell as a string without stray blanks, None for not recorded. A whole number is written without point."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    stripped = re.sub(r"\s+", " ", str(value)).strip()
    return None if stripped in NOT_RECORDED else stripped


def number(value: object) -> float:
    """A cell as a number, NaN for not recorded; a string may hold it, with a point or a comma.

    Raises ValueError where it is none, or not finite.
    """
    written = text(value)
    if written is None:
        return math.nan
    found = float(written if "." in written else written.replace(",", ".", 1))
    if not math.isfinite(found):
        raise ValueError(f"not finite: {written}")
    return found


def missing_columns(sheet: Sheet, wanted: list[str]) -> list[Problem]:
    """One problem that names every wanted column the sheet lacks; none where it has them all."""
    known = {_key(name) for name in sheet.names}
    lacking = [name for name in wanted if _key(name) not in known]
    if not lacking:
        return []
    found = f"columns {', '.join(name for name in sheet.names if name) or '(none)'}"
    return [Problem(sheet.where, f"the column(s) {', '.join(lacking)}", found, "give them these names, in any order")]


def unused_columns(sheet: Sheet, wanted: list[str]) -> list[str]:
    """The sheet's columns that nobody reads."""
    known = {_key(name) for name in wanted}
    return [name for name in sheet.names if name and _key(name) not in known]


def typed(sheet: Sheet, columns: Mapping[str, tuple[str, Kind]]) -> tuple[pd.DataFrame, list[tuple[int, Problem]]]:
    """The sheet's rows as a typed table.

    columns: name in the workbook -> (name in the table, kind).
    Returns the table, one row a sheet row, in the order of `columns`: numeric as float with NaN, the rest as strings
    with None for not recorded; and, by position, a problem for every cell that should hold a number and does not.
    """
    position = {_key(name): index for index, name in enumerate(sheet.names) if name}
    table: dict[str, pd.Series] = {}
    problems: list[tuple[int, Problem]] = []
    for written, (name, kind) in columns.items():
        index = position[_key(written)]
        cells = [row[index] if index < len(row) else None for _, row in sheet.rows]
        if kind == "categorical":
            table[name] = pd.Series([text(cell) for cell in cells], dtype=object)
            continue
        values = []
        for at, ((row_number, _), cell) in enumerate(zip(sheet.rows, cells, strict=True)):
            try:
                values.append(number(cell))
            except ValueError:
                values.append(math.nan)
                where = f"{sheet.where}, row {row_number}, column {written}"
                problems.append((at, Problem(where, "a number, or - for not recorded", repr(cell), "correct the cell")))
        table[name] = pd.Series(values, dtype=float)
    return pd.DataFrame(table), problems


def row_faults(
    sheet: Sheet, subjects: pd.DataFrame, problems: list[tuple[int, Problem]], allowed: Mapping[str, tuple[str, ...]]
) -> list[Fault]:
    """What is wrong with single rows: an unknown label or sex, an ID that stands twice, a cell that is no number.

    subjects: the typed table with `subject_id`, row by row as in the sheet. allowed: the values a column may hold.
    """
    ids = subjects["subject_id"].tolist()
    faults = [Fault(problem, ids[at]) for at, problem in problems]
    first: dict[str, int] = {}
    for at, (row_number, _) in enumerate(sheet.rows):
        where = f"{sheet.where}, row {row_number}"
        for column, values in allowed.items():
            value = subjects[column].iloc[at]
            if value not in values:
                problem = Problem(
                    f"{where} ({ids[at]})", f"{column} {' or '.join(values)}", repr(value), "correct the cell"
                )
                faults.append(Fault(problem, ids[at]))
        if not ids[at]:
            continue
        if ids[at] in first:
            problem = Problem(
                f"{where} ({ids[at]})",
                "every ID once",
                f"{ids[at]} also in row {first[ids[at]]}",
                "correct one of the two IDs",
            )
            faults.append(Fault(problem, ids[at]))
        else:
            first[ids[at]] = row_number
    return faults


def _key(name: str) -> str:
    """Column names are compared without blanks and case."""
    return re.sub(r"\s+", "", name).casefold()

"""Read a sheet whose cells were typed by people: extra blanks, `-` for not recorded, numbers as strings.

Only the sheet, its texts and its number formats are read. Properties, styles, names, validations and other parts of a
workbook are ignored, so that unusual content in them cannot prevent reading.
"""

import datetime
import math
import posixpath
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree  # nosec B405 # expat reads no external entity, and ends where entities unfold

import pandas as pd
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils import coordinate_to_tuple, get_column_letter, range_boundaries
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel, from_ISO8601
from openpyxl.utils.escape import unescape

from bulbar.cohort.release import Column, ColumnKind, Fault
from bulbar.cohort.release import unreadable as unreadable_file
from bulbar.core.errors import BadInput, Problem

NOT_RECORDED = re.compile("[-\u2010-\u2015\u2212]*")
"""Dashes of any kind and number: spreadsheet and word processors replace typed hyphens."""
MOST_COLUMNS = 1024
"""Number of columns that are read; a release has about 100."""
LONGEST_TEXT = 200
"""Longest category, in characters."""
MOST_BYTES = 100_000_000
"""Largest unpacked workbook, in bytes; one with 5,000 subjects has about 25 million."""

_TIMES = datetime.date | datetime.time | datetime.timedelta  # a datetime is a date
_OLE = bytes.fromhex("D0CF11E0A1B11AE1")
_PERCENT = re.compile(r"%(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)")  # outside quotation marks, where it is a plain character
_SAVE_AS = "open it in a spreadsheet program and save it as an Excel workbook (.xlsx)"
SAVE_UNDER_THIS_NAME = "save it as an Excel workbook (.xlsx) with exactly this name"
_SAVE_AGAIN = f"{_SAVE_AS}; if it does not open there, download the release again"


@dataclass(frozen=True)
class Formula:
    """Content of a cell with a formula but without its stored value, which therefore cannot be read."""

    written: str


@dataclass(frozen=True)
class Percentage:
    """Content of a cell whose number is displayed 100 times as large. It is unknown which number is meant."""

    value: float


@dataclass(frozen=True)
class Sheet:
    """One sheet. where: file and sheet, for messages. names: column names, stripped. rows: row number and cells.

    header_row: row number of the names, from 1. merged: ranges of merged cells in the row of names or below, such as
    `D8:D9`.
    """

    where: str
    names: list[str]
    rows: list[tuple[int, list[Any]]]
    header_row: int
    merged: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CellFault:
    """A problem of one cell. at: position of the row in `Sheet.rows`. column: its name in the table."""

    at: int
    column: str
    problem: Problem


def read_sheet(path: Path, name: str | None, *, header_row: int) -> Sheet:
    """Read one sheet without its empty rows, but with hidden rows.

    Parameters
    ----------
    path : Path
        The workbook (.xlsx).
    name : str or None
        The sheet; None reads the first one that is not hidden.
    header_row : int
        Row number of the column names, from 1.

    Returns
    -------
    Sheet
        Names, rows and merged cells.

    Raises
    ------
    BadInput
        If there is no such sheet, or the file is missing, is not a workbook, or is too large.
    """
    if not path.is_file():
        similar = lookalikes(path.parent.glob("*"), path.name)
        remedy = SAVE_UNDER_THIS_NAME if similar else "download the release again"
        raise BadInput.one(str(path), "the release's workbook", similar or "no such file", remedy)
    try:
        _require_archive(path)
        with zipfile.ZipFile(path) as archive:
            rows, merged = _Workbook(path, archive).read(name)
        merged = [one for one in merged if (range_boundaries(one)[3] or header_row) >= header_row]
    except BadInput:
        raise
    except PermissionError as error:
        raise unreadable_file(str(path), "a workbook that can be read", error) from None
    except Exception as error:  # zipfile, zlib, expat and openpyxl raise errors of any type on damaged files
        message = re.sub(r"\s+", " ", str(error)).strip()[:200]
        found = f"a damaged workbook: {type(error).__name__}{': ' if message else ''}{message}"
        raise _unusable(path, found, _SAVE_AGAIN) from None
    names = [text(cell) or "" for cell in next((row for at, row in rows if at == header_row), [])]
    while names and not names[-1]:
        names.pop()
    cut = [(at, row[: len(names) or MOST_COLUMNS]) for at, row in rows]
    return Sheet(
        where=path.name if name is None else f"{path.name}, sheet {name}",
        names=names,
        rows=[(at, row) for at, row in cut if at > header_row and any(text(cell) for cell in row)],
        header_row=header_row,
        merged=merged,
    )


def _require_archive(path: Path) -> None:
    """Raise BadInput, with the type of the file, if it is not a ZIP archive."""
    content = path.read_bytes()
    if content.startswith(b"PK"):
        return
    if content.startswith(_OLE):  # format of Excel until 2003, and the container of protected workbooks
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise _unusable(path, "a workbook that is protected by a password", "save it without a password")
        raise _unusable(path, "a workbook in the format of Excel 97 to 2003 (.xls)", _SAVE_AS)
    if re.fullmatch(rb"[\t\r\n\x20-\x7e\x80-\xff]+", content[:8]):
        found = f"a text file, as CSV is: it begins with {content[:8].decode(errors='replace')!r}"
        raise _unusable(path, found, _SAVE_AS)
    found = f"another file: it begins with the bytes {content[:8].hex(' ')}" if content else "an empty file: 0 bytes"
    raise _unusable(path, found, "download the release again")


class _Workbook:
    """A workbook's archive: its sheets, texts and number formats. Source: ECMA-376, parts 1 and 2."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path, self.archive = path, archive
        self.members = {name.replace("\\", "/").lower(): name for name in archive.namelist()}  # case does not count
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MOST_BYTES:
            expected = f"a workbook of at most {MOST_BYTES:,} bytes when unpacked"
            remedy = "copy only the release's rows and columns into a new workbook"
            raise BadInput.one(str(path), expected, f"{unpacked:,} bytes", remedy)
        self.book = next((part for kind, part in self._related("").values() if kind == "officeDocument"), "")
        if not self.book.endswith(".xml"):
            names = ", ".join(sorted(archive.namelist())[:5]) or "nothing"
            found = "a binary workbook (.xlsb)" if self.book else f"a ZIP archive with other content: {names}"
            raise _unusable(path, found, _SAVE_AS)
        self.parts = self._related(self.book)

    def read(self, name: str | None) -> tuple[list[tuple[int, list[Any]]], list[str]]:
        """A sheet's rows with their numbers, at most MOST_COLUMNS cells each, and its ranges of merged cells."""
        book = self._xml(self.book)
        sheets: dict[str, tuple[str, bool]] = {}
        for sheet in book.iterfind("{*}sheets/{*}sheet"):
            kind, part = self.parts.get(next((at for key, at in sheet.items() if key.endswith("}id")), ""), ("", ""))
            if kind == "worksheet":
                sheets[sheet.get("name", "")] = part, sheet.get("state", "visible") == "visible"
        if name is not None and name not in sheets:
            found = f"sheets {', '.join(sheets) or '(none)'}"
            remedy = "give the sheet with the subjects this name, or download the release again"
            raise BadInput.one(str(self.path), f"a sheet named {name}", found, remedy)
        if not sheets:
            raise BadInput.one(str(self.path), "a sheet with a table", "none", "download the release again")
        first_shown = next((one for one, (_, shown) in sheets.items() if shown), next(iter(sheets)))
        chosen = first_shown if name is None else name
        settings = book.find("{*}workbookPr")
        self.epoch = MAC_EPOCH if settings is not None and settings.get("date1904") in ("1", "true") else WINDOWS_EPOCH
        self.texts = [_text_of(one) for one in self._part("sharedStrings")]
        styles = self._part("styles")
        own = {one.get("numFmtId"): one.get("formatCode", "") for one in styles.iterfind("{*}numFmts/{*}numFmt")}
        of_styles = [one.get("numFmtId", "0") for one in styles.iterfind("{*}cellXfs/{*}xf")]
        formats = [own.get(number) or BUILTIN_FORMATS.get(int(number), "General") for number in of_styles]
        self.shown = [(is_date_format(one), is_timedelta_format(one), bool(_PERCENT.search(one))) for one in formats]
        rows: list[tuple[int, list[Any]]] = []
        merged: list[str] = []
        with self.archive.open(self.members[sheets[chosen][0].lower()]) as file:
            for _, element in ElementTree.iterparse(file):  # nosec B314 # expat, as at the import
                kind = element.tag.rpartition("}")[2]
                if kind == "row":
                    number = int(element.get("r", rows[-1][0] + 1 if rows else 1))
                    rows.append((number, self._row(element)))
                    element.clear()
                elif kind == "mergeCell":
                    merged.append(element.get("ref", ""))
        return rows, merged

    def _row(self, row: ElementTree.Element) -> list[Any]:
        """The values of a row's cells; cells that the file leaves out are None."""
        found: list[Any] = []
        column = 0
        for cell in row.iterfind("{*}c"):
            column = coordinate_to_tuple(cell.attrib["r"])[1] if "r" in cell.attrib else column + 1
            if column <= MOST_COLUMNS:
                found += [None] * (column - len(found))
                found[column - 1] = self._value(cell)
        return found

    def _value(self, cell: ElementTree.Element) -> Any:
        """A cell's value. For a formula, its stored value, or a Formula if none is stored."""
        kind, inside = cell.get("t", "n"), {part.tag.rpartition("}")[2]: part for part in cell}
        if kind == "inlineStr":
            return _text_of(inside["is"]) if "is" in inside else None
        stored = inside["v"].text if "v" in inside else None
        if not stored:
            return Formula(f"={inside['f'].text or ''}") if "f" in inside and kind != "str" else None
        if kind == "s":
            return self.texts[int(stored)]
        if kind == "b":
            return stored in ("1", "true")
        if kind == "d":
            return from_ISO8601(stored)
        return self._number(stored, int(cell.get("s", 0))) if kind == "n" else stored

    def _number(self, stored: str, style: int) -> Any:
        """A number by its format: a date or a time, a Percentage, or the number itself."""
        number = int(stored) if re.fullmatch(r"-?[0-9]{1,15}", stored) else float(stored)
        if not math.isfinite(number):
            return "#NUM!"
        is_date, is_duration, is_percentage = self.shown[style] if style < len(self.shown) else (False, False, False)
        if is_date:
            try:
                return from_excel(number, self.epoch, timedelta=is_duration)
            except (OverflowError, ValueError):
                return "#VALUE!"  # not a date of any calendar; Excel shows ####
        return Percentage(number) if is_percentage else number

    def _related(self, part: str) -> dict[str, tuple[str, str]]:
        """The references of a part: ID -> last word of the type, and path in the archive."""
        folder, file = posixpath.split(part)
        place = posixpath.join(folder, "_rels", f"{file}.rels")
        related = {}
        for one in self._xml(place) if place.lower() in self.members else ():
            target = posixpath.normpath(posixpath.join("/", folder, one.get("Target", "")))[1:]
            related[one.get("Id", "")] = one.get("Type", "").rpartition("/")[2], target
        return related

    def _part(self, kind: str) -> ElementTree.Element:
        """The workbook's part of a type, or an empty element."""
        place = next((place for found, place in self.parts.values() if found == kind), None)
        return ElementTree.Element("none") if place is None else self._xml(place)

    def _xml(self, part: str) -> ElementTree.Element:
        return ElementTree.fromstring(self.archive.read(self.members[part.lower()]))  # nosec B314 # expat, as at the import


def _text_of(node: ElementTree.Element) -> str:
    """The text of a node: its runs (one per font) joined, without phonetic hints."""
    return "".join(part.text or "" for part in (*node.iterfind("{*}t"), *node.iterfind("{*}r/{*}t")))


def lookalikes(paths: Iterable[Path], name: str) -> str:
    """Paths with a similar name in place of a missing workbook, in words; empty text if there are none."""
    stem = Path(name).stem.casefold()
    similar = sorted(path for path in paths if path.stem.casefold() == stem)
    names = [f"a folder {path.name}" if path.is_dir() else path.name for path in similar]
    return f"no such file, but {', '.join(names[:5])}" if names else ""


def text(value: object) -> str | None:
    """A cell as a string without extra blanks; None if not recorded. A whole number has no decimal point."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    unescaped = unescape(str(value)).encode(errors="replace").decode()  # `_x000D_` stands for a carriage return
    stripped = re.sub(r"\s+", " ", unescaped).strip()
    return None if NOT_RECORDED.fullmatch(stripped) else stripped


def number(value: object) -> float:
    """A cell as a number; NaN if not recorded. It may be a string, with a decimal point or comma.

    Parameters
    ----------
    value : object
        Content of a cell.

    Returns
    -------
    float
        Finite, or NaN.

    Raises
    ------
    ValueError
        If it is not a finite number, or is ambiguous: `1,234` may mean 1234 or 1.234.

    Examples
    --------
    >>> number("3,5"), number(4), number("-")
    (3.5, 4.0, nan)
    """
    if isinstance(value, bool | Percentage):
        raise ValueError("a logical value, or a percentage")
    if isinstance(value, int | float):
        found = float(value)
    else:
        written = text(value)
        if written is None:
            return math.nan
        if re.fullmatch(r"[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?", written) is None:
            raise ValueError("not a number")
        if re.fullmatch(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}", written):
            raise ValueError("the comma may separate thousands or decimals")
        found = float(written.replace(",", "."))
    if math.isinf(found):
        raise ValueError("not finite")
    return found


def of_either_case(value: str | None, allowed: Sequence[str]) -> str | None:
    """A value in upper case if that is allowed; any other value unchanged."""
    return value.upper() if value is not None and value.upper() in allowed else value


def in_words(value: object) -> str:
    """The content of a cell, for a message."""
    if isinstance(value, Formula):
        return f"the formula {value.written[:LONGEST_TEXT]!r} without a stored value"
    if isinstance(value, Percentage):
        return f"{value.value:g}, displayed as {100 * value.value:g} %"
    if isinstance(value, _TIMES):
        return f"a date or time: {value}"
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST_TEXT else f"{value[:40]}… ({len(value)} characters)")
    return repr(value)


def column_problems(sheet: Sheet, wanted: Sequence[str]) -> list[Problem]:
    """Problems of the wanted columns: those that are missing or occur twice, and merged cells."""
    keys = [_key(name) for name in sheet.names]
    lacking = [name for name in wanted if _key(name) not in keys]
    if lacking:
        others = f"others: {_few(unused_columns(sheet, wanted))}" if any(sheet.names) else "an empty row"
        where = f"{sheet.where}, row {sheet.header_row}"
        remedy = f"write the column names into row {sheet.header_row}, in any order, and the subjects below it"
        return [Problem(where, f"the column(s) {', '.join(lacking)}", others, remedy)]
    problems = []
    twice = [name for name in wanted if keys.count(_key(name)) > 1]
    if twice:
        found, remedy = f"twice: {', '.join(twice)}", "remove or rename one of the two"
        problems.append(Problem(sheet.where, "every column name once", found, remedy))
    read = {keys.index(_key(name)) + 1 for name in wanted}

    def in_read(merged: str) -> bool:
        first, _, last, _ = range_boundaries(merged)
        return any((first or 1) <= column <= (last or column) for column in read)

    if merged := list(filter(in_read, sheet.merged)):
        remedy = "unmerge them and fill in every cell: only the first cell has a value"
        problems.append(Problem(sheet.where, "a cell for every value", f"merged cells {_few(merged)}", remedy))
    return problems


def _few(names: Sequence[str], most: int = 10) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "none"


def unused_columns(sheet: Sheet, wanted: Sequence[str]) -> list[str]:
    """The sheet's columns that are not used."""
    known = {_key(name) for name in wanted}
    return [name for name in sheet.names if name and _key(name) not in known]


def typed(
    sheet: Sheet, columns: Mapping[str, Column], limits: Mapping[str, tuple[float, float]] | None = None
) -> tuple[pd.DataFrame, list[CellFault]]:
    """Convert the sheet's rows to a typed table.

    Parameters
    ----------
    sheet : Sheet
        From `read_sheet`.
    columns : mapping of str to (str, str)
        Name in the workbook -> name in the table and kind, `numeric` or `categorical`.
    limits : mapping of str to (float, float), optional
        Numeric column of the table -> lowest and highest possible value.

    Returns
    -------
    table : DataFrame
        One row per row of the sheet, columns in the order of `columns`. Numeric: float, NaN if not recorded;
        categorical: str, None if not recorded.
    faults : list of CellFault
        Problems of single cells. These cells count as not recorded.
    """
    position = {_key(name): index for index, name in enumerate(sheet.names) if name}
    table: dict[str, pd.Series] = {}
    faults: list[CellFault] = []
    for written, (name, kind) in columns.items():
        index = position[_key(written)]
        low, high = (limits or {}).get(name, (-math.inf, math.inf))
        values: list[Any] = []
        for at, (row_number, row) in enumerate(sheet.rows):
            cell = row[index] if index < len(row) else None
            try:
                values.append(_category(cell) if kind == "categorical" else _between(number(cell), low, high))
            except ValueError as error:
                values.append(None if kind == "categorical" else math.nan)
                where = f"{sheet.where}, row {row_number}, column {written} ({get_column_letter(index + 1)})"
                found = f"{in_words(cell)}: {error}" if "comma" in str(error) else in_words(cell)
                faults.append(CellFault(at, name, Problem(where, _expected(kind, low, high), found, _remedy(cell))))
        if kind == "categorical" and name not in NAMES:
            values = _of_one_spelling(values)
        table[name] = pd.Series(values, dtype=object if kind == "categorical" else float)
    return pd.DataFrame(table), faults


NAMES = ("subject_id", "label", "sex")
"""Columns whose spelling is significant, or is checked elsewhere."""


def _of_one_spelling(values: Sequence[str | None]) -> list[str | None]:
    """Replace categories that differ only in case by the most frequent spelling: `Yes` becomes `yes`."""
    often = Counter(value for value in values if value is not None)
    chosen: dict[str, str] = {}
    for value in sorted(often, key=lambda one: (-often[one], one)):
        chosen.setdefault(value.casefold(), value)
    return [None if value is None else chosen[value.casefold()] for value in values]


def _remedy(cell: object) -> str:
    if isinstance(cell, Percentage):
        return "write the number itself, in a cell without percentage format"
    if isinstance(cell, Formula):
        return "save the workbook in a spreadsheet program, which stores the values; or write the value into the cell"
    return "correct the cell"


def _category(cell: object) -> str | None:
    """A cell of a categorical column. Raises ValueError if it is not a category, or is not safe in a table."""
    if isinstance(cell, Formula | Percentage | bool | _TIMES):
        raise ValueError("not a category")
    found = text(cell)
    # error values of Excel, and text that a spreadsheet program would run as a formula
    unsafe = re.fullmatch(r"#[A-Z0-9_/]+[!?]?", found or "") or re.match(r"[=@]|[+-][^ ].*[(|!]", found or "")
    if found is not None and (unsafe or len(found) > LONGEST_TEXT or not found.isprintable()):
        raise ValueError("not a category")
    return found


def _between(value: float, low: float, high: float) -> float:
    if value < low or value > high:
        raise ValueError("out of range")
    return value


def _expected(kind: ColumnKind, low: float, high: float) -> str:
    if kind == "categorical":
        return f"a category: text of at most {LONGEST_TEXT} characters that is not a formula, or - for not recorded"
    return f"a number{'' if math.isinf(low) else f' from {low:g} to {high:g}'}, or - for not recorded"


def row_faults(
    sheet: Sheet, subjects: pd.DataFrame, faults_of_cells: Sequence[CellFault], allowed: Mapping[str, tuple[str, ...]]
) -> list[Fault]:
    """Faults of single rows: an unknown label or sex, an ID that occurs twice, a cell that cannot be read.

    subjects: the typed table with `subject_id`, in the sheet's order of rows. allowed: column -> possible values.
    """
    ids = subjects["subject_id"].tolist()
    faults = [Fault(fault.problem, ids[fault.at]) for fault in faults_of_cells]
    known = {(fault.at, fault.column) for fault in faults_of_cells}
    columns = {column: subjects[column].tolist() for column in allowed}
    first: dict[str, int] = {}
    for at, (row_number, _) in enumerate(sheet.rows):
        where = f"{sheet.where}, row {row_number}{f' ({ids[at]})' if ids[at] else ''}"
        for column, values in allowed.items():
            value = columns[column][at]
            if value not in values and (at, column) not in known:
                found = in_words(value) if isinstance(value, str) else "not recorded"
                problem = Problem(where, f"{column} {' or '.join(values)}", found, "correct the cell")
                faults.append(Fault(problem, ids[at]))
        if ids[at] and first.setdefault(ids[at], at) != at:
            found = f"{ids[at]} also in row {sheet.rows[first[ids[at]]][0]}"
            faults.append(Fault(Problem(where, "every ID once", found, "correct one of the two IDs"), ids[at]))
    return faults


def _key(name: str) -> str:
    """Key for comparing column names without blanks and case."""
    return re.sub(r"\s+", "", name).casefold()


def _unusable(path: Path, found: str, remedy: str) -> BadInput:
    return BadInput.one(str(path), "a readable Excel workbook (.xlsx)", found, remedy)

"""Reading a sheet whose cells were typed by people: stray blanks, `-` for not recorded, numbers as strings.

Before it is opened: whether the file is a workbook that is safe to open. A few kB can unpack to gigabytes, so sizes are
looked at before unpacking, and elements are counted before parsing.
"""

import datetime
import math
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.workbook import Workbook

from bulbar.cohort.release import Fault, Kind
from bulbar.cohort.release import unreadable as unreadable_file
from bulbar.core.errors import BadInput, Problem

NOT_RECORDED = re.compile("[-\u2010-\u2015\u2212]*")
"""Dashes of any length and number: spreadsheet and word processors make others of what is typed."""
MOST_COLUMNS = 1024
"""Columns that are looked at; a release has about 100."""
LONGEST_TEXT = 200
"""Characters of a category."""
MOST_BYTES = 100_000_000
"""Of a workbook unpacked; one of 5,000 subjects has about 25 million."""
MOST_TIMES = 100
"""How many times its packed size a member may have unpacked, from a million bytes on. A sheet has 5 to 30 times."""
MOST_ROWS = 1_048_576
"""Rows that a sheet of Excel can have; as many shared strings are read."""
MOST_TAGS = 200_000
"""XML tags of one row, for Excel's 16,384 columns; and of what is no row."""

_ROW_OR_STRING = re.compile(rb"<(?:/(?:\w{1,9}:)?(?:row|si)|(?:\w{1,9}:)?(?:row|si)(?:\s[^<>]*)?/)\s*>")
_OLE = bytes.fromhex("D0CF11E0A1B11AE1")
_SAVE_AS = "open it in a spreadsheet program and save it as an Excel workbook (.xlsx)"


@dataclass(frozen=True)
class Formula:
    """What stands in a cell that holds a formula and no value stored with it: nothing can be read there."""

    written: str


@dataclass(frozen=True)
class Percentage:
    """What is in a cell whose number is shown as another, a hundred times as large: nobody knows which is meant."""

    value: float


@dataclass(frozen=True)
class Sheet:
    """One sheet: the file and sheet it is, its stripped column names, its rows with their number in the workbook.

    header_row: the row of the names, from 1. above: the rows over it. merged: ranges of merged cells that reach into
    the names or below, like `D8:D9`.
    """

    where: str
    names: list[str]
    rows: list[tuple[int, list[Any]]]
    header_row: int
    above: list[tuple[int, list[Any]]] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CellFault:
    """What is wrong with one cell: the row's position in the sheet, the column's name in the table, the problem."""

    at: int
    column: str
    problem: Problem


def read_sheet(path: Path, name: str | None, *, header_row: int) -> Sheet:
    """Read one sheet, its empty rows left out, hidden rows included.

    name: of the sheet; None for the workbook's first that is not hidden. header_row: which row holds the names, from 1.
    Raises BadInput where there is no such sheet, and where the file is no workbook or one too large to be a release's.
    """
    if not path.is_file():
        found = lookalikes(path.parent.glob("*"), path.name) or "no such file"
        raise BadInput(
            [Problem(str(path), "the release's workbook", found, remedy_for(found, "fetch the release again"))]
        )
    check(path)
    try:
        with _opened(path) as book:
            sheet = _sheet(book, path, name)
            xml = _xml(path, sheet)
            _require_order(path, xml)
            head = list(islice(_rows(sheet, MOST_COLUMNS), header_row))
            names = [text(cell) or "" for cell in head[-1]] if len(head) == header_row else []
            while names and not names[-1]:
                names.pop()
            rows = [
                (number, list(row))
                for number, row in enumerate(_rows(sheet, len(names) or MOST_COLUMNS), start=1)
                if number > header_row and row.count(None) < len(row)
            ]
        if re.search(rb"<(?:\w+:)?f[\s/>]", xml):
            rows = _with_formulas(path, name, rows, (header_row, len(names) or MOST_COLUMNS))
        if _has_percentages(path):
            rows = _with_percentages(path, name, rows, (header_row, len(names) or MOST_COLUMNS))
    except BadInput:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged file brings it to
        raise unreadable(path, error) from None
    return Sheet(
        where=path.name if name is None else f"{path.name}, sheet {name}",
        names=names,
        rows=[(number, row) for number, row in rows if any(text(cell) for cell in row)],
        header_row=header_row,
        above=[(number, list(row)) for number, row in enumerate(head[:-1], start=1)],
        merged=_merged(xml, header_row),
    )


def lookalikes(paths: Iterable[Path], name: str) -> str:
    """What stands where a workbook of that name should: a folder, files of nearly its name; else an empty text."""
    stem = Path(name).stem.casefold()
    alike = sorted(path for path in paths if path.stem.casefold() == stem)
    told = [f"a folder {path.name}" if path.is_dir() else path.name for path in alike]
    return f"no such file, but {', '.join(told[:5])}" if told else ""


def remedy_for(found: str, otherwise: str) -> str:
    """What to do about what `lookalikes` found."""
    return (
        "save it as an Excel workbook (.xlsx) of this very name" if found.startswith("no such file, but") else otherwise
    )


@contextmanager
def _opened(path: Path, *, values: bool = True) -> Iterator[Workbook]:
    """The workbook, to be read row by row. values: a formula's stored value stands for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that it cannot show: we read values
        book = openpyxl.load_workbook(path, read_only=True, data_only=values)
        try:
            yield book
        finally:
            book.close()


def _sheet(book: Workbook, path: Path, name: str | None) -> Any:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if name is not None and name not in sheets:
        found = f"sheets {', '.join(sheets) or '(none)'}"
        remedy = "give the sheet with the subjects this name, or fetch the release again"
        raise BadInput([Problem(str(path), f"a sheet named {name}", found, remedy)])
    if not sheets:
        raise BadInput([Problem(str(path), "a sheet with a table", "none", "fetch the release again")])
    shown = [sheet for sheet in sheets.values() if sheet.sheet_state == "visible"] or list(sheets.values())
    sheet = shown[0] if name is None else sheets[name]
    sheet.reset_dimensions()  # what the file says of its own size may be too little, or a million rows
    return sheet


def _rows(sheet: Any, width: int, *, values: bool = True) -> Iterator[tuple[Any, ...]]:
    """The first `width` cells of every row from the first; those that the file leaves out are empty."""
    return islice(sheet.iter_rows(max_col=width, values_only=values), MOST_ROWS)


def _xml(path: Path, sheet: Any) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(sheet._worksheet_path)


def _with_formulas(
    path: Path, name: str | None, rows: list[tuple[int, list[Any]]], shape: tuple[int, int]
) -> list[tuple[int, list[Any]]]:
    """The rows with a Formula where the file holds one without its value: read by the value, the cell would seem empty.

    shape: the row of the names, and how many there are.
    """
    header_row, width = shape
    found = dict(rows)
    with _opened(path) as stored, _opened(path, values=False) as written:
        values, formulas = (_rows(_sheet(book, path, name), width, values=False) for book in (stored, written))
        for number, (by_value, by_formula) in enumerate(zip(values, formulas, strict=True), start=1):
            for at, (value, formula) in enumerate(zip(by_value, by_formula, strict=True)):
                empty = value.value is None and value.data_type != "str"  # an empty text is stored as a value
                if number > header_row and formula.data_type == "f" and empty:
                    found.setdefault(number, [None] * width)[at] = Formula(str(formula.value))
    return sorted(found.items())


_PERCENT = re.compile(r"%(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)")  # outside quotation marks, in which it is a letter


def _has_percentages(path: Path) -> bool:
    """Whether the workbook has a format that shows a number as a percentage: one of its own, or one of Excel's two."""
    with zipfile.ZipFile(path) as archive:
        styles = archive.read("xl/styles.xml") if "xl/styles.xml" in archive.namelist() else b""
    return b"%" in styles or re.search(rb"numFmtId=[\"'](?:9|10)[\"']", styles) is not None


def _with_percentages(
    path: Path, name: str | None, rows: list[tuple[int, list[Any]]], shape: tuple[int, int]
) -> list[tuple[int, list[Any]]]:
    """The rows with a Percentage where a number is shown as one: 0.9 there is 90 % to who typed it. shape: as above."""
    header_row, width = shape
    found = dict(rows)
    with _opened(path) as book:
        for number, cells in enumerate(_rows(_sheet(book, path, name), width, values=False), start=1):
            for at, cell in enumerate(cells if number > header_row else ()):
                if isinstance(cell.value, int | float) and _PERCENT.search(cell.number_format):
                    found[number][at] = Percentage(float(cell.value))
    return list(found.items())


def _require_order(path: Path, xml: bytes) -> None:
    """Raises BadInput where rows are not numbered upwards: those that come too late would be passed over."""
    numbers = [0, *map(int, re.findall(rb"<(?:\w+:)?row\s(?:[^<>]*?\s)?r=[\"'](\d{1,18})", xml))]
    late = [second for first, second in pairwise(numbers) if second <= first or second > MOST_ROWS]
    if late:
        expected = f"a workbook whose rows are numbered upwards, to {MOST_ROWS:,} at most"
        remedy = "open it in a spreadsheet program and save it again"
        raise BadInput([Problem(str(path), expected, f"row {late[0]} after a later one, or beyond", remedy)])


def _merged(xml: bytes, header_row: int) -> list[str]:
    ranges = re.findall(rb"<(?:\w+:)?mergeCell\s[^<>]*?ref=[\"']([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})", xml)
    return [one for one in map(bytes.decode, ranges) if _boundaries(one)[3] >= header_row]


def _boundaries(merged: str) -> tuple[int, int, int, int]:
    """First column, first row, last column and last row of a range, from 1."""
    first, top, last, bottom = range_boundaries(merged)
    return first or 1, top or 1, last or 1, bottom or 1


def text(value: object) -> str | None:
    """A cell as a string without stray blanks, None for not recorded. A whole number is written without point."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    stripped = re.sub(r"\s+", " ", str(value)).strip()
    return None if NOT_RECORDED.fullmatch(stripped) else stripped


def number(value: object) -> float:
    """A cell as a number, NaN for not recorded; a string may hold it, with a point or a comma.

    Raises ValueError where it is none, not finite, or of two meanings: `1,234` is a thousand here and a little more
    than one there.
    """
    if isinstance(value, bool | Percentage):
        raise ValueError("a logical value, or shown as another number")
    if isinstance(value, int | float):
        found = float(value)
    else:
        written = text(value)
        if written is None:
            return math.nan
        if re.fullmatch(r"[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?", written) is None:
            raise ValueError("no number")
        if re.fullmatch(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}", written):
            raise ValueError("a comma for thousands or for decimals")
        found = float(written.replace(",", "."))
    if math.isinf(found):
        raise ValueError("not finite")
    return found


def of_either_case(value: str | None, allowed: Sequence[str]) -> str | None:
    """A value that is allowed but for its case, as it is allowed; any other as it is."""
    return value.upper() if value is not None and value.upper() in allowed else value


def in_words(value: object) -> str:
    """What a cell holds, for a message."""
    if value is None:
        return "an empty cell"
    if isinstance(value, Formula):
        return f"the formula {value.written[:LONGEST_TEXT]!r}, and no value stored with it"
    if isinstance(value, Percentage):
        return f"{value.value:g}, shown as {100 * value.value:g} %"
    if isinstance(value, bool):
        return f"the logical value {str(value).upper()}"
    if isinstance(value, datetime.datetime | datetime.date | datetime.time | datetime.timedelta):
        return f"a date or time: {value}"
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST_TEXT else f"{value[:40]}… ({len(value)} characters)")
    return repr(value)


def column_problems(sheet: Sheet, wanted: Sequence[str]) -> list[Problem]:
    """What keeps the wanted columns from being read: those that the sheet lacks or has twice, and merged cells."""
    keys = [_key(name) for name in sheet.names]
    lacking = [name for name in wanted if _key(name) not in keys]
    if lacking:
        return [_lacking(sheet, wanted, lacking)]
    problems = []
    twice = [name for name in wanted if keys.count(_key(name)) > 1]
    if twice:
        found, remedy = f"twice: {', '.join(twice)}", "take out or rename one of the two"
        problems.append(Problem(sheet.where, "every column name once", found, remedy))
    read = {keys.index(_key(name)) + 1 for name in wanted}
    merged = [
        one
        for one, (first, _, last, _) in zip(sheet.merged, map(_boundaries, sheet.merged), strict=True)
        if any(first <= column <= last for column in read)
    ]
    if merged:
        remedy = "unmerge them and fill in every cell: only the first of them holds a value"
        problems.append(Problem(sheet.where, "a cell for every value", f"merged cells {_few(merged)}", remedy))
    return problems


def _lacking(sheet: Sheet, wanted: Sequence[str], lacking: Sequence[str]) -> Problem:
    """The one problem of a sheet without some columns; it says so where the names stand in another row."""
    known = {_key(name) for name in wanted}
    for row_number, cells in [*sheet.above, *sheet.rows[:3]]:
        if 2 * sum(_key(text(cell) or "") in known for cell in cells) > len(wanted):
            expected = f"the columns' names in row {sheet.header_row}"
            remedy = f"move them: the subjects begin in row {sheet.header_row + 1}"
            return Problem(sheet.where, expected, f"names in row {row_number}", remedy)
    others = unused_columns(sheet, wanted)
    found = f"none of these names; columns that nobody reads: {_few(others)}" if any(sheet.names) else "no names"
    return Problem(
        f"{sheet.where}, row {sheet.header_row}",
        f"the column(s) {', '.join(lacking)}",
        found,
        "give them these names, in any order",
    )


def _few(names: Sequence[str], most: int = 10) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "none"


def unused_columns(sheet: Sheet, wanted: Sequence[str]) -> list[str]:
    """The sheet's columns that nobody reads."""
    known = {_key(name) for name in wanted}
    return [name for name in sheet.names if name and _key(name) not in known]


def typed(
    sheet: Sheet, columns: Mapping[str, tuple[str, Kind]], limits: Mapping[str, tuple[float, float]] | None = None
) -> tuple[pd.DataFrame, list[CellFault]]:
    """The sheet's rows as a typed table.

    columns: name in the workbook -> (name in the table, kind). limits: lowest and highest value that a numeric column
    of the table can hold.
    Returns the table, one row a sheet row, in the order of `columns`: numeric as float with NaN, the rest as strings
    with None for not recorded; and what is wrong with single cells, which are not recorded there.
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
                problem = Problem(
                    f"{sheet.where}, row {row_number}, column {written} ({get_column_letter(index + 1)})",
                    _expected(kind, low, high),
                    f"{in_words(cell)}: {error}" if "comma" in str(error) else in_words(cell),
                    _remedy(cell),
                )
                faults.append(CellFault(at, name, problem))
        if kind == "categorical" and name not in NAMES:
            values = _of_one_spelling(values)
        table[name] = pd.Series(values, dtype=object if kind == "categorical" else float)
    return pd.DataFrame(table), faults


NAMES = ("subject_id", "label", "sex")
"""Columns of which every letter counts, or whose spelling is checked."""


def _of_one_spelling(values: Sequence[str | None]) -> list[str | None]:
    """Categories that differ in case alone as the one that is written most often: `Yes` among `yes` is no third one."""
    often = Counter(value for value in values if value is not None)
    chosen: dict[str, str] = {}
    for value in sorted(often, key=lambda one: (-often[one], one)):
        chosen.setdefault(value.casefold(), value)
    return [None if value is None else chosen[value.casefold()] for value in values]


_SAVE_FIRST = (
    "open the workbook in a spreadsheet program and save it, which stores the values; or write the value itself"
)


def _remedy(cell: object) -> str:
    if isinstance(cell, Percentage):
        return "write the number itself, in a cell without the format of a percentage"
    return _SAVE_FIRST if isinstance(cell, Formula) else "correct the cell"


def _category(cell: object) -> str | None:
    """A cell of a categorical column. Raises ValueError where it holds none, or one that no table should hold."""
    if isinstance(
        cell, Formula | Percentage | bool | datetime.datetime | datetime.date | datetime.time | datetime.timedelta
    ):
        raise ValueError("no category")
    found = text(cell)
    if found is not None:
        # the first are errors of Excel; the second are run as formulas wherever the table is opened as a spreadsheet
        if re.fullmatch(r"#[A-Z0-9_/]+[!?]?", found) or re.match(r"[=@]|[+-][^ ].*[(|!]", found):
            raise ValueError("no category")
        if len(found) > LONGEST_TEXT or not found.isprintable():
            raise ValueError("no category")
    return found


def _between(value: float, low: float, high: float) -> float:
    if value < low or value > high:
        raise ValueError("out of range")
    return value


def _expected(kind: Kind, low: float, high: float) -> str:
    if kind == "categorical":
        return f"a category: a text of at most {LONGEST_TEXT} characters that is no formula, or - for not recorded"
    return f"a number{'' if math.isinf(low) else f' from {low:g} to {high:g}'}, or - for not recorded"


def row_faults(
    sheet: Sheet, subjects: pd.DataFrame, faults_of_cells: Sequence[CellFault], allowed: Mapping[str, tuple[str, ...]]
) -> list[Fault]:
    """What is wrong with single rows: an unknown label or sex, an ID that stands twice, a cell that cannot be read.

    subjects: the typed table with `subject_id`, row by row as in the sheet. allowed: the values a column may hold.
    """
    ids = subjects["subject_id"].tolist()
    faults = [Fault(fault.problem, ids[fault.at]) for fault in faults_of_cells]
    told = {(fault.at, fault.column) for fault in faults_of_cells}
    columns = {column: subjects[column].tolist() for column in allowed}
    first: dict[str, int] = {}
    for at, (row_number, _) in enumerate(sheet.rows):
        where = f"{sheet.where}, row {row_number}{f' ({ids[at]})' if ids[at] else ''}"
        for column, values in allowed.items():
            value = columns[column][at]
            if value not in values and (at, column) not in told:
                found = in_words(value) if isinstance(value, str) else "not recorded"
                problem = Problem(where, f"{column} {' or '.join(values)}", found, "correct the cell")
                faults.append(Fault(problem, ids[at]))
        if not ids[at]:
            continue
        if ids[at] in first:
            found = f"{ids[at]} also in row {first[ids[at]]}"
            faults.append(Fault(Problem(where, "every ID once", found, "correct one of the two IDs"), ids[at]))
        else:
            first[ids[at]] = row_number
    return faults


def _key(name: str) -> str:
    """Column names are compared without blanks and case."""
    return re.sub(r"\s+", "", name).casefold()


def check(path: Path) -> None:
    """Raises BadInput unless the file is a zip archive of XML, as a workbook is, and of moderate size unpacked."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
            if start == _OLE:
                raise _unusable(path, *_ole(start + file.read(MOST_BYTES)))
        if not start.startswith(b"PK"):
            raise _unusable(path, *_no_archive(start))
        with zipfile.ZipFile(path) as archive:
            _check_sizes(path, archive)
            for member in archive.infolist():
                if member.filename.endswith((".xml", ".rels")):
                    _check_xml(path, member.filename, archive.read(member))
    except BadInput:
        raise
    except PermissionError as error:
        raise unreadable_file(str(path), "a workbook that can be read", error) from None
    except (
        Exception
    ) as error:  # a damaged archive raises whatever it comes to: zlib.error, EOFError, NotImplementedError
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> BadInput:
    """What to say of a workbook that cannot be read to its end."""
    told = re.sub(r"\s+", " ", str(error)).strip()[:200]
    found = f"a damaged one: {type(error).__name__}{': ' if told else ''}{told}"
    return _unusable(path, found, "fetch the release again")


def _unusable(path: Path, found: str, remedy: str) -> BadInput:
    return BadInput([Problem(str(path), "a readable Excel workbook (.xlsx)", found, remedy)])


def _ole(content: bytes) -> tuple[str, str]:
    """Found and remedy of a compound file, which Excel wrote until 2003 and writes around an encrypted workbook."""
    if "EncryptedPackage".encode("utf-16-le") in content:
        return "a workbook that is protected by a password", "take the password off: save it without one"
    return "a workbook in the format of Excel 97 to 2003 (.xls)", _SAVE_AS


def _no_archive(start: bytes) -> tuple[str, str]:
    if not start:
        return "an empty file: 0 bytes", "fetch the release again"
    if re.fullmatch(rb"[\t\r\n\x20-\x7e\x80-\xff]+", start):
        return f"a text file, as CSV is: it begins with {start.decode('utf-8', 'replace')!r}", _SAVE_AS
    return f"no workbook: it begins with the bytes {start.hex(' ')}", "fetch the release again"


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if "[Content_Types].xml" not in archive.namelist():
        names = ", ".join(sorted(member.filename for member in members)[:5]) or "nothing"
        raise _unusable(path, f"a zip archive of something else: {names}", _SAVE_AS)
    if "xl/workbook.bin" in archive.namelist():
        raise _unusable(path, "a binary workbook (.xlsb)", _SAVE_AS)
    unpacked = sum(member.file_size for member in members)
    packed = [
        member.filename for member in members if member.file_size > max(1_000_000, MOST_TIMES * member.compress_size)
    ]
    if unpacked > MOST_BYTES or packed:
        found = f"{unpacked:,} bytes unpacked from {path.stat().st_size:,}"
        raise _too_large(path, f"at most {MOST_BYTES:,} bytes, {MOST_TIMES} times the packed ones", found)


def _check_xml(path: Path, member: str, xml: bytes) -> None:
    if re.search(rb"<!(?:DOCTYPE|ENTITY)", xml):
        raise _unusable(path, f"{member} defines entities (DOCTYPE), which no workbook does", "fetch the release again")
    declared = re.match(rb"\s*<\?xml[^>]*encoding=[\"']([^\"']*)", xml.removeprefix(b"\xef\xbb\xbf"))
    encoding = declared[1].decode("ascii", "replace") if declared else "UTF-16" if b"\0" in xml[:100] else "UTF-8"
    if encoding.upper() not in ("UTF-8", "US-ASCII", "ASCII"):
        raise _unusable(path, f"{member} in the encoding {encoding}, not UTF-8", _SAVE_AS)
    if b"http://purl.oclc.org/ooxml/spreadsheetml/" in xml[:2000]:
        raise _unusable(path, "a workbook saved as Strict Open XML", _SAVE_AS)
    start = 0
    for rows, row in enumerate(_ROW_OR_STRING.finditer(xml), start=1):
        if rows > MOST_ROWS:
            raise _too_large(path, f"at most {MOST_ROWS:,} rows in a sheet", f"more in {member}")
        if xml.count(b"<", start, row.end()) > MOST_TAGS:
            break
        start = row.end()
    if xml.count(b"<", start) > MOST_TAGS:
        raise _too_large(path, f"at most {MOST_TAGS:,} tags in a row", f"more in {member}")


def _too_large(path: Path, expected: str, found: str) -> BadInput:
    remedy = "copy the release's rows and columns alone into a new workbook"
    return BadInput([Problem(str(path), f"a workbook of moderate size: {expected}", found, remedy)])

"""Workbooks as people send them, and as somebody who means harm would."""

import datetime
import io
import re
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.broken_inputs import RELEASE, Break, Case, Outcome, Read, Refused, SetAside
from tests.broken_inputs.breaking import at, closed, instead, linked, renamed, rewritten
from tests.fuzz import damage
from tests.releases import VOC_ALS_COLUMNS

FILES = Path(__file__).parent / "files"
"""What no library of ours writes: a workbook protected by a password (its password: password), one of Excel 97."""

BOOK = f"{RELEASE}/VOC-ALS.xlsx"
SHEET = "VOC-ALS.xlsx, sheet VOC-ALS_Data"
ROW, ID = 11, "PZ003"
LOST = (f"{ID}_A", f"{ID}_PA")
OF_ID = tuple(f"{folder}/{ID}_{folder}.wav" for folder in ("phonationA", "rhythmPA"))
THERAPY = VOC_ALS_COLUMNS.index("Therapy") + 1


def edited(edit: Callable[[Workbook, Worksheet], object], name: str = "VOC-ALS.xlsx", sheet: int = 0) -> Break:
    """Change a workbook as a spreadsheet program would: `edit` gets it and the sheet of subjects."""

    def break_it(project: Path) -> None:
        book = openpyxl.load_workbook(at(project, name))
        edit(book, book.worksheets[sheet])
        book.save(at(project, name))

    return break_it


def typed(column: str, value: Any, row: int = ROW, number_format: str | None = None) -> Break:
    """Write a value into one cell."""

    def edit(book: Workbook, sheet: Worksheet) -> None:
        cell = sheet.cell(row, VOC_ALS_COLUMNS.index(column) + 1)
        cell.value = value
        if number_format:
            cell.number_format = number_format

    return edited(edit)


def members(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Break:
    """Change what the workbook's archive holds, by the names of its members."""

    def change_archive(archive: bytes) -> bytes:
        return damage.archived(change(damage.members(archive)))

    return rewritten(BOOK, change_archive)


def member(change: Callable[[bytes], bytes], name: str = "xl/worksheets/sheet1.xml") -> Break:
    """Change what one member holds."""
    return members(lambda content: content | {name: change(content[name])})


def as_text(column: str, value: str) -> Break:
    """Write a value as a text that is no formula, whatever it begins with."""
    write = typed(column, "A PLACE FOR IT")
    put = member(lambda xml: xml.replace(b"A PLACE FOR IT", value.encode().replace(b"<", b"&lt;")))
    return then(write, put)


def replaced(content: bytes) -> Break:
    """Put something else in the workbook's place."""
    return rewritten(BOOK, lambda _: content)


def whole(what: str, break_it: Break, found: str, expected: str = "") -> Case:
    """A case that no quarantine helps: the workbook or its sheet cannot be read."""
    return Case("Workbooks", what, break_it, Refused("VOC-ALS.xlsx", found, expected))


def cell(what: str, column: str, value: Any, found: str, expected: str = "", number_format: str | None = None) -> Case:
    """A case whose one cell is bad: refused, or its subject set aside."""
    return row(what, typed(column, value, number_format=number_format), f"column {column.strip()}", found, expected)


def row(what: str, break_it: Break, column: str, found: str, expected: str = "") -> Case:
    """A case whose one row is bad, PZ003's."""
    where = f"{SHEET}, row {ROW}, {column}" if column else f"{SHEET}, row {ROW} ({ID})"
    if column.startswith("column "):
        name = column.removeprefix("column ")
        where += f" ({openpyxl.utils.get_column_letter([each.strip() for each in VOC_ALS_COLUMNS].index(name) + 1)})"
    quarantined = SetAside((where, *OF_ID), found, LOST, recordings=2, subjects=1)
    return Case("Workbooks", what, break_it, Refused(where, found, expected), quarantined)


def read(what: str, break_it: Break, of: str = ID, **cells: Any) -> Case:
    """A case that is read: as before, but for the cells of one subject."""
    return Case("Workbooks", what, break_it, Read(subjects={of: cells} if cells else {}))


def other_id(what: str, name: Any, found: str, problems: int) -> Case:
    """A case whose row has another ID than its recordings; where one can be used, it has none."""
    usable = problems == 3 and name is not None
    where = f"subject {name}" if usable else f"{SHEET}, row {ROW}"
    refused = Refused(where, found, problems=problems)
    named = (where, *OF_ID) if name is None else (where, *OF_ID, f"subject {name}")
    quarantined = SetAside(named, found, LOST, recordings=2, subjects=1)
    return Case("Workbooks", what, typed("ID", name), refused, None if usable else quarantined)


def turn_columns(book: Workbook, sheet: Worksheet) -> None:
    """The columns from the last to the first."""
    for cells in sheet.iter_rows(min_row=1, max_row=16):
        for each, value in zip(cells, [each.value for each in reversed(cells)], strict=True):
            each.value = value


def lengthen(book: Workbook, sheet: Worksheet) -> None:
    """10,000 formatted rows without content."""
    for number in range(100, 10_100):
        sheet.cell(number, 1).number_format = "0.00"


def hide(book: Workbook, sheet: Worksheet) -> None:
    """The sheet and a row hidden."""
    sheet.sheet_state, book.active = "hidden", 1
    sheet.row_dimensions[ROW].hidden = True


def damaged(content: bytes) -> bytes:
    """Fifty bytes in the middle of the sheet are others."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = archive.getinfo("xl/worksheets/sheet1.xml")
    start = member.header_offset + 30 + len(member.filename) + member.compress_size // 2
    return content[:start] + b"\xff" * 50 + content[start + 50 :]


def strict(content: dict[str, bytes]) -> dict[str, bytes]:
    """Saved as `Strict Open XML`, which has other namespaces."""
    ours, theirs = (
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    )
    return {name: xml.replace(ours, theirs) for name, xml in content.items()}


NOT_NEEDED = ("docProps/core.xml", "docProps/app.xml", "xl/theme/theme1.xml")
ODD_IN_SHEET = ("sheetPr", "sheetViews", "autoFilter", "conditionalFormatting", "dataValidations", "hyperlinks")
ODD_IN_WORKBOOK = ("bookViews", "definedNames", "externalReferences", "pivotCaches", "calcPr")


def odd(part: str) -> Callable[[bytes], bytes]:
    """A part of a sheet or a workbook that no program can make sense of, put at its end."""
    return lambda xml: re.sub(
        rb"(</(?:worksheet|workbook)>)$",
        rb'<%s odd="yes" count="x"><what ref="?" id="-1">1</what></%s>\1' % (part.encode(), part.encode()),
        xml,
    )


def last_row_first(xml: bytes) -> bytes:
    """The sheet's rows in another order than their numbers."""
    rows = re.findall(rb"<row .*?</row>", xml, re.DOTALL)
    return xml.replace(rows[-1], b"").replace(b"<sheetData>", b"<sheetData>" + rows[-1])


def with_names(rename: Callable[[str], str]) -> Break:
    """The same members under other names; `[Content_Types].xml` keeps its own."""
    return members(lambda content: {rename(name) if "/" in name else name: xml for name, xml in content.items()})


BINARY = {
    "xl/workbook.bin": b"",
    "_rels/.rels": b'<r><r Id="rId1" Type="x/officeDocument" Target="xl/workbook.bin"/></r>',
}
"""What Excel writes as .xlsb."""


def other_spellings(book: Workbook, sheet: Worksheet) -> None:
    """Two of eight patients' therapy in other letters."""
    sheet.cell(ROW, THERAPY).value, sheet.cell(ROW + 1, THERAPY).value = "riluzole", "RILUZOLE"


def copied(project: Path) -> None:
    """A second copy of the workbook, one folder down."""
    at(project, "old").mkdir()
    shutil.copy(at(project, "VOC-ALS.xlsx"), at(project, "old"))


def in_doctype(declared: bytes, entity: bytes) -> Callable[[bytes], bytes]:
    """A document type before the sheet, an entity for CT001."""

    def change(xml: bytes) -> bytes:
        start = xml.find(b"?>") + 2 if xml.startswith(b"<?xml") else 0
        sheet = xml[start:].replace(b"<t>CT001<", b"<t>" + entity + b"<")
        return xml[:start] + b"<!DOCTYPE x [" + declared + b"]>" + sheet

    return change


LAUGHS = b'<!ENTITY l0 "ha">' + b"".join(
    b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 10)
)
"""A billion times "ha", in a kilobyte."""


def before_the_end(added: bytes) -> Callable[[bytes], bytes]:
    """More rows."""
    return lambda xml: xml.replace(b"</sheetData>", added + b"</sheetData>")


def sized(stated: bytes) -> Callable[[bytes], bytes]:
    """Another statement of where the sheet ends."""
    return lambda xml: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="' + stated + b'"', xml)


def with_value(xml: bytes) -> bytes:
    """The value that a spreadsheet program stores with the formula."""
    return re.sub(rb"(<f>52\+52</f>)<v ?/?>(</v>)?", rb"\1<v>104</v>", xml)


def empty_result(xml: bytes) -> bytes:
    """A formula whose stored value is an empty text."""
    return re.sub(rb'<c r="J11"[^>]*>.*?</c>', rb'<c r="J11" t="str"><f>IF(1,"","")</f><v></v></c>', xml)


def then(first: Break, second: Break) -> Break:
    """One after the other."""

    def break_it(project: Path) -> None:
        first(project)
        second(project)

    return break_it


def of_minsk(what: str, break_it: Break, fail: Outcome, quarantine: Outcome | None = None) -> Case:
    """A case of the other release."""
    return Case("Workbooks", f"Minsk2020: {what}", break_it, fail, quarantine, source="minsk2020")


def put(group: str, place: str, value: Any) -> Break:
    """Write a value into a cell of one group's workbook."""
    return edited(lambda book, sheet: sheet.__setitem__(place, value), f"{group}_table.xlsx")


def minsk_row(what: str, place: str, value: Any, column: str, found: str, problems: int = 1) -> Case:
    """A case of Minsk2020 whose one row is bad: the ALS patient's of row 3, 024."""
    where = f"ALS_table.xlsx, row 3{column}"
    quarantined = SetAside((where, "ALS/024_a.wav", "ALS/024_i.wav"), found, ("ALS024_A", "ALS024_I"), 2, 1)
    return of_minsk(what, put("ALS", place, value), Refused(where, found, problems=problems), quarantined)


def sheet_named(name: str) -> Break:
    """Another name for the sheet of subjects."""
    return edited(lambda book, sheet: setattr(sheet, "title", name))


def name_in(place: str, value: str) -> Break:
    """Another name of a column."""
    return edited(lambda book, sheet: sheet.__setitem__(place, value))


SUBJECTS_SHEET = "a sheet named VOC-ALS_Data"
SHEETS_AND_COLUMNS = [
    whole("the sheet renamed", sheet_named("Data"), "sheets Data, Legend, Cantagallo_Questionnaire", SUBJECTS_SHEET),
    whole("the sheet missing", edited(Workbook.remove), "sheets Legend, Cantagallo_Questionnaire", SUBJECTS_SHEET),
    whole("a column renamed: `Sex` to `Gender`", name_in("C2", "Gender"), "others: Gender", "the column(s) Sex"),
    whole("a column twice, once with a blank and in lower case", name_in("CL2", "sex "), "twice: Sex"),
    whole(
        "a blank row before the names", edited(lambda _, sheet: sheet.insert_rows(2)), "an empty row", "the column(s)"
    ),
    whole(
        "the names in row 1", edited(lambda _, sheet: sheet.delete_rows(1)), "others: CT001", "the column(s) ID, Cat"
    ),
    whole("merged cells", edited(lambda _, sheet: sheet.merge_cells("J11:J12")), "merged cells J11:J12"),
    read("columns in another order", edited(turn_columns)),
    read("10,000 more rows, formatted and empty", edited(lengthen)),
    read("a sheet that says it has 1,048,576 rows", member(sized(b"A1:XFD1048576"))),
    read("a sheet that says it ends in row 4", member(sized(b"A1:CK4"))),
    read("the sheet and a row hidden", edited(hide)),
    read("merged cells in row 1", edited(lambda _, sheet: sheet.merge_cells("A1:D1"))),
    read("another sheet first", edited(lambda book, _: book.create_sheet("Remarks", 0).append(["Column-1"]))),
]

RUN = "=cmd|' /C calc'!A0"
CELLS = [
    cell("text in a number", "FVC% ", "ninety", "'ninety'", "a number from 0 to 250"),
    cell("a thousands separator, `1,040`", "FVC% ", "1,040", "'1,040': the comma may separate thousands or decimals"),
    cell("a number with a percent sign, `90%`", "FVC% ", "90%", "'90%'"),
    cell("0.9 shown as 90 %", "FVC% ", 0.9, "0.9, displayed as 90 %", number_format="0%"),
    cell("`nan` typed for a number", "Age (years)", "nan", "'nan'"),
    cell("a negative age", "Age (years)", -61, "-61", "a number from 1 to 120"),
    cell("an age of 0", "Age (years)", 0, "0", "a number from 1 to 120"),
    cell("an ALSFRS-R of 60", "ALSFRS-R_TotalScore", 60, "60", "a number from 0 to 48"),
    cell("a date of birth for the age", "Age (years)", datetime.datetime(1964, 5, 1), "a date or time: 1964-05-01"),
    cell("a logical value in a number", "Age (years)", True, "True"),
    cell("an error in a category", "Therapy", "#DIV/0!", "'#DIV/0!'", "a category"),
    cell("a date in a category", "KingClinicalStage", datetime.datetime(2024, 4, 2), "a date or time: 2024-04-02"),
    cell("a formula without a stored value", "FVC% ", "=52+52", "the formula '=52+52' without a stored value"),
    cell("a formula for a category", "Therapy", '="Rilu"&"zole"', "without a stored value"),
    cell("32,000 characters in a category", "Therapy", "x" * 32_000, "(32000 characters)"),
    row("a text that a spreadsheet would run", as_text("Therapy", RUN), "column Therapy", RUN, "that is not a formula"),
    read("a formula with its value stored", then(typed("FVC% ", "=52+52"), member(with_value)), fvc_percent="104.0"),
    read("a formula whose value is an empty text", member(empty_result), fvc_percent=""),
    read("a decimal comma, `61,5`", typed("Age (years)", "61,5"), age_years="61.5"),
    read("an age of 61.5", typed("Age (years)", 61.5), age_years="61.5"),
    read("a carriage return as programs escape it", typed("Therapy", "Riluzole_x000D_"), therapy="Riluzole"),
    cell("an escaped character that no text holds", "Therapy", "Rilu_x0000_zole", "'Rilu_x0000_zole'"),
    read("a line break in a category", typed("Therapy", "Riluzole\nand Tofersen"), therapy="Riluzole and Tofersen"),
    read("markup in a category: it stays text", as_text("Therapy", "<b>x</b>"), therapy="<b>x</b>"),
    read("90 with a percent sign for a letter", typed("FVC% ", 91, number_format='0"%"'), fvc_percent="91.0"),
    read("a dash of a word processor in a number", typed("FVC% ", "\u2013"), fvc_percent=""),
    read("two dashes in a category", typed("Therapy", "--"), therapy=""),
    read("a category in other letters than the rest", edited(other_spellings)),
    read("sex `m`", typed("Sex", "m"), sex="M"),
]


def repeat_row(book: Workbook, sheet: Worksheet) -> None:
    """The same subject once more, at the end."""
    sheet.append([each.value for each in sheet[ROW]])


REPEATED = Refused(f"({ID})", f"{ID} also in row {ROW}", "every ID once")
REPEATED_ROW = SetAside((f"{SHEET}, row 74 ({ID})", *OF_ID), "also in row 11", LOST, recordings=2, subjects=1)
SAME_ID = Refused(f"row {ROW} (PZ001)", "PZ001 also in row 9", problems=3)
SAME_ID_FILES = (*OF_ID, *(name.replace(ID, "PZ001") for name in OF_ID))
SAME_ID_LOST = (*LOST, "PZ001_A", "PZ001_PA")
SAME_ID_ROW = SetAside((f"{SHEET}, row {ROW} (PZ001)", *SAME_ID_FILES), "also in row 9", SAME_ID_LOST, 4, 1)

ROWS = [
    row("sex `Male`", typed("Sex", "Male"), "", "'Male'", "sex M or F"),
    row("sex not recorded", typed("Sex", None), "", "not recorded", "sex M or F"),
    row("an unknown category, `healthy`", typed("Category", "healthy"), "", "'healthy'", "label ALS or HC"),
    row("a category in lower case, `als`", typed("Category", "als"), "", "'als'", "label ALS or HC"),
    row("no category", typed("Category", "-"), "", "not recorded", "label ALS or HC"),
    Case("Workbooks", "a subject twice, with the same row", edited(repeat_row), REPEATED, REPEATED_ROW),
    Case("Workbooks", "an ID twice: PZ003's row has PZ001's", typed("ID", "PZ001"), SAME_ID, SAME_ID_ROW),
    other_id("an ID in lower case, `pz003`", "pz003", "no recording", 3),
    other_id("an ID that is a number", 3, "no recording", 3),
    other_id("an ID with a path in it, `../PZ003`", "../PZ003", "'../PZ003'", 4),
    other_id("an ID with a blank in it", "PZ 003", "'PZ 003'", 4),
    other_id("an ID of other letters, `PZÜ03`", "PZÜ03", "'PZÜ03'", 4),
    other_id("no ID", None, "no ID", 3),
]

PROTECTED, EXCEL_97 = ((FILES / name).read_bytes() for name in ("protected.xlsx", "excel_97.xls"))
CLOSED = Refused("VOC-ALS.xlsx", "PermissionError")
NO_TEXT = partial(re.compile(rb't="inlineStr"><is><t>[^<]*</t></is>').sub, b't="s"><v>99999</v>', count=5)
FAR = b'<row r="2000"><c r="ZZZZZZ2000"><v>3</v></c></row>'
SMALL = "a workbook of at most 100,000,000 bytes when unpacked"
FILE_READER = b'<!ENTITY e SYSTEM "file:///etc/passwd">'

DAMAGED = [
    whole("0 bytes", replaced(b""), "an empty file: 0 bytes"),
    whole("protected by a password", replaced(PROTECTED), "protected by a password"),
    whole("a workbook of Excel 97 under its name", replaced(EXCEL_97), "in the format of Excel 97 to 2003 (.xls)"),
    whole("CSV under its name", replaced(b"ID,Sex\nCT001,M\n"), "a text file, as CSV is: it begins with 'ID,Sex\\nC'"),
    whole("CSV beside, and no workbook", renamed("VOC-ALS.xlsx", "VOC-ALS.csv"), "no such file, but VOC-ALS.csv"),
    whole("a folder of its name", instead("VOC-ALS.xlsx", Path.mkdir), "no such file, but a folder VOC-ALS.xlsx"),
    whole("a binary workbook (.xlsb) under its name", members(lambda _: BINARY), "a binary workbook (.xlsb)"),
    whole("a link to a workbook outside the release", linked("VOC-ALS.xlsx"), "a link to ../moved_away, outside the"),
    Case("Workbooks", "no permission to read it", closed("VOC-ALS.xlsx"), CLOSED, unprivileged=True),
    whole("two workbooks", copied, "VOC-ALS.xlsx, old/VOC-ALS.xlsx"),
    whole("the end cut off", rewritten(BOOK, lambda whole: whole[:-2000]), "a damaged workbook: BadZipFile"),
    whole("damaged in the middle", rewritten(BOOK, damaged), "a damaged workbook: "),
    whole(
        "another zip archive", members(lambda _: {"readme.txt": b""}), "a ZIP archive with other content: readme.txt"
    ),
    read("saved as Strict Open XML", members(strict)),
    read("its last row before the others", member(last_row_first)),
    read("300,000 cells in a row", member(before_the_end(b'<row r="900">' + b"<c/>" * 300_000 + b"</row>"))),
    read("no fill in a style", member(lambda xml: re.sub(rb"<fill>.*?</fill>", b"<fill/>", xml), "xl/styles.xml")),
    *(read(f"{part} of nonsense", member(lambda xml: b"<nonsense/>", part)) for part in NOT_NEEDED),
    *(read(f"{what} of nonsense in the sheet", member(odd(what))) for what in ODD_IN_SHEET),
    *(read(f"{what} of nonsense in the workbook", member(odd(what), "xl/workbook.xml")) for what in ODD_IN_WORKBOOK),
    read("members named in other letters", with_names(str.upper)),
    read("members named with backslashes", with_names(lambda name: name.replace("/", "\\"))),
    whole("half a sheet", member(lambda xml: xml[: len(xml) // 2]), "a damaged workbook: ParseError"),
    whole("a text that is not in the workbook's list of texts", member(NO_TEXT), "a damaged workbook: IndexError"),
    whole("a column beyond any", member(before_the_end(FAR)), "a damaged workbook: ValueError"),
    whole("a zip bomb: 120 MB of blanks in 120 kB", member(before_the_end(b" " * 120_000_000)), " bytes", SMALL),
    whole(
        "entities that unfold a billion times", member(in_doctype(LAUGHS, b"&l9;")), "a damaged workbook: ParseError"
    ),
    whole("an entity that reads a file", member(in_doctype(FILE_READER, b"&e;")), "a damaged workbook: ParseError"),
]

NO_YEARS = Refused("HC_table.xlsx", "others: Years", "the column(s) Age")
OUTSIDE = Refused("HC_table.xlsx", "a link to ../moved_away, outside the release")
AS_CSV = renamed("HC_table.xlsx", "HC_table.csv")

MINSK = [
    of_minsk("a column renamed", put("HC", "B1", "Years"), NO_YEARS),
    of_minsk("one saved as CSV", AS_CSV, Refused("HC_table.xlsx", "no such file, but HC_table.csv")),
    of_minsk("a link to a workbook outside the release", linked("HC_table.xlsx"), OUTSIDE),
    of_minsk("`YES` among `yes`", put("ALS", "F3", "YES"), Read()),
    minsk_row("a negative age", "B3", -64, ", column Age (B)", "-64"),
    minsk_row("sex `woman`", "C3", "woman", " (ALS024)", "'woman'"),
    minsk_row("a code with a letter", "A3", "24b", ", column Subject code", "'24b'", 3),
]

CASES: list[Case] = [*SHEETS_AND_COLUMNS, *CELLS, *ROWS, *DAMAGED, *MINSK]

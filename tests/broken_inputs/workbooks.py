"""Workbooks as people send them, and as somebody who means harm would."""

import dataclasses
import datetime
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.broken_inputs import RELEASE, Case, Outcome, Read, Refused, SetAside, Source
from tests.releases import VOC_ALS_COLUMNS

FILES = Path(__file__).parent / "files"
"""What no library of ours writes: a workbook protected by a password (its password: password), one of Excel 97."""

SHEET = "VOC-ALS.xlsx, sheet VOC-ALS_Data"
ROW, ID = 11, "PZ003"
OF_ID = tuple(f"{folder}/{ID}_{folder}.wav" for folder in ("phonationA", "rhythmPA"))
CONTROL_ROW, CONTROL = 5, "CT003"
THERAPY = VOC_ALS_COLUMNS.index("Therapy") + 1


def at(project: Path) -> Path:
    """The workbook that a case breaks."""
    return project / RELEASE / "VOC-ALS.xlsx"


def edited(edit: Callable[[Workbook, Worksheet], object]) -> Callable[[Path], None]:
    """Change a VOC-ALS workbook as a spreadsheet program would: `edit` gets it and the sheet of subjects."""

    def break_it(project: Path) -> None:
        book = openpyxl.load_workbook(at(project))
        edit(book, book["VOC-ALS_Data"])
        book.save(at(project))

    return break_it


def typed(column: str, value: Any, row: int = ROW, number_format: str | None = None) -> Callable[[Path], None]:
    """Write a value into one cell."""

    def edit(book: Workbook, sheet: Worksheet) -> None:
        cell = sheet.cell(row, VOC_ALS_COLUMNS.index(column) + 1)
        cell.value = value
        if number_format:
            cell.number_format = number_format

    return edited(edit)


def rewritten(change: Callable[[bytes], bytes], member: str = "xl/worksheets/sheet1.xml") -> Callable[[Path], None]:
    """Change what one member of the workbook's archive holds."""

    def break_it(project: Path) -> None:
        with zipfile.ZipFile(at(project)) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        changed = change(content[member])
        assert changed != content[member]
        with zipfile.ZipFile(at(project), "w", zipfile.ZIP_DEFLATED) as archive:
            for name, xml in {**content, member: changed}.items():
                archive.writestr(name, xml)

    return break_it


def as_text(column: str, value: str) -> Callable[[Path], None]:
    """Write a value as a text that is no formula, whatever it begins with."""
    write = typed(column, "A PLACE FOR IT")
    put = rewritten(lambda xml: xml.replace(b"A PLACE FOR IT", value.encode().replace(b"<", b"&lt;")))
    return lambda project: [write(project), put(project)][1]


def replaced(content: bytes) -> Callable[[Path], None]:
    """Put something else in the workbook's place."""
    return lambda project: at(project).write_bytes(content) and None


def whole(what: str, break_it: Callable[[Path], None], found: str, expected: str = "") -> Case:
    """A case that no quarantine helps: the workbook or its sheet cannot be read."""
    return Case("Workbooks", what, break_it, Refused("VOC-ALS.xlsx", found, expected))


def cell(what: str, column: str, value: Any, found: str, expected: str = "", number_format: str | None = None) -> Case:
    """A case whose one cell is bad: refused, or its subject set aside."""
    return row(what, typed(column, value, number_format=number_format), f"column {column.strip()}", found, expected)


def row(what: str, break_it: Callable[[Path], None], column: str, found: str, expected: str = "") -> Case:
    """A case whose one row is bad, PZ003's."""
    where = f"{SHEET}, row {ROW}, {column}" if column else f"{SHEET}, row {ROW} ({ID})"
    if column.startswith("column "):
        name = column.removeprefix("column ")
        where += f" ({openpyxl.utils.get_column_letter([each.strip() for each in VOC_ALS_COLUMNS].index(name) + 1)})"
    lost = (f"{ID}_A", f"{ID}_PA")
    aside = SetAside((where, *OF_ID), found, lost, recordings=2, subjects=1)
    return Case("Workbooks", what, break_it, Refused(where, found, expected), aside)


def read(what: str, break_it: Callable[[Path], None], of: str = ID, **cells: Any) -> Case:
    """A case that is read: as before, but for the cells of one subject."""
    return Case("Workbooks", what, break_it, Read(subjects={of: cells} if cells else {}))


def other_id(what: str, name: Any, found: str, problems: int, named: str | None = None) -> Case:
    """A case whose row has another ID than its recordings: both are told."""
    lost = (f"{ID}_A", f"{ID}_PA")
    where = f"{SHEET}, row {ROW}"
    told = Refused(where if named is None else named, found, problems=problems)
    expected: Outcome = told
    if named is None:
        aside = (where, *OF_ID) if problems == 3 else (where, *OF_ID, f"subject {name}")
        expected = SetAside(aside, found, lost, recordings=2, subjects=1)
    return Case("Workbooks", what, typed("ID", name), told, expected if named is None else None)


def repeat_row(book: Workbook, sheet: Worksheet) -> None:
    """The same subject once more, at the end."""
    sheet.append([each.value for each in sheet[ROW]])


def take_out_row_1(book: Workbook, sheet: Worksheet) -> None:
    """The names in row 1."""
    sheet.delete_rows(1)


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


def shown_first(book: Workbook, sheet: Worksheet) -> None:
    """A sheet of remarks before all others."""
    book.create_sheet("Remarks", 0).append(["Column-1"])


def cut(project: Path) -> None:
    """The download ended too early."""
    at(project).write_bytes(at(project).read_bytes()[:-2000])


def damage(project: Path) -> None:
    """Fifty bytes in the middle of the sheet are others."""
    with zipfile.ZipFile(at(project)) as archive:
        member = archive.getinfo("xl/worksheets/sheet1.xml")
    content = bytearray(at(project).read_bytes())
    start = member.header_offset + 30 + len(member.filename) + member.compress_size // 2
    content[start : start + 50] = b"\xff" * 50
    at(project).write_bytes(content)


def saved_strictly(project: Path) -> None:
    """Saved as `Strict Open XML`, which has other namespaces."""
    ours, strict = (
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    )
    for member in ("xl/workbook.xml", "xl/worksheets/sheet1.xml"):
        rewritten(lambda xml: xml.replace(ours, strict), member)(project)


NOT_NEEDED = ("docProps/core.xml", "docProps/app.xml", "xl/theme/theme1.xml")
ODD_IN_SHEET = (
    "sheetPr",
    "sheetViews",
    "autoFilter",
    "conditionalFormatting",
    "dataValidations",
    "hyperlinks",
    "extLst",
)
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


def renamed_members(rename: Callable[[str], str]) -> Callable[[Path], None]:
    """The same members under other names; `[Content_Types].xml` keeps its own."""

    def break_it(project: Path) -> None:
        with zipfile.ZipFile(at(project)) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(at(project), "w") as archive:
            for name, xml in content.items():
                archive.writestr(rename(name) if "/" in name else name, xml)

    return break_it


def binary(project: Path) -> None:
    """What Excel writes as .xlsb, under the workbook's name."""
    with zipfile.ZipFile(at(project), "w") as archive:
        archive.writestr("xl/workbook.bin", b"")
        archive.writestr("_rels/.rels", '<r><r Id="rId1" Type="x/officeDocument" Target="xl/workbook.bin"/></r>')


def moved_away(project: Path) -> None:
    """The workbook on another disk, and a link to it."""
    shutil.move(at(project), project / "moved_away")
    at(project).symlink_to("../moved_away")


def controls_moved_away(project: Path) -> None:
    """One of Minsk2020's workbooks on another disk, and a link to it."""
    path = project / RELEASE / "HC_table.xlsx"
    shutil.move(path, project / "moved_away")
    path.symlink_to("../moved_away")


def other_spellings(book: Workbook, sheet: Worksheet) -> None:
    """Two of eight patients' therapy in other letters."""
    sheet.cell(ROW, THERAPY).value, sheet.cell(ROW + 1, THERAPY).value = "riluzole", "RILUZOLE"


def as_csv(project: Path) -> None:
    """The sheet saved as CSV, the workbook gone."""
    at(project).with_suffix(".csv").write_text("Column-1,Column-2\nID,Sex\nCT001,M\n")
    at(project).unlink()


def as_folder(project: Path) -> None:
    """A folder of the workbook's name."""
    at(project).unlink()
    at(project).mkdir()


def as_archive(project: Path) -> None:
    """A zip archive of something else, under the workbook's name."""
    with zipfile.ZipFile(at(project), "w") as archive:
        archive.writestr("readme.txt", "not a workbook")


def copied(project: Path) -> None:
    """A second copy of the workbook, one folder down."""
    (project / RELEASE / "old").mkdir()
    shutil.copy(at(project), project / RELEASE / "old")


def in_doctype(declared: bytes, entity: bytes) -> Callable[[bytes], bytes]:
    """A document type before the sheet, an entity for CT001."""

    def change(xml: bytes) -> bytes:
        start = xml.find(b"?>") + 2 if xml.startswith(b"<?xml") else 0
        return (
            xml[:start]
            + b"<!DOCTYPE x ["
            + declared
            + b"]>"
            + xml[start:].replace(b"<t>CT001<", b"<t>" + entity + b"<")
        )

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


def then(first: Callable[[Path], None], second: Callable[[Path], None]) -> Callable[[Path], None]:
    """One after the other."""

    def break_it(project: Path) -> None:
        first(project)
        second(project)

    return break_it


def of_minsk(what: str, break_it: Callable[[Path], None], fail: Outcome, aside: Outcome | None) -> Case:
    """A case of the other release."""
    source: Source = "minsk2020"
    return Case("Workbooks", f"Minsk2020: {what}", break_it, fail, aside, source=source)


def in_minsk(group: str, edit: Callable[[Worksheet], object]) -> Callable[[Path], None]:
    """Change one group's workbook."""

    def break_it(project: Path) -> None:
        path = project / RELEASE / f"{group}_table.xlsx"
        book = openpyxl.load_workbook(path)
        edit(book.worksheets[0])
        book.save(path)

    return break_it


def put(place: str, value: Any) -> Callable[[Worksheet], object]:
    """Write a value into a cell."""
    return lambda sheet: sheet.__setitem__(place, value)


def minsk_row(what: str, place: str, value: Any, column: str, found: str, problems: int = 1) -> Case:
    """A case of Minsk2020 whose one row is bad: the ALS patient's of row 3, 024."""
    where = f"ALS_table.xlsx, row 3{column}"
    aside = SetAside((where, "ALS/024_a.wav", "ALS/024_i.wav"), found, ("ALS024_A", "ALS024_I"), 2, 1)
    break_it = in_minsk("ALS", put(place, value))
    return of_minsk(what, break_it, Refused(where, found, problems=problems), aside)


SHEETS_AND_COLUMNS = [
    whole(
        "the sheet `VOC-ALS_Data` renamed",
        edited(lambda book, sheet: setattr(sheet, "title", "Data")),
        "sheets Data, Legend, Cantagallo_Questionnaire",
        "a sheet named VOC-ALS_Data",
    ),
    whole(
        "the sheet `VOC-ALS_Data` missing",
        edited(lambda book, sheet: book.remove(sheet)),
        "sheets Legend, Cantagallo_Questionnaire",
        "a sheet named VOC-ALS_Data",
    ),
    whole(
        "a column renamed: `Sex` to `Gender`",
        edited(lambda book, sheet: setattr(sheet["C2"], "value", "Gender")),
        "others: Gender",
        "the column(s) Sex",
    ),
    whole(
        "a column twice, once with a blank and in lower case",
        edited(lambda book, sheet: setattr(sheet.cell(2, sheet.max_column + 1), "value", "sex ")),
        "twice: Sex",
    ),
    whole(
        "a blank row before the names",
        edited(lambda book, sheet: sheet.insert_rows(2)),
        "an empty row",
        "the column(s)",
    ),
    whole("the names in row 1", edited(take_out_row_1), "others: CT001", "the column(s) ID, Category"),
    whole(
        "merged cells over two subjects",
        edited(lambda book, sheet: sheet.merge_cells("J11:J12")),
        "merged cells J11:J12",
    ),
    read("columns in another order", edited(turn_columns)),
    read("10,000 more rows, formatted and empty", edited(lengthen)),
    read("a sheet that says it has 1,048,576 rows", rewritten(sized(b"A1:XFD1048576"))),
    read("a sheet that says it ends in row 4", rewritten(sized(b"A1:CK4"))),
    read("the sheet and a row hidden", edited(hide)),
    read("merged cells in row 1", edited(lambda book, sheet: sheet.merge_cells("A1:D1"))),
    read("another sheet first", edited(shown_first)),
]

CELLS = [
    cell("text in a number", "FVC% ", "ninety", "'ninety'", "a number from 0 to 250"),
    cell("a thousands separator, `1,040`", "FVC% ", "1,040", "'1,040': a comma for thousands or for decimals"),
    cell("both separators, `1.040,5`", "FVC% ", "1.040,5", "'1.040,5'"),
    cell("a number with a percent sign, `90%`", "FVC% ", "90%", "'90%'"),
    cell("0.9 shown as 90 %", "FVC% ", 0.9, "0.9, shown as 90 %", number_format="0%"),
    cell("0.905 shown as 90.5 %", "FVC% ", 0.905, "0.905, shown as 90.5 %", number_format="0.0%"),
    cell("an underscore in a number, `1_0`", "Age (years)", "1_0", "'1_0'"),
    cell("`nan` typed for a number", "Age (years)", "nan", "'nan'"),
    cell("a negative age", "Age (years)", -61, "-61", "a number from 1 to 120"),
    cell("an age of 0", "Age (years)", 0, "0", "a number from 1 to 120"),
    cell("an age of 200", "Age (years)", 200, "200", "a number from 1 to 120"),
    cell("an age of 1e300", "Age (years)", 1e300, "1e+300", "a number from 1 to 120"),
    cell("an ALSFRS-R of 60", "ALSFRS-R_TotalScore", 60, "60", "a number from 0 to 48"),
    cell("a subscore of 5", "ALSFRS-R_SpeechSubscore", 5, "5", "a number from 0 to 4"),
    cell("a date of birth for the age", "Age (years)", datetime.datetime(1964, 5, 1), "a date or time: 1964-05-01"),
    cell("a logical value in a number", "Age (years)", True, "True"),
    cell("an error in a number", "FVC% ", "#N/A", "'#N/A'"),
    cell("an error in a category", "Therapy", "#DIV/0!", "'#DIV/0!'", "a category"),
    cell("a date in a category", "KingClinicalStage", datetime.datetime(2024, 4, 2), "a date or time: 2024-04-02"),
    cell("a logical value in a category", "Therapy", False, "False"),
    cell("a formula without a stored value", "FVC% ", "=52+52", "the formula '=52+52', and no value stored with it"),
    cell("a formula for a category", "Therapy", '="Rilu"&"zole"', "and no value stored with it"),
    cell("32,000 characters in a category", "Therapy", "x" * 32_000, "(32000 characters)"),
    row(
        "a text that a spreadsheet would run: `=cmd|' /C calc'!A0`",
        as_text("Therapy", "=cmd|' /C calc'!A0"),
        "column Therapy",
        "\"=cmd|' /C calc'!A0\"",
        "that is no formula",
    ),
    read("a formula with its value stored", then(typed("FVC% ", "=52+52"), rewritten(with_value)), fvc_percent="104.0"),
    read("a formula whose value is an empty text", rewritten(empty_result), fvc_percent=""),
    read("a decimal comma, `61,5`", typed("Age (years)", "61,5"), age_years="61.5"),
    read("an age of 61.5", typed("Age (years)", 61.5), age_years="61.5"),
    read("blanks around a number", typed("FVC% ", " 104.5 "), fvc_percent="104.5"),
    read("a carriage return as programs escape it", typed("Therapy", "Riluzole_x000D_"), therapy="Riluzole"),
    read("a number before an escaped carriage return", typed("FVC% ", "91_x000D_"), fvc_percent="91.0"),
    cell("an escaped character that no text holds", "Therapy", "Rilu_x0000_zole", "'Rilu_x0000_zole'"),
    read("a line break in a category", typed("Therapy", "Riluzole\nand Tofersen"), therapy="Riluzole and Tofersen"),
    read("markup in a category: it stays text", as_text("Therapy", "<b>x</b>"), therapy="<b>x</b>"),
    read("90 with a percent sign for a letter", typed("FVC% ", 91, number_format='0"%"'), fvc_percent="91.0"),
    read("a dash of a word processor in a number", typed("FVC% ", "\u2013"), fvc_percent=""),
    read("two dashes in a category", typed("Therapy", "--"), therapy=""),
    read("a category in other letters than the rest", edited(other_spellings)),
    read("sex `m`", typed("Sex", "m"), sex="M"),
    read("sex `F `", typed("Sex", "F ")),
]

ROWS = [
    row("sex `Male`", typed("Sex", "Male"), "", "'Male'", "sex M or F"),
    row("sex not recorded", typed("Sex", None), "", "not recorded", "sex M or F"),
    row("an unknown category, `healthy`", typed("Category", "healthy"), "", "'healthy'", "label ALS or HC"),
    row("a category in lower case, `als`", typed("Category", "als"), "", "'als'", "label ALS or HC"),
    row("no category", typed("Category", "-"), "", "not recorded", "label ALS or HC"),
    Case(
        "Workbooks",
        "a subject twice, with the same row",
        edited(repeat_row),
        Refused(f"({ID})", f"{ID} also in row {ROW}", "every ID once"),
        SetAside(
            (f"{SHEET}, row 74 ({ID})", *OF_ID), "also in row 11", (f"{ID}_A", f"{ID}_PA"), recordings=2, subjects=1
        ),
    ),
    Case(
        "Workbooks",
        "an ID twice: PZ003's row has PZ001's",
        typed("ID", "PZ001"),
        Refused(f"row {ROW} (PZ001)", "PZ001 also in row 9", problems=3),
        SetAside(
            (
                f"{SHEET}, row {ROW} (PZ001)",
                *OF_ID,
                "phonationA/PZ001_phonationA.wav",
                "rhythmPA/PZ001_rhythmPA.wav",
            ),
            "also in row 9",
            ("PZ001_A", "PZ001_PA", "PZ003_A", "PZ003_PA"),
            recordings=4,
            subjects=1,
        ),
    ),
    other_id("an ID in lower case, `pz003`", "pz003", "no recording", 3, "subject pz003"),
    other_id("an ID that is a number", 3, "no recording", 3, "subject 3"),
    other_id("an ID with a path in it, `../PZ003`", "../PZ003", "'../PZ003'", 4),
    other_id("an ID with a blank in it", "PZ 003", "'PZ 003'", 4),
    other_id("an ID of other letters, `PZÜ03`", "PZÜ03", "'PZÜ03'", 4),
    other_id("no ID", None, "no ID", 3),
]

DAMAGED = [
    whole("0 bytes", replaced(b""), "an empty file: 0 bytes"),
    whole("protected by a password", replaced((FILES / "protected.xlsx").read_bytes()), "protected by a password"),
    whole(
        "a workbook of Excel 97 (.xls) under its name",
        replaced((FILES / "excel_97.xls").read_bytes()),
        "a workbook in the format of Excel 97 to 2003 (.xls)",
    ),
    whole("CSV under its name", replaced(b"ID,Sex\nCT001,M\n"), "a text file, as CSV is: it begins with 'ID,Sex\\nC'"),
    whole("CSV beside, and no workbook", as_csv, "no such file, but VOC-ALS.csv"),
    whole("a folder of its name", as_folder, "no such file, but a folder VOC-ALS.xlsx"),
    whole("a binary workbook (.xlsb) under its name", binary, "a binary workbook (.xlsb)"),
    whole("a link to a workbook outside the release", moved_away, "a link to ../moved_away, out of the release"),
    dataclasses.replace(
        whole("no permission to read it", lambda project: at(project).chmod(0), "PermissionError"), unprivileged=True
    ),
    whole("no workbook", lambda project: at(project).unlink(), "none"),
    whole("two workbooks", copied, "VOC-ALS.xlsx, old/VOC-ALS.xlsx"),
    whole("the end cut off", cut, "a damaged one: BadZipFile"),
    whole("damaged in the middle", damage, "a damaged one: "),
    whole("another zip archive", as_archive, "a zip archive of something else: readme.txt"),
    read("saved as Strict Open XML", saved_strictly),
    read("its last row before the others", rewritten(last_row_first)),
    read("300,000 cells in a row", rewritten(before_the_end(b'<row r="900">' + b"<c/>" * 300_000 + b"</row>"))),
    read("no fill in a style", rewritten(lambda xml: re.sub(rb"<fill>.*?</fill>", b"<fill/>", xml), "xl/styles.xml")),
    *(read(f"{part} of nonsense", rewritten(lambda xml: b"<nonsense/>", part)) for part in NOT_NEEDED),
    *(read(f"{what} of nonsense in the sheet", rewritten(odd(what))) for what in ODD_IN_SHEET),
    *(read(f"{what} of nonsense in the workbook", rewritten(odd(what), "xl/workbook.xml")) for what in ODD_IN_WORKBOOK),
    read("members named in other letters", renamed_members(str.upper)),
    read("members named with backslashes", renamed_members(lambda name: name.replace("/", "\\"))),
    whole("half a sheet", rewritten(lambda xml: xml[: len(xml) // 2]), "a damaged one: ParseError"),
    whole(
        "a text that is not in the workbook's list of texts",
        rewritten(lambda xml: re.sub(rb't="inlineStr"><is><t>[^<]*</t></is>', b't="s"><v>99999</v>', xml, count=5)),
        "a damaged one: IndexError",
    ),
    whole(
        "a column beyond any",
        rewritten(before_the_end(b'<row r="2000"><c r="ZZZZZZ2000"><v>3</v></c></row>')),
        "a damaged one: ValueError",
    ),
    whole(
        "a zip bomb: 120 MB of blanks in 120 kB",
        rewritten(before_the_end(b" " * 120_000_000)),
        " bytes",
        "a workbook of moderate size: at most 100,000,000 bytes unpacked",
    ),
    whole(
        "entities that unfold a billion times",
        rewritten(in_doctype(LAUGHS, b"&l9;")),
        "a damaged one: ParseError",
    ),
    whole(
        "an entity that reads a file of the machine",
        rewritten(in_doctype(b'<!ENTITY e SYSTEM "file:///etc/passwd">', b"&e;")),
        "a damaged one: ParseError",
    ),
]

MINSK = [
    of_minsk(
        "a column renamed",
        in_minsk("HC", put("B1", "Years")),
        Refused("HC_table.xlsx", "others: Years", "the column(s) Age"),
        None,
    ),
    of_minsk(
        "one of its workbooks saved as CSV",
        lambda project: (project / RELEASE / "HC_table.xlsx").rename(project / RELEASE / "HC_table.csv") and None,
        Refused("HC_table.xlsx", "no such file, but HC_table.csv"),
        None,
    ),
    of_minsk(
        "protected by a password",
        lambda project: shutil.copy(FILES / "protected.xlsx", project / RELEASE / "ALS_table.xlsx") and None,
        Refused("ALS_table.xlsx", "protected by a password"),
        None,
    ),
    of_minsk(
        "a link to a workbook outside the release",
        controls_moved_away,
        Refused("HC_table.xlsx", "a link to ../moved_away, out of the release"),
        None,
    ),
    of_minsk("`YES` among `yes`", in_minsk("ALS", put("F3", "YES")), Read(), None),
    minsk_row("a negative age", "B3", -64, ", column Age (B)", "-64"),
    minsk_row("sex `woman`", "C3", "woman", " (ALS024)", "'woman'"),
    minsk_row("a code with a letter", "A3", "24b", ", column Subject code", "'24b'", 3),
]

CASES: list[Case] = [*SHEETS_AND_COLUMNS, *CELLS, *ROWS, *DAMAGED, *MINSK]

import datetime
import struct
import tracemalloc
import zipfile

import openpyxl
import pytest
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

from bulbar.cohort import workbook
from bulbar.core.errors import BadInput


def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in {"[Content_Types].xml": b"<Types/>", **members}.items():
            written.writestr(name, content)
    return path


def problem_of(path):
    with pytest.raises(BadInput) as error:
        workbook.read_sheet(path, None, header_row=1)
    (problem,) = error.value.problems
    return problem


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    bomb = archive(tmp_path / "bomb.xlsx", **{"xl/worksheets/sheet1.xml": b"<c/>" * 30_000_000})
    tracemalloc.start()
    try:
        assert problem_of(bomb).found == "120,000,008 bytes"
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_member_that_says_it_is_smaller_than_it_is_unpacks_to_no_more_than_it_says(tmp_path):
    path = archive(tmp_path / "liar.xlsx", **{"_rels/.rels": b"<c/>" * 5_000_000})
    content = bytearray(path.read_bytes())
    for start in (content.rfind(b"PK\x01\x02") + 24, content.rfind(b"PK\x03\x04") + 22):
        content[start : start + 4] = struct.pack("<I", 999)
    path.write_bytes(content)
    assert problem_of(path).found.startswith("a damaged workbook: BadZipFile")


def test_every_way_to_write_a_number_is_read_and_none_is_guessed():
    read = {"7": 7, " 7,5 ": 7.5, "7.5": 7.5, "-1e-3": -0.001, "0,123": 0.123, 12: 12, 0.5: 0.5, "1234,5": 1234.5}
    assert {cell: workbook.number(cell) for cell in read} == read
    assert all(workbook.number(cell) != workbook.number(cell) for cell in (None, "", " - ", float("nan")))
    for cell in (
        *["1,234", "12,345", "1.234,5", "1'234", "1_234", "٣", "0x1F", "1e999", "inf", "nan", "7%"],
        "1 234",
        True,
    ):
        with pytest.raises(ValueError):
            workbook.number(cell)


TYPES = {
    "a text": ("as it is", "as it is"),
    "a whole number": (7, 7),
    "a number": (7.5, 7.5),
    "a logical value": (True, True),
    "a date": (datetime.datetime(2024, 2, 29), datetime.datetime(2024, 2, 29)),
    "a date and a time": (datetime.datetime(1964, 5, 1, 13, 30), datetime.datetime(1964, 5, 1, 13, 30)),
    "a time": (datetime.time(3, 4), datetime.time(3, 4)),
    "a duration": (datetime.timedelta(hours=30), datetime.timedelta(hours=30)),
    "a formula": ("=1+2", workbook.Formula("=1+2")),
    "nothing": (None, None),
}


@pytest.mark.parametrize("epoch", [WINDOWS_EPOCH, MAC_EPOCH], ids=["from 1900", "from 1904"])
def test_a_cell_is_read_as_what_was_written_into_it(tmp_path, epoch):
    book = openpyxl.Workbook()
    book.epoch = epoch
    book.active.append(list(TYPES))
    book.active.append([written for written, _ in TYPES.values()])
    book.save(tmp_path / "a.xlsx")
    sheet = workbook.read_sheet(tmp_path / "a.xlsx", None, header_row=1)
    (row,) = (row for _, row in sheet.rows)
    assert dict(zip(sheet.names, [*row, None], strict=False)) == {name: read for name, (_, read) in TYPES.items()}


FONTS = b'<r><rPr><family val="99"/><odd/></rPr><t>CT</t></r><r><t>00</t></r><r><t>1</t></r>'
PRONOUNCED = b'<rPh sb="0" eb="1"><t>see tea</t></rPh>'


@pytest.mark.parametrize("listed", [False, True], ids=["in the cell", "in the list of texts"])
def test_a_text_is_read_whatever_its_fonts_and_without_how_it_is_pronounced(tmp_path, listed):
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["ID"])
    book.active.append(["PLACE"])
    book.save(path)
    with zipfile.ZipFile(path) as written:
        members = {name: written.read(name) for name in written.namelist()}
    sheet, related = "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels"
    cell = b't="inlineStr"><is><t>PLACE</t></is>'
    assert cell in members[sheet]
    put = b't="s"><v>1</v>' if listed else b't="inlineStr"><is>' + FONTS + PRONOUNCED + b"</is>"
    members[sheet] = members[sheet].replace(cell, put)
    if listed:
        texts = b"<sst><si><t>another</t></si><si>" + FONTS + PRONOUNCED + b"</si></sst>"
        members["xl/texts.xml"] = texts
        part = b'<Relationship Id="rId99" Type="x/sharedStrings" Target="texts.xml"/></Relationships>'
        members[related] = members[related].replace(b"</Relationships>", part)
    archive(path, **members)
    assert workbook.read_sheet(path, None, header_row=1).rows == [(2, ["CT001"])]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Riluzole_x000D_", "Riluzole"),
        ("Riluzole_x000d__x000A_and Tofersen", "Riluzole and Tofersen"),
        ("a_x005F_x000D_b", "a_x000D_b"),
        ("x_ray_x00", "x_ray_x00"),
        ("_xD83D_", "?"),
    ],
)
def test_characters_that_programs_escape_are_read_as_themselves(written, read):
    assert workbook.text(written) == read

import io
import struct
import tracemalloc
import zipfile

import openpyxl
import pytest
from openpyxl.styles import Font

from bulbar.cohort import workbook
from bulbar.core.errors import BadInput


def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in {"[Content_Types].xml": b"<Types/>", **members}.items():
            written.writestr(name, content)
    return path


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    bomb = archive(tmp_path / "bomb.xlsx", **{"xl/worksheets/sheet1.xml": b"<c/>" * 20_000_000})
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match="80,000,008 bytes unpacked from 7"):
            workbook.check(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_member_that_says_it_is_smaller_than_it_is_unpacks_to_no_more_than_it_says(tmp_path):
    path = archive(tmp_path / "liar.xlsx", **{"sheet.xml": b"<c/>" * 5_000_000})
    content = bytearray(path.read_bytes())
    for start in (content.rfind(b"PK\x01\x02") + 24, content.rfind(b"PK\x03\x04") + 22):
        content[start : start + 4] = struct.pack("<I", 999)
    path.write_bytes(content)
    with pytest.raises(BadInput, match="a damaged one: BadZipFile"):
        workbook.check(path)


def test_a_sheet_with_a_hundred_columns_of_formatted_empty_rows_is_no_bomb(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["ID", *(f"column {n}" for n in range(99))])
    book.active.append(["CT001", *range(99)])
    for row in range(3, 600):
        for column in range(1, 101):
            book.active.cell(row, column).font = Font(size=10)
    book.save(tmp_path / "formatted.xlsx")
    workbook.check(tmp_path / "formatted.xlsx")
    sheet = workbook.read_sheet(tmp_path / "formatted.xlsx", None, header_row=1)
    assert sheet.rows == [(2, ["CT001", *range(99)])]


def test_every_way_to_write_a_number_is_read_and_none_is_guessed():
    read = {"7": 7, " 7,5 ": 7.5, "7.5": 7.5, "-1e-3": -0.001, "0,123": 0.123, 12: 12, 0.5: 0.5, "1234,5": 1234.5}
    assert {cell: workbook.number(cell) for cell in read} == read
    assert all(workbook.number(cell) != workbook.number(cell) for cell in (None, "", " - ", float("nan")))
    for cell in (
        "1,234",
        "12,345",
        "1.234,5",
        "1 234",
        "1'234",
        "1_234",
        "٣",
        "0x1F",
        "1e999",
        "inf",
        "nan",
        "7 %",
        True,
    ):
        with pytest.raises(ValueError):
            workbook.number(cell)


@pytest.mark.parametrize("prefix", ["", "x:"])
def test_rows_are_counted_whatever_prefix_their_tags_have(tmp_path, prefix):
    row = f'<{prefix}row r="1">{f"<{prefix}c/>" * 900}</{prefix}row>'.encode()
    noise = b"".join(b"<!-- %d -->" % (n * n) for n in range(9000))
    sound = archive(tmp_path / "sound.xlsx", **{"xl/sheet.xml": row * 500 + noise})
    workbook.check(sound)
    without_rows = row.replace(b"row", b"raw") * 500 + noise
    with pytest.raises(BadInput, match="200,000 tags in a row"):
        workbook.check(archive(tmp_path / "wide.xlsx", **{"xl/sheet.xml": without_rows}))


@pytest.mark.parametrize(
    "xml",
    ["<a/>".encode("utf-16"), b'<?xml version="1.0" encoding="cp037"?>', b'\xef\xbb\xbf<?xml encoding="latin-1"?>'],
)
def test_other_encodings_than_utf_8_are_refused_for_tags_are_counted_in_bytes(tmp_path, xml):
    with pytest.raises(BadInput, match="not UTF-8"):
        workbook.check(archive(tmp_path / "a.xlsx", **{"xl/workbook.xml": xml}))


def test_whatever_stands_in_a_workbook_s_place_is_named(tmp_path):
    for content, words in (
        (b"\xff\xfeI\0D\0", "no workbook: it begins with the bytes ff fe"),
        (b"<html><table>", "begins with '<html><t'"),
        (io.BytesIO().getvalue(), "0 bytes"),
        (b"PK\x03\x04 and no archive", "BadZipFile"),
    ):
        (tmp_path / "a.xlsx").write_bytes(content)
        with pytest.raises(BadInput) as error:
            workbook.check(tmp_path / "a.xlsx")
        assert words in error.value.problems[0].found

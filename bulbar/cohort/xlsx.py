"""Whether a file is an Excel workbook that is safe to open: what it is instead, and how large it becomes unpacked.

A file of a few kB can unpack to gigabytes, in bytes or in parsed elements; so sizes are looked at before anything is
unpacked, and elements are counted before anything is parsed.
"""

import re
import zipfile
from pathlib import Path

from bulbar.cohort.release import unreadable as unreadable_file
from bulbar.errors import BadInput, Problem

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

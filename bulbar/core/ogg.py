"""The pages of an Ogg file. libsndfile reads a truncated file only up to its end, and may fail without an end mark.

Source: RFC 3533, section 6.
"""

import io
import mmap
import zlib
from collections.abc import Iterator
from pathlib import Path

Content = bytes | bytearray | mmap.mmap

_OGG, _BEGINS, _ENDS = b"OggS", 2, 4
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def playable(path: str | Path) -> Path | io.BytesIO:
    """The input for soundfile: the file, or, for an Ogg file without an end mark, its content with the mark added.

    Phones leave the mark out, and libsndfile does not read Opus without it.
    """
    with Path(path).open("rb") as file:
        if file.read(4) != _OGG:
            return Path(path)
        content = bytearray(file.seek(0) or file.read())
    *_, (start, end) = [(0, 0), *pages(content)]
    if end < len(content) or content[start + 5] & _ENDS:
        return Path(path)
    content[start + 5] |= _ENDS
    content[start + 22 : start + 26] = _checksum(content[start:])
    return io.BytesIO(content)


def pages(content: Content) -> Iterator[tuple[int, int]]:
    """Start and end of each page of an Ogg file, up to the first truncated or damaged one."""
    at = 0
    while content[at : at + 4] == _OGG and at + 27 <= len(content):
        segments = content[at + 27 : at + 27 + content[at + 26]]
        end = at + 27 + content[at + 26] + sum(segments)
        if end > len(content) or _checksum(content[at:end]) != content[at + 22 : at + 26]:
            return
        yield at, end
        at = end


def _checksum(page: bytes | bytearray) -> bytes:
    """CRC-32 of a page with its checksum field set to 0. It is zlib's CRC with mirrored bits and without inversion."""
    mirrored = (page[:22] + bytes(4) + page[26:]).translate(_MIRRORED)
    return (zlib.crc32(mirrored, 0xFFFFFFFF) ^ 0xFFFFFFFF).to_bytes(4, "big").translate(_MIRRORED)


def problem_of(content: Content) -> str:
    """The problem of an Ogg file's pages; empty text if there is none, or the file is not Ogg.

    Without an end mark, the file counts as complete if its last page is.
    """
    if content[:4] != _OGG:
        return ""
    whole = list(pages(content))
    end = whole[-1][1] if whole else 0
    kinds = bytes(content[start + 5] & _BEGINS for start, _ in whole)
    if bytes([0, _BEGINS]) in kinds:
        return "a second recording after the first"
    if end < len(content) and not (whole and content[whole[-1][0] + 5] & _ENDS):
        return f"truncated or damaged: pages are complete only up to byte {end} of {len(content)}"
    return ""

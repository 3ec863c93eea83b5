"""Strategies that spoil sound bytes: overwritten, inserted, taken out, repeated, cut off."""

import io
import re
import struct
import zipfile

from hypothesis import strategies as st

_NUMBERS = (0, 1, 2, 3, 7, 8, 16, 127, 128, 255, 256, 1024, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 1 << 16, 1 << 24)
_NUMBERS += (0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_LONG_NUMBERS = (1 << 33, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_HEADER = 128  # bytes in which a header usually lies: half of what is spoilt is there

_WORDS = b"|0|1|-1|2|99999999|1048576|XFD1048576|A0|ZZZZ1|1e999|nan|inf|s|n|b|d|e|str|inlineStr|t|r|v|true".split(b"|")
_WORDS += [b"&amp;", b"&x;", b"<v>", b"</v>", b"-", b" ", b"2958466", b"-693594", b"PT1S", b"2020-13-45"]
_WORDS += [b"x" * 300, b"1" * 400, "é".encode(), b"\xff", b"\0"]


@st.composite
def numbers(draw: st.DrawFn) -> bytes:
    """A number that programs trip over, of 2, 4 or 8 bytes, in either order."""
    order = draw(st.sampled_from("<>"))
    size = draw(st.sampled_from("HIQ"))
    most = {"H": 0xFFFF, "I": 0xFFFFFFFF, "Q": (1 << 64) - 1}[size]
    value = draw(st.sampled_from([n for n in _NUMBERS + _LONG_NUMBERS if n <= most]))
    return struct.pack(order + size, value)


@st.composite
def spoilt(draw: st.DrawFn, sound: bytes, *, after: int = 0) -> bytes:
    """Sound bytes with one to six things wrong; all of them `after` so many bytes, such as a header."""
    data = bytearray(sound)
    for _ in range(draw(st.integers(1, 6))):
        least = min(after, len(data))
        at = draw(st.integers(least, min(least + _HEADER, len(data))) | st.integers(least, len(data)))
        match draw(st.sampled_from(["overwrite", "number", "insert", "take out", "repeat", "cut"])):
            case "overwrite":
                new = draw(st.binary(min_size=1, max_size=8))
                data[at : at + len(new)] = new
            case "number":
                new = draw(numbers())
                data[at : at + len(new)] = new
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=32))
            case "take out":
                del data[at : at + draw(st.integers(1, 64))]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 256))]
            case "cut":
                del data[at:]
    return bytes(data)


@st.composite
def reworded(draw: st.DrawFn, sound: bytes) -> bytes:
    """Text with one to six of its words or numbers replaced."""
    data = sound
    for _ in range(draw(st.integers(1, 6))):
        words = list(re.finditer(rb"[A-Za-z0-9_:-]+", data))
        if not words:
            break
        word = words[draw(st.integers(0, len(words) - 1))]
        new = draw(st.sampled_from(_WORDS) | st.sampled_from(words).map(lambda found: found[0]))
        data = data[: word.start()] + new + data[word.end() :]
    return data


def members(archive: bytes) -> dict[str, bytes]:
    """What a ZIP archive holds."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def archived(contents: dict[str, bytes]) -> bytes:
    """A sound ZIP archive of these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return file.getvalue()


@st.composite
def spoilt_members(draw: st.DrawFn, archive: bytes) -> bytes:
    """A sound archive whose members are not: reworded, spoilt, emptied, swapped or gone."""
    contents = members(archive)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(contents)))
        match draw(st.sampled_from(["reword", "spoil", "empty", "swap", "drop"])):
            case "reword":
                contents[name] = draw(reworded(contents[name]))
            case "spoil":
                contents[name] = draw(spoilt(contents[name]))
            case "empty":
                contents[name] = b""
            case "swap":
                contents[name] = contents[draw(st.sampled_from(sorted(contents)))]
            case "drop" if len(contents) > 1:
                del contents[name]
    return archived(contents)

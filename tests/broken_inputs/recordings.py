"""Recordings as disks, editors, converters and file systems leave them."""

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.broken_inputs import Break, Case, Read, Refused, SetAside
from tests.broken_inputs.breaking import at, closed, instead, linked, renamed

FILE, ID = "phonationA/PZ001_phonationA.wav", "PZ001_A"
OTHER, OTHER_ID = "rhythmPA/PZ002_rhythmPA.wav", "PZ002_PA"
FOLDER = "phonationA"
TONE_HZ = 150.0
RATE_HZ = 8000
DATA_SIZE_AT = 40  # of the sound recordings: 44 bytes of header, 16,000 of samples


def tone(rate_hz: int = RATE_HZ, channels: int = 1, duration_s: float = 1.0) -> np.ndarray:
    """A sine of TONE_HZ at 0.4 of full scale in every channel, shape (n, channels)."""
    times = np.arange(round(duration_s * rate_hz)) / rate_hz
    return np.repeat(0.4 * np.sin(2 * np.pi * TONE_HZ * times)[:, np.newaxis], channels, axis=1)


# What a case does to the release.


def holds(
    samples: np.ndarray, rate_hz: int = RATE_HZ, *, change: Callable[[bytes], bytes] = bytes, **made: Any
) -> Break:
    """Write the recording anew. change: of its bytes. made: format, subtype and so on, of soundfile."""

    def break_it(project: Path) -> None:
        soundfile.write(at(project, FILE), samples, rate_hz, **{"format": "WAV"} | made)
        at(project, FILE).write_bytes(change(at(project, FILE).read_bytes()))

    return break_it


def altered(change: Callable[[bytes], bytes], **made: Any) -> Break:
    """The recording, a tone, with its bytes changed."""
    return holds(tone(), change=change, **made)


def cut(end: int, **made: Any) -> Break:
    """A recording's first bytes only."""
    return altered(lambda whole: whole[:end], **made)


def content(what: bytes) -> Break:
    """Other bytes under the recording's name."""
    return altered(lambda _: what)


def patch(*fields: tuple[int, str, int]) -> Break:
    """Other values in the recording's header. fields: offset, layout, value."""

    def change(whole: bytes) -> bytes:
        content = bytearray(whole)
        for offset, layout, value in fields:
            struct.pack_into(layout, content, offset, value)
        return bytes(content)

    return altered(change)


def beside(name: str | bytes) -> Break:
    """A recording that the release has too many: a tone under another name."""

    def break_it(project: Path) -> None:
        path = os.path.join(os.fsencode(at(project)), os.fsencode(name))  # noqa: PTH118 - bytes are no Path
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as file:  # noqa: PTH123
            soundfile.write(file, tone(duration_s=0.9), RATE_HZ, format="WAV")

    return break_it


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a RIFF file, padded to an even length."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def riff(body: bytes) -> bytes:
    """A WAV of these chunks."""
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def chunks(before: bytes = b"", after: bytes = b"") -> Break:
    """The recording with chunks of its own around the one of the samples."""
    return altered(lambda whole: riff(whole[12:36] + before + whole[36:] + after))


def one_byte_flipped(whole: bytes) -> bytes:
    """What a failing disk leaves."""
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]


def unpadded(whole: bytes) -> bytes:
    """An odd number of samples of 24 bit, and 6 kB of iXML right behind them."""
    return riff(whole[12 : 44 + 3 * 7999] + chunk(b"iXML", b"<BWFXML>" + b" " * 6000))


def without_end(ogg: bytes) -> bytes:
    """An Ogg as phones write it: its last page is not marked as the last. CRC-32 bit by bit, of RFC 3533, section 6."""
    page = bytearray(ogg[ogg.rindex(b"OggS") :])
    page[5] &= ~4
    page[22:26] = bytes(4)
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum & 1 << 31 else 0)) & 0xFFFFFFFF
    page[22:26] = struct.pack("<I", checksum)
    return ogg[: -len(page)] + bytes(page)


def linked_from_the_cache(project: Path) -> None:
    """Every recording a link into DVC's cache, as with `dvc config cache.type symlink`."""
    for place, path in enumerate(sorted(at(project).rglob("*.wav"))):
        kept = project / f".dvc/cache/files/md5/{place:02x}/{'0' * 30}"
        kept.parent.mkdir(parents=True)
        shutil.move(path, kept)
        path.symlink_to(os.path.relpath(kept, path.parent))


def link_to_above(project: Path) -> None:
    """A folder that holds the folder above it."""
    at(project, "rhythmPA/all").symlink_to("..")


def hidden_files(project: Path) -> None:
    """What macOS and editors leave."""
    at(project, "__MACOSX").mkdir()
    for name in (f"{FOLDER}/._PZ001_phonationA.wav", "__MACOSX/._PZ001_phonationA.wav", f"{FOLDER}/notes.txt"):
        at(project, name).write_bytes(b"\0\5\x16\7" * 40)


def two_hours(project: Path) -> None:
    """Two hours of 8 bit at 4 kHz; the disk holds next to nothing of it."""
    size = 2 * 3600 * 4000
    header = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 4000, 4000, 1, 8)) + b"data" + struct.pack("<I", size)
    at(project, FILE).write_bytes(b"RIFF" + struct.pack("<I", size + 36) + b"WAVE" + header)
    os.truncate(at(project, FILE), 44 + size)


def of_unknown_length(flac: bytes) -> bytes:
    """FLAC from a pipe: the number of samples, the last 36 bits before the MD5 in STREAMINFO, is 0."""
    return flac[:21] + bytes([flac[21] & 0xF0]) + bytes(4) + flac[26:]


# What is expected.


def bad(what: str, break_it: Break, found: str, **more: Any) -> Case:
    """A case whose one recording is bad: refused, or quarantined alone."""
    return Case("Recordings", what, break_it, Refused(FILE, found), SetAside((FILE,), found, (ID,)), **more)


def stray(what: str, name: str, shown: str = "", written: str | bytes = b"", found: str = "") -> Case:
    """A case of one recording too many, which is named and left out; all others are kept."""
    shown = shown or name
    outcomes = Refused(shown, found or shown), SetAside((shown,), found or shown)
    return Case("Recordings", what, beside(written or name), *outcomes)


def sound(what: str, rate_hz: int = RATE_HZ, channels: int = 1, *, duration_s: float = 1.0, **made: Any) -> Case:
    """A case whose one recording is another kind of file, and a sound one. made: as for `holds`."""
    cells = {"sample_rate_hz": rate_hz, "channels": channels, "duration_s": duration_s}
    return as_before(what, holds(tone(rate_hz, channels), rate_hz, **made), **cells)


def as_before(what: str, break_it: Break, *, is_tone: bool = True, **cells: Any) -> Case:
    """A case whose release reads as the sound one does. is_tone: the recording is the tone. cells: of its row."""
    read = Read({ID: cells}, tone_hz={ID: TONE_HZ} if is_tone else {})
    return Case("Recordings", what, break_it, read, read)


def refused(what: str, break_it: Break, where: str, found: str, **more: Any) -> Case:
    """A case that neither mode lets pass."""
    return Case("Recordings", what, break_it, Refused(where, found), Refused(where, found), **more)


def with_one(value: float) -> np.ndarray:
    """The tone with one sample of another value."""
    samples = tone().astype(np.float32)
    samples[17] = value
    return samples


LONG = tone(duration_s=20.0) + 0.01 * np.random.default_rng(4).standard_normal((20 * RATE_HZ, 1))
AS_TEXT = holds(LONG, change=lambda whole: whole.replace(b"\n", b"\r\n"))
LOUD = np.clip(20 * tone(), -1, 32767 / 32768)
KNOCK = 1e-3 * np.random.default_rng(4).standard_normal((24000, 1))
KNOCK[8000:8008] += 0.8
MUTE = np.random.default_rng(2).integers(-1, 2, (8000, 1))
UPSIDE_DOWN = tone(channels=2) * [1, -1] + 1e-3 * np.random.default_rng(3).standard_normal((8000, 2))
UNPADDED = holds(tone()[:-1], subtype="PCM_24", change=unpadded)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 16044\n"
UPPER, DEEP = FILE.replace(".wav", ".WAV"), f"Stimmen für Ärzte/teil 2/{FILE}"
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"
CODINGS = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "MS_ADPCM")
AGAIN = "two, the other is"

CASES: list[Case] = [
    # Cut off
    bad("0 bytes", cut(0), "an empty file of 0 bytes"),
    bad("header cut off after 12 bytes", cut(12), "LibsndfileError"),
    bad("all samples cut off, the header whole", cut(44), "truncated: 0 bytes"),
    bad("samples cut off in the middle", cut(12044), "truncated: 12000 bytes"),
    bad("the last byte cut off", cut(16043), "truncated: 15999 bytes"),
    bad("RF64 cut off", cut(12000, format="RF64"), "truncated: "),
    bad("FLAC named .wav, cut off", cut(3000, format="FLAC"), "LibsndfileError"),
    bad("MP3 named .wav, cut off", cut(2000, format="MP3"), "truncated: 6959 frames"),
    bad("Ogg Vorbis named .wav, cut off", cut(-50, format="OGG"), "complete only up to byte 2662 of "),
    bad("AIFF named .wav, cut off", cut(12000, format="AIFF"), "truncated: "),
    bad("AU named .wav", holds(tone(), format="AU"), "does not show whether a file is complete"),
    # Damaged
    bad("moved as text: every line feed has a carriage return", AS_TEXT, "bytes after the samples"),
    bad("two recordings one after the other in one file", altered(lambda whole: 2 * whole), "LibsndfileError"),
    bad("samples before `fmt `", altered(lambda whole: whole[:12] + whole[36:] + whole[12:36]), "LibsndfileError"),
    bad("no chunk of samples", altered(lambda whole: whole[:36]), "No 'data' chunk"),
    bad("FLAC named .wav, one byte of it another", altered(one_byte_flipped, format="FLAC"), "LibsndfileError"),
    bad("two Ogg Vorbis one after the other", altered(lambda whole: 2 * whole, format="OGG"), "a second recording"),
    # No voice in it
    bad("zero frames", holds(tone()[:0]), "none, in 44 bytes"),
    bad("all zeros", holds(0 * tone()), "only zeros"),
    bad("one value throughout", holds(0 * tone() + 0.25), "only values from 0.25 to 0.25"),
    bad("two channels that cancel each other", holds(tone(channels=2) * [1, -1]), "in the mean of its 2 channels"),
    bad("one channel is the other upside down, and both have noise", holds(UPSIDE_DOWN), "that cancel each other"),
    bad("the last bit's noise: nothing was plugged in", holds(MUTE / 2**15), "only values from -3.052e-05 to"),
    bad("three seconds of an empty room with one knock", holds(KNOCK), "0.093 s of 3.000 s"),
    bad("24 bit, and nothing above the last 8 of them", holds(1e-6 * tone(), subtype="PCM_24"), "only values from"),
    bad("float with a NaN", holds(with_one(np.nan), subtype="FLOAT"), "NaN or infinite samples"),
    bad("float with an infinity", holds(with_one(np.inf), subtype="DOUBLE"), "NaN or infinite samples"),
    bad("float with one sample of 1e30", holds(with_one(1e30), subtype="FLOAT"), "up to 1e+30 times full scale"),
    bad("clipped throughout", holds(LOUD), f"clipped: {100 * np.mean(np.abs(20 * tone()) >= 1):.0f} %"),
    bad("float on the scale of 16-bit integers", holds(32768 * tone(), subtype="FLOAT"), "clipped: "),
    bad("0.1 s long", holds(tone(duration_s=0.1)), "0.1000 s"),
    bad("two hours long", two_hours, "7200 s"),
    # A header that says what is not so
    bad("header announces 2 GB", patch((DATA_SIZE_AT, "<I", 2_000_000_000)), "truncated: 16000 bytes"),
    bad("size 0, as a recorder leaves it that lost its power", patch((DATA_SIZE_AT, "<I", 0)), "16000 bytes after"),
    bad(
        "header last written halfway",
        patch((4, "<I", 8036), (DATA_SIZE_AT, "<I", 8000)),
        "8000 bytes after the samples",
    ),
    bad("FLAC from a pipe, of unknown length", altered(of_unknown_length, format="FLAC"), "written into a pipe"),
    bad("header says 0 Hz", patch((24, "<I", 0)), "SF_INFO struct incomplete"),
    bad("header says 1 Hz", patch((24, "<I", 1)), "1 Hz"),
    bad("header says 2,147,483,647 Hz", patch((24, "<I", 2**31 - 1)), "2147483647 Hz"),
    # Something else by the name
    bad("text named .wav", content(b"Recorded on Tuesday, second take.\n" * 20), "begins with b'Recorded on Tuesday"),
    bad("a web page named .wav: a download that needed a login", content(HTML), "begins with b'<!DOCTYPE html>"),
    bad("a Git LFS pointer named .wav", content(LFS), "begins with b'version https://git-lfs"),
    bad("a ZIP named .wav", content(b"PK\3\4" + bytes(400)), "begins with b'PK"),
    bad("noise named .wav", content(np.random.default_rng(1).bytes(4000)), "LibsndfileError"),
    bad("a folder named .wav", instead(FILE, Path.mkdir), "a folder"),
    bad("a pipe named .wav", instead(FILE, os.mkfifo), "a pipe, a socket or a device"),
    # Where it lies
    bad("no permission to read it", closed(FILE), "PermissionError", unprivileged=True),
    refused("no permission to read its folder", closed(FOLDER), FOLDER, "PermissionError", unprivileged=True),
    bad("a link to a file outside the release", linked(FILE, "../../moved_away"), "outside"),
    bad("a link to nothing", linked(FILE, "gone.wav"), "a link to gone.wav, which does not exist"),
    bad("a link to itself", linked(FILE, Path(FILE).name), "which does not exist"),
    bad("a link to /dev/zero", linked(FILE, "/dev/zero"), "a link to /dev/zero, outside"),
    refused(
        "a task's folder is a link out of the release", linked(FOLDER), FOLDER, "a link to ../moved_away, where DVC"
    ),
    refused(
        "a link from a folder back to the release",
        link_to_above,
        "rhythmPA/all",
        "a link to .., where DVC would",
    ),
    # What it is called
    stray("a blank in the name", f"{FOLDER}/PZ001 phonationA.wav"),
    stray("a line break in the name", f"{FOLDER}/\nA.wav", rf"{FOLDER}/\nA.wav", found="a line break"),
    stray("a name that is no UTF-8", "", rf"{FOLDER}/\udcc4.wav", b"phonationA/\xc4.wav", "bytes that are not text"),
    stray("its folder in lower case", f"{FOLDER.lower()}/PZ001_phonationA.wav"),
    stray("a recording of no subject and task", f"{FOLDER}/copy of the first one.wav"),
    stray("a second recording of one subject and task", f"second/{FOLDER}/PZ001_phonationA.wav", found=AGAIN),
    Case(
        "Recordings",
        "the same name as .wav and .WAV",
        beside(f"{FOLDER}/PZ001_phonationA.WAV"),
        Refused(FILE, AGAIN),
        SetAside((FILE,), AGAIN, changed={ID: {"path": f"{FOLDER}/PZ001_phonationA.WAV", "duration_s": 0.9}}),
    ),
    Case(
        "Recordings",
        "the same samples under two subjects' names",
        lambda project: shutil.copy(at(project, FILE), at(project, OTHER)),
        Refused(FILE, f"the same samples as {OTHER}"),
        SetAside((FILE, OTHER), "the same samples as", (ID, OTHER_ID), recordings=2),
    ),
    # Sound, though unusual
    *(sound(f"WAV of {coding}", subtype=coding) for coding in CODINGS),
    sound("IMA ADPCM, which fills its last block of 505", subtype="IMA_ADPCM", duration_s=1.01),
    sound("GSM 6.10, which fills one block of 320 more", subtype="GSM610", duration_s=1.04),
    sound("WAVEFORMATEXTENSIBLE", format="WAVEX"),
    sound("big-endian RIFX", endian="BIG"),
    sound("RF64", format="RF64"),
    sound("stereo", channels=2),
    sound("6 channels", channels=6),
    sound("6 channels of 24 bit at 48 kHz", 48000, 6, subtype="PCM_24"),
    *(sound(f"{rate / 1000:g} kHz", rate) for rate in (4000, 16000, 44100, 192000)),
    as_before("stereo, one channel silent", holds(tone(channels=2) * [1, 0]), is_tone=False, channels=2),
    as_before("total length 0 in the header, the samples' length right", patch((4, "<I", 0))),
    sound("Opus named .wav", 48000, format="OGG", subtype="OPUS"),
    sound("FLAC named .wav", format="FLAC"),
    sound("MP3 named .wav", 16000, format="MP3"),
    sound("Ogg Vorbis named .wav", 16000, format="OGG"),
    sound("AIFF named .wav", format="AIFF"),
    as_before("`LIST` and `bext` first", chunks(chunk(b"LIST", b"INFOICMT") + chunk(b"bext", bytes(602)))),
    as_before("chunks of odd lengths around", chunks(chunk(b"LIST", b"abc"), chunk(b"note", b"x"))),
    as_before("an odd size without its byte of padding, and a chunk behind it", UNPADDED, duration_s=0.9999),
    as_before("a recorder's zeros behind the samples", altered(lambda whole: whole + bytes(4096))),
    sound("Ogg Vorbis without the mark of its end", 16000, format="OGG", change=without_end),
    as_before("text after the last chunk", chunks(after=b"made with an editor that signs its files")),
    as_before("size left open by a writer into a pipe (4 GB)", patch((DATA_SIZE_AT, "<I", 0xFFFFFFFF))),
    as_before("size left open by a writer into a pipe (2 GB)", patch((DATA_SIZE_AT, "<I", 0x7FFFF000))),
    as_before("upper-case .WAV", renamed(FILE, UPPER), is_tone=False, path=UPPER),
    as_before("folders with blanks and letters outside ASCII above it", renamed(FILE, DEEP), is_tone=False, path=DEEP),
    as_before("hidden files of macOS, and notes, beside it", hidden_files, is_tone=False),
    as_before("every recording is DVC's link into its cache", linked_from_the_cache, is_tone=False),
]

"""Recordings as disks, editors, converters and file systems leave them."""

import base64
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.broken_inputs import RELEASE, Case, Read, Refused, SetAside

FILE, ID = "phonationA/PZ001_phonationA.wav", "PZ001_A"
OTHER, OTHER_ID = "rhythmPA/PZ002_rhythmPA.wav", "PZ002_PA"
FOLDER = "phonationA"
TONE_HZ = 150.0
RATE_HZ = 8000
DATA_SIZE_AT = 40  # of the sound recordings: 44 bytes of header, 16,000 of samples


def at(project: Path, name: str = FILE) -> Path:
    """A file of the release; by default the recording that a case breaks."""
    return project / RELEASE / name


def tone(rate_hz: int = RATE_HZ, channels: int = 1, duration_s: float = 1.0) -> np.ndarray:
    """A sine of TONE_HZ at 0.4 of full scale in every channel, shape (n, channels)."""
    times = np.arange(round(duration_s * rate_hz)) / rate_hz
    return np.repeat(0.4 * np.sin(2 * np.pi * TONE_HZ * times)[:, np.newaxis], channels, axis=1)


# What a case does to the release.


def cut(end: int, name: str = FILE, **made: Any) -> Callable[[Path], None]:
    """Leave a recording's first bytes only. made: as for `holds`, where it is to be another kind of file first."""

    def breaking(project: Path) -> None:
        if made:
            holds(tone(), **made)(project)
        at(project, name).write_bytes(at(project, name).read_bytes()[:end])

    return breaking


def patch(offset: int, layout: str, value: int) -> Callable[[Path], None]:
    """Overwrite a field of the recording's header."""

    def breaking(project: Path) -> None:
        content = bytearray(at(project).read_bytes())
        struct.pack_into(layout, content, offset, value)
        at(project).write_bytes(content)

    return breaking


def holds(samples: np.ndarray, rate_hz: int = RATE_HZ, *, name: str = FILE, **made: Any) -> Callable[[Path], None]:
    """Write the recording anew. made: format, subtype and so on, of soundfile."""
    return lambda project: soundfile.write(at(project, name), samples, rate_hz, **{"format": "WAV"} | made)


def content(what: bytes) -> Callable[[Path], None]:
    """Write other bytes under the recording's name."""
    return lambda project: at(project).write_bytes(what)


def instead(make: Callable[[Path], Any], name: str = FILE) -> Callable[[Path], None]:
    """Take a file or folder away and make something else of its name."""

    def breaking(project: Path) -> None:
        path = at(project, name)
        shutil.move(path, project / "moved_away")
        make(path)

    return breaking


def beside(name: str | bytes) -> Callable[[Path], None]:
    """A recording that the release has too many: a tone under another name."""

    def breaking(project: Path) -> None:
        holds(tone(duration_s=0.9), name="too_many.wav")(project)
        path = os.path.join(os.fsencode(at(project, "")), os.fsencode(name))  # noqa: PTH118 - bytes are no Path
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        shutil.move(os.fsencode(at(project, "too_many.wav")), path)

    return breaking


def renamed(before: str, after: str) -> Callable[[Path], None]:
    """Another name for a file or folder of the release."""

    def breaking(project: Path) -> None:
        at(project, after).parent.mkdir(parents=True, exist_ok=True)
        at(project, before).rename(at(project, after))

    return breaking


def chunks(before: bytes = b"", after: bytes = b"") -> Callable[[Path], None]:
    """The recording with chunks of its own around the one of the samples."""

    def breaking(project: Path) -> None:
        soundfile.write(at(project), tone(), RATE_HZ)
        whole = at(project).read_bytes()
        body = whole[12:36] + before + whole[36:] + after
        at(project).write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)

    return breaking


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a RIFF file, padded to an even length."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def altered(change: Callable[[bytes], bytes], samples: np.ndarray | None = None, **made: Any) -> Callable[[Path], None]:
    """The recording with its bytes changed. made: as for `cut`."""

    def breaking(project: Path) -> None:
        holds(tone() if samples is None else samples, **made)(project)
        at(project).write_bytes(change(at(project).read_bytes()))

    return breaking


def as_text(whole: bytes) -> bytes:
    """What a transfer in text mode makes of a file."""
    return whole.replace(b"\n", b"\r\n")


def one_byte_flipped(whole: bytes) -> bytes:
    """What a failing disk leaves."""
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]


def unpadded(project: Path) -> None:
    """24 bit and an odd number of samples, and 6 kB of iXML right behind them."""
    soundfile.write(at(project), tone()[:-1], RATE_HZ, subtype="PCM_24", format="WAV")
    body = at(project).read_bytes()[12 : 44 + 3 * 7999] + chunk(b"iXML", b"<BWFXML>" + b" " * 6000)
    at(project).write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)


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


def two_fields(*fields: tuple[int, str, int]) -> Callable[[Path], None]:
    """Overwrite several fields of the header."""
    return lambda project: [patch(*field)(project) for field in fields] and None


def unreadable(name: str) -> Callable[[Path], None]:
    """Nobody but root may read a file or folder."""
    return lambda project: at(project, name).chmod(0)


def linked_from_the_cache(project: Path) -> None:
    """Every recording a link into DVC's cache, as with `dvc config cache.type symlink`."""
    for place, path in enumerate(sorted(at(project, "").rglob("*.wav"))):
        kept = project / f".dvc/cache/files/md5/{place:02x}/{'0' * 30}"
        kept.parent.mkdir(parents=True)
        shutil.move(path, kept)
        path.symlink_to(os.path.relpath(kept, path.parent))


def hidden_files(project: Path) -> None:
    """What macOS and editors leave."""
    at(project, f"{FOLDER}/._PZ001_phonationA.wav").write_bytes(b"\0\5\x16\7" * 40)
    at(project, f"{FOLDER}/.DS_Store").write_bytes(b"\0\0\0\1Bud1")
    at(project, "__MACOSX").mkdir()
    at(project, "__MACOSX/._PZ001_phonationA.wav").write_bytes(b"\0\5\x16\7" * 40)
    at(project, f"{FOLDER}/notes.txt").write_text("take 2 was better")


def two_hours(project: Path) -> None:
    """Two hours of 8 bit at 4 kHz; the disk holds next to nothing of it."""
    soundfile.write(at(project), tone(4000), 4000, subtype="PCM_U8", format="WAV")
    for offset, size in ((4, 2 * 3600 * 4000 + 36), (DATA_SIZE_AT, 2 * 3600 * 4000)):
        patch(offset, "<I", size)(project)
    os.truncate(at(project), 44 + 2 * 3600 * 4000)


def flac_of_unknown_length(project: Path) -> None:
    """FLAC from a pipe: the number of samples, the last 36 bits before the MD5 in STREAMINFO, is 0."""
    holds(tone(), format="FLAC")(project)
    flac = bytearray(at(project).read_bytes())
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)
    at(project).write_bytes(flac)


# What is expected.


def bad(what: str, break_it: Callable[[Path], None], found: str, **more: Any) -> Case:
    """A case whose one recording is bad: refused, or set aside alone."""
    return Case("Recordings", what, break_it, Refused(FILE, found), SetAside((FILE,), found, (ID,)), **more)


def stray(what: str, name: str, shown: str = "", written: str | bytes = b"", found: str = "") -> Case:
    """A case of one recording too many, which is named and left out; all others are kept."""
    told = Refused(shown or name, found or shown or name)
    return Case("Recordings", what, beside(written or name), told, SetAside((shown or name,), told.found))


def sound(
    what: str,
    rate_hz: int = RATE_HZ,
    channels: int = 1,
    *,
    duration_s: float = 1.0,
    change: Callable[[bytes], bytes] = bytes,
    **made: Any,
) -> Case:
    """A case whose one recording is another kind of file, and a sound one. change: of its bytes."""

    def breaking(project: Path) -> None:
        holds(tone(rate_hz, channels), rate_hz, **made)(project)
        at(project).write_bytes(change(at(project).read_bytes()))

    cells = {"sample_rate_hz": rate_hz, "channels": channels, "duration_s": duration_s}
    told = Read({ID: cells}, tone_hz={ID: TONE_HZ})
    return Case("Recordings", what, breaking, told, told)


def as_before(what: str, break_it: Callable[[Path], None], *, heard: bool = False, **cells: Any) -> Case:
    """A case whose release reads as the sound one does. heard: whether the recording is the tone. cells: of its row."""
    told = Read({ID: cells}, tone_hz={ID: TONE_HZ} if heard else {})
    return Case("Recordings", what, break_it, told, told)


def refused(what: str, break_it: Callable[[Path], None], where: str, found: str, **more: Any) -> Case:
    """A case that neither mode lets pass."""
    return Case("Recordings", what, break_it, Refused(where, found), Refused(where, found), **more)


HOLED = tone().astype(np.float32)
HOLED[17] = np.nan
BURST = tone().astype(np.float32)
BURST[17] = np.inf

LONG = tone(duration_s=20.0) + 0.01 * np.random.default_rng(4).standard_normal((20 * RATE_HZ, 1))
LOUD = np.clip(20 * tone(), -1, 32767 / 32768)
HALF = tone(channels=2) * [1, 0]
CANCELLING = tone(channels=2) * [1, -1]
WHISPER = 1e-6 * tone()
BROKEN = tone().astype(np.float32)
BROKEN[17] = 1e30
KNOCK = 1e-3 * np.random.default_rng(4).standard_normal((24000, 1))
KNOCK[8000:8008] += 0.8
MUTE = np.random.default_rng(2).integers(-1, 2, (8000, 1))
UPSIDE_DOWN = tone(channels=2) * [1, -1] + 1e-3 * np.random.default_rng(3).standard_normal((8000, 2))
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 16044\n"
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"
AGAIN = "a second one, beside"

CASES: list[Case] = [
    # Cut off
    bad("0 bytes", cut(0), "an empty file of 0 bytes"),
    bad("header cut off after 12 bytes", cut(12), "LibsndfileError"),
    bad("header cut off after 30 bytes, inside `fmt `", cut(30), "LibsndfileError"),
    bad("all samples cut off, the header whole", cut(44), "truncated: 0 bytes"),
    bad("samples cut off in the middle", cut(12044), "truncated: 12000 bytes"),
    bad("the last byte cut off", cut(16043), "truncated: 15999 bytes"),
    bad("RF64 cut off", cut(12000, format="RF64"), "truncated: "),
    bad("FLAC named .wav, cut off", cut(3000, format="FLAC"), "LibsndfileError"),
    bad("MP3 named .wav, cut off", cut(2000, format="MP3"), "truncated: 6959 frames"),
    bad("Ogg Vorbis named .wav, cut off", cut(-50, format="OGG"), "whole up to byte 2662 of "),
    bad("AIFF named .wav, cut off", cut(12000, format="AIFF"), "truncated: "),
    bad("AU named .wav", holds(tone(), format="AU"), "which does not say whether it is whole"),
    bad("Wave64 named .wav", holds(tone(), format="W64"), "which does not say whether it is whole"),
    bad("CAF named .wav", holds(tone(), format="CAF"), "which does not say whether it is whole"),
    # Damaged
    bad(
        "moved as text: every line feed has a carriage return",
        altered(as_text, LONG),
        "behind them that no header mentions",
    ),
    bad("two recordings one after the other in one file", altered(lambda whole: 2 * whole), "LibsndfileError"),
    bad("samples before `fmt `", altered(lambda whole: whole[:12] + whole[36:] + whole[12:36]), "LibsndfileError"),
    bad("no chunk of samples", altered(lambda whole: whole[:36]), "No 'data' chunk"),
    bad("FLAC named .wav, one byte of it another", altered(one_byte_flipped, format="FLAC"), "LibsndfileError"),
    bad("Ogg Vorbis named .wav, one byte of it another", altered(one_byte_flipped, format="OGG"), "whole up to byte"),
    bad(
        "Ogg Vorbis named .wav, two one after the other", altered(lambda whole: 2 * whole, format="OGG"), "a second one"
    ),
    # No voice in it
    bad("zero frames", holds(tone()[:0]), "none, in 44 bytes"),
    bad("all zeros", holds(0 * tone()), "only zeros"),
    bad("one value throughout", holds(0 * tone() + 0.25), "only values from 0.25 to 0.25"),
    bad("two channels that cancel each other", holds(CANCELLING), "in the mean of its 2 channels"),
    bad("one channel is the other upside down, and both have noise", holds(UPSIDE_DOWN), "they cancel each other"),
    bad("the last bit's noise: nothing was plugged in", holds(MUTE / 2**15), "only values from -3.052e-05 to"),
    bad("three seconds of an empty room with one knock", holds(KNOCK), "0.093 s of 3.000 s"),
    bad("24 bit, and nothing above the last 8 of them", holds(WHISPER, subtype="PCM_24"), "only values from"),
    bad("float with a NaN", holds(HOLED, subtype="FLOAT"), "NaN or infinite samples"),
    bad("float with an infinity", holds(BURST, subtype="DOUBLE"), "NaN or infinite samples"),
    bad("float with one sample of 1e30", holds(BROKEN, subtype="FLOAT"), "one of 1e+30 times full scale"),
    bad("clipped throughout", holds(LOUD), f"clipped: {100 * np.mean(np.abs(20 * tone()) >= 1):.0f} %"),
    bad("float on the scale of 16-bit integers", holds(32768 * tone(), subtype="FLOAT"), "clipped: "),
    bad("0.1 s long", holds(tone(duration_s=0.1)), "0.1000 s"),
    bad("two hours long", two_hours, "7200 s"),
    # A header that says what is not so
    bad("header announces 2 GB", patch(DATA_SIZE_AT, "<I", 2_000_000_000), "truncated: 16000 bytes"),
    bad("size 0, as a recorder leaves it that lost its power", patch(DATA_SIZE_AT, "<I", 0), "16000 bytes behind"),
    bad(
        "header last written in the middle of the recording",
        two_fields((4, "<I", 8036), (DATA_SIZE_AT, "<I", 8000)),
        "8000 bytes behind them that no header mentions",
    ),
    bad("header says half the samples", patch(DATA_SIZE_AT, "<I", 8000), "8000 bytes behind them"),
    bad("FLAC from a pipe, of unknown length, named .wav", flac_of_unknown_length, "it was written into a pipe"),
    bad("header says 0 Hz", patch(24, "<I", 0), "SF_INFO struct incomplete"),
    bad("header says 1 Hz", patch(24, "<I", 1), "1 Hz"),
    bad("header says 2,147,483,647 Hz", patch(24, "<I", 2**31 - 1), "2147483647 Hz"),
    bad("header says 0 channels", patch(22, "<H", 0), "LibsndfileError"),
    bad("header says 65,535 channels", patch(22, "<H", 65535), "LibsndfileError"),
    bad("header says 0 bits", patch(34, "<H", 0), "LibsndfileError"),
    bad("header names a codec that there is none of", patch(20, "<H", 0x7777), "LibsndfileError"),
    # Something else by the name
    bad("text named .wav", content(b"Recorded on Tuesday, second take.\n" * 20), "begins with b'Recorded on Tuesday"),
    bad("a web page named .wav: a download that needed a login", content(HTML), "begins with b'<!DOCTYPE html>"),
    bad("a Git LFS pointer named .wav", content(LFS), "begins with b'version https://git-lfs"),
    bad("a ZIP named .wav", content(b"PK\3\4" + bytes(400)), "begins with b'PK"),
    bad("gzip named .wav", content(b"\x1f\x8b\x08" + bytes(400)), r"begins with b'\x1f\x8b"),
    bad("Base64 named .wav", altered(base64.b64encode), "begins with b'UklGR"),
    bad("noise named .wav", content(np.random.default_rng(1).bytes(4000)), "LibsndfileError"),
    bad("a folder named .wav", instead(Path.mkdir), "a folder"),
    bad("a pipe named .wav", instead(os.mkfifo), "a pipe, a socket or a device"),
    # Where it lies
    bad("no permission to read it", unreadable(FILE), "PermissionError", unprivileged=True),
    refused("no permission to read its folder", unreadable(FOLDER), FOLDER, "PermissionError", unprivileged=True),
    bad("a link to a file outside the release", instead(lambda path: path.symlink_to("../../moved_away")), "out of"),
    bad("a link to nothing", instead(lambda path: path.symlink_to("gone.wav")), "a link to gone.wav, where nothing is"),
    bad("a link to itself", instead(lambda path: path.symlink_to(path.name)), "where nothing is"),
    bad("a link to /dev/zero", instead(lambda path: path.symlink_to("/dev/zero")), "a link to /dev/zero, out of"),
    refused(
        "a task's folder is a link to a folder outside the release",
        instead(lambda path: path.symlink_to("../moved_away"), FOLDER),
        FOLDER,
        "a link to ../moved_away, behind which DVC would see no change",
    ),
    refused(
        "a link from a folder back to the release",
        lambda project: at(project, "rhythmPA/all").symlink_to(".."),
        "rhythmPA/all",
        "a link to .., behind which DVC would see no change",
    ),
    # What it is called
    stray("a blank in the name", f"{FOLDER}/PZ001 phonationA.wav"),
    stray("a letter outside ASCII in the name", f"{FOLDER}/PZ001_phonationÄ.wav"),
    stray(
        "a line break in the name",
        f"{FOLDER}/PZ001_\nphonationA.wav",
        rf"{FOLDER}/PZ001_\nphonationA.wav",
        found="a line break",
    ),
    stray(
        "a name that is no UTF-8",
        "",
        rf"{FOLDER}/PZ001_phonation\udcc4.wav",
        f"{FOLDER}/PZ001_phonation".encode() + b"\xc4.wav",
        "bytes that are no text",
    ),
    stray(
        "a terminal's escape sequence in the name", f"{FOLDER}/\x1b[2J.wav", rf"{FOLDER}/\x1b[2J.wav", found="a line"
    ),
    stray("a name that says another task than its folder", f"{FOLDER}/PZ001_phonationE.wav"),
    stray("digits that are none of ours in the name", f"{FOLDER}/PZ٠٠١_phonationA.wav"),
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
        lambda project: shutil.copy(at(project), at(project, OTHER)),
        Refused(FILE, f"the same samples as {OTHER}"),
        SetAside((FILE, OTHER), "the same samples as", (ID, OTHER_ID), recordings=2),
    ),
    # Sound, though unusual
    sound("8-bit PCM", subtype="PCM_U8"),
    sound("16-bit PCM", subtype="PCM_16"),
    sound("24-bit PCM", subtype="PCM_24"),
    sound("32-bit PCM", subtype="PCM_32"),
    sound("32-bit float", subtype="FLOAT"),
    sound("64-bit float", subtype="DOUBLE"),
    sound("µ-law", subtype="ULAW"),
    sound("A-law", subtype="ALAW"),
    sound("IMA ADPCM, which fills its last block of 505", subtype="IMA_ADPCM", duration_s=1.01),
    sound("Microsoft ADPCM", subtype="MS_ADPCM"),
    sound("GSM 6.10, which fills one block of 320 more", subtype="GSM610", duration_s=1.04),
    sound("WAVEFORMATEXTENSIBLE", format="WAVEX"),
    sound("big-endian RIFX", endian="BIG"),
    sound("RF64", format="RF64"),
    sound("stereo", channels=2),
    sound("6 channels", channels=6),
    sound("6 channels of 24 bit at 48 kHz", 48000, 6, subtype="PCM_24"),
    *(sound(f"{rate / 1000:g} kHz", rate) for rate in (4000, 11025, 16000, 22050, 44100, 48000, 96000, 192000)),
    as_before("stereo, one channel silent", holds(HALF), channels=2),
    as_before("total length 0 in the header, the samples' length right", patch(4, "<I", 0)),
    sound("Opus named .wav", 48000, format="OGG", subtype="OPUS"),
    sound("FLAC named .wav", format="FLAC"),
    sound("MP3 named .wav", 16000, format="MP3"),
    sound("Ogg Vorbis named .wav", 16000, format="OGG"),
    sound("AIFF named .wav", format="AIFF"),
    as_before(
        "`LIST` and `bext` before the samples",
        chunks(chunk(b"LIST", b"INFOICMT") + chunk(b"bext", bytes(602))),
        heard=True,
    ),
    as_before(
        "chunks of odd lengths around the samples", chunks(chunk(b"LIST", b"abc"), chunk(b"note", b"x")), heard=True
    ),
    as_before(
        "an odd size without its byte of padding, and a chunk behind it", unpadded, heard=True, duration_s=0.9999
    ),
    as_before("a recorder's zeros behind the samples", altered(lambda whole: whole + bytes(4096)), heard=True),
    sound("Ogg Vorbis without the mark of its end", 16000, format="OGG", change=without_end),
    sound("Opus without the mark of its end", 48000, format="OGG", subtype="OPUS", change=without_end),
    as_before("text after the last chunk", chunks(after=b"made with an editor that signs its files"), heard=True),
    as_before("size left open by a writer into a pipe (4 GB)", patch(DATA_SIZE_AT, "<I", 0xFFFFFFFF)),
    as_before("size left open by a writer into a pipe (2 GB)", patch(DATA_SIZE_AT, "<I", 0x7FFFF000)),
    as_before(
        "upper-case .WAV",
        renamed(FILE, FILE.replace(".wav", ".WAV")),
        path=FILE.replace(".wav", ".WAV"),
    ),
    as_before(
        "folders with blanks and letters outside ASCII above it",
        renamed(FILE, f"Stimmen für Ärzte/teil 2/{FILE}"),
        path=f"Stimmen für Ärzte/teil 2/{FILE}",
    ),
    as_before("hidden files of macOS, and notes, beside it", hidden_files),
    as_before("every recording is DVC's link into its cache", linked_from_the_cache),
]

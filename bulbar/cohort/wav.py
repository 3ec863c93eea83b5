"""What one recording is, read off its header and its samples, and everything wrong with it."""

import hashlib
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from bulbar.cohort import mp3
from bulbar.errors import Problem

RATES_HZ = (1000, 768_000)
"""Slowest and fastest sampling rate of a voice: beyond them a header is broken, and cleaning would swell or starve."""

LONGEST_S = 3600.0
"""A longer file is no recording of one task. Cleaning holds a recording in memory as a whole."""

CLIPPED_SHARE = 0.1
"""From this share of its samples at full scale on, a recording is clipped throughout. Of a sound one hardly any are."""

_BLOCK_SAMPLES = 1 << 18
_OPEN_SIZE = 0x7FFFF000  # writers into a pipe announce this much or more, up to 2**32 - 1: the size was left open
_DS64_BYTES = 28
_MOST_HEADER = 4096  # bytes that a file without samples may well have
_SAMPLES_CHUNK = {(form, b"WAVE"): b"data" for form in (b"RIFF", b"RF64", b"RIFX")} | {
    (b"FORM", kind): b"SSND" for kind in (b"AIFF", b"AIFC")
}
_FEW_LINE_FEEDS = 8
_OGG_PAGE, _OGG_LAST = b"OggS", 4
_MOST_OGG_PAGE = 27 + 255 + 255 * 255  # bytes
_STEP = 2.0**-15  # of 16 bit
_FULL_SCALE = {"PCM_U8": 127 / 128, "PCM_S8": 127 / 128}  # else that of 16 bit
_RECORD_AGAIN = "fetch the file again, or take it out of the release"
_CONVERT = "convert the recording to WAV again, or take it out of the release"
_CONTAINERS = ("WAV", "WAVEX", "RF64", "FLAC", "MP3", "OGG", "AIFF")  # as libsndfile calls those that say their length
_UNKNOWN_FRAMES = 1 << 62
_LET_READ = "allow yourself to read it (chmod u+r), or take it out of the release"
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """One recording as found. Where it cannot be read, the rate, channels and duration are 0 and the digest is empty.

    sha256: of the file. samples_digest: of the decoded samples, so that copies in other containers agree.
    problems: all that is wrong with it.
    """

    sample_rate_hz: int
    channels: int
    duration_s: float
    sha256: str
    samples_digest: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Samples:
    """What reading through told: frames, digest, lowest and highest of the channels' mean, full-scale share, finite."""

    frames: int
    digest: str
    lowest: float
    highest: float
    clipped_share: float
    finite: bool


def inspect(path: str, root: Path, *, min_duration_s: float) -> Inspection:
    """Read one recording through, block by block, and say what it is and what is wrong with it.

    path: relative to `root`, and how the recording is called in problems.
    min_duration_s: a shorter recording is a bad one, seconds.
    """
    problems: list[Problem] = []

    def wrong(expected: str, found: str, remedy: str = _RECORD_AGAIN) -> None:
        problems.append(Problem(path, expected, found, remedy))

    def unread(sha256: str = "") -> Inspection:
        return Inspection(0, 0, 0.0, sha256, "", tuple(problems))

    file = root / path
    try:
        of = file.stat()
        if not stat.S_ISREG(of.st_mode):  # a pipe would be waited for without end, a device read without end
            wrong("a file", _KINDS.get(stat.S_IFMT(of.st_mode), "no file"), "put the recording itself there")
            return unread()
        with file.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        if of.st_size == 0:
            wrong("a recording", "an empty file of 0 bytes")
            return unread(sha256)
        with soundfile.SoundFile(file) as recording:
            rate, channels, announced = recording.samplerate, recording.channels, recording.frames
            if recording.format not in _CONTAINERS:
                wrong(
                    "WAV, FLAC, MP3, Ogg or AIFF",
                    f"{recording.format_info}, which does not tell whether it is whole",
                    _CONVERT,
                )
                return unread(sha256)
            if announced >= _UNKNOWN_FRAMES:
                wrong("a header that says how long the recording is", "none: its writer wrote into a pipe", _CONVERT)
                return unread(sha256)
            if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
                expected = f"a sampling rate from {RATES_HZ[0]} to {RATES_HZ[1]} Hz"
                wrong(expected, f"{rate} Hz", "convert the recording again, or take it out of the release")
                return unread(sha256)
            if announced / rate > LONGEST_S:
                found = f"{announced / rate:.0f} s"
                wrong(
                    f"a recording of at most {LONGEST_S:g} s", found, "cut out the task, or take it out of the release"
                )
                return unread(sha256)
            walked = mp3.walk(file) if recording.subtype == "MPEG_LAYER_III" else mp3.Frames(0, 0)
            heard = _read_through(recording)
    except (soundfile.SoundFileError, OSError) as error:
        remedy = _LET_READ if isinstance(error, PermissionError) else _RECORD_AGAIN
        wrong("a readable recording", _unreadable(file, error), remedy)
        return unread()

    sizes = data_chunk_sizes(file)
    frames = heard.frames
    if sizes is not None and sizes[1] < sizes[0]:
        wrong(f"{sizes[0]} bytes of samples, as the header says", f"truncated: {sizes[1]} bytes of samples")
    elif frames < announced:
        wrong(f"{announced} frames, as the header says", f"truncated: {frames} frames")
    elif was_moved_as_text(file):
        found = "a carriage return before every line feed: it was moved as text, and its samples are noise"
        wrong("the bytes that were recorded", found, "fetch the file again, in binary mode")
    elif not ogg_is_whole(file):
        wrong("a last page of Ogg", "truncated: there is none")
    elif walked.bytes_lacking:
        wrong("a whole last frame of MP3", f"truncated: it lacks {walked.bytes_lacking} bytes")
    elif frames + mp3.MOST_PADDING < walked.samples:
        found = f"{frames} of {walked.samples} samples are read"
        wrong("an MP3 of one bitrate, or with a header that says its length", found, "encode it again, or take it out")
    if frames == 0 and not problems:
        found = (
            "a header and no samples" if of.st_size < _MOST_HEADER else f"a header that says 0, in {of.st_size} bytes"
        )
        wrong("a recording with samples", found)
    elif frames:
        if not heard.finite:
            wrong("finite samples", "NaN or infinite samples")
        elif heard.clipped_share >= CLIPPED_SHARE:
            found = f"clipped: {100 * heard.clipped_share:.0f} % of its samples are at full scale, or beyond"
            expected = f"less than {100 * CLIPPED_SHARE:.0f} % of the samples at full scale"
            wrong(expected, found, "record or convert it again at a lower level, or take it out of the release")
        elif heard.highest - heard.lowest < _STEP:
            wrong("a recording of a voice", _silence(heard, channels))
        if frames / rate < min_duration_s:
            expected = f"at least {min_duration_s:g} s (audio.min_duration_s)"
            wrong(expected, f"{frames / rate:.4f} s", "take it out of the release, or lower audio.min_duration_s")
    return Inspection(rate, channels, frames / rate, sha256, heard.digest, tuple(problems))


def _silence(heard: _Samples, channels: int) -> str:
    """What is to be heard where nothing is."""
    found = "only zeros" if heard.lowest == heard.highest == 0 else f"only the value {heard.highest:.4g}"
    return f"{found}, in the mean of its {channels} channels" if channels > 1 else found


def _unreadable(file: Path, error: Exception) -> str:
    """Why a file is none that can be read, without its root, which is another elsewhere."""
    if isinstance(error, OSError):
        return f"{type(error).__name__}: {error.strerror}"
    with file.open("rb") as opened:
        beginning = opened.read(36)
    said = f"{type(error).__name__}: {str(getattr(error, 'error_string', error)).rstrip('.')}"
    if len(beginning) == 36 and beginning[:4] == b"RIFF" and beginning[8:16] == b"WAVEfmt ":
        codec, channels, rate, _, _, bits = struct.unpack("<HHIIHH", beginning[20:])
        return f"{said}. Its header says: codec {codec:#06x}, {channels} channel(s), {rate} Hz, {bits} bit"
    return f"{said}. It begins with {beginning[:24]!r}" if "not recognised" in said else said


def _read_through(recording: soundfile.SoundFile) -> _Samples:
    digest = hashlib.sha256()
    full_scale = _FULL_SCALE.get(recording.subtype, 1 - _STEP)
    frames, clipped, finite, lowest, highest = 0, 0, True, np.inf, -np.inf
    at_once = max(_BLOCK_SAMPLES // recording.channels, 1)
    while len(block := recording.read(at_once, dtype="float32", always_2d=True)):
        frames += len(block)
        finite = finite and bool(np.isfinite(block).all())
        clipped += int(np.count_nonzero(np.abs(block) >= full_scale))
        if finite:
            mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)
            lowest, highest = min(lowest, float(mono.min())), max(highest, float(mono.max()))
        digest.update(block.astype("<f4", copy=False).tobytes())
        if frames > LONGEST_S * recording.samplerate:  # the header did not say how many are to come
            break
    share = clipped / max(frames * recording.channels, 1)
    return _Samples(frames, digest.hexdigest(), lowest, highest, share, finite)


def ogg_is_whole(path: Path) -> bool:
    """Whether the last page is marked as the last, and is all there. True where the file is no Ogg.

    A truncated Ogg is read short without an error. Source: RFC 3533, section 6.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != _OGG_PAGE:
            return True
        file.seek(max(size - _MOST_OGG_PAGE, 0))
        tail = file.read()
    page = tail[max(tail.rfind(_OGG_PAGE), 0) :]
    if len(page) < 27 or not page[5] & _OGG_LAST:
        return False
    segments = page[27 : 27 + page[26]]
    return len(segments) == page[26] and len(page) >= 27 + len(segments) + sum(segments)


def was_moved_as_text(path: Path) -> bool:
    """Whether a WAV is longer than it says, and no line feed in it is without a carriage return.

    That is what a transfer in text mode leaves of it. One byte in 256 of a recording is a line feed, so that this many
    with a carriage return before each are no chance.
    """
    with path.open("rb") as file:
        form, length = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
        if form != b"RIFF" or path.stat().st_size <= length + 8:
            return False
        content = file.read()
    return content.count(b"\n") == content.count(b"\r\n") >= _FEW_LINE_FEEDS


def data_chunk_sizes(path: Path) -> tuple[int, int] | None:
    """Bytes of samples that the header of a WAV or an AIFF announces, and bytes that are there.

    A truncated one is read short without an error, so the two are compared.
    None where the file is neither (FLAC or MP3 may bear its name), or where its writer left the size open.
    Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0, 1991; RF64: EBU Tech 3306;
    Apple, Audio Interchange File Format 1.3, 1989.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        form, _, kind = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
        if (form, kind) not in _SAMPLES_CHUNK:
            return None
        samples_chunk = _SAMPLES_CHUNK[form, kind]
        order = ">" if form in (b"RIFX", b"FORM") else "<"
        long_size = None
        while len(header := file.read(8)) == 8:
            name, length = struct.unpack(f"{order}4sI", header)
            if name == b"ds64":
                body = file.read(_DS64_BYTES)
                file.seek(length + length % 2 - len(body), 1)
                long_size = struct.unpack("<Q", body[8:16])[0] if len(body) >= 16 else None
            elif name == samples_chunk:
                announced = long_size if form == b"RF64" else length
                if announced is None or (form != b"RF64" and announced >= _OPEN_SIZE):
                    return None
                return announced, min(announced, size - file.tell())
            else:
                file.seek(length + length % 2, 1)
    return None

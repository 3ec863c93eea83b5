"""What one recording is, read off its header and its samples, and everything wrong with it.

An MP3 encoder's own header (Xing's, Info) announces how many frames there are. Without it, as where an encoder wrote
into a pipe, libsndfile takes the first frames' bitrate for all of them, and stops where that guess ends. Decoders pass
over a cut frame. So the frames are counted here.
"""

import hashlib
import re
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from bulbar.core.errors import Problem

RATES_HZ = (1000, 768_000)
"""Slowest and fastest sampling rate of a voice: beyond them a header is broken, and cleaning would swell or starve."""

LONGEST_S = 3600.0
"""A longer file is no recording of one task. Cleaning holds a recording in memory as a whole."""

CLIPPED_SHARE = 0.1
"""From this share of its samples at full scale on, a recording is clipped throughout. Of a sound one hardly any are."""

LOUDEST = 2.0
"""Decoding MP3 lifts a peak somewhat over full scale, 1; what is higher was never scaled to it: it would be cut off."""

LEAST_STEPS = 4
"""Steps of 16 bit (of 8, where a recording has so many) between its lowest and highest sample, at least: the noise of a
converter that nothing is plugged into moves by two."""

CANCELLED = 0.01
"""Of the power that the mean of unrelated channels has, what is left where one is the other upside down (-20 dB)."""

_BLOCK_SAMPLES = 1 << 18
_OPEN_SIZE = 0x7FFFF000  # writers into a pipe announce this much or more, up to 2**32 - 1: the size was left open
_DS64_BYTES = 28
_MOST_HEADER = 4096  # bytes that a file without samples may well have
_SAMPLES_CHUNK = {(form, b"WAVE"): b"data" for form in (b"RIFF", b"RF64", b"RIFX")} | {
    (b"FORM", kind): b"SSND" for kind in (b"AIFF", b"AIFC")
}
_FEW_LINE_FEEDS = 8
_OGG_PAGE, _OGG_LAST = b"OggS", 4
_STREAMS = (re.compile(rb"fLaC[\x00\x80]\x00\x00\x22", re.DOTALL), re.compile(rb"OggS\x00\x02"))
_MOST_BEGINNING = 8  # bytes of them
_ALIGNED = {0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE}  # codecs that have every sample in bytes of its own
_MOST_OGG_PAGE = 27 + 255 + 255 * 255  # bytes
_STEP = 2.0**-15  # of 16 bit
_STEP_OF = {"PCM_U8": 2.0**-7, "PCM_S8": 2.0**-7}  # else that of 16 bit
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
_KBITS = {  # of layer III by version, ISO 11172-3 and 13818-3; index 0 is "free", 15 is forbidden
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits
_ZEROS = re.compile(rb"\0*")
MOST_PADDING = 4 * 1152  # samples: an encoder's header, its delay and its filling are no sound


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
    """What reading through told: frames, digest, lowest and highest of the channels' mean, full-scale share, finite.

    loudest: of all samples, without sign. left: what the mean of the channels has left of the power that it would have
    were they unrelated; 1 of a mono recording. before_gap: frames before the decoder first stops, and then goes on; 0
    where it does not.
    """

    frames: int
    digest: str
    lowest: float
    highest: float
    loudest: float
    left: float
    clipped_share: float
    finite: bool
    before_gap: int


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
            least = LEAST_STEPS * _STEP_OF.get(recording.subtype, _STEP)
            walked = mp3_frames(file) if recording.subtype == "MPEG_LAYER_III" else Frames(0, 0)
            heard = _read_through(recording)
    except (soundfile.SoundFileError, OSError) as error:
        remedy = _LET_READ if isinstance(error, PermissionError) else _RECORD_AGAIN
        wrong("a readable recording", _unreadable(file, error), remedy)
        return unread()

    sizes = data_chunk_sizes(file)
    frames = heard.frames
    if sizes is not None and sizes[1] < sizes[0]:
        wrong(f"{sizes[0]} bytes of samples, as the header says", f"truncated: {sizes[1]} bytes of samples")
    elif (align := block_align(file)) is not None and align[0] != align[1]:
        wrong(f"a header whose blocks are of {align[1]} bytes, as its channels and bits say", f"blocks of {align[0]}")
    elif heard.before_gap:
        found = f"damage at {heard.before_gap / rate:.2f} s: a reader that takes all at once goes no further"
        wrong("frames that are decoded one after the other", found)
    elif frames < announced:
        wrong(f"{announced} frames, as the header says", f"truncated: {frames} frames")
    elif was_moved_as_text(file):
        found = "a carriage return before every line feed: it was moved as text, and its samples are noise"
        wrong("the bytes that were recorded", found, "fetch the file again, in binary mode")
    elif frames and (more := bytes_beyond(file)) > _MOST_HEADER:
        found = f"{more} bytes behind them that no header speaks of"
        wrong("all samples that there are, as the header says", found)
    elif (second := second_recording(file)) is not None:
        wrong("one recording", f"a second one behind it, from byte {second} on", "cut them apart, or fetch it again")
    elif not ogg_is_whole(file):
        wrong("a last page of Ogg", "truncated: there is none")
    elif walked.bytes_lacking:
        wrong("a whole last frame of MP3", f"truncated: it lacks {walked.bytes_lacking} bytes")
    elif frames + MOST_PADDING < walked.samples:
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
        elif heard.loudest > LOUDEST:
            found = f"a sample of {heard.loudest:.4g} times full scale"
            remedy = "divide the samples by what full scale is there, such as 32768, or take it out of the release"
            wrong(f"samples up to full scale, {LOUDEST:g} times it at most", found, remedy)
        elif heard.highest - heard.lowest < least:
            wrong("a recording of a voice", _silence(heard, channels))
        elif heard.left < CANCELLED:
            found = f"they cancel each other: {100 * heard.left:.2g} % of the power is left in their mean"
            wrong(f"{channels} channels of one voice", found, "turn one of them over, or keep one of them alone")
        if frames / rate < min_duration_s:
            expected = f"at least {min_duration_s:g} s (audio.min_duration_s)"
            wrong(expected, f"{frames / rate:.4f} s", "take it out of the release, or lower audio.min_duration_s")
    return Inspection(rate, channels, frames / rate, sha256, heard.digest, tuple(problems))


def _silence(heard: _Samples, channels: int) -> str:
    """What is to be heard where nothing is."""
    if heard.highest - heard.lowest >= _STEP:
        found = f"only values from {heard.lowest:.4g} to {heard.highest:.4g}, the noise of a converter"
    else:
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
    frames, clipped, finite, lowest, highest, loudest, before_gap = 0, 0, True, np.inf, -np.inf, 0.0, 0
    sums = np.zeros((2, recording.channels + 1))  # of samples and of their squares, of each channel and of their mean
    at_once = max(_BLOCK_SAMPLES // recording.channels, 1)
    while len(block := recording.read(at_once, dtype="float32", always_2d=True)):
        before_gap = before_gap or frames * (frames % at_once > 0)
        frames += len(block)
        finite = finite and bool(np.isfinite(block).all())
        sizes = np.abs(block)
        clipped += int(np.count_nonzero(sizes >= full_scale))
        if finite:
            mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)
            loudest = max(loudest, float(sizes.max()))
            if block.shape[1] > 1:
                each = np.column_stack([block, mono]).astype(np.float64)
                sums += each.sum(axis=0), np.square(each).sum(axis=0)
            lowest, highest = min(lowest, float(mono.min())), max(highest, float(mono.max()))
        digest.update(block.astype("<f4", copy=False).tobytes())
        if frames > LONGEST_S * recording.samplerate:  # the header did not say how many are to come
            break
    share = clipped / max(frames * recording.channels, 1)
    left = _left(sums, frames)
    return _Samples(frames, digest.hexdigest(), lowest, highest, loudest, left, share, finite, before_gap)


def _left(sums: np.ndarray, frames: int) -> float:
    """`_Samples.left`, of the sums of the samples and of their squares: (2, channels + 1), the mean of them last."""
    *channels, mean = sums[1] / max(frames, 1) - np.square(sums[0] / max(frames, 1))  # without what is constant
    unrelated = sum(channels) / len(channels) ** 2
    return mean / unrelated if unrelated > 0 else 1.0


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


def second_recording(path: Path) -> int | None:
    """Where a second FLAC or Ogg begins in one: a decoder stops before it. None where there is none.

    Source: RFC 9639, sections 6 and 8; RFC 3533, section 6.
    """
    with path.open("rb") as file:
        first = file.read(_MOST_BEGINNING)
        beginning = next((one for one in _STREAMS if one.match(first)), None)
        if beginning is None:
            return None
        file.seek(0)
        content = file.read()
    found = beginning.search(content, _MOST_BEGINNING)
    return found.start() if found else None


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


def block_align(path: Path) -> tuple[int, int] | None:
    """Bytes of a frame that the header of a WAV says, and those that its channels and bits come to.

    A decoder goes by one of them; where they differ, it hears another voice. None where the file is no WAV, or of a
    codec that packs samples together.
    """
    described = next((chunk for chunk in _chunks(path) if chunk.name == b"fmt "), None)
    if described is None:
        return None
    with path.open("rb") as file:
        file.seek(described.at)
        codec, channels, _, _, align, bits = struct.unpack(f"{described.order}HHIIHH", file.read(16).ljust(16, b"\0"))
    return (align, channels * ((bits + 7) // 8)) if codec in _ALIGNED else None


def data_chunk_sizes(path: Path) -> tuple[int, int] | None:
    """Bytes of samples that the header of a WAV or an AIFF announces, and bytes that are there.

    A truncated one is read short without an error, so the two are compared.
    None where the file is neither (FLAC or MP3 may bear its name), or where its writer left the size open.
    """
    samples = next((chunk for chunk in _chunks(path) if chunk.name in _SAMPLES_CHUNK.values()), None)
    if samples is None or samples.length is None:
        return None
    return samples.length, min(samples.length, path.stat().st_size - samples.at)


def bytes_beyond(path: Path) -> int:
    """Bytes behind the samples of a WAV or an AIFF that are in no chunk: recorded after the header was written, or a
    second recording. 0 where the file is neither, or where its writer left the size open."""
    size = path.stat().st_size
    chunks = list(_chunks(path))
    at = next((place for place, chunk in enumerate(chunks) if chunk.name in _SAMPLES_CHUNK.values()), None)
    if at is None or chunks[at].length is None:
        return 0
    end = chunks[at].at
    for chunk in chunks[at:]:
        if chunk.length is None or chunk.at + chunk.length > size or not chunk.name.isascii():
            break
        end = chunk.at + chunk.length
    return size - end


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A part of a WAV or an AIFF: name, where its content begins, bytes of it (None: left open), order of bytes."""

    name: bytes
    at: int
    length: int | None
    order: str


def _chunks(path: Path) -> Iterator[_Chunk]:
    """The chunks of a WAV or an AIFF, as their headers say; none of another file.

    Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0, 1991; RF64: EBU Tech 3306;
    Apple, Audio Interchange File Format 1.3, 1989.
    """
    with path.open("rb") as file:
        form, _, kind = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
        if (form, kind) not in _SAMPLES_CHUNK:
            return
        order = ">" if form in (b"RIFX", b"FORM") else "<"
        long_size = None
        while len(header := file.read(8)) == 8:
            name, length = struct.unpack(f"{order}4sI", header)
            at = file.tell()
            if name == _SAMPLES_CHUNK[form, kind]:
                length = long_size if form == b"RF64" else None if length >= _OPEN_SIZE else length
            yield _Chunk(name, at, length, order)
            if length is None:
                return
            if name == b"ds64":
                body = file.read(_DS64_BYTES)
                long_size = struct.unpack("<Q", body[8:16])[0] if len(body) >= 16 else None
            file.seek(at + length + length % 2)


@dataclass(frozen=True, slots=True)
class Frames:
    """samples: of a channel, in all whole frames. bytes_lacking: of the last frame; 0 where it is whole."""

    samples: int
    bytes_lacking: int


def mp3_frames(path: Path) -> Frames:
    """Go from frame to frame, ID3 tags before them skipped, to the end or to what is no frame, such as a tag."""
    data = path.read_bytes()
    at = _after_tags(data)
    samples = 0
    while (frame := _frame(data[at : at + 4])) is not None:
        length, of_frame = frame
        if at + length > len(data):
            return Frames(samples, at + length - len(data) if samples else 0)
        at += length
        samples += of_frame
    return Frames(samples, 0)


def _after_tags(data: bytes) -> int:
    """Where the first frame begins: after ID3v2 tags, one behind the other, and zeros that fill up.

    A tag's size is of 4 × 7 bits, without its header and the footer that a flag announces (id3.org, ID3v2.4.0, 3.1).
    """
    at = 0
    while data[at : at + 3] == b"ID3" and at + 10 <= len(data):
        footer = 10 if data[at + 5] & 0x10 else 0
        size = data[at + 6 : at + 10]
        at += 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]) + footer
        at = _ZEROS.match(data, at).end()  # type: ignore[union-attr]  # it matches none, too
    return at


def _frame(header: bytes) -> tuple[int, int] | None:
    """Bytes and samples of the frame that a header of four bytes begins; None where it begins none of layer III."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    samples = 1152 if version == 3 else 576
    bits = 1000 * _KBITS[1 if version == 3 else 2][bitrate]
    return samples // 8 * bits // _MP3_RATES_HZ[version][rate] + (header[2] >> 1 & 1), samples

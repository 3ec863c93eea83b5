"""Inspect one recording: header, samples, and all problems.

libsndfile reads a truncated file only up to its end, often without an error. For WAV and AIFF, its log states the
missing bytes. For an MP3 without the encoder's own header (Xing), as when it was written into a pipe, libsndfile infers
the length from the bitrate of the first frame. Therefore this module counts the frames.
"""

import hashlib
import mmap
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from bulbar.core import ogg
from bulbar.core.errors import Problem

RATES_HZ = (1000, 768_000)
"""Lowest and highest accepted sampling rate. Outside this range the header is wrong, and resampling would fail."""

LONGEST_S = 3600.0
"""Longest accepted recording, in seconds. Cleaning holds a whole recording in memory."""

FULL_SCALE = 127 / 128
"""A sample of this size or more is at full scale: the largest value of 8 bit."""

CLIPPED_SHARE = 0.1
"""From this share of samples at full scale, a recording counts as clipped. A good recording has nearly none."""

LOUDEST = 2.0
"""Largest accepted sample. MP3 decoding can raise a peak slightly above full scale, 1; larger ones were not scaled."""

LEAST_RANGE = 4 * 2.0**-15
"""Smallest accepted range of the samples. The noise of an input without microphone spans 2 steps of 16 bit."""

CANCELLED = 0.01
"""Channels cancel each other if their mean has less than this share of the power of uncorrelated channels (-20 dB)."""

MOST_PADDING = 4 * 1152
"""Samples of an MP3 that contain no sound: header, delay and padding of the encoder."""

_BLOCK_SAMPLES = 1 << 18
_CONTAINERS = ("WAV", "WAVEX", "RF64", "FLAC", "MP3", "OGG", "AIFF")  # libsndfile's names of formats with a length
_UNKNOWN_FRAMES = 1 << 62
_OPEN_SIZE = 0x7FFFF000  # programs that write into a pipe state this many bytes or more, up to 2**32 - 1
_NOTED_SIZES = (  # in libsndfile's log: size of the samples, or of the whole file if the log ends before them
    re.compile(r"^ ?(?:data|SSND) : (\d+)(?: \(should be (\d+)\))?$", re.MULTILINE),
    re.compile(r"^ *(?:RIFF|RIFX|FORM|Riff size) : (\d+)(?: \(should be (\d+)\))?$", re.MULTILINE),
)
_CHUNK_NAME = re.compile(rb"[\w ]{4}")
_KBITS = {  # bitrates of layer III by version, ISO 11172-3 and 13818-3; index 0 is "free", 15 is forbidden
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits
_FETCH = "download the file again, or remove it from the release"
_CONVERT = "convert the recording to WAV again, or remove it from the release"


@dataclass(frozen=True, slots=True)
class Inspection:
    """Properties of one recording. If it cannot be read, rate, channels and duration are 0 and the digest is empty.

    sha256: of the file. samples_digest: of the decoded samples, so that it is equal for copies in other containers.
    problems: all problems of the recording.
    """

    sample_rate_hz: int
    channels: int
    duration_s: float
    sha256: str
    samples_digest: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Samples:
    """Statistics of a recording's samples. frames: samples per channel. lowest, highest: of the mean of the channels.

    loudest: largest absolute value of all samples. left: power of the mean of the channels, relative to that of
    uncorrelated channels; 1 for a mono recording.
    """

    frames: int
    digest: str
    lowest: float
    highest: float
    loudest: float
    left: float
    clipped_share: float
    finite: bool


def inspect(path: str, root: Path, *, min_duration_s: float) -> Inspection:
    """Read one recording completely, block by block, and list its properties and problems.

    Parameters
    ----------
    path : str
        Relative to `root`; also the recording's name in problems.
    root : Path
        Root of the release.
    min_duration_s : float > 0
        A shorter recording is a problem, in seconds.

    Returns
    -------
    Inspection
        Problems are listed there; none is raised.
    """
    file, sha256 = root / path, ""

    def refused(expected: str, found: str, remedy: str = _FETCH) -> Inspection:
        return Inspection(0, 0, 0.0, sha256, "", (Problem(path, expected, found, remedy),))

    try:
        of = file.stat()
        if not stat.S_ISREG(of.st_mode):  # reading a pipe or a device may never end
            found = "a folder" if stat.S_ISDIR(of.st_mode) else "a pipe, a socket or a device"
            return refused("a file", found, "replace it with the recording itself")
        if of.st_size == 0:
            return refused("a recording", "an empty file of 0 bytes")
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            sha256 = hashlib.sha256(content).hexdigest()
            if broken := ogg.problem_of(content):
                return refused("one complete Ogg recording", broken)
            with soundfile.SoundFile(ogg.playable(file)) as sound:
                rate, channels, announced = sound.samplerate, sound.channels, sound.frames
                if sound.format not in _CONTAINERS:
                    found = f"{sound.format_info}, a format that does not show whether a file is complete"
                    return refused("WAV, FLAC, MP3, Ogg or AIFF", found, _CONVERT)
                if announced >= _UNKNOWN_FRAMES:
                    found = "no length, because the file was written into a pipe"
                    return refused("a header with the recording's length", found, _CONVERT)
                if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
                    expected = f"a sampling rate from {RATES_HZ[0]} to {RATES_HZ[1]} Hz"
                    return refused(expected, f"{rate} Hz", _CONVERT)
                if announced / rate > LONGEST_S:
                    expected, found = f"a recording of at most {LONGEST_S:g} s", f"{announced / rate:.0f} s"
                    return refused(expected, found, "cut out the task, or remove it from the release")
                samples = _read_through(sound)
                lost = _lost(
                    content, samples.frames, announced, sound.extra_info, is_mp3=sound.subtype == "MPEG_LAYER_III"
                )
    except OSError as error:
        remedy = "give yourself read permission (chmod u+r)" if isinstance(error, PermissionError) else _FETCH
        return refused("a readable recording", f"{type(error).__name__}: {error.strerror}", remedy)
    except soundfile.SoundFileError as error:
        found = f"{type(error).__name__}: {str(getattr(error, 'error_string', error)).rstrip('.')}"
        if "not recognised" in found:
            with file.open("rb") as opened:
                found += f". It begins with {opened.read(24)!r}"
        return refused("a readable recording", found)
    duration_s = samples.frames / rate
    problems = [] if lost is None else [Problem(path, *lost)]
    if samples.frames == 0 and not problems:
        problems.append(Problem(path, "a recording with samples", f"none, in {of.st_size} bytes", _FETCH))
    elif samples.frames:
        no_voice = _no_voice(samples, channels)
        problems += [] if no_voice is None else [Problem(path, *no_voice)]
        if duration_s < min_duration_s:
            expected = f"at least {min_duration_s:g} s (audio.min_duration_s)"
            remedy = "remove it from the release, or lower audio.min_duration_s"
            problems.append(Problem(path, expected, f"{duration_s:.4f} s", remedy))
    return Inspection(rate, channels, duration_s, sha256, samples.digest, tuple(problems))


def _read_through(sound: soundfile.SoundFile) -> _Samples:
    """Read all samples, up to the first stop of the decoder, as a reader of all samples at once does."""
    digest = hashlib.sha256()
    frames, clipped, finite, lowest, highest, loudest = 0, 0, True, np.inf, -np.inf, 0.0
    power = np.zeros(2)  # of the mean of the channels, and of the mean if they were uncorrelated
    at_once = max(_BLOCK_SAMPLES // sound.channels, 1)
    more = True
    while more and frames <= LONGEST_S * sound.samplerate:  # the header may not state the length
        block = sound.read(at_once, dtype="float32", always_2d=True)
        more = len(block) == at_once
        frames += len(block)
        digest.update(block.astype("<f4", copy=False).tobytes())
        finite = finite and bool(np.isfinite(block).all())
        clipped += int(np.count_nonzero(np.abs(block) >= FULL_SCALE))
        if finite and len(block):
            mono = block[:, 0] if sound.channels == 1 else block.mean(axis=1)
            lowest, highest = min(lowest, float(mono.min())), max(highest, float(mono.max()))
            loudest = max(loudest, float(np.abs(block).max()))
            each = np.square(block, dtype=np.float64).sum() / sound.channels**2
            power += np.square(mono, dtype=np.float64).sum(), each
    left = power[0] / power[1] if sound.channels > 1 and power[1] > 0 else 1.0
    share = clipped / max(frames * sound.channels, 1)
    return _Samples(frames, digest.hexdigest(), lowest, highest, loudest, left, share, finite)


def _lost(
    content: ogg.Content, frames: int, announced: int, notes: str, *, is_mp3: bool
) -> tuple[str, str, str] | None:
    """Expected, found and remedy if samples are lost: truncated, or more than the header states."""
    noted = next(filter(None, (sizes.search(notes) for sizes in _NOTED_SIZES)), None)
    if noted and int(noted[1]) < _OPEN_SIZE:
        size, there = int(noted[1]), int(noted[2] or noted[1])
        if there < size:
            return f"{size} bytes, as stated in the header", f"truncated: {there} bytes", _FETCH
        if (more := _bytes_behind(content, size)) > max(256, size // 500):  # a short signature is harmless
            return "no more samples than stated in the header", f"{more} bytes after the samples", _FETCH
    if frames < announced:
        return f"{announced} frames, as stated in the header", f"truncated: {frames} frames", _FETCH
    if is_mp3:
        whole, lacking = _mp3_length(content)
        if lacking:
            return "a complete last MP3 frame", f"truncated: {lacking} bytes are missing", _FETCH
        if frames + MOST_PADDING < whole:
            expected = "an MP3 with one bitrate, or with a header that states its length"
            return expected, f"only {frames} of {whole} samples can be read", "convert it to WAV, or remove it"
    return None


def _no_voice(samples: _Samples, channels: int) -> tuple[str, str, str] | None:
    """Expected, found and remedy if the samples contain no voice."""
    if not samples.finite:
        return "finite samples", "NaN or infinite samples", _FETCH
    if samples.clipped_share >= CLIPPED_SHARE:
        expected = f"less than {100 * CLIPPED_SHARE:.0f} % of the samples at full scale"
        found = f"clipped: {100 * samples.clipped_share:.0f} % of the samples are at full scale or above"
        return expected, found, "record or convert it again at a lower level, or remove it from the release"
    if samples.loudest > LOUDEST:
        remedy = "divide the samples by their full-scale value, such as 32768, or remove it from the release"
        return f"samples up to {LOUDEST:g} times full scale", f"up to {samples.loudest:.4g} times full scale", remedy
    if samples.highest - samples.lowest < LEAST_RANGE:
        values = f"values from {samples.lowest:.4g} to {samples.highest:.4g}"
        found = f"only {values if samples.lowest or samples.highest else 'zeros'}"
        found += f", in the mean of its {channels} channels" if channels > 1 else ""
        return "a recording of a voice", found, _FETCH
    if samples.left < CANCELLED:
        found = f"channels that cancel each other: {100 * samples.left:.2g} % of the power is left in their mean"
        return f"{channels} channels of one voice", found, "invert one of them, or keep only one of them"
    return None


def _bytes_behind(content: ogg.Content, size: int) -> int:
    """Number of bytes after a WAV's samples that are neither a chunk nor zeros.

    They were recorded after the header was last written, or were added by a transfer in text mode. After an odd size,
    a chunk may follow with or without the byte of padding.
    """
    at = content.find(b"data" + size.to_bytes(4, "little"))
    if at < 0:
        return 0
    end = at + 8 + size
    if any(_CHUNK_NAME.fullmatch(content[start : start + 4]) for start in (end, end + size % 2)):
        return 0
    return len(content[end:].rstrip(b"\0"))


def _mp3_length(content: ogg.Content) -> tuple[int, int]:
    """Samples per channel in all complete frames, and missing bytes of the last frame."""
    at, samples = _after_tags(content), 0
    while (frame := _mp3_frame(bytes(content[at : at + 4]))) is not None:
        at += frame[0]
        if at > len(content):
            return samples, at - len(content) if samples else 0
        samples += frame[1]
    return samples, 0


def _after_tags(content: ogg.Content) -> int:
    """Position of the first frame: after all ID3v2 tags and their zero padding.

    A tag's size has 4 × 7 bits and does not include its header and optional footer (id3.org, ID3v2.4.0, 3.1).
    """
    at = 0
    while len(head := content[at : at + 10]) == 10 and head[:3] == b"ID3":
        at += 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]) + (10 if head[5] & 0x10 else 0)
        while content[at : at + 1] == b"\0":
            at += 1
    return at


def _mp3_frame(header: bytes) -> tuple[int, int] | None:
    """Bytes and samples of the frame with this header of four bytes; None if it is not a header of layer III."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    samples = 1152 if version == 3 else 576
    bits = 1000 * _KBITS[1 if version == 3 else 2][bitrate]
    return samples // 8 * bits // _MP3_RATES_HZ[version][rate] + (header[2] >> 1 & 1), samples

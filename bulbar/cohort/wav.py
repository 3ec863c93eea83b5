"""What one recording is, read off its header and its samples, and everything wrong with it."""

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from bulbar.cohort import mp3
from bulbar.errors import Problem

_BLOCK_FRAMES = 1 << 18
_UNKNOWN_SIZE = 0xFFFFFFFF
_RECORD_AGAIN = "fetch the file again, or take it out of the release"


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


def inspect(path: str, root: Path, *, min_duration_s: float) -> Inspection:
    """Read one recording through, block by block, and say what it is and what is wrong with it.

    path: relative to `root`, and how the recording is called in problems.
    min_duration_s: a shorter recording is a bad one, seconds.
    """
    problems: list[Problem] = []

    def wrong(expected: str, found: str, remedy: str = _RECORD_AGAIN) -> None:
        problems.append(Problem(path, expected, found, remedy))

    try:
        with (root / path).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if (root / path).stat().st_size == 0:
            wrong("a recording", "an empty file of 0 bytes")
            return Inspection(0, 0, 0.0, sha256, "", tuple(problems))
        with soundfile.SoundFile(root / path) as recording:
            rate, channels, announced = recording.samplerate, recording.channels, recording.frames
            walked = mp3.walk(root / path) if recording.subtype == "MPEG_LAYER_III" else mp3.Frames(0, 0)
            frames, digest, loud, finite = _read_through(recording)
    except (soundfile.SoundFileError, OSError) as error:
        said = error.strerror if isinstance(error, OSError) else getattr(error, "error_string", error)
        wrong("a readable recording", f"{type(error).__name__}: {said}")  # without the root, which is another elsewhere
        return Inspection(0, 0, 0.0, "", "", tuple(problems))

    sizes = data_chunk_sizes(root / path)
    if sizes is not None and sizes[1] < sizes[0]:
        wrong(f"{sizes[0]} bytes of samples, as the header says", f"truncated: {sizes[1]} bytes of samples")
    elif frames < announced:
        wrong(f"{announced} frames, as the header says", f"truncated: {frames} frames")
    elif walked.bytes_lacking:
        wrong("a whole last frame of MP3", f"truncated: it lacks {walked.bytes_lacking} bytes")
    elif frames + mp3.MOST_PADDING < walked.samples:
        found = f"{frames} of {walked.samples} samples are read"
        wrong("an MP3 of one bitrate, or with a header that says its length", found, "encode it again, or take it out")
    if frames == 0:
        wrong("a recording with samples", "a header and no samples")
    else:
        if not finite:
            wrong("finite samples", "NaN or infinite samples")
        elif not loud:
            wrong("a recording of a voice", "only zeros")
        if frames / rate < min_duration_s:
            expected = f"at least {min_duration_s:g} s (audio.min_duration_s)"
            wrong(expected, f"{frames / rate:.4f} s", "take it out of the release, or lower audio.min_duration_s")
    return Inspection(rate, channels, frames / rate, sha256, digest, tuple(problems))


def _read_through(recording: soundfile.SoundFile) -> tuple[int, str, bool, bool]:
    """Frames read, digest of the samples, whether any is not zero, whether all are finite."""
    digest = hashlib.sha256()
    frames, loud, finite = 0, False, True
    while len(block := recording.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        frames += len(block)
        loud = loud or bool(np.any(block))
        finite = finite and bool(np.isfinite(block).all())
        digest.update(block.astype("<f4", copy=False).tobytes())
    return frames, digest.hexdigest(), loud, finite


def data_chunk_sizes(path: Path) -> tuple[int, int] | None:
    """Bytes of samples that a RIFF header announces, and bytes that are there.

    A truncated WAV is read short without an error, so the two are compared.
    None where the file is no RIFF WAV (FLAC or MP3 may bear its name), or where its writer left the size open.
    Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0, 1991; RF64: EBU Tech 3306.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        form, _, kind = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
        if form not in (b"RIFF", b"RF64", b"RIFX") or kind != b"WAVE":
            return None
        order = ">" if form == b"RIFX" else "<"
        long_size = None
        while len(header := file.read(8)) == 8:
            name, length = struct.unpack(f"{order}4sI", header)
            if name == b"ds64":
                body = file.read(length)
                long_size = struct.unpack("<Q", body[8:16])[0] if len(body) >= 16 else None
            elif name == b"data":
                announced = long_size if form == b"RF64" else length
                if announced is None or (form != b"RF64" and announced == _UNKNOWN_SIZE):
                    return None
                return announced, min(announced, size - file.tell())
            else:
                file.seek(length + length % 2, 1)
    return None

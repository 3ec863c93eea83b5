"""Recordings: whole files with something wrong, headers made up field by field, frames of MP3."""

import io
import math
import struct
from pathlib import Path

import numpy as np
import soundfile
from hypothesis import strategies as st

from bulbar.cohort import recording
from bulbar.core import ogg
from bulbar.core.errors import BadInput
from bulbar.features import audio, conditions, inspection, near_duplicates
from tests.fuzz import Target
from tests.fuzz.damage import spoilt

LEAST_S = 0.5
CODINGS = [
    *(("WAV", coding) for coding in ("PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")),
    *(("WAV", coding) for coding in ("IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "NMS_ADPCM_16")),
    *(("WAVEX", "PCM_16"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "PCM_16")),
    *(("CAF", "ALAC_16"), ("CAF", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")),
    *(("MP3", "MPEG_LAYER_III"), ("SVX", "PCM_16"), ("NIST", "PCM_16"), ("VOC", "PCM_16"), ("IRCAM", "PCM_16")),
    *(("PVF", "PCM_16"), ("HTK", "PCM_16"), ("PAF", "PCM_16"), ("SDS", "PCM_16"), ("MAT5", "PCM_16")),
]


def sound(container: str, coding: str, *, rate: int = 8000, channels: int = 1) -> bytes:
    """A recording of 0.55 s that nothing is wrong with."""
    draws = np.random.default_rng(1)
    times = np.arange(round(0.55 * rate)) / rate
    voice = 0.4 * np.sin(2 * np.pi * 150 * times) + 0.02 * draws.standard_normal(len(times))
    file = io.BytesIO()
    soundfile.write(file, np.repeat(voice[:, np.newaxis], channels, axis=1), rate, subtype=coding, format=container)
    return file.getvalue()


SOUND = {f"{container}/{coding}": sound(container, coding) for container, coding in CODINGS}
SOUND |= {"stereo": sound("WAV", "PCM_16", channels=2), "192 kHz": sound("WAV", "PCM_16", rate=192000)}
TAKEN = [name for name in sorted(SOUND) if name.split("/")[0] in ("WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "AIFF")]
"""What a release may hold; other containers are read by the same library and refused, or not, in one message."""


def check_recording(data: bytes, folder: Path) -> None:
    """Inspected without an exception; what is taken for sound, the later stages take."""
    path = folder / "x.wav"
    path.write_bytes(data)
    cleaning = audio.Settings(min_duration_s=LEAST_S)
    found = inspection.inspect("x.wav", folder, cleaning)
    recording._mp3_length(data)
    list(ogg.pages(data))
    if found.problems:
        assert not any(str(folder) in str(problem) for problem in found.problems)
        raise BadInput(found.problems)
    assert found.sample_rate_hz > 0
    assert found.channels > 0
    assert LEAST_S <= found.duration_s < math.inf
    assert len(found.sha256) == len(found.samples_digest) == 64
    cleaned = audio.clean(path, cleaning)
    samples, rate = audio.read(path)
    measured = conditions.measure(path, samples, rate, cleaning)
    assert cleaned.dtype == np.int16
    assert cleaned.ndim == 1
    assert len(cleaned) >= LEAST_S * cleaning.sample_rate_hz
    assert measured.duration_s == found.duration_s
    near_duplicates.fingerprint(samples, rate)


@st.composite
def nearly_sound(draw: st.DrawFn) -> bytes:
    """A WAV of 0.6 s whose header is right but for one field at most; its samples are a tone, noise, or any bits."""
    kind, bits = draw(st.sampled_from([(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (6, 8), (7, 8)]))
    channels, rate = draw(st.sampled_from([1, 1, 2, 6])), draw(st.sampled_from([4000, 8000, 11025, 16000]))
    step, frames = channels * bits // 8, round(0.6 * rate)
    draws = np.random.default_rng(draw(st.integers(0, 9)))
    tone = np.repeat(0.4 * np.sin(np.arange(frames) * draws.uniform(0.1, 1)), channels)
    if kind == 3 and draw(st.booleans()):
        tone[draws.integers(0, len(tone), 9)] = draw(st.floats(width=16) | st.sampled_from([1e30, 1.0, -1.0]))
        body = tone.astype(f"<f{bits // 8}").tobytes()
    elif kind == 1 and bits == 16 and draw(st.booleans()):
        body = (tone * draw(st.sampled_from([0, 1e-4, 1, 2]) | st.floats(0, 80)) * 32767).clip(-32768, 32767)
        body = body.astype("<i2").tobytes()
    else:
        body = draws.bytes(frames * step)
    fields = {"riff": 0, "kind": kind, "channels": channels, "rate": rate, "bytes_per_s": rate * step, "step": step}
    fields |= {"bits": bits, "data": len(body)}
    beside = [b"LIST" + struct.pack("<I", len(one)) + one + b"\0" * (len(one) % 2) for one in (b"", b"abc", b"abcd")]
    before, behind = draw(st.sampled_from([b"", *beside])), draw(st.sampled_from([b"", b"", *beside, b"\0", b"data"]))
    fields["riff"] = 4 + 24 + len(before) + 8 + len(body) + len(behind)
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(fields)))
        most = 0xFFFFFFFF if name in ("riff", "rate", "bytes_per_s", "data") else 0xFFFF
        near = fields[name] + draw(st.integers(-9, 9))
        fields[name] = min(max(draw(st.just(near) | st.integers(0, most)), 0), most)
    head = struct.pack("<4sI4s", b"RIFF", fields["riff"], b"WAVE")
    form = [fields[name] for name in ("kind", "channels", "rate", "bytes_per_s", "step", "bits")]
    return (
        head
        + struct.pack("<4sIHHIIHH", b"fmt ", 16, *form)
        + before
        + struct.pack("<4sI", b"data", fields["data"])
        + (body + behind)
    )


def frames_of(data: bytes) -> list[bytes]:
    """The frames of a sound MP3."""
    found, at = [], 0
    while (frame := recording._mp3_frame(data[at : at + 4])) is not None:
        found.append(data[at : at + frame[0]])
        at += frame[0]
    return found


@st.composite
def real_frames(draw: st.DrawFn) -> bytes:
    """Frames of a real MP3: some gone, twice, moved, of another rate, spoilt or cut off, tags around them."""
    frames = list(FRAMES)
    if draw(st.booleans()):
        del frames[0]  # the encoder's header
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(frames) - 1))
        match draw(st.sampled_from(["gone", "twice", "moved", "another", "spoilt", "cut"])):
            case "gone" if len(frames) > 1:
                del frames[at]
            case "twice":
                frames[at:at] = frames[at : at + draw(st.integers(1, 20))]
            case "moved":
                frames.append(frames.pop(at))
            case "another":
                frames.insert(at, draw(st.sampled_from(FASTER)))
            case "spoilt":
                frames[at] = draw(spoilt(frames[at]))
            case "cut":
                frames[-1] = frames[-1][: draw(st.integers(0, len(frames[-1])))]
    tags = [b"", b"", b"ID3\x04\0\0\0\0\0\x05hello", b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b"\0"]
    behind = draw(st.sampled_from([b"", b"", b"TAG" + bytes(125), b"\xff\xfb", bytes(500)]))
    return draw(st.sampled_from(tags)) + b"".join(frames) + behind


FRAMES = frames_of(SOUND["MP3/MPEG_LAYER_III"])
FASTER = frames_of(sound("MP3", "MPEG_LAYER_III", rate=44100))


def check_sound(name: str, folder: Path) -> None:
    """Nothing is found wrong with a sound recording, and its duration is what was written."""
    (folder / "x.wav").write_bytes(SOUND[name])
    found = inspection.inspect("x.wav", folder, audio.Settings(min_duration_s=LEAST_S))
    assert not found.problems
    assert abs(found.duration_s - 0.55) < 0.15  # lossy codings fill up their last block


HERTZ_AT = 24  # of the sampling rate in a plain WAV header
SLOW = SOUND["WAV/PCM_16"][:HERTZ_AT] + struct.pack("<I", 1) + SOUND["WAV/PCM_16"][HERTZ_AT + 4 :]
"""4400 samples at 1 Hz, resampled: 97 million."""
GREEDY = b"RIFF\x12\0\0\0WAVEds64\xff\xff\xff\x7f"
"""2 GB reserved for what 20 bytes announce."""

TARGETS = [
    Target("recordings, sound", st.sampled_from(TAKEN), check_sound),
    Target(
        "recordings, spoilt",
        st.sampled_from(sorted(SOUND)).flatmap(lambda name: spoilt(SOUND[name])),
        check_recording,
        known=(SLOW, GREEDY),
    ),
    Target(
        "recordings, spoilt behind the header",
        st.sampled_from(TAKEN).flatmap(lambda name: spoilt(SOUND[name], after=80)),
        check_recording,
    ),
    Target("recordings, nearly sound", nearly_sound(), check_recording),
    Target("recordings, MP3 of real frames", real_frames(), check_recording),
    Target("recordings, any bytes", st.binary(max_size=4096), check_recording),
]

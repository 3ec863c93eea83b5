"""Recordings as disks, editors, converters and file systems leave them."""

from pathlib import Path

import numpy as np
import soundfile

from tests.broken_inputs import RELEASE, Case, Read, Refused, SetAside

FILE = "phonationA/PZ001_phonationA.wav"
ID = "PZ001_A"
TONE_HZ = 150.0


def at(project: Path) -> Path:
    """The recording that a case breaks."""
    return project / RELEASE / FILE


def tone(rate_hz: int, channels: int = 1, duration_s: float = 1.0) -> np.ndarray:
    """A sine of TONE_HZ at 0.4 of full scale in every channel, shape (n, channels)."""
    times = np.arange(round(duration_s * rate_hz)) / rate_hz
    return np.repeat(0.4 * np.sin(2 * np.pi * TONE_HZ * times)[:, np.newaxis], channels, axis=1)


def cut(project: Path, end: int) -> None:
    """Leave the recording's first bytes only."""
    at(project).write_bytes(at(project).read_bytes()[:end])


def bad(what: str, break_it, found: str) -> Case:
    """A case whose one recording is bad: refused, or set aside alone."""
    return Case("Recordings", what, break_it, Refused(FILE, found), SetAside((FILE,), found, (ID,)))


def sound(what: str, rate_hz: int = 8000, channels: int = 1, **written: str) -> Case:
    """A case whose one recording is another kind of file, and a sound one."""

    def write(project: Path) -> None:
        soundfile.write(at(project), tone(rate_hz, channels), rate_hz, **{"format": "WAV"} | written)

    told = Read({ID: {"sample_rate_hz": rate_hz, "channels": channels, "duration_s": 1.0}}, tone_hz={ID: TONE_HZ})
    return Case("Recordings", what, write, told, told)


CASES: list[Case] = [
    bad("samples cut off in the middle", lambda project: cut(project, 12044), "truncated: 12000 bytes of samples"),
    sound("24-bit PCM", subtype="PCM_24"),
]

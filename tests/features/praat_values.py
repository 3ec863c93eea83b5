"""praat_values.json: voice measures of a dozen recordings by the program Praat itself, of Debian 12 (6.3.07).

`python -m tests.features.praat_values MINSK2020` writes it again; it needs `praat` (apt-get install praat) and the
Minsk2020 release (github.com/Mak-Sim/Minsk2020_ALS_database). Only values are kept of that release, which is under the
GPL: its recordings are named by file and SHA-256. The phantom's are synthesised.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from bulbar.features import audio, voice_signal
from tests.phantom.synthesised import a_train, a_vowel

HERE = Path(__file__).parent
VALUES = HERE / "praat_values.json"

PHANTOM = {
    "vowel A": (False, lambda: a_vowel(seconds=4.0)),
    "vowel I, breathy": (False, lambda: a_vowel("I", "F", seconds=4.0, hnr_db=10.0, jitter=0.012, shimmer=0.08)),
    "vowel E, trembling": (False, lambda: a_vowel("E", "M", seconds=4.0, tremor=0.03, tremor_hz=6.0)),
    "vowel U": (False, lambda: a_vowel("U", "F", seconds=4.0, seed=3)),
    "train PA": (True, lambda: a_train("PA", seconds=4.0)),
    "train TA, slow": (True, lambda: a_train("TA", seconds=4.0, rate_hz=3.5, irregularity=0.15)),
}
"""Whether it is a train, and how to synthesise it, at 8 kHz."""

MINSK2020 = ("ALS/008_a", "ALS/022_i", "ALS/055_a", "HC/097_i", "HC/111_i", "HC/119_a")


def phantom(name: str) -> tuple[np.ndarray, int, bool]:
    """Samples, rate, and whether it is a train."""
    train, synthesise = PHANTOM[name]
    samples = 0.5 * synthesise().samples
    room = 5e-4 * np.random.default_rng(3).standard_normal(len(samples))  # in digital silence rounding alone decides
    return samples + room, 8000, train


def minsk2020(root: Path, name: str) -> tuple[np.ndarray, int, bool]:
    samples, rate_hz = audio.read(root / f"{name}.wav")
    return audio.to_mono(samples).astype(float), rate_hz, False


def digest(root: Path, name: str) -> str:
    return hashlib.sha256((root / f"{name}.wav").read_bytes()).hexdigest()


def by_praat(samples: np.ndarray, rate_hz: int, *, train: bool) -> dict[str, float | None]:
    """What the program measures of a recording; None: undefined."""
    prepared = voice_signal.prepare(samples, rate_hz, train=train)
    assert prepared is not None
    with tempfile.TemporaryDirectory() as folder:
        raw, other = (Path(folder) / f"{name}.wav" for name in ("raw", "prepared"))
        soundfile.write(raw, audio.without_offset(samples), rate_hz, subtype="FLOAT")
        soundfile.write(other, prepared.samples, rate_hz, subtype="FLOAT")
        command = ["praat", "--run", str(HERE / "praat_values.praat"), str(raw), str(other)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    pairs = [line.split("\t") for line in printed.splitlines()]
    return {name: None if value == "--undefined--" else float(value) for name, value in pairs}


def main() -> None:
    root = Path(sys.argv[1])
    version = subprocess.run(["praat", "--version"], check=True, capture_output=True, text=True).stdout
    found = {"made_with": version.strip(), "phantom": {}, "minsk2020": {}}
    for name in PHANTOM:
        samples, rate_hz, train = phantom(name)
        found["phantom"][name] = by_praat(samples, rate_hz, train=train)
    for name in MINSK2020:
        samples, rate_hz, train = minsk2020(root, name)
        found["minsk2020"][name] = {"sha256": digest(root, name)} | by_praat(samples, rate_hz, train=train)
    VALUES.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

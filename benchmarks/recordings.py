"""A project folder with made-up recordings, as the two stages of the front end find it after ingest."""

import csv
import json
from pathlib import Path

import numpy as np
import soundfile
from ruamel.yaml import YAML

from benchmarks.measuring import ROOT

SAMPLE_RATE_HZ = 8000
"""As VOC-ALS was recorded."""


def write_project(folder: Path, recordings: int, duration_s: float, workers: int | None) -> None:
    """Write params.yaml, the recordings, and the tables that ingest would have made of them; synthetic throughout."""
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["cohort"]["root"] = "release"
    params["compute"]["workers"] = workers
    release, cohort = folder / "release", folder / "data/cohort"
    release.mkdir(parents=True)
    cohort.mkdir(parents=True)
    yaml.dump(params, folder / "params.yaml")
    (cohort / "cohort.json").write_text(json.dumps({"source": "voc_als", "synthetic": True}))
    rows = []
    for number in range(recordings):
        name = f"R{number:06d}"
        soundfile.write(release / f"{name}.wav", voice(number, duration_s), SAMPLE_RATE_HZ, subtype="PCM_16")
        rows.append((name, f"S{number:06d}", "A", f"{name}.wav", SAMPLE_RATE_HZ, 1, f"{duration_s:.4f}", ""))
    columns = ["recording_id", "subject_id", "task", "path", "sample_rate_hz", "channels", "duration_s", "sha256"]
    _write_csv(cohort / "recordings.csv", columns, rows)
    labels = ("ALS", "ALS", "HC")
    _write_csv(
        cohort / "subjects.csv", ["subject_id", "label"], [(row[1], labels[at % 3]) for at, row in enumerate(rows)]
    )


def voice(number: int, duration_s: float) -> np.ndarray:
    """Harmonics of a wandering pitch over breath noise, with silence before, between and after, shape (n,)."""
    draw = np.random.default_rng(number)
    n = round(duration_s * SAMPLE_RATE_HZ)
    time_s = np.arange(n) / SAMPLE_RATE_HZ
    pitch_hz = draw.uniform(90, 240) * (1 + 0.02 * np.sin(2 * np.pi * draw.uniform(3, 8) * time_s))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    sound = sum(np.sin(order * phase) / order for order in range(1, 15))
    loud = np.ones(n)
    for start in draw.uniform(0, 0.93, size=3):
        loud[int(start * n) : int((start + 0.05) * n)] = 0
    return 0.15 * sound * loud + 0.001 * draw.normal(size=n)


def _write_csv(path: Path, columns: list[str], rows: list[tuple]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)

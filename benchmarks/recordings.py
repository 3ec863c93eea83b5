"""A project folder with made-up recordings, as the two stages of the front end find it after ingest."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from benchmarks.measuring import ROOT
from bulbar.core import parallel
from bulbar.features import audio

SAMPLE_RATE_HZ = 8000
"""As VOC-ALS was recorded."""


def write_project(folder: Path, recordings: int, duration_s: float, workers: int | None) -> None:
    """Write params.yaml, the recordings, and the tables that ingest would have made of them; synthetic throughout."""
    write_release(folder / "release", recordings, duration_s)
    write_tables(folder, folder / "release", recordings, duration_s, workers)


def write_release(release: Path, recordings: int, duration_s: float, sample_rate_hz: int = SAMPLE_RATE_HZ) -> None:
    """Write made-up recordings as WAV, on all cores."""
    release.mkdir(parents=True)
    write = partial(_write_recording, release=release, duration_s=duration_s, sample_rate_hz=sample_rate_hz)
    workers = parallel.Settings().n_workers
    for _ in parallel.map_ordered(write, range(recordings), label="recordings", total=recordings, workers=workers):
        pass


def _write_recording(number: int, release: Path, duration_s: float, sample_rate_hz: int) -> None:
    samples = voice(number, duration_s, sample_rate_hz)
    audio.write(release / f"{_name(number)}.wav", np.round(samples * 32768).astype(np.int16), sample_rate_hz)


def write_tables(
    folder: Path,
    release: Path,
    recordings: int,
    duration_s: float,
    workers: int | None,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
) -> None:
    """Write params.yaml and the tables of the first `recordings` of a release, each of a subject of its own."""
    cohort = folder / "data/cohort"
    cohort.mkdir(parents=True)
    write_params(folder, str(release.resolve()), workers)
    (cohort / "cohort.json").write_text(json.dumps({"source": "voc_als", "synthetic": True}))
    table = pd.DataFrame({"recording_id": [_name(number) for number in range(recordings)]})
    table["subject_id"] = "S" + table["recording_id"]
    table["label"] = np.where(np.arange(recordings) % 3 == 2, "HC", "ALS")
    table[["subject_id", "label"]].to_csv(cohort / "subjects.csv", index=False)
    described = {"sample_rate_hz": sample_rate_hz, "channels": 1, "duration_s": f"{duration_s:.4f}", "sha256": ""}
    described = {"task": "A", "path": table["recording_id"] + ".wav", **described}
    table.drop(columns="label").assign(**described).to_csv(cohort / "recordings.csv", index=False)


def write_params(folder: Path, release: str, workers: int | None) -> None:
    """Write the repository's params.yaml with another release and number of workers."""
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["cohort"]["root"] = release
    params["compute"]["workers"] = workers
    yaml.dump(params, folder / "params.yaml")


def _name(number: int) -> str:
    return f"R{number:06d}"


def voice(number: int, duration_s: float, sample_rate_hz: int = SAMPLE_RATE_HZ) -> np.ndarray:
    """Harmonics of a wandering pitch over breath noise, with silence before, between and after, shape (n,)."""
    draw = np.random.default_rng(number)
    n = round(duration_s * sample_rate_hz)
    time_s = np.arange(n) / sample_rate_hz
    pitch_hz = draw.uniform(90, 240) * (1 + 0.02 * np.sin(2 * np.pi * draw.uniform(3, 8) * time_s))
    periods = np.cumsum(pitch_hz) / sample_rate_hz
    sound = _PERIOD[(periods * len(_PERIOD)).astype(np.int64) % len(_PERIOD)]
    loud = np.ones(n)
    for start in draw.uniform(0, 0.93, size=3):
        loud[int(start * n) : int((start + 0.05) * n)] = 0
    return 0.15 * sound * loud + 0.001 * draw.standard_normal(n)


_PERIOD = sum(np.sin(2 * np.pi * order * np.arange(2**14) / 2**14) / order for order in range(1, 15))
"""One period of a voice of 14 harmonics: looked up, for thousands of recordings cost minutes as sines."""

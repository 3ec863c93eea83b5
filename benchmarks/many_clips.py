"""preprocess_audio, mel_spectrogram, folds and training on many short clips: is memory flat, what would more cost?

`python -m benchmarks.many_clips [--clips N ...] [--folder PATH]` prints two tables: what was measured at each number
of clips, and what that makes for a whole corpus (Common Voice: 400,000), computed and marked as such. Training is two
folds of one network (S3B), one epoch, through the fit cache as the sweep does it, on all workers.

Memory is that of a stage and its workers together, a page that several share counted once. The feature array is
mapped: its pages count while they are there, and the system drops them when it needs room. So two peaks are stated:
of memory of their own, which must be had, and with the pages of files. 20,000 clips take 10 GB of disk.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import recordings
from benchmarks.measuring import Run, machine, megabytes, progress, run_module, table
from bulbar.core import parallel

SAMPLE_RATE_HZ = 22050
STAGES = ("preprocess_audio", "mel_spectrogram", "folds", "training")
CELL, FOLDS = "S3B/0.3", 2


def measure(folder: Path, workers: int) -> dict[str, Run]:
    """Run the stages and the training in a project folder, their memory watched."""
    found = {}
    for stage in STAGES[:-1]:
        progress(f"{stage} in {folder.name}")
        found[stage] = run_module(f"stages.{stage}", "main", folder=folder, watch_memory=True)
    progress(f"training in {folder.name}")
    features = folder / "data/features"
    assigned = pd.read_csv(folder / "data/folds/record_wise.csv")  # sorted by recording, as the images are
    np.save(features / "labels.npy", assigned["label"].to_numpy())
    np.save(features / "folds.npy", assigned["fold"].to_numpy())
    arguments = (features.resolve(), 1, FOLDS, 0, "float32", workers, CELL)
    return found | {"training": run_module("benchmarks.ours", *arguments, folder=folder, watch_memory=True)}


def disk_bytes(folder: Path) -> tuple[int, int]:
    """What the cleaned recordings and the feature array of a project folder take."""
    audio = sum(path.stat().st_size for path in (folder / "data/audio").glob("*.wav"))
    return audio, (folder / "data/features/images.npy").stat().st_size


def measured_rows(found: Mapping[int, Mapping[str, Run]]) -> list[tuple[str, ...]]:
    """A row for each stage and number of clips; start-up is part of the seconds."""
    rows = []
    for stage in STAGES:
        for clips, runs in found.items():
            run = runs[stage]
            used = run.processor_seconds or 0.0
            memory = megabytes(run.peak_own_bytes), megabytes(run.peak_bytes)
            rows.append((stage, f"{clips}", f"{run.seconds:.1f}", f"{used:.1f}", f"{1000 * used / clips:.2f}", *memory))
    return rows


def computed_rows(found: Mapping[int, Mapping[str, Run]], corpus: int, workers: int) -> list[tuple[str, ...]]:
    """For each stage hours and memory of its own of `corpus` clips: the line through the fewest and the most clips.

    Hours by the clock, and processor hours over the workers: the second is what an idle machine would come near to.
    """
    rows = []
    for stage in STAGES:
        runs = {clips: of_stages[stage] for clips, of_stages in found.items()}
        hours = on_the_line({clips: run.seconds for clips, run in runs.items()}, corpus) / 3600
        used = on_the_line({clips: run.processor_seconds or 0.0 for clips, run in runs.items()}, corpus) / 3600
        own = {clips: run.peak_own_bytes for clips, run in runs.items() if run.peak_own_bytes}
        memory = megabytes(round(on_the_line(own, corpus)) if own else None)
        rows.append((stage, f"{hours:.2f}", f"{used / workers:.2f}", memory))
    return rows


def on_the_line(values: Mapping[int, float], at: int) -> float:
    """The value at a number of clips, on the line through the fewest and the most; never under what the most had."""
    few, many = min(values), max(values)
    slope = (values[many] - values[few]) / (many - few) if many > few else values[many] / many
    return values[many] + max(0.0, slope) * (at - many)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="+", default=[2000, 20000])
    parser.add_argument("--duration", type=float, default=5.0, help="seconds of each clip")
    parser.add_argument("--corpus", type=int, default=400_000, help="clips that are computed for")
    parser.add_argument("--workers", type=int, default=parallel.Settings().n_workers)
    parser.add_argument("--folder", type=Path, help="of the clips, for a while")
    args = parser.parse_args()
    most = max(args.clips)
    with tempfile.TemporaryDirectory(dir=args.folder) as place:
        release = Path(place) / "release"
        progress(f"writing {most} clips")
        recordings.write_release(release, most, args.duration, SAMPLE_RATE_HZ)
        found = {}
        for clips in sorted(args.clips):
            folder = Path(place) / str(clips)
            recordings.write_tables(folder, release, clips, args.duration, args.workers, SAMPLE_RATE_HZ)
            found[clips] = measure(folder, args.workers)
        audio, features = (size * args.corpus / most / 1e9 for size in disk_bytes(folder))
    print(machine("soxr", "scipy", "joblib", "scikit-learn", "keras", "tensorflow"))
    of_clips = f"clips of {args.duration:g} s at {SAMPLE_RATE_HZ} Hz, {args.workers} workers"
    print(f"\nMeasured: {of_clips}, start-up included\n")
    memory = "peak memory of its own, MB"
    taken = ("seconds", "processor seconds", "processor milliseconds a clip")
    print(table(["stage", "clips", *taken, memory, "with pages of files, MB"], measured_rows(found)))
    print(f"\nComputed, not measured: {args.corpus} {of_clips}\n")
    columns = ["stage", "hours", "processor hours over the workers", memory]
    print(table(columns, computed_rows(found, args.corpus, args.workers)))
    print(f"\nComputed: disk for {args.corpus} clips: {audio:.0f} GB of cleaned audio, {features:.0f} GB of features")


if __name__ == "__main__":
    main()

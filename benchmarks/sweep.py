"""The sweep's fits: Keras `model.fit` in a plain loop against ours, on the same rows and settings.

`python -m benchmarks.sweep [--epochs N] [--turns N] [--networks S1B S3B]` prints two tables. Each contender trains all
cells and folds in one process, or in all its workers, in turns. Fits a minute count everything: imports, tracing,
workers that start, checkpoints, a worker that is idle at the end. Images a second of a cell count training images of
the epochs done over the seconds of its fits alone, all cores together. The images are made up; a part of them no
network can tell, so that scores can differ.

Equal scores: the mean accuracy over folds and turns lies within one standard error (over the folds, each the mean of
its turns) of the plain Keras loop's mean. Every turn has another seed.
"""

import argparse
import itertools
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from joblib import cpu_count
from sklearn.model_selection import StratifiedKFold

from benchmarks.measuring import Run, in_turns, machine, ratios, run_module, spread, table

IMAGES, SIDE, SPLITS = 1224, 128, 5
"""VOC-ALS's recordings as images of 128 × 128: 979 train a fold, 245 are watched and tested (record_wise)."""

PLAIN = "Keras loop"
COLUMNS = ("images a second", "times the plain loop", "accuracy", "equal scores")


def write_images(folder: Path, images: int, side: int) -> None:
    """Noise with a band whose strength differs between the classes, but overlaps: about one in five is undecidable."""
    draw = np.random.default_rng(0)
    labels = (np.arange(images) % 3 > 0).astype(np.int64)
    pictures = draw.uniform(0, 0.6, (images, side, side)).astype(np.float32)
    strength = draw.normal(0.1 + 0.2 * labels, 0.1)
    pictures[:, side // 4 : side // 2] += strength[:, np.newaxis, np.newaxis].astype(np.float32)
    np.save(folder / "images.npy", pictures.clip(0, 1))
    np.save(folder / "labels.npy", labels)
    fold_of = np.zeros(images, dtype=np.int64)
    splits = StratifiedKFold(SPLITS, shuffle=True, random_state=0).split(pictures, labels)
    for fold, (_, test) in enumerate(splits, start=1):
        fold_of[test] = fold
    np.save(folder / "folds.npy", fold_of)


def contenders(folder: Path, cells: list[str], epochs: int, folds: int, workers: int) -> dict[str, Callable[[], Run]]:
    """A call for each contender that trains `folds` folds of every cell (`S1B/0.3`), from another seed each time."""

    def trains(module: str, *how: object) -> Callable[[], Run]:
        seeds = itertools.count()
        return lambda: run_module(module, folder, epochs, folds, next(seeds), *how, *cells)

    return {
        PLAIN: trains("benchmarks.plain.keras_loop"),
        "ours, float32": trains("benchmarks.ours", "float32", workers),
        "ours, mixed_bfloat16": trains("benchmarks.ours", "mixed_bfloat16", workers),
    }


def images_a_second(run: Run, cell: str, training_images: int, processes: int) -> float:
    """Training images of a cell over the seconds of its fits, which `processes` share."""
    fits = run.answer[cell]
    return training_images * sum(fits["epochs"]) / (sum(fits["seconds"]) / processes)


def equal_scores(ones: Sequence[list[float]], others: Sequence[list[float]]) -> str:
    """Whether mean accuracies over the folds are within one standard error of the first's; a list a turn, of folds."""
    of_folds = np.mean(ones, axis=0)
    if len(of_folds) < 2:
        return "one fold: cannot say"
    difference = np.mean(others) - np.mean(ones)
    error = statistics.stdev(of_folds.tolist()) / len(of_folds) ** 0.5
    verdict = "yes" if abs(difference) <= error + 1e-6 else "**no**"
    return f"{verdict} ({difference:+.3f}, SE {error:.3f})"


def rows_of(
    cell: str, found: Mapping[str, list[Run]], training_images: int, processes: Mapping[str, int]
) -> list[tuple[str, ...]]:
    """A row of a cell's table for each contender: medians with their spread over turns."""
    pace = {
        name: [images_a_second(run, cell, training_images, processes[name]) for run in runs]
        for name, runs in found.items()
    }
    accuracy = {name: [run.answer[cell]["accuracy"] for run in runs] for name, runs in found.items()}
    rows = []
    for name in found:
        times = spread(ratios(pace[name], pace[PLAIN]), 2)
        equal = equal_scores(accuracy[PLAIN], accuracy[name]) if name != PLAIN else ""
        rows.append((*cell.split("/"), name, spread(pace[name], 0), times, f"{np.mean(accuracy[name]):.3f}", equal))
    return rows


def total_rows(found: Mapping[str, list[Run]], fits: int) -> list[tuple[str, ...]]:
    """A row for each contender: all cells together, start-up included."""
    seconds = {name: [run.seconds for run in runs] for name, runs in found.items()}
    return [
        (name, spread(taken), spread([60 * fits / one for one in taken], 2), spread(ratios(seconds[PLAIN], taken), 2))
        for name, taken in seconds.items()
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["S1B", "S3B", "S5B", "S5A"])
    parser.add_argument("--dropout-rates", type=float, nargs="+", default=[0.0, 0.3])
    parser.add_argument("--epochs", type=int, default=6, help="of each fit; early stopping may end it from 11 on")
    parser.add_argument("--folds", type=int, default=SPLITS, choices=range(1, SPLITS + 1))
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--workers", type=int, default=cpu_count(), help="of ours")
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    training_images = args.images - args.images // SPLITS
    cells = [f"{code}/{rate}" for code in args.networks for rate in args.dropout_rates]
    with tempfile.TemporaryDirectory() as place:
        write_images(Path(place), args.images, SIDE)
        calls = contenders(Path(place), cells, args.epochs, args.folds, args.workers)
        found = in_turns(calls, args.turns)
    processes = {name: 1 if name == PLAIN else min(args.workers, args.folds) for name in found}
    print(machine("keras", "tensorflow", "numpy", "joblib"))
    print(
        f"\n{training_images} training images of {SIDE} × {SIDE}, batch 32, at most {args.epochs} epochs,"
        f" {args.folds} folds, {args.turns} turns; ours on {args.workers} workers of one thread\n"
    )
    rows = [row for cell in cells for row in rows_of(cell, found, training_images, processes)]
    print(table(["network", "dropout", "contender", *COLUMNS], rows))
    print("\nAll of them together, start-up included:\n")
    columns = ["contender", "seconds", "fits a minute", "times the plain loop"]
    print(table(columns, total_rows(found, len(cells) * args.folds)))


if __name__ == "__main__":
    main()

"""The sweep's fits: Keras `model.fit` in a plain loop, and PyTorch, against ours, on the same rows and settings.

`python -m benchmarks.sweep [--epochs N] [--turns N] [--networks S1B S3B]` prints two tables. Each contender trains all
folds of a network in a process of its own, in turns. Fits a minute count everything: imports, tracing, workers that
start, checkpoints. Images a second count training images of the epochs done over the seconds of the fits alone, all
cores together. The images are made up; a part of them no network can tell, so that scores can differ.

Equal scores: the mean accuracy over the folds lies within one standard error of the plain Keras loop's mean.
"""

import argparse
import itertools
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from joblib import cpu_count
from sklearn.model_selection import StratifiedKFold

from benchmarks.measuring import (
    Run,
    in_turns_without_failures,
    installed,
    machine,
    ratios,
    run_module,
    say,
    spread,
    table,
)

IMAGES, SIDE, SPLITS = 1224, 128, 5
"""VOC-ALS's recordings as images of 128 × 128: 979 train a fold, 245 are watched and tested (record_wise)."""

PLAIN = "Keras loop"
CONTENDERS = (PLAIN, "PyTorch loop", "ours, float32", "ours, mixed_bfloat16")
COLUMNS = (
    "images a second",
    "times the plain loop",
    "fits a minute",
    "times the plain loop",
    "accuracy",
    "equal scores",
)


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


def contenders(
    folder: Path, code: str, rate: float, epochs: int, folds: int, workers: int
) -> dict[str, Callable[[], Run]]:
    """A call for each contender that trains `folds` folds of one network at one dropout rate."""
    given = (folder, code, rate, epochs, folds)
    return {
        PLAIN: partial(run_module, "benchmarks.plain.keras_loop", *given),
        "PyTorch loop": partial(run_module, "benchmarks.plain.torch_loop", *given),
        "ours, float32": partial(run_module, "benchmarks.ours", *given, "float32", workers),
        "ours, mixed_bfloat16": partial(run_module, "benchmarks.ours", *given, "mixed_bfloat16", workers),
    }


def images_a_second(run: Run, training_images: int, processes: int) -> float:
    """Training images over the seconds of the fits, which `processes` share."""
    return training_images * sum(run.answer["epochs"]) / (sum(run.answer["seconds"]) / processes)


def equal_scores(one: list[Run], other: list[Run]) -> str:
    """Whether the mean accuracies over the folds are within one standard error of the first's."""
    accuracies = [run.answer["accuracy"] for run in one]
    means = [statistics.mean(statistics.mean(run.answer["accuracy"]) for run in runs) for runs in (one, other)]
    if len(accuracies[0]) < 2:
        return "one fold: cannot say"
    of_folds = np.mean(accuracies, axis=0)
    error = statistics.stdev(of_folds.tolist()) / len(of_folds) ** 0.5
    verdict = "yes" if abs(means[0] - means[1]) <= error + 1e-9 else "**no**"
    return f"{verdict} ({means[1] - means[0]:+.3f}, SE {error:.3f})"


def rows_of(found: dict[str, list[Run]], training_images: int, processes: dict[str, int]) -> list[tuple[str, ...]]:
    """A row of the table for each contender: medians with their spread over turns."""
    pace = {
        name: [images_a_second(run, training_images, processes[name]) for run in runs] for name, runs in found.items()
    }
    fits = {name: [60 * len(run.answer["epochs"]) / run.seconds for run in runs] for name, runs in found.items()}
    plain = PLAIN in found
    rows = []
    for name, runs in found.items():
        accuracy = [statistics.mean(run.answer["accuracy"]) for run in runs]
        rows.append(
            (
                name,
                spread(pace[name], 0),
                spread(ratios(pace[name], pace[PLAIN]), 2) if plain else "",
                spread(fits[name], 2),
                spread(ratios(fits[name], fits[PLAIN]), 2) if plain else "",
                f"{statistics.mean(accuracy):.3f}",
                equal_scores(found[PLAIN], runs) if plain and name != PLAIN else "",
            )
        )
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["S1B", "S3B", "S5B", "S5A"])
    parser.add_argument("--dropout-rates", type=float, nargs="+", default=[0.0, 0.3])
    parser.add_argument("--epochs", type=int, default=8, help="of each fit; early stopping may end it from 11 on")
    parser.add_argument("--folds", type=int, default=SPLITS, choices=range(1, SPLITS + 1))
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--workers", type=int, default=cpu_count(), help="of ours")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS, metavar="CONTENDER")
    given = parser.parse_args()
    names = [name for name in CONTENDERS if name in given.only]
    without_torch = "PyTorch loop" in names and not installed("torch")
    if without_torch:
        names.remove("PyTorch loop")
        say("PyTorch is left out: it is not installed (pip install -r benchmarks/requirements.txt)")
    training_images = given.images - given.images // SPLITS
    processes = {name: min(given.workers, given.folds) if name.startswith("ours") else 1 for name in names}
    rows, failed, seconds = [], [], {name: [0.0] * given.turns for name in names}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_images(folder, given.images, SIDE)
        for code, rate in itertools.product(given.networks, given.dropout_rates):
            say(f"{code}, dropout {rate}")
            calls = contenders(folder, code, rate, given.epochs, given.folds, given.workers)
            found, fallen = in_turns_without_failures({name: calls[name] for name in names}, given.turns)
            failed += [f"{code}, dropout {rate}, {name}" for name in fallen]
            rows += [(code, rate, *row) for row in rows_of(found, training_images, processes)]
            for name in fallen:
                seconds.pop(name, None)
            for name, runs in ((name, found[name]) for name in seconds):
                seconds[name] = [sofar + run.seconds for sofar, run in zip(seconds[name], runs, strict=True)]
    print(machine("keras", "tensorflow", "torch", "numpy", "joblib"))
    print(
        f"\n{training_images} training images of {SIDE} × {SIDE}, batch 32, at most {given.epochs} epochs,"
        f" {given.folds} folds, {given.turns} turns; ours on {given.workers} workers of one thread\n"
    )
    print(table(["network", "dropout", "contender", *COLUMNS], rows))
    print("\nAll of them together, start-up included:\n")
    totals = [
        (name, spread(taken), spread(ratios(seconds[PLAIN], taken), 2) if PLAIN in seconds else "")
        for name, taken in seconds.items()
    ]
    print(table(["contender", "seconds", "times the plain loop"], totals))
    if without_torch:
        print("\nPyTorch: not installed, left out.")
    if failed:
        print(f"\nFailed, and left out: {'; '.join(failed)}")
        sys.exit(1)


if __name__ == "__main__":
    main()

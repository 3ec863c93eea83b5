"""What to expect of a study: hours on 2, 16 and 256 cores, computed from the pace of each network on this machine.

`python -m benchmarks.expectations` prints two tables. Measured: fits of each network through
`bulbar.training.fit_cache`, one on each worker at once, of one epoch and of more; an epoch is their difference,
building and tracing the network what is left, start-up what their process took besides. Computed: both protocols'
sweeps, one after the other, each fit handed to the first worker that is free, the largest network first, as the fit
cache does; an epoch's seconds in proportion to its forward passes (three for an image trained on). A core of the
cluster is taken to be one of this machine's with all of them at work, and the way of the fits over the network for
nothing.

A fit is never split, so no sweep ends before its longest fit, which is given the most epochs.
"""

import argparse
import heapq
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from joblib import cpu_count

from benchmarks.measuring import ROOT, Run, machine, progress, run_command, table
from benchmarks.sweep import IMAGES, SIDE, SPLITS, write_images
from bulbar.core.names import PROTOCOLS
from bulbar.training.architectures import ARCHITECTURES, Network, cost

DROPOUT_RATES = (0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
VALIDATION_SHARE = 0.2


@dataclass(frozen=True)
class Study:
    """A study whose hours are computed. epochs: of a fit, on average. most_epochs: of the longest fit."""

    name: str
    recordings: int
    epochs: float
    most_epochs: int


@dataclass(frozen=True)
class Pace:
    """Seconds of one of this machine's workers, all at work: for an epoch at the measured size, and once to begin."""

    epoch: float
    trace: float


def studies(epochs: float) -> list[Study]:
    """The default run and two larger studies. epochs: that early stopping leaves of at most 100, on average."""
    return [
        Study("default run: 45 subjects × 2, 6 epochs", 90, 6, 6),
        Study("VOC-ALS: 1,224 recordings", 1224, epochs, 100),
        Study("10 × VOC-ALS: 12,240 recordings", 12240, epochs, 100),
    ]


def passes(recordings: int, protocol: str) -> int:
    """Forward passes of an epoch: three for each image trained on, one for each that is watched or tested."""
    tested = recordings // SPLITS
    trained = recordings - tested
    if protocol == "record_wise":
        return 3 * trained + tested
    watched = round(VALIDATION_SHARE * trained)
    return 3 * (trained - watched) + watched + tested


def pace(short: Run, long: Run) -> Pace:
    """Of one network, from fits of one epoch and of more."""
    epochs, seconds = ([statistics.mean(of_fits(run, what)) for run in (short, long)] for what in ("epochs", "seconds"))
    epoch = (seconds[1] - seconds[0]) / (epochs[1] - epochs[0])
    return Pace(epoch, max(0.0, seconds[0] - epochs[0] * epoch))


def of_fits(run: Run, what: str) -> list[float]:
    """The epochs or the seconds of every fit of a run."""
    return [value for fits in run.answer.values() for value in fits[what]]


def start_up(run: Run) -> float:
    """Seconds of a run in which no fit was trained."""
    return run.seconds - max(of_fits(run, "seconds"))


def hours(study: Study, paces: Mapping[str, Pace], start: float, cores: int, measured_images: int) -> float:
    """Wall-clock hours of both protocols' sweeps on so many workers of one core. start: seconds before a first fit."""
    total = 0.0
    for protocol in PROTOCOLS:
        share = passes(study.recordings, protocol) / passes(measured_images, "record_wise")
        of_fit = {code: (one.trace, study.epochs * one.epoch * share) for code, one in paces.items()}
        fits = [(code, *of_fit[code]) for code in large_first(paces) for _ in range(len(DROPOUT_RATES) * SPLITS)]
        longest = max(one.trace + study.most_epochs * one.epoch * share for one in paces.values())
        total += start + max(longest, makespan(fits, cores))
    return total / 3600


def large_first(codes: Iterable[str]) -> list[str]:
    """Networks in the order in which fits are handed out."""
    return sorted(codes, key=lambda code: (-cost(Network(ARCHITECTURES[code], (SIDE, SIDE)))[1], code))


def makespan(fits: Sequence[tuple[str, float, float]], workers: int) -> float:
    """Seconds until the last of some fits is done, each taken by the worker that is free first.

    fits: network, seconds where the worker's last fit was of another network, and seconds in any case.
    """
    free = [(0.0, worker) for worker in range(workers)]
    last: dict[int, str] = {}
    for code, first, always in fits:
        since, worker = heapq.heappop(free)
        heapq.heappush(free, (since + always + (first if last.get(worker) != code else 0.0), worker))
        last[worker] = code
    return max(since for since, _ in free)


def rounded(number: float) -> str:
    """Two digits, or all before the point."""
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}" if number >= 1 else f"{number:.2f}"


def cells_and_folds(workers: int) -> tuple[int, int]:
    """How many cells and folds of one network give as many fits as there are workers, or nearly; never more."""
    sizes = [(cells, folds) for cells in range(1, len(DROPOUT_RATES) + 1) for folds in range(1, SPLITS + 1)]
    return max((size for size in sizes if math.prod(size) <= workers), key=math.prod)


def measure(folder: Path, code: str, epochs: int, cells: int, folds: int) -> Run:
    """Fits of a network, one on each worker, on the processor even where there is a GPU."""
    progress(f"{code}, {epochs} epochs")
    names = [f"{code}/{rate}" for rate in DROPOUT_RATES[:cells]]
    arguments = (folder, epochs, folds, 0, "float32", cells * folds, *names)
    command = [sys.executable, "-m", "benchmarks.ours", *map(str, arguments)]
    return run_command(command, folder=ROOT, environment=os.environ | {"BULBAR_DEVICE": "cpu"})


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(ARCHITECTURES), choices=ARCHITECTURES, metavar="CODE")
    parser.add_argument("--cores", type=int, nargs="+", default=[2, 16, 256])
    parser.add_argument("--epochs", type=int, default=3, help="measured, beyond the first: 1 to 9")
    parser.add_argument("--mean-epochs", type=float, default=30, help="assumed of a fit of VOC-ALS, of at most 100")
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--workers", type=int, default=cpu_count(), help="at work at once; 30 at most")
    args = parser.parse_args()
    runs: dict[str, tuple[Run, Run]] = {}
    with tempfile.TemporaryDirectory() as place:
        write_images(Path(place), args.images, SIDE)
        cells, folds = cells_and_folds(args.workers)
        for code in args.networks:
            short, long = (measure(Path(place), code, epochs, cells, folds) for epochs in (1, 1 + args.epochs))
            runs[code] = (short, long)
    paces = {code: pace(*both) for code, both in runs.items()}
    start = statistics.median(start_up(run) for both in runs.values() for run in both)
    trained = args.images - args.images // SPLITS
    print(machine("keras", "tensorflow", "numpy", "joblib"))
    print(
        f"\nMeasured: {trained} training and {args.images // SPLITS} watched images of {SIDE} × {SIDE}, batch 32,"
        f" float32, {cells * folds} workers of one thread at once; start-up {start:.0f} s.\n"
    )
    columns = ["network", "seconds an epoch", "training images a second and core", "seconds to build and trace"]
    rows = [(code, f"{one.epoch:.2f}", f"{trained / one.epoch:.0f}", f"{one.trace:.1f}") for code, one in paces.items()]
    print(table(columns, rows))
    print(
        f"\nComputed from these: hours of both protocols' sweeps, {len(PROTOCOLS)} × {len(paces)} networks"
        f" × {len(DROPOUT_RATES)} dropout rates × {SPLITS} folds; on a release, {args.mean_epochs:g} epochs a fit on"
        " average (assumed) and 100 at most. The two fusions add their fits, 100 by default.\n"
    )
    fits = len(PROTOCOLS) * len(paces) * len(DROPOUT_RATES) * SPLITS
    expected = [
        (study.name, fits, *(rounded(hours(study, paces, start, cores, args.images)) for cores in args.cores))
        for study in studies(args.mean_epochs)
    ]
    print(table(["study", "fits", *(f"{cores} cores" for cores in args.cores)], expected))
    print("\nOne GPU: left out, because it was not measured: no GPU was at hand when this was written.")


if __name__ == "__main__":
    main()

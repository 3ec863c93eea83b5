"""Each network's multiply-adds against the machine's measured rate of matrix products: the share that training reaches.

`python -m benchmarks.roofline [--networks ...] [--epochs N] [--turns N]` prints a table. A training step counts three
forward passes (forward, gradient of the inputs, gradient of the weights; the first layer has no second, which is not
taken off), a watched image one. The roof is the fastest large product of two matrices on all cores, of NumPy or
TensorFlow, in the type that the training computes in; it is measured in every turn, beside the training.
"""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from joblib import cpu_count

from benchmarks.measuring import Run, in_turns_without_failures, machine, run_module, say, spread, table
from benchmarks.sweep import IMAGES, SIDE, SPLITS, write_images
from bulbar.training.architectures import ARCHITECTURES, Network, cost

TYPES = {"float32": "float32", "mixed_bfloat16": "bfloat16"}
"""The type in which a precision of ours multiplies."""


def roof(run: Run, precision: str) -> float:
    """Multiply-adds a second of the fastest product in the type of a precision."""
    return max(rate for name, rate in run.answer.items() if name.endswith(f", {TYPES[precision]}"))


def reached(run: Run, code: str, images: int, processes: int) -> float:
    """Multiply-adds a second in the fits, which `processes` share; start-up left out."""
    multiply_adds, _ = cost(Network(ARCHITECTURES[code], (SIDE, SIDE)))
    (fits,) = run.answer.values()
    watched = images // SPLITS
    passes = 3 * (images - watched) + watched
    return multiply_adds * passes * sum(fits["epochs"]) / (sum(fits["seconds"]) / processes)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(ARCHITECTURES), choices=ARCHITECTURES, metavar="CODE")
    parser.add_argument("--precisions", nargs="+", default=list(TYPES), choices=TYPES)
    parser.add_argument("--dropout-rate", type=float, default=0.3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--workers", type=int, default=cpu_count(), help="one fold is trained on each")
    parser.add_argument("--side", type=int, default=4096, help="of the matrices whose product sets the roof")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    folds = min(given.workers, SPLITS)
    with tempfile.TemporaryDirectory() as place:
        write_images(Path(place), given.images, SIDE)
        products = partial(run_module, "benchmarks.plain.matrix_products", given.side, 10)
        train = {
            f"{code}, {precision}": partial(
                run_module,
                "benchmarks.ours",
                *(place, given.epochs, folds, 0, precision, folds, f"{code}/{given.dropout_rate}"),
            )
            for code in given.networks
            for precision in given.precisions
        }
        say("matrix products, then each network")
        found, failed = in_turns_without_failures({"matrix products": products, **train}, given.turns)
    roofs = found.pop("matrix products")
    rows = []
    for name, runs in found.items():
        code, precision = name.split(", ")
        multiply_adds, weights = cost(Network(ARCHITECTURES[code], (SIDE, SIDE)))
        rates = [reached(run, code, given.images, folds) for run in runs]
        shares = [100 * rate / roof(one, precision) for rate, one in zip(rates, roofs, strict=True)]
        numbers = (f"{multiply_adds / 1e6:.1f}", f"{weights / 1e6:.2f}", spread([rate / 1e9 for rate in rates]))
        rows.append((code, precision, *numbers, spread(shares)))
    print(machine("keras", "tensorflow", "numpy"))
    print(
        f"\n{given.images - given.images // SPLITS} training images of {SIDE} × {SIDE}, dropout {given.dropout_rate},"
        f" {given.epochs} epochs, {folds} workers of one thread, {given.turns} turns\n"
    )
    named = [(name, spread([run.answer[name] / 1e9 for run in roofs])) for name in roofs[0].answer]
    print(table([f"product of {given.side} × {given.side} matrices", "10⁹ multiply-adds a second"], named) + "\n")
    of_image = ("10⁶ multiply-adds an image", "10⁶ weights")
    print(table(["network", "precision", *of_image, "10⁹ multiply-adds a second", "% of the roof"], rows))
    if failed:
        print(f"\nFailed, and left out: {'; '.join(failed)}")
        sys.exit(1)


if __name__ == "__main__":
    main()

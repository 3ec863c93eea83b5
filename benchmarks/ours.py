"""CNNs over the folds as the sweep runs them: `ours FOLDER EPOCHS FOLDS SEED PRECISION WORKERS S1B/0.3 ...`.

The same rows and the same settings as `benchmarks.plain.keras_loop`, through `bulbar.training.fit_cache` and all
its workers, into an empty fit cache. It prints the same JSON.
"""

import itertools
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from bulbar.core import parallel
from bulbar.core.digests import file_digest
from bulbar.training import fit_cache, fits
from bulbar.training.architectures import ARCHITECTURES, Network


def main(folder: str, epochs: str, folds: str, seed: str, precision: str, workers: str, *cells: str) -> None:
    """Train one fit per cell and fold; print seconds of its worker, epochs and accuracy of each as JSON, by cell."""
    images = Path(folder).resolve() / "images.npy"
    labels = np.load(Path(folder) / "labels.npy")
    fold_of = np.load(Path(folder) / "folds.npy")
    shape = np.load(images, mmap_mode="r").shape[1:]
    settings = fits.Settings(max_epochs=int(epochs), precision=precision)
    study = fits.Study(images, file_digest(images), labels, settings, int(seed))
    wanted: dict[str, list[fits.Fit]] = {cell: [] for cell in cells}
    for cell, fold in itertools.product(cells, range(1, int(folds) + 1)):
        code, dropout_rate = cell.split("/")
        train, test = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        rows = {"train": train, "validation": test, "test": test}
        network = Network(ARCHITECTURES[code], shape)
        wanted[cell].append(fits.Fit(f"record_wise/{cell}/fold_{fold}", network, float(dropout_rate), **rows))
    computing = parallel.Settings(workers=int(workers))
    with tempfile.TemporaryDirectory() as place:
        cache = fit_cache.FitCache(Path(place))
        every = [fit for of_cell in wanted.values() for fit in of_cell]
        fitted = dict(zip(every, fit_cache.run(every, study, cache, computing=computing, label="ours"), strict=True))
        results = {
            cell: {
                "seconds": [cache.seconds(fits.digest(fit, study)) for fit in of_cell],
                "epochs": [len(fitted[fit].history) for fit in of_cell],
                "accuracy": [float(np.mean((fitted[fit].test >= 0.5) == labels[fit.test])) for fit in of_cell],
            }
            for cell, of_cell in wanted.items()
        }
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])

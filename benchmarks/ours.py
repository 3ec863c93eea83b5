"""One CNN over the folds as the sweep runs it: `ours FOLDER SX DROPOUT EPOCHS FOLDS PRECISION WORKERS`.

The same rows and the same settings as `benchmarks.plain.keras_loop`, through `bulbar.kept_fits` and all its workers,
into a folder of kept fits that is empty. It prints the same JSON.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from bulbar import fits, kept_fits
from bulbar.architectures import ARCHITECTURES, Network


def main(folder: str, code: str, dropout_rate: str, epochs: str, folds: str, precision: str, workers: str) -> None:
    """Train one fit per fold; print seconds of its worker, epochs and accuracy of each as JSON."""
    images = Path(folder).resolve() / "images.npy"
    labels = np.load(Path(folder) / "labels.npy")
    fold_of = np.load(Path(folder) / "folds.npy")
    shape = np.load(images, mmap_mode="r").shape[1:]
    settings = fits.Settings(max_epochs=int(epochs), precision=precision)
    study = fits.Study(images, fits.file_digest(images), labels, settings, seed=0)
    wanted = []
    for fold in range(1, int(folds) + 1):
        train, test = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        name = f"record_wise/{code}/{dropout_rate}/fold_{fold}"
        network = Network(ARCHITECTURES[code], shape)
        wanted.append(fits.Fit(name, network, float(dropout_rate), train=train, validation=test, test=test))
    with tempfile.TemporaryDirectory() as aside:
        kept = kept_fits.KeptFits(Path(aside))
        fitted = list(kept_fits.run(wanted, study, kept, workers=int(workers), label="ours"))
        result = {
            "seconds": [kept.seconds(fits.digest(fit, study)) for fit in wanted],
            "epochs": [len(one.history) for one in fitted],
            "accuracy": [
                float(np.mean((one.test >= 0.5) == labels[fit.test])) for fit, one in zip(wanted, fitted, strict=True)
            ],
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])

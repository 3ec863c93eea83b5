"""Toy images whose classes a small network learns in a few epochs, and fits on them."""

from pathlib import Path
from typing import Any

import numpy as np

from bulbar.training.architectures import ARCHITECTURES, Network
from bulbar.training.fits import Fit, Settings, Study

SHAPE = (20, 20)
SETTINGS = Settings(max_epochs=3, batch_size=8)


def study(folder: Path, *, rows: int = 48, settings: Settings = SETTINGS, seed: int = 5) -> Study:
    """Noise in which class 1 is brighter above, class 0 below; labels alternate."""
    draws = np.random.default_rng(0)
    labels = np.arange(rows) % 2
    images = draws.uniform(0, 0.6, (rows, *SHAPE)).astype(np.float32)
    images[labels == 1, 10:] += 0.3
    images[labels == 0, :10] += 0.3
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "images.npy", images)
    return Study(folder / "images.npy", "digest-of-the-toy-images", labels, settings, seed)


def clinical(rows: int = 48, columns: int = 3) -> np.ndarray:
    """Values in [0, 1] that say nothing about the label."""
    return np.random.default_rng(1).random((rows, columns))


def fit(name: str = "toy", code: str | None = "S1B", **changes: Any) -> Fit:
    """30 rows to train on, 9 to watch, 9 to test."""
    values = changes.get("clinical")
    network = Network(
        None if code is None else ARCHITECTURES[code],
        SHAPE,
        n_clinical=0 if values is None else values.shape[1],
        output="sigmoid" if values is None else "softmax",
    )
    order = np.random.default_rng(2).permutation(48)
    rows = {"train": order[:30], "validation": order[30:39], "test": order[39:]}
    return Fit(**{"name": name, "network": network, "dropout_rate": 0.3, **rows, **changes})

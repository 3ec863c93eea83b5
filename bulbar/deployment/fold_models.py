"""The deployed fold models: each is one network with a person's clinical features, encoded as in that fold."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import keras
import numpy as np

from bulbar.deployment.deployed import Deployed

FEWEST_ROWS = 2
"""Smallest batch. For a single row TensorFlow uses another matrix product, whose last bits differ from training."""


class FoldModel:
    """One fold's deployed network.

    path: the `.keras` file. clinical: a person's encoded features, shape (feature,); None if the network reads none.
    positive_class: the class whose probability the network predicts.
    """

    def __init__(self, path: Path, clinical: np.ndarray | None, positive_class: str) -> None:
        self._network = keras.saving.load_model(path, compile=False)
        self._clinical = clinical
        self._turned = positive_class != "ALS"

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The uncalibrated probability of ALS for each image, (row, mel, frame) -> (row,), float64."""
        rows = len(images)
        if rows < FEWEST_ROWS:
            images = np.concatenate([images, np.zeros((FEWEST_ROWS - rows, *images.shape[1:]), np.float32)])
        inputs = [images]
        if self._clinical is not None:
            inputs.append(np.tile(self._clinical, (len(images), 1)))
        found = np.asarray(self._network.predict_on_batch(inputs))[:rows, -1].astype(np.float64)
        return 1 - found if self._turned else found


def fold_models(folder: Path, deployed: Deployed, name: str, person: Mapping[str, float | str]) -> Iterator[FoldModel]:
    """Load the fold models of one deployed model for one person, one at a time, because five may need 0.3 GB.

    person: clinical column -> value. Each fold's encoder fills in missing columns as it did in training.
    """
    encoders = deployed.models[name].encoders
    for fold in deployed.folds:
        clinical = encoders[fold](person) if encoders else None
        yield FoldModel(folder / name / f"fold_{fold}.keras", clinical, deployed.positive_class)

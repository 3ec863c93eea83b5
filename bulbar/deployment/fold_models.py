"""The fold models as deployed: a network each, and a person's clinical features as that fold's encoder gives them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import keras
import numpy as np

from bulbar.deployment.deployed import Deployed

FEWEST_ROWS = 2
"""Rows to a batch at least: for one row alone TensorFlow takes another product, whose last bits are not training's."""


class FoldModel:
    """One fold's network, as deployed.

    path: the `.keras` file. clinical: a person's encoded features, shape (feature,); None where it sees none.
    positive_class: the class whose probability the network gives.
    """

    def __init__(self, path: Path, clinical: np.ndarray | None, positive_class: str) -> None:
        self._network = keras.saving.load_model(path, compile=False)
        self._clinical = clinical
        self._turned = positive_class != "ALS"

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The probability of ALS, before calibration, of each image. Shape (row, mel, frame) to (row,), float64."""
        rows = len(images)
        if rows < FEWEST_ROWS:
            images = np.concatenate([images, np.zeros((FEWEST_ROWS - rows, *images.shape[1:]), np.float32)])
        inputs = [images]
        if self._clinical is not None:
            inputs.append(np.tile(self._clinical, (len(images), 1)))
        found = np.asarray(self._network.predict_on_batch(inputs))[:rows, -1].astype(np.float64)
        return 1 - found if self._turned else found


def fold_models(folder: Path, deployed: Deployed, name: str, person: Mapping[str, float | str]) -> Iterator[FoldModel]:
    """The fold models of one deployed model for one person, read from `folder` one at a time: five may be 0.3 GB.

    person: clinical column -> value; what is not there is filled in as in training, by each fold's own encoder.
    """
    encoders = deployed.models[name].encoders
    for fold in deployed.folds:
        clinical = encoders[fold](person) if encoders else None
        yield FoldModel(folder / name / f"fold_{fold}.keras", clinical, deployed.positive_class)

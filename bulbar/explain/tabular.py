"""A model with clinical columns as a function of these alone: its voice branch is run once for each image."""

from pathlib import Path
from typing import Self

import keras
import numpy as np

from bulbar.explain.gradients import log_odds

_AT_ONCE = 8192


class Tabular:
    """One fold's `clinical_*` or `fused_*` model."""

    def __init__(self, model: keras.Model, images: np.ndarray) -> None:
        """Take the model apart. images: whose voices are asked for, (n, mel, frame); unused where it hears none."""
        network = log_odds(model)
        self.hears = len(network.inputs) > 1
        self.n_clinical = int(network.inputs[-1].shape[-1])
        self._head, self._voices = network, np.zeros((len(images), 0), np.float32)
        if self.hears:
            voice, _ = network.get_layer("fusion").input
            branch = keras.Model(network.inputs[0], voice)
            heard = [branch(images[start : start + 64], training=False) for start in range(0, len(images), 64)]
            self._voices = np.concatenate([keras.ops.convert_to_numpy(some) for some in heard])
            self._head = keras.Model([voice, network.inputs[1]], network.outputs[0])

    @classmethod
    def load(cls, path: Path, images: np.ndarray) -> Self:
        """From a `.keras` file."""
        return cls(keras.models.load_model(path, compile=False), images)

    def said(self, clinical: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Log-odds of the positive class, shape (m,): of clinical features (m, n_clinical), each with a row's voice."""
        clinical = np.asarray(clinical, np.float32)
        found = [np.empty(0)]
        for start in range(0, len(clinical), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            inputs = [self._voices[rows[some]], clinical[some]] if self.hears else [clinical[some]]
            found.append(keras.ops.convert_to_numpy(self._head(inputs, training=False))[:, 0])
        return np.concatenate(found).astype(np.float64)

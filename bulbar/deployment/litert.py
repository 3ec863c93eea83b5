"""The fold models as LiteRT (`.tflite`), which runs without Keras: on a telephone, in a small container."""

from pathlib import Path
from tempfile import TemporaryDirectory

import keras

from bulbar.core.atomic_write import copy_file


def to_litert(network: Path, out: Path) -> None:
    """Write a `.keras` network as LiteRT, float32 throughout, any number of rows; `out` ends in `.tflite`.

    Inputs keep their names: `image` (row, mel, frame), and `clinical` (row, feature) where it sees any.
    """
    with TemporaryDirectory() as folder:
        made = Path(folder) / "network.tflite"
        keras.saving.load_model(network, compile=False).export(made, format="litert", verbose=False)
        copy_file(made, out)

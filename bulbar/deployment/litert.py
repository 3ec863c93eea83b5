"""The fold models as LiteRT (`.tflite`), which runs without Keras, such as on a phone or in a small container."""

from pathlib import Path
from tempfile import TemporaryDirectory

import keras

from bulbar.core.atomic_write import copy_file


def to_litert(network: Path, out: Path) -> None:
    """Convert a `.keras` network to LiteRT, in float32, for any number of rows.

    Parameters
    ----------
    network : Path
        The `.keras` file.
    out : Path
        The file to write, `*.tflite`. Inputs keep their names: `image`, shape (row, mel, frame), and, if the network
        reads clinical features, `clinical`, shape (row, feature).
    """
    with TemporaryDirectory() as folder:
        made = Path(folder) / "network.tflite"
        keras.saving.load_model(network, compile=False).export(made, format="litert", verbose=False)
        copy_file(made, out)

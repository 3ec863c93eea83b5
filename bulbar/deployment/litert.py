"""The fold models as LiteRT (`.tflite`), which runs without Keras: on a telephone, in a small container."""

from pathlib import Path

import keras


def to_litert(network: Path, out: Path) -> None:
    """Write a `.keras` network as LiteRT, float32 throughout, any number of rows; `out` ends in `.tflite`.

    Inputs keep their names: `image` (row, mel, frame), and `clinical` (row, feature) where it sees any.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    keras.saving.load_model(network, compile=False).export(out, format="litert", verbose=False)

"""Check a `.keras` file before Keras loads it: a layer may contain code, and a ZIP file may be a decompression bomb."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LAYERS = {
    *("AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D", "Dense", "Dropout", "Flatten", "Functional"),
    *("InputLayer", "LSTM", "MaxPooling2D", "Permute", "ReLU", "Reshape"),
}
"""The layers that `bulbar.training.networks` uses. None of them contains code."""

BESIDE_LAYERS = {"DTypePolicy", "GlorotUniform", "Ones", "Orthogonal", "Zeros", "__keras_tensor__"}

LARGEST = {"metadata.json": 10_000, "config.json": 1_000_000, "model.weights.h5": 1_000_000_000}
"""Members of the archive, and their largest accepted size in bytes, far above that of any deployed network."""


def fault(path: Path) -> str | None:
    """Check that a file is one of bulbar's networks, without running anything in it.

    Parameters
    ----------
    path : Path
        The `.keras` file.

    Returns
    -------
    str or None
        What is wrong with the file, in words; None if nothing is.
    """
    if not path.is_file():
        return "no such file"
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {member.filename: member.file_size for member in archive.infolist()}
            if set(sizes) != set(LARGEST) or len(archive.infolist()) != len(sizes):
                return f"an archive with other members: {', '.join(sizes)[:200]}"
            if large := [name for name, most in LARGEST.items() if sizes[name] > most]:
                return f"{large[0]} of {sizes[large[0]]:,} bytes"
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, RecursionError):
        return "a damaged file"
    foreign = sorted({name for name, module in _classes(config) if not _ours(name, module)})
    return f"layers that bulbar's networks do not use: {', '.join(foreign)[:200]}" if foreign else None


def _ours(name: str, module: str) -> bool:
    return name in LAYERS | BESIDE_LAYERS and (module + ".").startswith(("keras.", "None."))


def _classes(config: Any) -> Iterator[tuple[str, str]]:
    """Class and module of every object that Keras would build from a configuration."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "class_name" in part:
                yield str(part["class_name"]), str(part.get("module"))
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part

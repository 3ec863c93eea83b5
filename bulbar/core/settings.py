"""Settings: the file, the base class of each block, its types, and the problems of an invalid block."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bulbar.core.errors import BadInput, Problem

MOST = 1_000_000
"""Largest accepted count. A larger one is probably a typing error, which would cost memory or days before it showed."""

Count = Annotated[int, Field(ge=1, le=MOST)]
"""A number of things."""

Width = Annotated[int, Field(ge=1, le=4096)]
"""Filters, units or rows of a network or of its input."""

Depth = Annotated[int, Field(ge=1, le=16)]
"""Layers of a network, each with a pooling that halves its input."""

RemoteName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
"""NAME of the DVC remote `private-NAME`, as in `remote.private`."""

Bandwidth = Annotated[float, Field(ge=100)]
"""Cutoff of a low-pass filter, in Hz."""


def classes_of(positive: str) -> tuple[str, str]:
    """The classes of the labels 0 and 1. positive: ALS or HC, the class whose probability the tables contain."""
    return ("HC", "ALS") if positive == "ALS" else ("ALS", "HC")


class Strict(BaseModel):
    """Base class of settings: unknown keys, infinite numbers and NaN are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)


def checked(found: Any, model: type[Model], where: str) -> Model:
    """Validate a block of settings.

    Parameters
    ----------
    found : object
        The block, as parsed.
    model : type
        The settings class of the block.
    where : str
        The block in messages, such as `params.yaml: audio`.

    Returns
    -------
    instance of `model`
        The settings.

    Raises
    ------
    BadInput
        With one problem for each invalid key.
    """
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise BadInput(refusals(error, where)) from None


def refusals(error: ValidationError, where: str) -> list[Problem]:
    """One problem for each invalid key, and for each broken rule between keys of a block.

    where: the block, such as `params.yaml: audio`.
    """
    faults = error.errors()
    bad_entries = {fault["loc"][:-1] for fault in faults}  # of a list, which pydantic then also reports as too short
    return [
        Problem(
            where=".".join([where, *map(str, fault["loc"])]).replace(":.", ": ", 1),
            expected=_EXPECTED.get(fault["type"]) or re.sub("^(Value error, |Input should be )", "", fault["msg"]),
            found=_found(fault["type"], fault["input"], fault["msg"]),
            remedy="correct the key in params.yaml, or in -S on the command line",
        )
        for fault in faults
        if fault["type"] != "too_short" or fault["loc"] not in bad_entries
    ]


_EXPECTED = {
    "missing": "a value for this key",
    "extra_forbidden": "no such key, because nothing reads it",
    "model_type": "a block of settings",
    "tuple_type": "a list",
    "path_type": "the path of a file or folder, as text",
}


def _found(kind: str, value: Any, message: str) -> str:
    if kind == "missing" or (kind == "model_type" and value is None):
        return "nothing"
    if kind == "value_error" and isinstance(value, Mapping):  # a rule between keys: show those that it names
        named = {key: inner for key, inner in value.items() if str(key) in message}
        return ", ".join(f"{key}: {value}" for key, value in named.items()) or str(dict(value))[:300]
    return repr(value)[:300]


def read_settings_file(path: Path) -> dict[str, Any]:
    """Read all blocks of a settings file such as params.yaml, in the same way as DVC (YAML 1.2).

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Block -> content.

    Raises
    ------
    BadInput
        If the file is missing, is not YAML, or contains anything but named settings.
    """
    try:
        found = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = "run this in the folder of the file: the root of the project, or gender/"
        raise BadInput.one(str(path), "the settings of the pipeline", "no such file", remedy) from None
    except (YAMLError, OSError, ValueError, RecursionError) as error:
        fault, remedy = _of_yaml(error), "correct the line; params.yaml of the repository shows the format of each key"
        raise BadInput.one(str(path), "YAML that can be read, each key once", fault, remedy) from None
    if not isinstance(found, dict):
        kind = "an empty file" if found is None else f"a {type(found).__name__}"
        remedy = f"restore it: git checkout {path}"
        raise BadInput.one(str(path), "blocks of settings, like `seed: 2025`", kind, remedy)
    return found


def _of_yaml(error: Exception) -> str:
    """The message of a YAML error, with line and column."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return " ".join(f"{where}{problem or error or type(error).__name__}".split())[:300]


@lru_cache(maxsize=8)
def _parsed(text: str) -> Any:
    """Parse each file once: a stage reads several blocks, and reading one takes as long as reading all."""
    return YAML(typ="safe").load(text)

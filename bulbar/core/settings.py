"""Settings: the file that holds them, the base class of each block, its types, the problems of a refused block."""

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
"""Beyond it a number of things is a slip, which else would be noticed when the memory or days are gone."""

Count = Annotated[int, Field(ge=1, le=MOST)]
"""How many there are of something."""

Width = Annotated[int, Field(ge=1, le=4096)]
"""Filters, units or rows of a network or of its input."""

Depth = Annotated[int, Field(ge=1, le=16)]
"""Layers of a network, each with a pooling that halves what it sees."""

RemoteName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
"""A DVC remote, as `remote.private` names it: `private-NAME`."""

Bandwidth = Annotated[float, Field(ge=100)]
"""What a voice is low-passed to, hertz."""


def classes_of(positive: str) -> tuple[str, str]:
    """The classes of labels 0 and 1, where `positive`, ALS or HC, is the one whose probability the tables hold."""
    return ("HC", "ALS") if positive == "ALS" else ("ALS", "HC")


class Strict(BaseModel):
    """Settings in which an unknown key is refused, and a number that is infinite or none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)


def checked(found: Any, model: type[Model], where: str) -> Model:
    """`found` as a model; each key that the model refuses is a problem of its own."""
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise BadInput(refusals(error, where)) from None


def refusals(error: ValidationError, where: str) -> list[Problem]:
    """A problem for each key that a model refuses, and for each rule between keys of a block that is broken.

    where: the block, as `params.yaml: audio`.
    """
    faults = error.errors()
    bad_entries = {fault["loc"][:-1] for fault in faults}  # of a list, which then counts as too short as well
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
    "extra_forbidden": "no such key: nothing reads it",
    "model_type": "a block of settings",
    "tuple_type": "a list",
    "path_type": "the path of a file or folder, as a text",
}


def _found(kind: str, value: Any, message: str) -> str:
    if kind == "missing" or (kind == "model_type" and value is None):
        return "nothing"
    if kind == "value_error" and isinstance(value, Mapping):  # a rule between keys: those that it names
        named = {key: inner for key, inner in value.items() if str(key) in message}
        return ", ".join(f"{key}: {value}" for key, value in named.items()) or str(dict(value))[:300]
    return repr(value)[:300]


def read_settings_file(path: Path) -> dict[str, Any]:
    """All blocks of a settings file such as params.yaml, read as DVC reads it (YAML 1.2).

    Raises BadInput where it is not there, not YAML, or holds something else than named settings.
    """
    try:
        found = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = "run this where it lies: at the root of the project, or in gender/"
        raise BadInput.one(str(path), "the settings of the pipeline", "no such file", remedy) from None
    except (YAMLError, OSError, ValueError, RecursionError) as error:
        fault, remedy = _of_yaml(error), "correct the line; the repository's own params.yaml shows how each is written"
        raise BadInput.one(str(path), "YAML that can be read, each key once", fault, remedy) from None
    if not isinstance(found, dict):
        kind = "an empty file" if found is None else f"a {type(found).__name__}"
        remedy = f"restore it: git checkout {path}"
        raise BadInput.one(str(path), "blocks of settings, like `seed: 2025`", kind, remedy)
    return found


def _of_yaml(error: Exception) -> str:
    """What a reader of YAML stumbled on, and in which line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return " ".join(f"{where}{problem or error or type(error).__name__}".split())[:300]


@lru_cache(maxsize=1)
def _parsed(text: str) -> Any:
    """A stage reads several blocks, and reading one takes as long as reading all."""
    return YAML(typ="safe").load(text)

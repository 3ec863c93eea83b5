"""A run's files as numbers that know where they stand."""

import base64
import hashlib
import io
import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from bulbar.report.elements import NOT_DEFINED, Number

Form = Callable[[float], str]


def percent(share: float) -> str:
    """A share of 1 in percent."""
    return f"{100 * share:.1f} %"


def percentage(value: float) -> str:
    """What is a percentage already."""
    return f"{value:.1f} %"


def two(value: float) -> str:
    """Two digits."""
    return f"{value:.2f}"


def three(value: float) -> str:
    """Three digits."""
    return f"{value:.3f}"


def whole(value: float) -> str:
    """A count, or a year."""
    return f"{value:,.0f}"


class Results:
    """The files of a run. files: path relative to the project -> content, as bytes. params: params.yaml.

    versions: package -> version. A number that is not there, null or not finite reads as an en dash.
    """

    def __init__(self, files: Mapping[str, bytes], params: Mapping[str, Any], versions: Mapping[str, str]) -> None:
        self._files = files
        self._parsed: dict[str, Any] = {}
        self.params, self.versions = params, versions

    def __contains__(self, file: str) -> bool:
        return file in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def json(self, file: str, *keys: str) -> Any:
        """What stands in a JSON file under a path of keys; None where nothing does."""
        if file not in self._parsed:
            self._parsed[file] = json.loads(self._files[file])
        found = self._parsed[file]
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def table(self, file: str) -> pd.DataFrame:
        """A CSV table."""
        if file not in self._parsed:
            self._parsed[file] = pd.read_csv(io.BytesIO(self._files[file]), keep_default_na=False, na_values=[""])
        return self._parsed[file]

    def picture(self, file: str) -> str:
        """A PNG as the address of an image that needs no file."""
        return f"data:image/png;base64,{base64.b64encode(self._files[file]).decode('ascii')}"

    def size(self, file: str) -> tuple[int, int]:
        """Width and height of a PNG, in pixels, as its header states them."""
        width, height = struct.unpack(">II", self._files[file][16:24])
        return width, height

    def digest(self, file: str) -> str:
        """The first 16 digits of a file's SHA-256."""
        return hashlib.sha256(self._files[file]).hexdigest()[:16]

    def number(self, file: str, *keys: str, form: Form = two) -> Number:
        """A number of a JSON file. What is a string there, such as `<5`, is shown as it is."""
        return shown(self.json(file, *keys), file, ".".join(keys), form)

    def estimate(self, file: str, *keys: str, form: Form = two, value: str = "value") -> Number:
        """A number with its interval: `0.63 (0.49 to 0.76)`, from an object with the keys `value`, low and high."""
        told = self.json(file, *keys)
        if told is None:
            return Number(NOT_DEFINED, None, file, "")
        return with_interval(told.get(value), told.get("low"), told.get("high"), file, ".".join([*keys, value]), form)

    def score(self, file: str, *keys: str, form: Form = two) -> Number:
        """A score whose interval stands beside it under `intervals`."""
        *before, name = keys
        low, high = self.json(file, *before, "intervals", name) or (None, None)
        return with_interval(self.json(file, *keys), low, high, file, ".".join(keys), form)


def shown(value: Any, file: str, key: str, form: Form = two) -> Number:
    """A value from a file as a Number; en dash where it is not defined."""
    if isinstance(value, str):
        return Number(value, None, file, key)
    return Number(form(value), float(value), file, key) if defined(value) else Number(NOT_DEFINED, None, file, key)


def with_interval(value: Any, low: Any, high: Any, file: str, key: str, form: Form = two) -> Number:
    """A value with its interval, as a Number."""
    number, ends = shown(value, file, key, form), interval(low, high, file, key, form)
    if NOT_DEFINED in (number.text, ends.text):
        return number
    return Number(f"{number.text} ({ends.text})", number.value, file, key)


def interval(low: Any, high: Any, file: str, key: str, form: Form = two) -> Number:
    """The ends of an interval: `0.49 to 0.76`."""
    if not (defined(low) and defined(high)):
        return Number(NOT_DEFINED, None, file, key)
    return Number(" to ".join(form(end).removesuffix(" %") for end in (low, high)), None, file, key)


def defined(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

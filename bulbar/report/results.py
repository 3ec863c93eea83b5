"""A run's files, and their values with the place that each stands in."""

import base64
import hashlib
import io
import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from markupsafe import Markup

from bulbar.core import markdown
from bulbar.core.markdown import NOT_DEFINED

Form = Callable[[float], str]
"""Makes text of a number."""

two: Form = "{:.2f}".format
three: Form = "{:.3f}".format
four: Form = "{:.4f}".format
whole: Form = "{:,.0f}".format
percentage: Form = "{:.1f} %".format
"""Of a number that is in percent already."""


def percent(share: float) -> str:
    """A share of 1 in percent."""
    return percentage(100 * share)


def points(difference: float) -> str:
    """A difference between two shares of 1, in percentage points."""
    return f"{100 * difference:.1f}"


@dataclass(frozen=True)
class Value:
    """A value as the report shows it, and where it stands: a link in HTML, its text in Markdown.

    text: as shown. number: what a table sorts by; None where there is none. file: relative to the project. key: in that
    file, such as `subject_wise.selected.audio_auc`, or a row and a column. kind: of a verdict (bad, doubtful, good or
    neutral), which gives it its colour; empty for any other value.
    """

    text: str
    number: float | None
    file: str
    key: str = ""
    kind: str = ""

    def __str__(self) -> str:
        return self.text

    def __html__(self) -> str:
        style = f"verdict {self.kind}" if self.kind else "number"
        place = f"{self.file}: {self.key}" if self.key else self.file
        text = self.text
        if self.number is not None:  # it and its interval: each stays on one line
            text = Markup(" ").join(map(Markup("<span>{}</span>").format, re.split(r" (?=\()", text, maxsplit=1)))
        return Markup('<a class="{}" href="{}" title="{}">{}</a>').format(style, self.link, place, text)

    @property
    def link(self) -> str:
        """Where it stands, as seen from report/, the key behind `#`."""
        return f"../{quote(self.file)}#{quote(self.key)}"

    @property
    def sort_value(self) -> str:
        """What a column sorts by: a number; `none` where it is not defined; empty for a text.

        A count that is hidden is `none`, `<5` or `5 or more`.
        """
        if self.number is not None:
            return repr(self.number)
        if hidden := re.fullmatch(r"<(\d+)|(\d+) or more", self.text):
            return str(int(hidden[1]) - 1) if hidden[1] else hidden[2]
        return {NOT_DEFINED: "none", "none": "0"}.get(self.text, "")


class Results:
    """The files of a run. files: path relative to the project -> content, as bytes. params: params.yaml.

    versions: package -> version. A value that is missing, null or not finite reads as an en dash.
    """

    def __init__(self, files: Mapping[str, bytes], params: Mapping[str, Any], versions: Mapping[str, str]) -> None:
        self._files = files
        self._parsed: dict[str, Any] = {"params.yaml": params}
        self.params, self.versions = params, versions

    def __contains__(self, file: str) -> bool:
        return file in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def read(self, file: str) -> Any:
        """The content of a JSON file or of a CSV table."""
        if file not in self._parsed:
            content = io.BytesIO(self._files[file])
            is_table = file.endswith(".csv")
            parsed = pd.read_csv(content, keep_default_na=False, na_values=[""]) if is_table else json.load(content)
            self._parsed[file] = parsed
        return self._parsed[file]

    def json(self, file: str, *keys: str) -> Any:
        """What stands in a JSON file under a path of keys; None where nothing does."""
        found = self.read(file)
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

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

    def value(self, file: str, *keys: str, form: Form = two) -> Value:
        """A value of a JSON file. What is a string there, such as `<5`, is shown as it is."""
        return shown(self.json(file, *keys), file, ".".join(keys), form)

    def estimate(self, file: str, *keys: str, form: Form = two, value: str = "value") -> Value:
        """A number with its interval: `0.63 (0.49 to 0.76)`, from an object with the keys `value`, low and high."""
        if (found := self.json(file, *keys)) is None:
            return Value(NOT_DEFINED, None, file)
        number, low, high = (found.get(name) for name in (value, "low", "high"))
        return with_interval(number, low, high, file, ".".join([*keys, value]), form)

    def score(self, file: str, *keys: str, form: Form = two) -> Value:
        """A score whose interval stands beside it under `intervals`."""
        *before, name = keys
        low, high = self.json(file, *before, "intervals", name) or (None, None)
        return with_interval(self.json(file, *keys), low, high, file, ".".join(keys), form)


def shown(value: Any, file: str, key: str, form: Form = two) -> Value:
    """A value from a file, a string as it is; an en dash where it is not defined."""
    return with_interval(value, None, None, file, key, form)


def with_interval(value: Any, low: Any, high: Any, file: str, key: str, form: Form = two) -> Value:
    """A value with its interval, where both ends are defined."""
    if isinstance(value, str):
        return Value(value, None, file, key)
    number, low, high = (float(one) if defined(one) else None for one in (value, low, high))
    return Value(markdown.with_interval(number, low, high, form), number, file, key)


def interval(low: Any, high: Any, file: str, key: str, form: Form = two) -> Value:
    """The ends of an interval: `0.49 to 0.76`."""
    if not (defined(low) and defined(high)):
        return Value(NOT_DEFINED, None, file, key)
    return Value(" to ".join(form(end).removesuffix(" %") for end in (low, high)), None, file, key)


def defined(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))

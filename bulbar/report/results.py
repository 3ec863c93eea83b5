"""The files of a run, and their values with file and key of each."""

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
"""Formats a number as text."""

two: Form = "{:.2f}".format
three: Form = "{:.3f}".format
four: Form = "{:.4f}".format
whole: Form = "{:,.0f}".format
percentage: Form = "{:.1f} %".format
"""Formats a number that is already in percent."""


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage."""
    return percentage(100 * share)


def points(difference: float) -> str:
    """A difference between two shares in [0, 1], in percentage points."""
    return f"{100 * difference:.1f}"


@dataclass(frozen=True)
class Value:
    """A value of the report and the place that it comes from: a link in HTML, its text in Markdown.

    Attributes
    ----------
    text : str
        As shown.
    number : float or None
        The value that a table is sorted by.
    file : str
        Path relative to the project.
    key : str
        Key in that file, such as `subject_wise.selected.audio_auc`, or a row and a column.
    kind : str
        For a verdict, which gives it its colour: `bad`, `doubtful`, `good` or `neutral`. Empty for other values.
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
        if self.number is not None:  # no line break inside the number, nor inside its interval
            text = Markup(" ").join(map(Markup("<span>{}</span>").format, re.split(r" (?=\()", text, maxsplit=1)))
        return Markup('<a class="{}" href="{}" title="{}">{}</a>').format(style, self.link, place, text)

    @property
    def link(self) -> str:
        """Link to the file relative to report/, with the key after `#`."""
        return f"../{quote(self.file)}#{quote(self.key)}"

    @property
    def sort_value(self) -> str:
        """The value that a column is sorted by: a number; `none` if not defined; empty for text.

        Hidden counts are also sorted: `none` as 0, `<5` as 4, `5 or more` as 5.
        """
        if self.number is not None:
            return repr(self.number)
        if hidden := re.fullmatch(r"<(\d+)|(\d+) or more", self.text):
            return str(int(hidden[1]) - 1) if hidden[1] else hidden[2]
        return {NOT_DEFINED: "none", "none": "0"}.get(self.text, "")


class Results:
    """The files of a run. A value that is missing, null or not finite is shown as an en dash.

    Parameters
    ----------
    files : mapping of str to bytes
        Path relative to the project -> content.
    params : mapping
        Content of params.yaml.
    versions : mapping of str to str
        Package -> version.
    pinned_in : str
        The file of the versions.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        params: Mapping[str, Any],
        versions: Mapping[str, str],
        pinned_in: str = "requirements.txt",
    ) -> None:
        self._files = files
        self._parsed: dict[str, Any] = {"params.yaml": params}
        self.params, self.versions, self.pinned_in = params, versions, pinned_in

    def __contains__(self, file: str) -> bool:
        return file in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._files))

    def read(self, file: str) -> Any:
        """The parsed content of a JSON file, or a CSV file as a DataFrame."""
        if file not in self._parsed:
            content = io.BytesIO(self._files[file])
            is_table = file.endswith(".csv")
            parsed = pd.read_csv(content, keep_default_na=False, na_values=[""]) if is_table else json.load(content)
            self._parsed[file] = parsed
        return self._parsed[file]

    def json(self, file: str, *keys: str) -> Any:
        """The value under a path of keys in a JSON file; None if there is none."""
        found = self.read(file)
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def picture(self, file: str) -> str:
        """A PNG as a data URL."""
        return f"data:image/png;base64,{base64.b64encode(self._files[file]).decode('ascii')}"

    def size(self, file: str) -> tuple[int, int]:
        """Width and height of a PNG in pixels, from its header."""
        width, height = struct.unpack(">II", self._files[file][16:24])
        return width, height

    def digest(self, file: str) -> str:
        """The first 16 digits of a file's SHA-256."""
        return hashlib.sha256(self._files[file]).hexdigest()[:16]

    def value(self, file: str, *keys: str, form: Form = two) -> Value:
        """A value of a JSON file. A string, such as `<5`, is shown unchanged."""
        return shown(self.json(file, *keys), file, ".".join(keys), form)

    def estimate(self, file: str, *keys: str, form: Form = two, value: str = "value") -> Value:
        """A number with its interval, `0.63 (0.49 to 0.76)`, from an object with the keys `value`, low and high."""
        if (found := self.json(file, *keys)) is None:
            return Value(NOT_DEFINED, None, file)
        number, low, high = (found.get(name) for name in (value, "low", "high"))
        return with_interval(number, low, high, file, ".".join([*keys, value]), form)

    def score(self, file: str, *keys: str, form: Form = two) -> Value:
        """A score with its interval from the sibling key `intervals`."""
        *before, name = keys
        low, high = self.json(file, *before, "intervals", name) or (None, None)
        return with_interval(self.json(file, *keys), low, high, file, ".".join(keys), form)


def shown(value: Any, file: str, key: str, form: Form = two) -> Value:
    """A value of a file; a string unchanged; an en dash if not defined."""
    return with_interval(value, None, None, file, key, form)


def with_interval(value: Any, low: Any, high: Any, file: str, key: str, form: Form = two) -> Value:
    """A value with its interval, if both ends are defined."""
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

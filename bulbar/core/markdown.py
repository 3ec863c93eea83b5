"""Tables and values as Markdown pages show them."""

import math
import re
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

_MARKUP = re.compile(r"(?<!\\)\||<(?=[A-Za-z/!?])|\](?=\()|(?<=\w):(?=//)|(?<=www)\.|[\r\n]+")
_AS_TEXT = {"|": "\\|", "<": "&lt;", "]": "\\]", ":": ":<!-- -->", ".": "<!-- -->."}
"""A bare address is a link on GitHub, unless a comment parts it."""

NOT_DEFINED = "–"


def escaped(value: Any) -> str:
    """A value as text: no release's own words end a table's cell or row, or become an element or a link."""
    return _MARKUP.sub(lambda found: _AS_TEXT.get(found[0], " "), str(value))


def markdown_table(table: pd.DataFrame, digits: int = 2) -> str:
    """A table in Markdown, its cells escaped; what is not defined is an en dash."""

    def cell(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:.{digits}f}" if np.isfinite(value) else NOT_DEFINED
        return escaped(value)

    lines = [table.columns.map(str), ["---"] * table.shape[1], *table.astype(object).to_numpy()]
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines) + "\n"


def with_interval(
    value: float | None, low: float | None, high: float | None, form: Callable[[float], str] = "{:.2f}".format
) -> str:
    """A value with its interval: `0.63 (0.49 to 0.76)`, or `63.0 % (49.0 to 76.0)` where `form` ends in a unit.

    form: makes text of a number. A value without both ends stands alone; one that is None or NaN is an en dash. Where
    an end is infinite it reads ∞.
    """
    if value is None or math.isnan(value):
        return NOT_DEFINED
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return form(value)
    ends = (form(end).removesuffix(" %") for end in (low, high))
    return f"{form(value)} ({' to '.join(ends)})".replace("inf", "∞")


def number_in_words(value: Any, form: Callable[[float], str] = "{:.2f}".format) -> str:
    """A number in a sentence that may be read aloud; `not defined` where it is None or not finite."""
    return form(float(value)) if isinstance(value, Real) and math.isfinite(value) else "not defined"

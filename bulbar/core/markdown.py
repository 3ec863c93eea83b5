"""Format tables and values for Markdown pages."""

import math
import re
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

_MARKUP = re.compile(r"(?<!\\)\||<(?=[A-Za-z/!?])|\](?=\()|(?<=\w):(?=//)|(?<=www)\.|[\r\n]+")
_AS_TEXT = {"|": "\\|", "<": "&lt;", "]": "\\]", ":": ":<!-- -->", ".": "<!-- -->."}
"""Replacements. GitHub turns a bare address into a link unless a comment splits it."""

NOT_DEFINED = "–"


def escaped(value: Any) -> str:
    """A value as text, escaped so that words of a release cannot end a table cell, or become an element or a link."""
    return _MARKUP.sub(lambda found: _AS_TEXT.get(found[0], " "), str(value))


def markdown_table(table: pd.DataFrame, digits: int = 2) -> str:
    """Format a table in Markdown.

    Parameters
    ----------
    table : DataFrame
        The index is left out.
    digits : int
        Digits after the point of float cells.

    Returns
    -------
    str
        Escaped cells; an en dash for NaN and infinity.

    Examples
    --------
    >>> print(markdown_table(pd.DataFrame({"model": ["audio"], "AUC": [0.631]})))
    | model | AUC |
    | --- | --- |
    | audio | 0.63 |
    <BLANKLINE>
    """

    def cell(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:.{digits}f}" if np.isfinite(value) else NOT_DEFINED
        return escaped(value)

    lines = [table.columns.map(str), ["---"] * table.shape[1], *table.astype(object).to_numpy()]
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines) + "\n"


def with_interval(
    value: float | None, low: float | None, high: float | None, form: Callable[[float], str] = "{:.2f}".format
) -> str:
    """Format a value with its interval.

    Parameters
    ----------
    value, low, high : float or None
        The value and the ends of its interval.
    form : callable
        Formats a number. A unit ` %` is printed only after the value.

    Returns
    -------
    str
        `0.63 (0.49 to 0.76)`; the value alone if an end is None or NaN; an en dash if the value is. Infinity is `∞`.

    Examples
    --------
    >>> with_interval(63.0, 49.0, 76.0, "{:.1f} %".format)
    '63.0 % (49.0 to 76.0)'
    """
    if value is None or math.isnan(value):
        return NOT_DEFINED
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return form(value)
    ends = (form(end).removesuffix(" %") for end in (low, high))
    return f"{form(value)} ({' to '.join(ends)})".replace("inf", "∞")


def number_in_words(value: Any, form: Callable[[float], str] = "{:.2f}".format) -> str:
    """A number for a sentence that a screen reader may read; `not defined` if it is None or not finite."""
    return form(float(value)) if isinstance(value, Real) and math.isfinite(value) else "not defined"

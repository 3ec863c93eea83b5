"""Tables in Markdown."""

import re
from typing import Any

import numpy as np
import pandas as pd

_MARKUP = re.compile(r"(?<!\\)\||<(?=[A-Za-z/!?])|\](?=\()|(?<=\w):(?=//)|(?<=www)\.|[\r\n]+")
_AS_TEXT = {"|": "\\|", "<": "&lt;", "]": "\\]", ":": ":<!-- -->", ".": "<!-- -->."}
"""A bare address is a link on GitHub, unless a comment parts it."""


def markdown_table(table: pd.DataFrame, digits: int = 2) -> str:
    """A table in Markdown; what is not defined is an en dash.

    A cell may hold a release's own words: none ends its cell or its row, or becomes an element or a link.
    """

    def cell(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:.{digits}f}" if np.isfinite(value) else "–"
        return _MARKUP.sub(lambda found: _AS_TEXT.get(found[0], " "), str(value))

    lines = [table.columns.map(str), ["---"] * table.shape[1], *table.astype(object).to_numpy()]
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines) + "\n"

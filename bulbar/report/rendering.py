"""Render templates. Strings from a run are escaped, so that none can become markup or script."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bulbar.core.markdown import escaped
from bulbar.report.results import Value

MARKS = ((re.compile(r"`([^`]+)`"), "code"), (re.compile(r"\*\*([^*]+)\*\*"), "strong"))


def environment(*, html: bool) -> Environment:
    """Jinja2 with the templates of the report. HTML and Markdown share the sentences in a folder `sentences`.

    In HTML, output is escaped and a `Value` becomes a link. In Markdown, a `Value` becomes its text, and output is
    escaped so that it ends no table cell and becomes no element or link.
    """
    made = Environment(  # nosec B701 # Markdown is escaped by finalize
        loader=PackageLoader("bulbar.report"),
        autoescape=html,
        finalize=None if html else escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    made.filters |= {
        "marked": marked if html else str,
        "one_line": lambda text: type(text)(" ".join(text.split())),
        "words": lambda name: name.replace("_", " "),
        "parts": parts,
        "plain": lambda cell: "".join(map(str, parts(cell))),
        "sort_value": sort_value,
    }
    return made


def marked(part: Any) -> Markup:
    """A part of a sentence or cell, escaped; in a string, `code` and **strong** become elements."""
    text = str(escape(part))
    for pattern, tag in MARKS if isinstance(part, str) else ():
        text = pattern.sub(rf"<{tag}>\1</{tag}>", text)
    return Markup(text)  # nosec B704 # only these two tags are not escaped


def parts(cell: Any) -> list[Any]:
    """A cell's parts, one or several."""
    return cell if isinstance(cell, list) else [cell]


def sort_value(cell: Any) -> str:
    """The value that a cell is sorted by: the number of its first part; empty for text."""
    first = parts(cell)[0]
    return first.sort_value if isinstance(first, Value) else ""

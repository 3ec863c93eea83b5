"""Templates rendered. Strings from a run are escaped: none can become markup or script."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bulbar.core.markdown import escaped
from bulbar.report.results import Value

MARKS = ((re.compile(r"`([^`]+)`"), "code"), (re.compile(r"\*\*([^*]+)\*\*"), "strong"))


def environment(*, html: bool) -> Environment:
    """Jinja2 with the templates of the report. A sentence in templates/sentences/ serves HTML and Markdown.

    HTML escapes what it prints, and a `Value` is a link there. In Markdown a `Value` is its text, and what is printed
    ends no cell and becomes no element or link.
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
    """A part of a sentence or cell, escaped; in a string `code` and **strong** are set as such."""
    text = str(escape(part))
    for pattern, tag in MARKS if isinstance(part, str) else ():
        text = pattern.sub(rf"<{tag}>\1</{tag}>", text)
    return Markup(text)  # nosec B704 # nothing but our two tags is in it unescaped


def parts(cell: Any) -> list[Any]:
    """A cell's parts, one or several."""
    return cell if isinstance(cell, list) else [cell]


def sort_value(cell: Any) -> str:
    """What a cell sorts by: its first part's number; empty for a text."""
    first = parts(cell)[0]
    return first.sort_value if isinstance(first, Value) else ""

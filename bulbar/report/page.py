"""The page and the summary, rendered. Strings from a run are escaped: none can become markup or script."""

import base64
import hashlib
import itertools
import re
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from bulbar.report import appraisal, audited, explained, outside, paper, run, summary, verdict
from bulbar.report.elements import NOT_DEFINED, Figure, Number, Part, Section, Table, Verdict
from bulbar.report.results import Results
from bulbar.report.run import INGEST, cohort_in_words

SECTIONS: tuple[Callable[[Results], Section], ...] = (
    verdict.section,
    run.section,
    paper.section,
    audited.section,
    appraisal.uncertainty,
    appraisal.section,
    appraisal.groups,
    paper.curves,
    explained.section,
    outside.section,
)
"""In their order. A new section is a function of the results, and a line here."""

MARKS = ((re.compile(r"`([^`]+)`"), "code"), (re.compile(r"\*\*([^*]+)\*\*"), "strong"))


def html(results: Results) -> str:
    """The page: one file, no address in it leads outside but to the files that its numbers stand in."""
    render = environment()
    style, behaviour = map(ours, ("style.css", "behaviour.js"))
    return render.get_template("page.html").render(
        cohort=cohort_in_words(results),
        synthetic=results.json(INGEST, "synthetic"),
        sections=[section(results) for section in SECTIONS],
        results=results,
        style=style,
        style_digest=digest(style),
        behaviour=behaviour,
        behaviour_digest=digest(behaviour),
    )


def markdown(results: Results) -> str:
    """The same in at most 60 lines for a pull request."""
    return environment().get_template("summary.md").render(
        cohort=cohort_in_words(results),
        synthetic=results.json(INGEST, "synthetic"),
        sentences=[in_text(sentence) for sentence in verdict.sentences(results)],
        **summary.parts(results),
    )  # fmt: skip


def environment() -> Environment:
    """Jinja2 with our templates and what they ask of elements."""
    made = Environment(
        loader=PackageLoader("bulbar.report"),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    made.filters.update(
        marked=marked,
        cell=cell_parts,
        sort_value=sort_value,
        in_text=in_text,
        in_cell=in_cell,
        unbroken=unbroken,
        grouped=grouped,
    )
    made.tests.update(
        a_table=lambda part: isinstance(part, Table),
        a_figure=lambda part: isinstance(part, Figure),
        a_section=lambda part: isinstance(part, Section),
        a_number=lambda part: isinstance(part, Number),
        a_verdict=lambda part: isinstance(part, Verdict),
    )
    return made


def ours(name: str) -> Markup:
    """A file beside the templates, as it is."""
    text = (resources.files("bulbar.report") / "templates" / name).read_text(encoding="utf-8")
    return Markup(text)  # nosec B704 # nothing of a run is in it


def digest(text: str) -> str:
    """What a content security policy allows a script or style by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def marked(text: str) -> Markup:
    """Escaped text in which `code` and **strong** are set as such."""
    escaped = str(escape(text))
    for pattern, tag in MARKS:
        escaped = pattern.sub(rf"<{tag}>\1</{tag}>", escaped)
    return Markup(escaped)  # nosec B704 # nothing but our two tags is in it unescaped


def cell_parts(cell: Any) -> list[Part]:
    """A cell's parts, one or several."""
    return [cell] if isinstance(cell, str | Number | Verdict) else list(cell)


def sort_value(cell: Any) -> str:
    """The number that a cell sorts by, its first part's; `none` for one that is not defined; empty for a text."""
    first = cell_parts(cell)[0]
    if not isinstance(first, Number):
        return ""
    if first.value is not None:
        return repr(first.value)
    return "none" if first.text == NOT_DEFINED else count_in_words(first.text)


def count_in_words(text: str) -> str:
    """What a count that is not told to the person sorts by: `none`, `<5`, `5 or more`. Empty for another text."""
    if told := re.fullmatch(r"<(\d+)|(\d+) or more", text):
        return str(int(told[1]) - 1) if told[1] else told[2]
    return "0" if text == "none" else ""


def unbroken(text: str) -> list[str]:
    """What stays on one line each: a number, and its interval."""
    return re.split(r" (?=\()", text, maxsplit=1)


def in_text(cell: Any) -> str:
    """A cell or a sentence without its links."""
    return "".join(text_of(part) for part in cell_parts(cell))


def in_cell(cell: Any) -> str:
    """The same inside a Markdown table."""
    return in_text(cell).replace("|", "\\|")


def text_of(part: Part) -> str:
    """A part's text."""
    if isinstance(part, Verdict):
        return part.word
    return part.text if isinstance(part, Number) else part


def grouped(parts: Sequence[Any]) -> list[list[Any]]:
    """Parts of a section, neighbouring figures together."""
    kinds = itertools.groupby(enumerate(parts), lambda pair: "figure" if isinstance(pair[1], Figure) else pair[0])
    return [[part for _, part in group] for _, group in kinds]

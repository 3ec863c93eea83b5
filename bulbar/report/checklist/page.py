"""The checklists REFORMS and TRIPOD+AI as one Markdown page: items.yaml, with answers from a run."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, meta, select_autoescape
from ruamel.yaml import YAML

from bulbar.core.disclosure import FEWEST_SHOWN, shown
from bulbar.core.markdown import markdown_table
from bulbar.core.settings import Strict
from bulbar.report.checklist import facts

STATUSES = FROM_THE_RUN, BY_THE_AUTHORS, NOT_APPLICABLE = "from the run", "by the authors", "not applicable"
BLANK = "\\_" * 8
"""The blank line for an author's answer."""


class Item(Strict):
    """An item of a guideline. items.yaml explains each key."""

    item: str
    section: str
    question: str
    to_write: str = ""
    answer: str | list[str] = ""
    not_applicable: str = ""
    rests_on: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()


_DATA = YAML(typ="safe").load((resources.files("bulbar.report.checklist") / "items.yaml").read_text(encoding="utf-8"))
SOURCES = {title: guideline["source"] for title, guideline in _DATA["guidelines"].items()}
"""Title -> publication of the guideline."""
ITEMS = {title: [Item(**item) for item in guideline["items"]] for title, guideline in _DATA["guidelines"].items()}
"""Title -> items of the guideline."""

_TEMPLATES = Environment(
    loader=PackageLoader("bulbar.report.checklist", ""),
    autoescape=select_autoescape(["html"], default_for_string=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters.update(
    shown=shown,
    score=facts.score,
    estimate=facts.estimate,
    cell=facts.cell,
    aucs_per_subject=facts.aucs_per_subject,
    inputs_probed=facts.inputs_probed,
)
_TEMPLATES.globals["words"] = _DATA["words"]


def answered(run: Mapping[str, tuple[str, Any]]) -> dict[str, pd.DataFrame]:
    """Answer the items of each guideline from the files of a run.

    Parameters
    ----------
    run : mapping of str to (str, content)
        As for `facts.by_name`. Items that quote a missing file are left to the authors.

    Returns
    -------
    dict of str to DataFrame
        Title -> item, section, question, status, answer, to_write (empty if the answer is complete), files.
    """
    contents, files = facts.by_name(run)
    return {
        title: pd.DataFrame([_filled_in(item, contents, files) for item in items]) for title, items in ITEMS.items()
    }


def _filled_in(item: Item, contents: Mapping[str, Any], files: Mapping[str, list[str]]) -> dict[str, Any]:
    answer_text = item.answer if isinstance(item.answer, str) else " ".join(item.answer)
    (reason, of_reason), (answer, of_answer) = _template(item.not_applicable), _template(answer_text)
    quoted = of_reason | of_answer | item.rests_on
    status, text, to_write = BY_THE_AUTHORS, "", item.to_write
    if quoted <= set(contents):
        if text := _on_one_line(reason.render(contents)):
            status, to_write = NOT_APPLICABLE, ""
        elif text := _on_one_line(answer.render(contents)):
            status = FROM_THE_RUN
    rests_on = [file for name in files if name in quoted for file in files[name]]
    return {
        "item": item.item,
        "section": item.section,
        "question": item.question,
        "status": status,
        "answer": text,
        "to_write": to_write,
        "files": [] if status == BY_THE_AUTHORS else [*rests_on, *item.files],
    }


@cache
def _template(text: str) -> tuple[Template, set[str]]:
    """A template and the names that it uses."""
    return _TEMPLATES.from_string(text), meta.find_undeclared_variables(_TEMPLATES.parse(text))


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def markdown(guidelines: Mapping[str, pd.DataFrame], cohort: str) -> str:
    """Render the page of checklists.

    Parameters
    ----------
    guidelines : mapping of str to DataFrame
        From `answered`.
    cohort : str
        In words, such as `synthetic cohort`.

    Returns
    -------
    str
        Markdown.
    """
    counts = [
        {
            "guideline": title,
            "items": len(items),
            **{status: int((items["status"] == status).sum()) for status in STATUSES},
        }
        for title, items in guidelines.items()
    ]
    return _TEMPLATES.get_template("page.md").render(
        cohort=cohort,
        synthetic=cohort.startswith("synthetic"),
        counts=markdown_table(pd.DataFrame(counts)),
        guidelines=[(title, SOURCES[title], markdown_table(_table(items))) for title, items in guidelines.items()],
        fewest_shown=FEWEST_SHOWN,
    )


def _table(items: pd.DataFrame) -> pd.DataFrame:
    """The columns of the page's table of items."""
    return items[["item", "section", "question", "status"]].assign(
        answer=[_with_blank(*row) for row in items[["status", "answer", "to_write"]].itertuples(index=False)],
        files=[", ".join(f"`{file}`" for file in files) for files in items["files"]],
    )


def _with_blank(status: str, answer: str, to_write: str) -> str:
    """An answer, with the blank line if something is left to write."""
    if status == BY_THE_AUTHORS:
        return f"{BLANK} *To write: {to_write or 'the answer'}.*"
    return f"{answer} *To add: {to_write}.* {BLANK}" if to_write else answer

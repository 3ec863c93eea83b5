"""A guideline's items, filled in: each answer is a function of the run's facts.

An answer names the files that it read; where one of them is not there, the item is left to the authors. So is whatever
no run can know.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bulbar.report.checklist.facts import Fact, Facts, NotRun

Status = Literal["from the run", "by the authors", "not applicable"]
FROM_THE_RUN: Status = "from the run"
BY_THE_AUTHORS: Status = "by the authors"
NOT_APPLICABLE: Status = "not applicable"
STATUSES = (FROM_THE_RUN, BY_THE_AUTHORS, NOT_APPLICABLE)


@dataclass(frozen=True)
class NotApplicable:
    """An item that this run has nothing to answer with, and why."""

    why: str


Answer = Callable[[Facts], str | NotApplicable]


def fill_in(items: pd.DataFrame, answers: Mapping[str, Answer], found: Mapping[str, Fact]) -> pd.DataFrame:
    """The items of one guideline with status, answer and the files that each answer stands in.

    items: item, section, question, to_write (empty where the run's answer is complete). answers: by item. found: the
    run's facts. Returns item, section, question, status, answer, to_write, files, a row per item, in their order.
    """
    rows = []
    for item in items.to_dict("records"):
        facts = Facts(found)
        status, said = _reply(answers.get(item["item"]), facts)
        rows.append(
            {
                **item,
                "status": status,
                "answer": said,
                "to_write": "" if status == NOT_APPLICABLE else item["to_write"],
                "files": [] if status == BY_THE_AUTHORS else facts.read,
            }
        )
    return pd.DataFrame(rows, columns=[*items.columns, "status", "answer", "files"])


def _reply(answer: Answer | None, facts: Facts) -> tuple[Status, str]:
    if answer is None:
        return BY_THE_AUTHORS, ""
    try:
        said = answer(facts)
    except NotRun:
        return BY_THE_AUTHORS, ""
    return (NOT_APPLICABLE, said.why) if isinstance(said, NotApplicable) else (FROM_THE_RUN, said)

"""The filled-in guidelines as one Markdown page."""

from collections.abc import Mapping

import pandas as pd

from bulbar.core.disclosure import FEWEST_SHOWN
from bulbar.core.markdown import markdown_table
from bulbar.report.checklist.guidelines import GUIDELINES
from bulbar.report.checklist.items import BY_THE_AUTHORS, FROM_THE_RUN, NOT_APPLICABLE, STATUSES

BLANK = "\\_" * 8
"""The line that an author writes in."""

HOW_TO_USE = f"""## How to use this page

- **{FROM_THE_RUN}**: answered by the files named beside the answer. Check it against what the manuscript says; where
  *To add* follows, the run cannot know the rest.
- **{BY_THE_AUTHORS}**: no run can know it, or the stage that would has not run. Write it in the line.
- **{NOT_APPLICABLE}**: nothing in this run to answer with, for the reason given.

The questions are in words of our own; the wording that counts is that of the guidelines. The page is generated: copy it
before you write into it. Counts of people under {FEWEST_SHOWN} are shown as `<{FEWEST_SHOWN}`.
"""


def markdown(filled: Mapping[str, pd.DataFrame], cohort: str) -> str:
    """All guidelines as one Markdown page. filled: title -> `fill_in`. cohort: in words, such as `synthetic cohort`."""
    counts = pd.DataFrame(
        [
            {"guideline": title, "items": len(items), **{s: int((items["status"] == s).sum()) for s in STATUSES}}
            for title, items in filled.items()
        ]
    )
    parts = [f"# Reporting checklists, {cohort}\n"]
    if cohort.startswith("synthetic"):
        parts.append("> **Synthetic voices: no number on this page says anything about ALS.**\n")
    parts.append(markdown_table(counts))
    for title, items in filled.items():
        parts += [f"## {title}\n", f"{GUIDELINES[title].source}\n", markdown_table(_laid_out(items))]
    return "\n".join([*parts, HOW_TO_USE])


def _laid_out(items: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for item in items.to_dict("records"):
        lines = [item["answer"]] if item["answer"] else []
        if item["status"] == BY_THE_AUTHORS:
            lines.append(f"{BLANK} *To write: {item['to_write'] or 'what is asked'}.*")
        elif item["to_write"]:
            lines.append(f"*To add: {item['to_write']}.* {BLANK}")
        rows.append(
            {
                "item": item["item"],
                "section": item["section"],
                "asked": item["question"],
                "status": item["status"],
                "answer": " ".join(lines),
                "stands in": ", ".join(f"`{file}`" for file in item["files"]),
            }
        )
    return pd.DataFrame(rows)

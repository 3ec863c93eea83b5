"""REFORMS and TRIPOD+AI, each item answered from the run itself where it can be."""

from typing import Any

import pandas as pd

from bulbar.cohort import folds
from bulbar.core.atomic_write import write_text
from bulbar.core.files import read_json, read_table
from bulbar.report.checklist import counts, page
from bulbar.report.checklist.facts import Fact
from bulbar.report.checklist.guidelines import GUIDELINES
from bulbar.report.checklist.items import fill_in
from stages.parts.params import params, pinned_versions
from stages.parts.places import cohort_in_words, metrics_file, room
from stages.parts.run import run

ALONE = ("ingest", "clinical", "audio", "acoustic", "evaluate", "audit")
PER_PROTOCOL = ("selection", "fusion", "baselines", "appraise", "spread")


def main(role: str = "main") -> None:
    """Write metrics/checklist.md from metrics/, params.yaml, and counts of data/cohort and data/folds."""
    found = facts(role)
    filled = {
        title: fill_in(read_items(guideline.table), guideline.answers, found) for title, guideline in GUIDELINES.items()
    }
    out = metrics_file("checklist", role).with_suffix(".md")
    write_text(page.markdown(filled, cohort_in_words(role)), out)
    answered = [
        f"{title} {(items['status'] == 'from the run').sum()} of {len(items)}" for title, items in filled.items()
    ]
    print(f"Answered from the run: {', '.join(answered)} items")


def read_items(table: str) -> pd.DataFrame:
    """The items of one guideline, from reference/."""
    return read_table(f"reference/{table}.csv", item=str).fillna({"to_write": ""})


def facts(role: str) -> dict[str, Fact]:
    """Whatever the run has left behind, by the name that the checklists know it by."""
    names = [*ALONE, *(f"{name}/{protocol}" for name in PER_PROTOCOL for protocol in folds.PROTOCOLS)]
    files = {name: metrics_file(name, role) for name in names}
    found = {name: Fact(file.as_posix(), read_json(file)) for name, file in files.items() if file.exists()}
    for protocol in folds.PROTOCOLS:
        split = room("folds", role) / f"{protocol}.csv"
        if split.exists():
            found[f"folds/{protocol}"] = Fact(split.as_posix(), counts.of_split(read_table(split)))
    held = room("cohort", role)
    clinical = read_json(held / "cohort.json")["clinical"]
    counted = counts.of_cohort(
        read_table(held / "subjects.csv", subject_id=str),
        read_table(held / "recordings.csv", subject_id=str),
        clinical["all"],
        clinical["common"],
    )
    found["cohort"] = Fact((held / "subjects.csv").as_posix(), counted)
    found["params"] = Fact("params.yaml", params_of(role))
    found["requirements"] = Fact("requirements.txt", pinned_versions())
    return found


def params_of(role: str) -> dict[str, Any]:
    """params.yaml, with the cohort's own block for another role."""
    read = params()
    return read if role == "main" else {**read, "cohort": read[role]}


if __name__ == "__main__":
    run(main)

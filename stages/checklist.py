"""REFORMS and TRIPOD+AI, each item answered from the run itself where it can be."""

from typing import Any

from bulbar.core.atomic_write import write_text
from bulbar.core.files import read_json, read_table
from bulbar.core.names import PROTOCOLS
from bulbar.report.checklist.facts import of_cohort, of_split
from bulbar.report.checklist.page import FROM_THE_RUN, answered, markdown
from stages.parts.params import params, pinned_versions
from stages.parts.places import cohort_in_words, metrics_file, stage_folder
from stages.parts.run import run

METRICS = (
    *("ingest", "clinical", "audio", "acoustic", "evaluate", "audit"),
    *(
        f"{stage}/{protocol}"
        for stage in ("selection", "fusion", "baselines", "appraise", "spread")
        for protocol in PROTOCOLS
    ),
)


def main(role: str = "main") -> None:
    """Write metrics/checklist.md from metrics/, params.yaml, and counts of data/cohort and data/folds."""
    guidelines = answered(files_of_run(role))
    write_text(markdown(guidelines, cohort_in_words(role)), metrics_file("checklist", role).with_suffix(".md"))
    counts = [f"{name} {(items['status'] == FROM_THE_RUN).sum()} of {len(items)}" for name, items in guidelines.items()]
    print(f"Answered from the run: {', '.join(counts)} items")


def files_of_run(role: str) -> dict[str, tuple[str, Any]]:
    """Name -> (file, content) of what the run has written so far; the cohort and the splits as aggregates."""
    found = {}
    for name in METRICS:
        if (file := metrics_file(name, role)).exists():
            found[name] = file.as_posix(), read_json(file)
    for protocol in PROTOCOLS:
        if (file := stage_folder("folds", role) / f"{protocol}.csv").exists():
            found[f"folds/{protocol}"] = file.as_posix(), of_split(read_table(file))
    cohort, clinical = stage_folder("cohort", role), read_json(stage_folder("cohort", role) / "cohort.json")["clinical"]
    subjects, recordings = (read_table(cohort / name, subject_id=str) for name in ("subjects.csv", "recordings.csv"))
    counted = of_cohort(subjects, recordings, list(clinical["all"]), clinical["common"])
    settings = params() if role == "main" else params() | {"cohort": params()[role]["cohort"]}
    return found | {
        "cohort": ((cohort / "subjects.csv").as_posix(), counted),
        "params": ("params.yaml", settings),
        "requirements": ("requirements.txt", pinned_versions()),
    }


if __name__ == "__main__":
    run(main)

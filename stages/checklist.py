"""Write the checklists REFORMS and TRIPOD+AI, with each item answered from the run if possible."""

from typing import Any

from bulbar.core.atomic_write import write_text
from bulbar.core.files import read_json, read_table
from bulbar.core.names import PROTOCOLS
from bulbar.report.checklist.facts import of_cohort, of_split
from bulbar.report.checklist.page import FROM_THE_RUN, answered, markdown
from stages.parts.params import params, pinned_versions
from stages.parts.places import cohort_contract, cohort_in_words, metrics_file, stage_folder, stage_table
from stages.parts.run import run

METRICS = (
    *("ingest", "clinical", "audio", "acoustic", "evaluate", "audit"),
    *(
        f"{stage}/{protocol}"
        for stage in ("selection", "fusion", "baselines", "appraise", "spread")
        for protocol in PROTOCOLS
    ),
)


def main() -> None:
    """Write metrics/checklist.md from metrics/, params.yaml, and counts in data/cohort/ and data/folds/."""
    guidelines = answered(files_of_run())
    write_text(markdown(guidelines, cohort_in_words()), metrics_file("checklist").with_suffix(".md"))
    counts = [f"{name} {(items['status'] == FROM_THE_RUN).sum()} of {len(items)}" for name, items in guidelines.items()]
    print(f"Answered from the run: {', '.join(counts)} items")


def files_of_run() -> dict[str, tuple[str, Any]]:
    """Name -> (file, content) of the files that the run has written so far; cohort and splits as aggregates."""
    found = {}
    for name in METRICS:
        if (file := metrics_file(name)).exists():
            found[name] = file.as_posix(), read_json(file)
    for protocol in PROTOCOLS:
        if (file := stage_folder("folds") / f"{protocol}.csv").exists():
            found[f"folds/{protocol}"] = file.as_posix(), of_split(read_table(file))
    clinical, columns = stage_folder("cohort") / "subjects.csv", cohort_contract()["clinical"]
    counted = of_cohort(
        read_table(clinical, subject_id=str),
        stage_table("cohort", "recordings.csv"),
        list(columns["all"]),
        columns["common"],
    )
    return found | {
        "cohort": (clinical.as_posix(), counted),
        "params": ("params.yaml", params()),
        "requirements": ("requirements.txt", pinned_versions()),
    }


if __name__ == "__main__":
    run(main)

"""The model card of the deployed models, from the run's metrics."""

from pathlib import Path

from bulbar.core.atomic_write import write_text
from bulbar.core.files import read_json
from bulbar.report import model_card
from stages.parts.places import cohort_in_words, metrics_file, stage_folder
from stages.parts.run import run

PROTOCOL = "subject_wise"
OUT = Path("report/model_card.md")


def main(role: str = "main") -> None:
    """Write report/model_card.md."""
    found = model_card.ModelCardInputs(
        cohort=cohort_in_words(role),
        common=read_json(stage_folder("cohort", role) / "cohort.json")["clinical"]["common"],
        ingest=read_json(metrics_file("ingest", role)),
        deployed=read_json(metrics_file("deployed", role)),
        fusion=read_json(metrics_file(f"fusion/{PROTOCOL}", role)),
        appraise=read_json(metrics_file(f"appraise/{PROTOCOL}", role)),
        audit=read_json(metrics_file("audit", role)),
    )
    write_text(model_card.markdown(found), OUT)
    print(f"{OUT}: {', '.join(found.deployed['models'])}, {found.cohort}")


if __name__ == "__main__":
    run(main)

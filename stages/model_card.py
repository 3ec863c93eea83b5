"""The model card of the deployed models, from the run's metrics."""

from pathlib import Path

from bulbar.aside import write_text
from bulbar.deployment import card
from stages.io import cohort_in_words, metrics_file, read_json, room, run

PROTOCOL = "subject_wise"
OUT = Path("report/model_card.md")


def main(role: str = "main") -> None:
    """Write report/model_card.md."""
    found = card.Run(
        cohort=cohort_in_words(role),
        common=read_json(room("cohort", role) / "cohort.json")["clinical"]["common"],
        ingest=read_json(metrics_file("ingest", role)),
        deployed=read_json(metrics_file("deployed", role)),
        fusion=read_json(metrics_file(f"fusion/{PROTOCOL}", role)),
        appraise=read_json(metrics_file(f"appraise/{PROTOCOL}", role)),
        audit=read_json(metrics_file("audit", role)),
    )
    write_text(card.markdown(found), OUT)
    print(f"{OUT}: {', '.join(found.deployed['models'])}, {found.cohort}")


if __name__ == "__main__":
    run(main)

"""Write the model card of the deployed models, from the metrics of the run."""

from pathlib import Path

from bulbar.core.atomic_write import write_text
from bulbar.core.files import read_json
from bulbar.report import model_card
from stages.parts.places import cohort_contract, cohort_in_words, metrics_file
from stages.parts.run import run

PROTOCOL = "subject_wise"
OUT = Path("report/model_card.md")


def main() -> None:
    """Read data/cohort/cohort.json and metrics/; write report/model_card.md."""
    found = model_card.ModelCardInputs(
        cohort=cohort_in_words(),
        common=cohort_contract()["clinical"]["common"],
        ingest=read_json(metrics_file("ingest")),
        deployed=read_json(metrics_file("deployed")),
        voice=read_json(metrics_file(f"voice/{PROTOCOL}")),
        baselines=read_json(metrics_file(f"baselines/{PROTOCOL}")),
        fusion=read_json(metrics_file(f"fusion/{PROTOCOL}")),
        appraise=read_json(metrics_file(f"appraise/{PROTOCOL}")),
        audit=read_json(metrics_file("audit")),
    )
    write_text(model_card.markdown(found), OUT)
    print(f"{OUT}: {', '.join(found.deployed['models'])}, {found.cohort}")


if __name__ == "__main__":
    run(main)

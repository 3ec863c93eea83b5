"""One picture of the run: the AUC of every model under both protocols, with chance and the leaking models marked."""

from pathlib import Path
from typing import Any

from bulbar.appraisal import overview
from bulbar.core.files import read_json, save, write_table
from bulbar.core.names import PROTOCOLS
from stages.parts.places import cohort_in_words, metrics_file
from stages.parts.run import run

PLOTS = Path("plots/overview")


def main() -> None:
    """Read metrics/appraise/; write plots/overview/overview.png and overview.csv."""
    scores: dict[str, Any] = {name: read_json(metrics_file(f"appraise/{name}"))["scores"] for name in PROTOCOLS}
    table = overview.table_of(scores)
    write_table(table.round(4), PLOTS / "overview.csv")
    save(overview.figure(table, cohort_in_words()), PLOTS / "overview.png")
    print(f"{len(table) // len(PROTOCOLS)} models under {' and '.join(PROTOCOLS)}: {PLOTS}/overview.png")


if __name__ == "__main__":
    run(main)

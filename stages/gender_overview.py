"""One picture of the gender study: the accuracy of every model beside the threshold on mean F0, by both protocols."""

from pathlib import Path

from bulbar.core.files import read_json, read_table, save, write_table
from bulbar.core.names import PROTOCOLS
from bulbar.paper import gender_overview
from stages.parts.places import cohort_in_words, metrics_file
from stages.parts.run import run

TABLE_1, PLOTS = Path("plots/evaluate/table_1.csv"), Path("plots/overview")


def main() -> None:
    """Read plots/evaluate/table_1.csv and metrics/evaluate.json; write plots/overview/overview.png and overview.csv."""
    headlines = read_json(metrics_file("evaluate"))
    majority = {str(name): headlines[name]["majority_accuracy"] for name in PROTOCOLS}
    table = gender_overview.table_of(read_table(TABLE_1), majority)
    write_table(table.round(2), PLOTS / "overview.csv")
    save(gender_overview.figure(table, cohort_in_words()), PLOTS / "overview.png")
    print(f"{len(table) // len(PROTOCOLS)} models under {' and '.join(PROTOCOLS)}: {PLOTS}/overview.png")


if __name__ == "__main__":
    run(main)

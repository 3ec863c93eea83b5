"""External validation: networks of one cohort on another, where nothing is learned, beside the score within."""

import pandas as pd

from bulbar.report.elements import Cell, Figure, Section, Table
from bulbar.report.results import Form, Results, defined, percent, two, with_interval

FILE, SCORES = "metrics/external.json", "plots/external/scores.csv"
PICTURE = "plots/external/external.png"
SHOWN: dict[str, Form] = {
    "roc_auc": two, "accuracy": percent, "balanced_accuracy": percent, "sensitivity": percent, "specificity": percent,
    "brier": two,
}  # fmt: skip
KEYS = ["trained_on", "tested_on", "band"]


def section(results: Results) -> Section:
    """Scores in both directions, as recorded and low-passed alike; or that nothing is compared."""
    title = "External validation"
    if not results.json(FILE, "compared"):
        return Section(
            "external", title, [["No second cohort is compared in this run (`metrics/external.md` says why)."]]
        )
    lead = [
        f"Trained on one cohort and tested on the other, tasks {results.json(FILE, 'tasks')}; nothing is learned "
        "there: no scaling, no threshold, no calibration. A row that is trained and tested on the same cohort "
        "is out of fold, by subject."
    ]
    drawn = [Figure(PICTURE, "Within and outside", alternative(results), SCORES)] if PICTURE in results else []
    return Section("external", title, [lead, scores(results), *drawn])


def scores(results: Results) -> Table:
    """Scores per subject by what was trained on, tested on, and which band is heard."""
    table = per_subject(results)
    rows: list[list[Cell]] = []
    for (trained, tested, band), found in table.groupby(KEYS, sort=False):
        by_score = found.set_index("score").to_dict("index")
        where = f"{trained} on {tested}, {band}"
        cells: list[Cell] = []
        for name, form in SHOWN.items():
            told = by_score.get(name, {})
            cells.append(
                with_interval(told.get("value"), told.get("low"), told.get("high"), SCORES, f"{where}: {name}", form)
            )
        rows.append([f"{trained} on {tested}", str(band).replace("_", " "), *cells])
    columns = ["Trained and tested on", "Heard", *map(in_words, SHOWN)]
    return Table("outside", "Within a cohort and outside, per subject", columns, rows)


def in_words(score: str) -> str:
    """A score as a heading has it."""
    return "AUC" if score == "roc_auc" else score.replace("_", " ").capitalize()


def per_subject(results: Results) -> pd.DataFrame:
    """The rows per subject."""
    table = results.table(SCORES)
    return table[table["unit"] == "per_subject"]


def alternative(results: Results) -> str:
    """The AUCs of all directions."""
    table = per_subject(results)
    told = ", ".join(
        f"{row.trained_on} on {row.tested_on} {row.value:.2f}"
        for row in table[(table["score"] == "roc_auc") & (table["band"] == "as_recorded")].itertuples()
        if defined(row.value)
    )
    return f"Scores with intervals within each cohort and on the other one. AUC per subject, as recorded: {told}."

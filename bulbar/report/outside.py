"""External validation: networks of one cohort on another, where nothing is learned, beside the score within."""

from typing import Any

import pandas as pd

from bulbar.report.elements import Cell, Figure, Number, Part, Prose, Section, Table
from bulbar.report.results import Form, Results, defined, percent, shown, two, whole, with_interval
from bulbar.report.run import INGEST
from bulbar.report.verdict import level

FILE, SCORES = "metrics/external.json", "plots/external/scores.csv"
WHY, OTHER = "metrics/external.md", "metrics/external/ingest.json"
PICTURE = "plots/external/external.png"
SHOWN: dict[str, Form] = {
    "roc_auc": two, "accuracy": percent, "balanced_accuracy": percent, "sensitivity": percent, "specificity": percent,
    "brier": two,
}  # fmt: skip
NONE: Prose = ["No second cohort is compared in this run (", Number(WHY, None, WHY, ""), " says why)."]
KEYS = ["trained_on", "tested_on", "band"]


def section(results: Results) -> Section:
    """Scores in both directions, as recorded and low-passed alike; or that nothing is compared."""
    title = "External validation"
    if not results.json(FILE, "compared"):
        return Section("external", title, [NONE])
    drawn = [Figure(PICTURE, "Within and outside", alternative(results), SCORES)] if PICTURE in results else []
    return Section("external", title, [lead(results), scores(results), *drawn])


def lead(results: Results) -> Prose:
    """Which network, on which cohorts, and what is learned on the second: nothing."""
    cell = results.params["published"]
    return [
        f"{cell['architecture']} at dropout {cell['dropout_rate']}, the paper’s cell, fixed beforehand: trained on the "
        "voices of one cohort and tested on the other, tasks ",
        shown(results.json(FILE, "tasks"), FILE, "tasks"),
        ". `main` is ",
        *described(results, INGEST),
        "; `external` ",
        *described(results, OTHER),
        ". Nothing is learned on the cohort that is tested: no scaling, no threshold, no calibration. A cohort "
        "tested on itself is so out of fold, by subject. Intervals are of ",
        level(results),
        ".",
    ]


def described(results: Results, ingest: str) -> list[Part]:
    """A cohort: whose voices, of how many people, recorded at which rates."""
    voices = "synthetic" if results.json(ingest, "synthetic") else results.json(ingest, "source")
    return [
        f"{voices}, ",
        results.number(ingest, "subjects", form=whole),
        " people recorded at ",
        shown(results.json(ingest, "sample_rates_hz"), ingest, "sample_rates_hz"),
        " Hz",
    ]


def in_short(results: Results) -> Prose:
    """The AUC on the other cohort, both ways, beside that within; or that nothing is compared."""
    if not results.json(FILE, "compared"):
        return NONE
    told: list[Part] = ["AUC per subject on another cohort, as recorded: "]
    for place, (trained, tested) in enumerate((("main", "external"), ("external", "main"))):
        keys = (f"{trained}_to_{tested}", "as_recorded")
        auc, low, high = (results.json(FILE, *keys, f"subject_auc{end}") for end in ("", "_low", "_high"))
        told += [
            "; " if place else "",
            f"trained on {trained}, tested on {tested} ",
            with_interval(auc, low, high, FILE, ".".join([*keys, "subject_auc"])),
            ", within ",
            results.number(FILE, *keys, "subject_auc_within"),
        ]
    return [*told, "."]


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
        rows.append(
            [
                f"{trained}, {'out of fold' if trained == tested else f'tested on {tested}'}",
                heard(results, band),
                *cells,
            ]
        )
    columns = ["Trained on", "Heard", *map(in_words, SHOWN)]
    return Table("outside", "Within a cohort and outside, per subject", columns, rows)


def heard(results: Results, band: Any) -> Cell:
    """What is heard of the recordings."""
    if band == "as_recorded":
        return "as recorded"
    hertz = results.params["external"]["bandwidth_hz"]
    return ["low-passed at ", shown(hertz, "params.yaml", "external.bandwidth_hz", lambda hz: f"{whole(hz)} Hz")]


def in_words(score: str) -> str:
    """A score as a heading has it."""
    return {"roc_auc": "AUC", "brier": "Brier score"}.get(score, score.replace("_", " ").capitalize())


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

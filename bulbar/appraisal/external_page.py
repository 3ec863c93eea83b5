"""The external validation for readers: a Markdown page, a forest plot and one line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from bulbar.appraisal import external, figures
from bulbar.core.markdown import markdown_table, with_interval
from bulbar.core.names import Cell


@dataclass(frozen=True, eq=False)
class Comparison:
    """The compared cohorts and their scores.

    scores: as for `external.headline`. bands: band -> words. classes: names of the positive and the negative class.
    """

    scores: pd.DataFrame
    cohorts: Sequence[external.ComparedCohort]
    bands: Mapping[str, str]
    tasks: Sequence[str]
    cell: Cell
    classes: tuple[str, str]

    def cohort(self, role: str) -> external.ComparedCohort:
        """The cohort with this role."""
        return next(cohort for cohort in self.cohorts if cohort.role == role)


def bands_in_words(low_passes: Mapping[str, float | None], pipeline_hz: float | None) -> dict[str, str]:
    """Band -> words. low_passes: from `external.low_passes`; pipeline_hz: cutoff of the pipeline's own low-pass."""
    lowest = {band: hz or pipeline_hz for band, hz in low_passes.items()}
    return {band: f"low-passed at {hz:g} Hz" if hz else "as recorded" for band, hz in lowest.items()}


def in_short(compared: Comparison) -> str:
    """The AUCs per subject outside the training cohort, in the order of the table."""
    found = compared.scores
    auc = found[(found["unit"] == "per_subject") & (found["score"] == "roc_auc")].to_dict("records")
    outside = [row for row in auc if row["trained_on"] != row["tested_on"]]
    return ", ".join(f"from {row['trained_on']} {row['band']} {row['value']:.2f}" for row in outside)


def forest(compared: Comparison, *, level: float) -> Figure:
    """Draw the main scores with their intervals, within and outside the cohort. level: of the intervals."""
    tasks = ", ".join(compared.tasks)
    return figures.forest(
        forest_rows(compared),
        f"Scores per subject within a cohort, and on the other cohort\n{compared.cell} · tasks: {tasks}",
        x_label=f"Score ({level:.0%} interval)",
        reference=0.5,
        limits=(0.0, 1.0),
        note_title=" / ".join(compared.classes),
    )


def forest_rows(compared: Comparison) -> pd.DataFrame:
    """AUC and balanced accuracy per subject, as rows for `appraisal.figures.forest`."""
    found = compared.scores
    shown = found[(found["unit"] == "per_subject") & found["score"].isin(["roc_auc", "balanced_accuracy"])]
    rows = [
        {
            "section": f"Trained on {compared.cohort(row['trained_on']).words}",
            "row": f"{external.SCORES[row['score']]} {_where(row, compared)}",
            "series": compared.bands[row["band"]],
            **{name: row[name] for name in ("value", "low", "high")},
            "note": " / ".join(map(str, people_of(compared.cohort(row["tested_on"])))),
        }
        for row in shown.sort_values("score", key=lambda names: names != "roc_auc", kind="stable").to_dict("records")
    ]
    return pd.DataFrame(rows).sort_values("section", key=lambda names: pd.factorize(names)[0], kind="stable")


def _where(row: Mapping[Any, Any], compared: Comparison) -> str:
    """Whether a score is within or outside the training cohort, and in which cohort outside."""
    within = row["trained_on"] == row["tested_on"]
    return "within, out of fold" if within else f"outside, on {compared.cohort(row['tested_on']).words}"


def people_of(cohort: external.ComparedCohort) -> tuple[int, int]:
    """Number of subjects of the positive class, and of the negative class."""
    positive = cohort.table.drop_duplicates("subject_id")["label"] == 1
    return int(positive.sum()), int((~positive).sum())


def page(compared: Comparison) -> str:
    """The whole comparison as a Markdown page."""
    cell, tasks, classes = compared.cell, compared.tasks, compared.classes
    who = pd.DataFrame(
        {
            "cohort": cohort.words,
            f"subjects ({' / '.join(classes)})": " / ".join(map(str, people_of(cohort))),
            "recordings": len(cohort.table),
            "sampling rates (Hz)": ", ".join(map(str, cohort.sample_rates_hz)),
            "most epochs": cohort.training.max_epochs,
        }
        for cohort in compared.cohorts
    )
    learned = (
        f"{cell.architecture} at dropout {cell.dropout_rate:g} on {', '.join(tasks)}, fixed in advance. One network is"
        " trained for each fold of subjects of the training cohort. *Within*: its predictions for subjects that are not"
        " in its training set. *Outside*: the mean prediction of all these networks for the other cohort. Nothing is"
        " learned from the other cohort: no scaling, threshold or calibration. Sensitivity is the share of"
        f" {classes[0]} subjects with a probability of 0.5 or more."
    )
    made = " and ".join(cohort.role for cohort in compared.cohorts if cohort.synthetic)
    note = [f"Synthetic voices ({made}): these scores say nothing about ALS."] if made else []
    blocks = ["# External validation", *note, learned, markdown_table(who).rstrip("\n")]
    for unit in ("subject", "recording"):
        blocks += [f"## Per {unit}", _table(compared, f"per_{unit}").rstrip("\n")]
    return "\n\n".join(blocks) + "\n"


def _table(compared: Comparison, unit: str) -> str:
    """One row per training cohort, band and test cohort; one column per score, with its interval."""
    found = compared.scores[compared.scores["unit"] == unit]
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for score in found.to_dict("records"):
        named = {
            "trained on": compared.cohort(score["trained_on"]).words,
            "tested": _where(score, compared),
            "band": compared.bands[score["band"]],
        }
        row = rows.setdefault((score["trained_on"], score["tested_on"], score["band"]), named)
        row[external.SCORES[score["score"]]] = with_interval(score["value"], score["low"], score["high"])
    return markdown_table(pd.DataFrame(list(rows.values())))

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
    outside = [row for row in _aucs(compared) if row["trained_on"] != row["tested_on"]]
    return ", ".join(f"{row['model']} from {row['trained_on']} {row['band']} {row['value']:.2f}" for row in outside)


def _aucs(compared: Comparison) -> list[dict[Any, Any]]:
    """The rows of the AUC per subject."""
    found = compared.scores
    return found[(found["unit"] == "per_subject") & (found["score"] == "roc_auc")].to_dict("records")


def forest(compared: Comparison, *, level: float) -> Figure:
    """Draw the AUC of each model with its interval, within and outside the cohort. level: of the intervals."""
    tasks = ", ".join(compared.tasks)
    return figures.forest(
        forest_rows(compared),
        f"Trained on one cohort, tested on the other, per subject\naudio: {compared.cell} · tasks: {tasks}",
        x_label=f"AUC ({level:.0%} interval)",
        reference=0.5,
        limits=(0.0, 1.0),
        note_title=" / ".join(compared.classes),
    )


def forest_rows(compared: Comparison) -> pd.DataFrame:
    """The AUC per subject, as rows for `appraisal.figures.forest`: a series for each model."""
    rows = [
        {
            "section": f"Trained on {compared.cohort(row['trained_on']).words}",
            "row": f"{_tested(row, compared)}, {compared.bands[row['band']]}",
            "series": str(row["model"]).replace("_", " "),
            **{name: row[name] for name in ("value", "low", "high")},
            "note": " / ".join(map(str, people_of(compared.cohort(row["tested_on"])))),
        }
        for row in sorted(_aucs(compared), key=lambda row: row["trained_on"] != row["tested_on"])
    ]
    found = pd.DataFrame(rows)
    first = [f"Trained on {cohort.words}" for cohort in compared.cohorts]
    return found.sort_values("section", key=lambda names: names.map(first.index), kind="stable")


def _tested(row: Mapping[Any, Any], compared: Comparison) -> str:
    """Where a model is tested, in as few words as a figure needs."""
    within = row["trained_on"] == row["tested_on"]
    return "within" if within else f"on {compared.cohort(row['tested_on']).words}"


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
    network = (
        f"`audio` is {cell.architecture} at dropout {cell.dropout_rate:g} on {', '.join(tasks)}, fixed in advance. One"
        " network is trained for each fold of subjects of the training cohort. *Within*: its predictions for subjects"
        " that are not in its training set. *Outside*: the mean prediction of all these networks for the other cohort."
        " `voice` is the voice model on the same folds and tasks, measured on the released recordings with the same"
        f" low-pass; *outside* is the mean log-odds of the fold models.{_unadjusted(compared)} `conditions` reads only"
        " how the recordings were made."
    )
    learned = (
        "Nothing is learned from the other cohort: no scaling, adjustment, threshold or calibration. Sensitivity is the"
        f" share of {classes[0]} subjects with a probability of 0.5 or more."
    )
    made = " and ".join(cohort.role for cohort in compared.cohorts if cohort.synthetic)
    note = [f"Synthetic voices ({made}): these scores say nothing about ALS."] if made else []
    blocks = ["# External validation", *note, network, learned, markdown_table(who).rstrip("\n")]
    for unit in ("subject", "recording"):
        blocks += [f"## Per {unit}", _table(compared, f"per_{unit}").rstrip("\n")]
    return "\n\n".join(blocks) + "\n"


def _unadjusted(compared: Comparison) -> str:
    """A sentence on the model without adjustment, if it was compared."""
    if "voice_unadjusted" not in set(compared.scores["model"]):
        return ""
    return (
        " One cohort lacks age or sex, so `voice` fills them in from its training subjects. `voice_unadjusted` needs"
        " neither of them."
    )


def _table(compared: Comparison, unit: str) -> str:
    """One row per training cohort, band, model and test cohort; one column per score, with its interval."""
    found = compared.scores[compared.scores["unit"] == unit]
    rows: dict[tuple[str, str, str, str], dict[str, str]] = {}
    for score in found.to_dict("records"):
        named = {
            "trained on": compared.cohort(score["trained_on"]).words,
            "tested": _where(score, compared),
            "band": compared.bands[score["band"]],
            "model": score["model"],
        }
        row = rows.setdefault((score["trained_on"], score["tested_on"], score["band"], score["model"]), named)
        row[external.SCORES[score["score"]]] = with_interval(score["value"], score["low"], score["high"])
    return markdown_table(pd.DataFrame(list(rows.values())))

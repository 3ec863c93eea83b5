"""The comparison of two cohorts for a person to read: a page of Markdown, a forest plot, one line."""

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
    """What was compared, and the scores.

    scores: as for `external.headline`. bands: each band of the scores in words. classes: the positive one's name, the
    negative's.
    """

    scores: pd.DataFrame
    cohorts: Sequence[external.ComparedCohort]
    bands: Mapping[str, str]
    tasks: Sequence[str]
    cell: Cell
    classes: tuple[str, str]

    def cohort(self, role: str) -> external.ComparedCohort:
        """The cohort in a role."""
        return next(cohort for cohort in self.cohorts if cohort.role == role)


def bands_in_words(low_passes: Mapping[str, float | None], pipeline_hz: float | None) -> dict[str, str]:
    """Each band in words. low_passes: of `external.low_passes`; pipeline_hz: what all recordings are low-passed to."""
    lowest = {band: hz or pipeline_hz for band, hz in low_passes.items()}
    return {band: f"low-passed at {hz:g} Hz" if hz else "as recorded" for band, hz in lowest.items()}


def in_short(compared: Comparison) -> str:
    """The AUCs per subject outside, in the order of the table."""
    found = compared.scores
    auc = found[(found["unit"] == "per_subject") & (found["score"] == "roc_auc")].to_dict("records")
    outside = [row for row in auc if row["trained_on"] != row["tested_on"]]
    return ", ".join(f"from {row['trained_on']} {row['band']} {row['value']:.2f}" for row in outside)


def forest(compared: Comparison, *, level: float) -> Figure:
    """The main scores with their intervals, within and outside. level: of the intervals."""
    tasks = ", ".join(compared.tasks)
    return figures.forest(
        forest_rows(compared),
        f"Trained on one cohort, tested on the other, per subject\n{compared.cell} · tasks: {tasks}",
        x_label=f"Score ({level:.0%} interval)",
        reference=0.5,
        limits=(0.0, 1.0),
        note_title=" / ".join(compared.classes),
    )


def forest_rows(compared: Comparison) -> pd.DataFrame:
    """AUC and balanced accuracy per subject, laid out for `appraisal.figures.forest`."""
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
    """Whether a score is within or outside, and where outside."""
    within = row["trained_on"] == row["tested_on"]
    return "within, out of fold" if within else f"outside, on {compared.cohort(row['tested_on']).words}"


def people_of(cohort: external.ComparedCohort) -> tuple[int, int]:
    """Subjects of the positive class, and of the other."""
    positive = cohort.table.drop_duplicates("subject_id")["label"] == 1
    return int(positive.sum()), int((~positive).sum())


def page(compared: Comparison) -> str:
    """The whole comparison as a page of Markdown."""
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
        f"{cell.architecture} at dropout {cell.dropout_rate:g} on {', '.join(tasks)}, fixed beforehand. One network for"
        " each fold of subjects of the cohort trained on: *within* are its predictions for subjects that it was not"
        " trained on, *outside* the mean predictions of all of them for the other cohort. Nothing is learned there: no"
        f" scaling, threshold or calibration. Sensitivity is the share of {classes[0]} called so, from a probability of"
        " 0.5 on."
    )
    made = " and ".join(cohort.role for cohort in compared.cohorts if cohort.synthetic)
    note = [f"Synthetic voices ({made}): these scores say nothing about ALS."] if made else []
    blocks = ["# External validation", *note, learned, markdown_table(who).rstrip("\n")]
    for unit in ("subject", "recording"):
        blocks += [f"## Per {unit}", _table(compared, f"per_{unit}").rstrip("\n")]
    return "\n\n".join(blocks) + "\n"


def _table(compared: Comparison, unit: str) -> str:
    """A row for each network and band and cohort tested, a column for each score with its interval."""
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

"""External validation: networks trained on one cohort and scored on another, where nothing is learned.

Trained on a cohort, split by subject, there is one network for each fold. What it says of the fold's test subjects is
the score within that cohort; what all of them say on average of a recording of the other cohort is the score outside.
None is fitted again, and of the other cohort no scaling, threshold or calibration is learned: an image is scaled by its
own recording's maximum, and the threshold is 0.5.

Cohorts are recorded differently. Where one of them carries nothing above 4 kHz, a network may have learned what the
other one has there, so both are compared once more with all of them low-passed alike. That is the last thing done to a
recording: the rounding to 16 bit before it leaves noise in a band without voice, as much as the recording is quiet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict

from bulbar import experiment, fits, scoring, tables, uncertainty
from bulbar.appraisal import calibration
from bulbar.cells import Cell
from bulbar.settings import Bandwidth, Strict

Task = Literal["A", "E", "I", "O", "U", "KA", "PA", "TA"]

SCORES = {
    "roc_auc": "AUC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "brier": "Brier",
    "log_loss": "log loss",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
}
"""Each score with its name in tables; the calibration's are of subjects only."""

COLUMNS = ["trained_on", "tested_on", "band", "unit", "score", "value", "low", "high"]


class Settings(Strict):
    """The `external` block of params.yaml, but for what other stages read there."""

    model_config = ConfigDict(extra="ignore")

    tasks: tuple[Task, ...]
    bandwidth_hz: Bandwidth | None


@dataclass(frozen=True, eq=False)
class Cohort:
    """What is compared of one cohort.

    role: `main` or `external`. words: for tables and figures. table: of `folds.assign`, split by subject, of the
    recordings compared. rows: for each of their rows in a feature array, the recording's position in the table.
    sample_rates_hz: as released. training: how a network is trained on it.
    """

    role: str
    words: str
    synthetic: bool
    table: pd.DataFrame
    rows: np.ndarray
    sample_rates_hz: Sequence[int]
    training: fits.Settings


def labels_of(cohorts: Sequence[Cohort]) -> np.ndarray:
    """The label of each row of an array that holds the rows of all cohorts, one cohort after the other."""
    return np.concatenate([cohort.table["label"].to_numpy()[cohort.rows] for cohort in cohorts])


def materials(cohorts: Sequence[Cohort], study: fits.Study, image_shape: tuple[int, int]) -> list[experiment.Material]:
    """For each cohort what its fits are made from; the study's array holds the rows of all, one after the other."""
    ends = np.cumsum([len(cohort.rows) for cohort in cohorts])
    found = []
    for cohort, end in zip(cohorts, ends, strict=True):
        rows = np.full(ends[-1], -1)  # a row of another cohort is of no recording in this one's table
        rows[end - len(cohort.rows) : end] = cohort.rows
        found.append(experiment.Material("subject_wise", cohort.table, rows, image_shape, study))
    return found


def cross_fits(trained: Cohort, own: experiment.Material, other: experiment.Material, cell: Cell) -> list[fits.Fit]:
    """One cell on every fold of a cohort, each tested on the fold's own subjects and then on all of the other cohort.

    The name, and so the start, is the same in each band.
    """
    outside = np.flatnonzero(other.rows >= 0)
    return [
        replace(
            fit,
            name=f"external/from_{trained.role}/{cell}/fold_{fold}",
            test=np.concatenate([fit.test, outside]),
            settings=trained.training,
        )
        for fold in own.folds
        for fit in [experiment.audio_fit(own, cell, fold)]
    ]


def predictions(
    own: experiment.Material, other: experiment.Material, of_folds: Sequence[fits.Fit], fitted: Sequence[fits.Fitted]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the fits of `cross_fits` say of their own cohort, out of fold, and of the other one.

    Both with recording_id, subject_id, fold, label, probability. Of the other cohort the probability is the mean over
    the folds' networks; `lowest` and `highest` are the ends of their range, and `fold` is 1 for all.
    """
    outside = np.flatnonzero(other.rows >= 0)
    inside = [replace(fit, test=fit.test[: -len(outside)]) for fit in of_folds]
    results = [replace(result, test=result.test[: -len(outside)]) for result in fitted]
    within = experiment.predictions(own, inside, results)
    beyond = other.table[["recording_id", "subject_id", "label"]].copy()
    beyond.insert(2, "fold", 1)
    said = np.array([other.per_recording(outside, result.test[-len(outside) :])[1] for result in fitted])
    ranged = {"probability": said.mean(axis=0), "lowest": said.min(axis=0), "highest": said.max(axis=0)}
    return within, beyond.assign(**{name: values.round(6) for name, values in ranged.items()})


def scores(table: pd.DataFrame, *, draws: int = 2000, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Every score of `SCORES` with its interval, per recording and per subject: unit, score, value, low, high.

    table: of `predictions`. An AUC counts the pairs of a fold: out of fold those that one network scored, outside all.
    """
    rows: list[tuple[str, str, float, float, float]] = []
    for unit, found in uncertainty.both_ways(table, draws=draws, level=level, seed=seed).items():
        for score in [name for name in SCORES if name in found]:
            rows.append((unit, score, found[score], *found["intervals"][score]))
    people = scoring.per_subject(table)
    meant = calibration.calibration_scores(people, bins=1, draws=draws, level=level, seed=seed)
    rows += [("per_subject", f"calibration_{name}", *meant[name]) for name in ("slope", "intercept")]
    return pd.DataFrame(rows, columns=["unit", "score", "value", "low", "high"])


def headline(found: pd.DataFrame) -> dict[str, Any]:
    """Direction -> band -> AUC per subject within and outside, and outside its interval and the balanced accuracy.

    found: `scores` of all, with trained_on and tested_on (roles) and band.
    """
    told: dict[str, Any] = {}
    people = found[found["unit"] == "per_subject"].to_dict("records")
    for outside in (row for row in people if row["trained_on"] != row["tested_on"]):
        direction, band = f"{outside['trained_on']}_to_{outside['tested_on']}", outside["band"]
        numbers = told.setdefault(direction, {}).setdefault(band, {})
        if outside["score"] == "roc_auc":
            [within] = [
                row["value"]
                for row in people
                if row["trained_on"] == row["tested_on"] == outside["trained_on"]
                and (row["band"], row["score"]) == (band, "roc_auc")
            ]
            ends = {"subject_auc_low": outside["low"], "subject_auc_high": outside["high"]}
            numbers |= {"subject_auc_within": within, "subject_auc": outside["value"], **ends}
        elif outside["score"] == "balanced_accuracy":
            numbers["subject_balanced_accuracy"] = outside["value"]
    return told


def forest_rows(found: pd.DataFrame, cohorts: Sequence[Cohort], bands: Mapping[str, str]) -> pd.DataFrame:
    """AUC and balanced accuracy per subject, laid out for `appraisal.figures.forest`.

    found: as for `headline`. bands: each band of `found` in words.
    """
    of_role = {cohort.role: cohort for cohort in cohorts}
    shown = found[(found["unit"] == "per_subject") & found["score"].isin(["roc_auc", "balanced_accuracy"])]
    rows = [
        {
            "section": f"Trained on {of_role[row['trained_on']].words}",
            "row": f"{SCORES[row['score']]} {_where(row, of_role)}",
            "series": bands[row["band"]],
            **{name: row[name] for name in ("value", "low", "high")},
            "note": " / ".join(map(str, people_of(of_role[row["tested_on"]]))),
        }
        for row in shown.sort_values("score", key=lambda names: names != "roc_auc", kind="stable").to_dict("records")
    ]
    return pd.DataFrame(rows).sort_values("section", key=lambda names: pd.factorize(names)[0], kind="stable")


def _where(row: Mapping[Any, Any], of_role: Mapping[str, Cohort]) -> str:
    """Whether a score is within or outside, and where outside."""
    within = row["trained_on"] == row["tested_on"]
    return "within, out of fold" if within else f"outside, on {of_role[row['tested_on']].words}"


def people_of(cohort: Cohort) -> tuple[int, int]:
    """Subjects of the positive class, and of the other."""
    positive = cohort.table.drop_duplicates("subject_id")["label"] == 1
    return int(positive.sum()), int((~positive).sum())


def page(
    found: pd.DataFrame,
    cohorts: Sequence[Cohort],
    bands: Mapping[str, str],
    *,
    tasks: Sequence[str],
    cell: Cell,
    classes: tuple[str, str],
) -> str:
    """The whole comparison as a page of Markdown.

    found, bands: as for `forest_rows`. classes: the positive one's name, the negative's.
    """
    who = pd.DataFrame(
        {
            "cohort": cohort.words,
            f"subjects ({' / '.join(classes)})": " / ".join(map(str, people_of(cohort))),
            "recordings": len(cohort.table),
            "sampling rates (Hz)": ", ".join(map(str, cohort.sample_rates_hz)),
            "most epochs": cohort.training.max_epochs,
        }
        for cohort in cohorts
    )
    learned = (
        f"{cell.architecture} at dropout {cell.dropout_rate:g} on {', '.join(tasks)}, fixed beforehand. One network for"
        " each fold of subjects of the cohort trained on: *within* is what it says of subjects that it has not heard,"
        " *outside* what all of them say on average of the other cohort. Nothing is learned there: no scaling,"
        f" threshold or calibration. Sensitivity is the share of {classes[0]} called so, from a probability of 0.5 on."
    )
    made = " and ".join(cohort.role for cohort in cohorts if cohort.synthetic)
    note = [f"Synthetic voices ({made}): these scores say nothing about ALS."] if made else []
    blocks = ["# External validation", *note, learned, tables.markdown(who).rstrip("\n")]
    for unit in ("subject", "recording"):
        blocks += [f"## Per {unit}", _table(found[found["unit"] == f"per_{unit}"], cohorts, bands).rstrip("\n")]
    return "\n\n".join(blocks) + "\n"


def _table(found: pd.DataFrame, cohorts: Sequence[Cohort], bands: Mapping[str, str]) -> str:
    """A row for each network and band and cohort tested, a column for each score with its interval."""
    of_role = {cohort.role: cohort for cohort in cohorts}
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for score in found.to_dict("records"):
        named = {
            "trained on": of_role[score["trained_on"]].words,
            "tested": _where(score, of_role),
            "band": bands[score["band"]],
        }
        row = rows.setdefault((score["trained_on"], score["tested_on"], score["band"]), named)
        row[SCORES[score["score"]]] = in_words(score["value"], score["low"], score["high"])
    return tables.markdown(pd.DataFrame(list(rows.values())))


def in_words(value: float, low: float, high: float) -> str:
    """`0.63 (0.49 to 0.76)`; en dash where it is not defined."""
    if np.isnan(value):
        return "–"
    return f"{value:.2f} ({low:.2f} to {high:.2f})".replace("inf", "∞")

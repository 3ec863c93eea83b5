"""External validation: networks trained on one cohort and scored on another, where nothing is learned.

Trained on a cohort, split by subject, there is one network for each fold. Its predictions for the fold's test subjects
give the score within that cohort; the mean prediction of all of them for the other cohort gives the score outside.
None is fitted again, and of the other cohort no scaling, threshold or calibration is learned: an image is scaled by its
own recording's maximum, and the threshold is 0.5.

Cohorts are recorded differently. Where one of them carries nothing above 4 kHz, a network may have learned what the
other one has there, so both are compared once more, all low-passed at one frequency. That is the last thing done to a
recording: the rounding to 16 bit before it leaves noise in a band without voice, as much as the recording is quiet.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ConfigDict

from bulbar.appraisal import calibration
from bulbar.core.errors import BadInput, Problem
from bulbar.core.names import Cell, Task
from bulbar.core.settings import Bandwidth, Strict
from bulbar.features import audio, spectrogram
from bulbar.scoring import intervals, metrics
from bulbar.training import als, fits

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
class ComparedCohort:
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


Train = Callable[[Sequence[fits.Fit]], Iterable[fits.Fitted]]
"""Trains fits; the results in their order."""


def low_passes(settings: Settings, pipeline: audio.Settings) -> dict[str, float | None]:
    """Each band that is compared, with what its recordings are low-passed to, hertz; None: no more than they are.

    Raises BadInput where the pipeline's sampling rate cannot hold the low-pass.
    """
    bands: dict[str, float | None] = {"as_recorded": None}
    if settings.bandwidth_hz is None:
        return bands
    highest = pipeline.sample_rate_hz / 2 / audio.SLOPE[1]
    if settings.bandwidth_hz >= highest:
        where, remedy = "params.yaml: external.bandwidth_hz", "lower it, or set null to compare as recorded only"
        raise BadInput([Problem(where, f"below {highest:g}", f"{settings.bandwidth_hz:g}", remedy)])
    return bands | {"low_passed": settings.bandwidth_hz}


def low_passed_image(recording: tuple[Path, float], mel: spectrogram.Settings, hz: float) -> np.ndarray:
    """The image rows of one cleaned recording without what lies above `hz`.

    recording: its file, and the highest frequency that it carries before that, hertz.
    """
    path, source_hz = recording
    samples, rate = audio.read(path)
    low_passed = audio.low_pass(audio.to_mono(samples), rate, hz)
    return spectrogram.image_of(low_passed, rate, mel, audio.highest_hz(source_hz, hz))


def labels_of(cohorts: Sequence[ComparedCohort]) -> np.ndarray:
    """The label of each row of an array that holds the rows of all cohorts, one cohort after the other."""
    return np.concatenate([cohort.table["label"].to_numpy()[cohort.rows] for cohort in cohorts])


def data_of_cohorts(
    cohorts: Sequence[ComparedCohort], study: fits.Study, image_shape: tuple[int, int]
) -> list[als.ProtocolData]:
    """For each cohort what its fits are made from; the study's array holds the rows of all, one after the other."""
    ends = np.cumsum([len(cohort.rows) for cohort in cohorts])
    found = []
    for cohort, end in zip(cohorts, ends, strict=True):
        rows = np.full(ends[-1], -1)  # a row of another cohort is of no recording in this one's table
        rows[end - len(cohort.rows) : end] = cohort.rows
        found.append(als.ProtocolData("subject_wise", cohort.table, rows, image_shape, study))
    return found


def cross_fits(trained: ComparedCohort, own: als.ProtocolData, other: als.ProtocolData, cell: Cell) -> list[fits.Fit]:
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
        for fit in [als.audio_fit(own, cell, fold)]
    ]


def predictions(
    own: als.ProtocolData, other: als.ProtocolData, of_folds: Sequence[fits.Fit], fitted: Sequence[fits.Fitted]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the fits of `cross_fits` predict for their own cohort, out of fold, and for the other one.

    Both with recording_id, subject_id, fold, label, probability. Of the other cohort the probability is the mean over
    the folds' networks; `lowest` and `highest` are the ends of their range, and `fold` is 1 for all.
    """
    outside = np.flatnonzero(other.rows >= 0)
    inside = [replace(fit, test=fit.test[: -len(outside)]) for fit in of_folds]
    results = [replace(result, test=result.test[: -len(outside)]) for result in fitted]
    within = als.predictions(own, inside, results)
    beyond = other.table[["recording_id", "subject_id", "label"]].copy()
    beyond.insert(2, "fold", 1)
    by_network = np.array([other.per_recording(outside, result.test[-len(outside) :])[1] for result in fitted])
    middle, lowest, highest = (of.round(6) for of in (by_network.mean(0), by_network.min(0), by_network.max(0)))
    return within, beyond.assign(probability=middle, lowest=lowest, highest=highest)


def both_directions(
    cohorts: Sequence[ComparedCohort], study: fits.Study, image_shape: tuple[int, int], cell: Cell, train: Train
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """One cell trained on each of two cohorts and tested on both: the role trained on, that tested on, predictions.

    study: as for `data_of_cohorts`. train: gets the fits of both directions at once.
    """
    als.require_image_size([cell], image_shape)
    own_of = data_of_cohorts(cohorts, study, image_shape)
    pairs = [(0, 1), (1, 0)]
    by_pair = [cross_fits(cohorts[own], own_of[own], own_of[other], cell) for own, other in pairs]
    results = iter(train([fit for of_folds in by_pair for fit in of_folds]))
    for (own, other), of_folds in zip(pairs, by_pair, strict=True):
        fitted = list(islice(results, len(of_folds)))
        within, outside = predictions(own_of[own], own_of[other], of_folds, fitted)
        yield cohorts[own].role, cohorts[own].role, within
        yield cohorts[own].role, cohorts[other].role, outside


def scores(table: pd.DataFrame, *, draws: int = 2000, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Every score of `SCORES` with its interval, per recording and per subject: unit, score, value, low, high.

    table: of `predictions`. An AUC counts the pairs of a fold: out of fold those that one network scored, outside all.
    """
    rows: list[tuple[str, str, float, float, float]] = []
    for unit, found in intervals.both_ways(table, draws=draws, level=level, seed=seed).items():
        for score in [name for name in SCORES if name in found]:
            rows.append((unit, score, found[score], *found["intervals"][score]))
    people = metrics.per_subject(table)
    meant = calibration.calibration_scores(people, bins=1, draws=draws, level=level, seed=seed)
    rows += [("per_subject", f"calibration_{name}", *meant[name]) for name in ("slope", "intercept")]
    return pd.DataFrame(rows, columns=["unit", "score", "value", "low", "high"])


def headline(found: pd.DataFrame) -> dict[str, Any]:
    """Direction -> band -> AUC per subject within and outside, and outside its interval and the balanced accuracy.

    found: `scores` of all, with trained_on and tested_on (roles) and band.
    """
    by_direction: dict[str, Any] = {}
    people = found[found["unit"] == "per_subject"].set_index(["trained_on", "tested_on", "band", "score"])
    rows: dict[Any, Any] = people[["value", "low", "high"]].to_dict("index")
    for (trained, tested, band, score), row in rows.items():
        if trained == tested:
            continue
        numbers = by_direction.setdefault(f"{trained}_to_{tested}", {}).setdefault(band, {})
        if score == "roc_auc":
            numbers["subject_auc_within"] = rows[trained, trained, band, score]["value"]
            ends = {"subject_auc_low": row["low"], "subject_auc_high": row["high"]}
            numbers |= {"subject_auc": row["value"], **ends}
        elif score == "balanced_accuracy":
            numbers["subject_balanced_accuracy"] = row["value"]
    return by_direction

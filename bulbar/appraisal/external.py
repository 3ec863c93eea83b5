"""External validation: networks are trained on one cohort and tested on another one, from which nothing is learned.

The same for the voice model and its baselines is in `voice.outside`.

A cohort is split by subject, and one network is trained for each fold. Its predictions for the fold's test subjects
give the score within the cohort. The mean prediction of all networks for the other cohort gives the score outside it.
No network is fitted again, and no scaling, threshold or calibration is learned from the other cohort: each image is
scaled by its own recording's maximum, and the threshold is 0.5.

Cohorts are recorded differently. If one has no sound above 4 kHz, a network trained on the other may have learned from
that band. Therefore the cohorts are compared a second time, with all recordings low-passed at one frequency. The
low-pass is the last step, because rounding to 16 bit leaves noise in a band without voice, and more of it, relative to
the voice, in a quieter recording.
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
"""Score -> its name in tables. The two calibration scores exist only per subject."""

COLUMNS = ["trained_on", "tested_on", "band", "model", "unit", "score", "value", "low", "high"]

MODELS = ("audio", "voice", "voice_unadjusted", "conditions")
"""The compared models: the network, the voice model with and without adjustment, and recording conditions alone."""


class Settings(Strict):
    """The `external` block of params.yaml, without the values that other stages read."""

    model_config = ConfigDict(extra="ignore")

    tasks: tuple[Task, ...]
    bandwidth_hz: Bandwidth | None


@dataclass(frozen=True, eq=False)
class ComparedCohort:
    """One cohort of the comparison.

    Attributes
    ----------
    role : str
        `main` or `external`.
    words : str
        Its name in tables and figures.
    table : DataFrame
        The compared recordings, from `folds.assign`, split by subject.
    rows : array, shape (rows,), of int
        For each row of the feature array, the position of its recording in `table`.
    sample_rates_hz : sequence of int
        As released, in Hz.
    training : fits.Settings
        How a network is trained on this cohort.
    """

    role: str
    words: str
    synthetic: bool
    table: pd.DataFrame
    rows: np.ndarray
    sample_rates_hz: Sequence[int]
    training: fits.Settings


Train = Callable[[Sequence[fits.Fit]], Iterable[fits.Fitted]]
"""Trains fits and returns their results in the same order."""


def low_passes(settings: Settings, pipeline: audio.Settings) -> dict[str, float | None]:
    """Band -> cutoff of its low-pass filter in Hz; None for no additional filter.

    Raises BadInput if the filter needs a higher sampling rate than the pipeline's.
    """
    bands: dict[str, float | None] = {"as_recorded": None}
    if settings.bandwidth_hz is None:
        return bands
    highest = pipeline.sample_rate_hz / 2 / audio.SLOPE[1]
    if settings.bandwidth_hz >= highest:
        where, remedy = "params.yaml: external.bandwidth_hz", "lower it, or set it to null to compare only as recorded"
        raise BadInput([Problem(where, f"below {highest:g}", f"{settings.bandwidth_hz:g}", remedy)])
    return bands | {"low_passed": settings.bandwidth_hz}


def low_passed_image(recording: tuple[Path, float], mel: spectrogram.Settings, hz: float) -> np.ndarray:
    """The image rows of one cleaned recording, low-passed at `hz`.

    recording: its file, and the highest frequency in it before the filter, in Hz.
    """
    path, source_hz = recording
    samples, rate = audio.read(path)
    low_passed = audio.low_pass(audio.to_mono(samples), rate, hz)
    return spectrogram.image_of(low_passed, rate, mel, audio.highest_hz(source_hz, hz))


def labels_of(cohorts: Sequence[ComparedCohort]) -> np.ndarray:
    """The label of each row of a feature array that has the rows of all cohorts, one cohort after the other."""
    return np.concatenate([cohort.table["label"].to_numpy()[cohort.rows] for cohort in cohorts])


def data_of_cohorts(
    cohorts: Sequence[ComparedCohort], study: fits.Study, image_shape: tuple[int, int]
) -> list[als.ProtocolData]:
    """The data of each cohort's fits. The study's array has the rows of all cohorts, one cohort after the other."""
    ends = np.cumsum([len(cohort.rows) for cohort in cohorts])
    found = []
    for cohort, end in zip(cohorts, ends, strict=True):
        rows = np.full(ends[-1], -1)  # -1: a row of another cohort belongs to no recording of this table
        rows[end - len(cohort.rows) : end] = cohort.rows
        found.append(als.ProtocolData("subject_wise", cohort.table, rows, image_shape, study))
    return found


def cross_fits(trained: ComparedCohort, own: als.ProtocolData, other: als.ProtocolData, cell: Cell) -> list[fits.Fit]:
    """Fits of one cell on every fold of a cohort, tested on the fold's own subjects and then on the whole other cohort.

    Their names, and so their initial weights, are the same in each band.
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
    """Predictions of the fits of `cross_fits` for their own cohort, out of fold, and for the other cohort.

    Both tables have recording_id, subject_id, fold, label, probability. For the other cohort the probability is the
    mean over the folds' networks, `lowest` and `highest` are their range, and `fold` is always 1.
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
    """Train one cell on each of two cohorts, and test it on both.

    Parameters
    ----------
    cohorts : sequence of two ComparedCohort
        The cohorts.
    study : fits.Study
        As for `data_of_cohorts`.
    image_shape : tuple of int
        (mel, frame).
    cell : Cell
        The cell to train.
    train : callable
        Gets the fits of both directions at once, and returns their results in the same order.

    Yields
    ------
    tuple of str, str and DataFrame
        Role of the training cohort, role of the test cohort, and the predictions.
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
    """Compute every score of `SCORES` with its interval, per recording and per subject.

    Parameters
    ----------
    table : DataFrame
        From `predictions`.
    draws, seed : int
        Number of bootstrap draws, and their seed.
    level : float in (0, 1)
        Level of the intervals.

    Returns
    -------
    DataFrame
        unit, score, value, low, high. An AUC counts the pairs within a fold: within a cohort, pairs scored by one
        network; outside it, all pairs.
    """
    rows: list[tuple[str, str, float, float, float]] = []
    for unit, found in intervals.both_ways(table, draws=draws, level=level, seed=seed).items():
        for score in [name for name in SCORES if name in found]:
            rows.append((unit, score, found[score], *found["intervals"][score]))
    people = metrics.per_subject(table)
    meant = calibration.calibration_scores(people, bins=1, draws=draws, level=level, seed=seed)
    rows += [("per_subject", f"calibration_{name}", *meant[name]) for name in ("slope", "intercept")]
    return pd.DataFrame(rows, columns=["unit", "score", "value", "low", "high"])


def in_order(found: pd.DataFrame) -> pd.DataFrame:
    """The `COLUMNS` of all scores, with the models of one direction and band together.

    found: `scores` of all tables, with the columns trained_on and tested_on (roles), band and model.
    """
    rank = {name: place for place, name in enumerate(MODELS)}
    together = found.groupby(["trained_on", "tested_on", "band"], sort=False)
    ranked = pd.concat(
        rows.sort_values("model", key=lambda names: names.map(rank), kind="stable") for _, rows in together
    )
    return ranked[COLUMNS].reset_index(drop=True)


def headline(found: pd.DataFrame) -> dict[str, Any]:
    """Direction -> band -> model -> AUC per subject within and outside; for outside also interval, balanced accuracy.

    found: `scores` of all tables, with the columns trained_on and tested_on (roles), band and model.
    """
    by_direction: dict[str, Any] = {}
    people = found[found["unit"] == "per_subject"].set_index(["trained_on", "tested_on", "band", "model", "score"])
    rows: dict[Any, Any] = people[["value", "low", "high"]].to_dict("index")
    for (trained, tested, band, model, score), row in rows.items():
        if trained == tested:
            continue
        of_band = by_direction.setdefault(f"{trained}_to_{tested}", {}).setdefault(band, {})
        numbers = of_band.setdefault(model, {})
        if score == "roc_auc":
            numbers["subject_auc_within"] = rows[trained, trained, band, model, score]["value"]
            ends = {"subject_auc_low": row["low"], "subject_auc_high": row["high"]}
            numbers |= {"subject_auc": row["value"], **ends}
        elif score == "balanced_accuracy":
            numbers["subject_balanced_accuracy"] = row["value"]
    return by_direction

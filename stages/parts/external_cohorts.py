"""Inputs of the stage `external`: whether the cohorts can be compared, both cohorts, and the images of a band."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bulbar.appraisal import external
from bulbar.cohort import readers
from bulbar.core.files import FeaturesWriter
from bulbar.features import audio, praat, spectrogram
from bulbar.training import als
from bulbar.voice import outside
from stages.parts.fitting import training_settings
from stages.parts.params import settings
from stages.parts.places import cohort_block, cohort_contract, is_synthetic, stage_folder, stage_table
from stages.parts.workers import map_ordered

ROLES = ("main", "external")
NO_COHORT = (
    "No external cohort: the configured one is synthetic, and says nothing about a network trained on real voices. Set"
    " external.cohort in params.yaml (docs/external.md)."
)
NO_FOLDS = (
    "The external cohort has too few people of a class for the number of folds in params.yaml: lower folds.n_splits, or"
    " add people."
)
NO_TASK = "No task to compare: both cohorts need at least one of external.tasks in params.yaml."


def why_not_compared(tasks: Sequence[str]) -> str | None:
    """The reason why the cohorts cannot be compared; None if they can. tasks: `external.tasks`."""
    if [is_synthetic(role) for role in ROLES] == [False, True]:
        return NO_COHORT
    if stage_table("folds", "subject_wise.csv", "external").empty:
        return NO_FOLDS
    return None if tasks_of_both(tasks) else NO_TASK


def tasks_of_both(tasks: Sequence[str]) -> list[str]:
    """The tasks that both cohorts have."""
    present = [set(stage_table("audio", "recordings.csv", role)["task"]) for role in ROLES]
    return [task for task in tasks if all(task in of_cohort for of_cohort in present)]


def read_cohorts(tasks: Sequence[str]) -> tuple[list[external.ComparedCohort], list[np.ndarray]]:
    """Both cohorts, and the positions of the compared rows in each cohort's own feature array."""
    cohorts, positions = [], []
    for role in ROLES:
        recordings = stage_table("audio", "recordings.csv", role)
        compared = set(recordings.loc[recordings["task"].isin(tasks), "recording_id"])
        table = stage_table("folds", "subject_wise.csv", role)
        table = table[table["recording_id"].isin(compared)].reset_index(drop=True)
        index = stage_table("features", "index.csv", role)
        index = index[index["recording_id"].isin(compared)]
        released = stage_table("cohort", "recordings.csv", role)
        rates = released.loc[released["recording_id"].isin(compared), "sample_rate_hz"]
        contract = cohort_contract(role)
        cohort = external.ComparedCohort(
            role=role,
            words=f"{role} ({'synthetic' if contract['synthetic'] else contract['source']})",
            synthetic=contract["synthetic"],
            table=table,
            rows=als.rows_of_recordings(index, table),
            sample_rates_hz=sorted(set(rates)),
            training=training_settings(role),
        )
        cohorts.append(cohort)
        positions.append(index.index.to_numpy())
    return cohorts, positions


def write_images(
    path: Path,
    cohorts: Sequence[external.ComparedCohort],
    positions: Sequence[np.ndarray],
    mel: spectrogram.Settings,
    low_pass_hz: float | None,
) -> None:
    """Write the images of both cohorts, one cohort after the other.

    low_pass_hz: cutoff in Hz; None copies the images of the stage `features`. positions: from `read_cohorts`.
    """
    with FeaturesWriter(path, mel.image_shape) as writer:
        if low_pass_hz is None:
            _append_stored(writer, positions)
        else:
            _append_low_passed(writer, cohorts, mel, low_pass_hz)


def _append_stored(writer: FeaturesWriter, positions: Sequence[np.ndarray]) -> None:
    for role, rows in zip(ROLES, positions, strict=True):
        stored = np.load(stage_folder("features", role) / "images.npy", mmap_mode="r")
        for row in rows:
            writer.append(stored[row : row + 1])


def _append_low_passed(
    writer: FeaturesWriter, cohorts: Sequence[external.ComparedCohort], mel: spectrogram.Settings, hz: float
) -> None:
    """Append the images of the same recordings, in the same order, low-passed."""
    for cohort in cohorts:
        recordings = dict.fromkeys(cohort.table["recording_id"].to_numpy()[cohort.rows])
        cleaned = stage_folder("audio", cohort.role).resolve()
        highest_hz = stage_table("audio", "recordings.csv", cohort.role).set_index("recording_id")["highest_hz"]
        files = [(cleaned / f"{name}.wav", float(highest_hz[name])) for name in recordings]
        image_of = partial(external.low_passed_image, mel=mel, hz=hz)
        for rows in map_ordered(image_of, files, label=f"low-passed, {cohort.role}", total=len(files)):
            writer.append(rows)


def measured(cohort: external.ComparedCohort, low_pass_hz: float | None) -> outside.MeasuredCohort:
    """The compared recordings with voice measures and conditions, of the release, low-passed as the pipeline's are."""
    root = settings(cohort_block(cohort.role), readers.Settings).root.resolve()
    measuring, cleaning = settings("acoustic", praat.Settings), settings("audio", audio.Settings)
    lowest_hz = min(filter(None, (low_pass_hz, cleaning.bandwidth_hz)), default=None)
    released = stage_table("cohort", "recordings.csv", cohort.role)[["recording_id", "task", "path"]]
    folds = cohort.table[["recording_id", "subject_id", "fold", "label"]]
    rows = folds.merge(released, on="recording_id", validate="1:1").sort_values("recording_id", ignore_index=True)
    files = [(root / path, task) for path, task in zip(rows["path"], rows["task"], strict=True)]
    measure = partial(_measure, low_pass_hz=lowest_hz, measuring=measuring, cleaning=cleaning)
    found = map_ordered(measure, files, label=f"voice measures, {cohort.role}", total=len(files))
    subjects = stage_table("cohort", "subjects.csv", cohort.role)[["subject_id", "age_years", "sex"]]
    return outside.MeasuredCohort(pd.concat([rows, pd.DataFrame(list(found))], axis=1), subjects)


def _measure(
    file: tuple[Path, str], low_pass_hz: float | None, measuring: praat.Settings, cleaning: audio.Settings
) -> dict[str, object]:
    """Of a released file and its task."""
    return outside.measure_recording(*file, low_pass_hz, measuring, cleaning)

"""What the stage `external` reads: whether there is something to compare, both cohorts, the images of a band."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from bulbar.appraisal import external
from bulbar.core import parallel
from bulbar.core.files import FeaturesWriter, read_json, read_table
from bulbar.features import spectrogram
from bulbar.training import als
from stages.parts.params import settings
from stages.parts.places import stage_folder
from stages.parts.protocol_data import training_on

ROLES = ("main", "external")
NO_COHORT = (
    "No external cohort: what is set there is synthetic, and says nothing of a network trained on real voices. Set"
    " external.cohort in params.yaml (docs/external.md)."
)
NO_FOLDS = (
    "The external cohort has too few people of a class for the folds that params.yaml asks for: lower folds.n_splits,"
    " or bring more people."
)
NO_TASK = "No task to compare: both cohorts must have one of external.tasks in params.yaml."


def why_not_compared(asked: Sequence[str]) -> str | None:
    """Why nothing can be compared; None where something can. asked: `external.tasks`."""
    synthetic = [bool(read_json(stage_folder("cohort", role) / "cohort.json")["synthetic"]) for role in ROLES]
    if synthetic == [False, True]:
        return NO_COHORT
    if read_table(stage_folder("folds", "external") / "subject_wise.csv").empty:
        return NO_FOLDS
    return None if tasks_of_both(asked) else NO_TASK


def tasks_of_both(asked: Sequence[str]) -> list[str]:
    """The tasks asked for that both cohorts have."""
    present = [set(read_table(stage_folder("audio", role) / "recordings.csv")["task"]) for role in ROLES]
    return [task for task in asked if all(task in tasks for tasks in present)]


def read_cohorts(tasks: Sequence[str]) -> tuple[list[external.ComparedCohort], list[np.ndarray]]:
    """Both cohorts, and for each the positions of its compared rows in its own feature array."""
    cohorts, positions = [], []
    for role in ROLES:
        recordings = read_table(stage_folder("audio", role) / "recordings.csv", recording_id=str)
        compared = set(recordings.loc[recordings["task"].isin(tasks), "recording_id"])
        table = read_table(stage_folder("folds", role) / "subject_wise.csv", recording_id=str, subject_id=str)
        table = table[table["recording_id"].isin(compared)].reset_index(drop=True)
        index = read_table(stage_folder("features", role) / "index.csv", recording_id=str)
        index = index[index["recording_id"].isin(compared)]
        released = read_table(stage_folder("cohort", role) / "recordings.csv", recording_id=str)
        rates = released.loc[released["recording_id"].isin(compared), "sample_rate_hz"]
        contract = read_json(stage_folder("cohort", role) / "cohort.json")
        cohort = external.ComparedCohort(
            role=role,
            words=f"{role} ({'synthetic' if contract['synthetic'] else contract['source']})",
            synthetic=contract["synthetic"],
            table=table,
            rows=als.rows_of_recordings(index, table),
            sample_rates_hz=sorted(set(rates)),
            training=training_on(role),
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
    """Write the images of both cohorts, one cohort after the other. low_pass_hz: None for those that later stages see.

    positions: of `read_cohorts`.
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
    workers = settings("compute", parallel.Settings).n_workers
    for cohort in cohorts:
        recordings = dict.fromkeys(cohort.table["recording_id"].to_numpy()[cohort.rows])
        cleaned = stage_folder("audio", cohort.role).resolve()
        highest_hz = read_table(cleaned / "recordings.csv", recording_id=str).set_index("recording_id")["highest_hz"]
        files = [(cleaned / f"{name}.wav", float(highest_hz[name])) for name in recordings]
        image_of = partial(external.low_passed_image, mel=mel, hz=hz)
        label = f"low-passed, {cohort.role}"
        for rows in parallel.map_ordered(image_of, files, label=label, total=len(files), workers=workers):
            writer.append(rows)

"""Inputs of the audit: tables of the run, read from the stages that wrote them, for each probe."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bulbar.audit import (
    collapse,
    dead_bands,
    duplicates,
    label_shuffle,
    missingness,
    recording_conditions,
    selection_luck,
    speakers,
)
from bulbar.audit.finding import LEVEL, Finding
from bulbar.audit.label_probe import LabelProbe, summary_of_images
from bulbar.cohort import clinical
from bulbar.core.digests import seed_of
from bulbar.core.files import read_json, read_table
from bulbar.core.names import PROTOCOLS
from bulbar.features import spectrogram
from bulbar.paper import als_digits, claims, tables
from bulbar.scoring import intervals
from stages.parts.bandwidths import bandwidths
from stages.parts.params import settings, study_seed, study_settings
from stages.parts.places import stage_folder, stage_table
from stages.parts.study import FIGURE_12, TABLE_4, TABLE_5, StudyResults, read_study

CLAIMS = Path("reference/als_claims.toml")


@dataclass(frozen=True)
class AuditInputs:
    """Inputs of all probes.

    `drawing` has draws, level and seed of the intervals; `shuffling` has shuffles, draws and seed.
    """

    studies: Mapping[str, StudyResults]
    folds: Mapping[str, pd.DataFrame]
    recordings: pd.DataFrame
    images: np.ndarray
    image_recordings: pd.Series
    drawing: dict[str, Any]
    shuffling: dict[str, Any]

    @property
    def task_of(self) -> dict[str, str]:
        """recording_id -> task."""
        return dict(zip(self.recordings["recording_id"], self.recordings["task"], strict=True))


def read_inputs(shuffles: int) -> AuditInputs:
    """Read the results of both protocols and their common inputs; images are memory-mapped."""
    studies: dict[str, StudyResults] = {protocol: read_study(protocol) for protocol in PROTOCOLS}
    draws = settings("bootstrap", intervals.Settings).draws
    seed = seed_of(study_seed(), "audit")
    return AuditInputs(
        studies=studies,
        folds={protocol: stage_table("folds", f"{protocol}.csv") for protocol in PROTOCOLS},
        recordings=stage_table("conditions", "recordings.csv"),
        images=np.load(stage_folder("features") / "images.npy", mmap_mode="r"),
        image_recordings=stage_table("features", "index.csv")["recording_id"],
        drawing={"draws": draws, "level": LEVEL, "seed": seed},
        shuffling={"shuffles": shuffles, "draws": draws, "seed": seed},
    )


def labels_shuffled(inputs: AuditInputs, voices: pd.DataFrame) -> dict[str, LabelProbe]:
    """The quick classifier of each protocol, with true and with shuffled labels."""
    return label_shuffle.learn(voices, inputs.folds, within=inputs.task_of, **inputs.shuffling)


def labels_within_a_class(inputs: AuditInputs, voices: pd.DataFrame) -> list[Finding]:
    """Each protocol's quick classifier on random labels among patients alone, and among controls alone."""
    drawing = {name: inputs.shuffling[name] for name in ("shuffles", "seed")}
    patients = int(study_settings().positive_class == "ALS")
    return label_shuffle.within_classes(voices, inputs.folds, patients=patients, within=inputs.task_of, **drawing)


def voices_of(inputs: AuditInputs) -> pd.DataFrame:
    """The summary of each recording that the quick classifier uses."""
    return summary_of_images(inputs.images, inputs.image_recordings)


def probe_data(inputs: AuditInputs, voices: pd.DataFrame) -> list[Finding]:
    """Probes of the cohort and its split, independent of the trained models."""
    described = read_json(stage_folder("clinical") / "columns.json")
    people = stage_table("clinical", "subjects.csv", dtypes=clinical.dtypes(described["all"]))
    by_subject = inputs.folds["subject_wise"].drop_duplicates("subject_id").set_index("subject_id")
    people = people.assign(label=people["subject_id"].map(by_subject["label"]))
    audio = inputs.studies["subject_wise"].models["selected"]["audio"]
    duplicate = stage_table("conditions", "duplicates.csv", dtypes={"first": str, "second": str})
    released = inputs.recordings.assign(label=inputs.recordings["subject_id"].map(by_subject["label"]))
    return [
        *missingness.probe(people, described, by_subject["fold"].to_dict(), **inputs.shuffling),
        *speakers.probe(voices, inputs.folds, within=inputs.task_of, **inputs.shuffling),
        *recording_conditions.probe(inputs.recordings, people, inputs.folds["subject_wise"], audio, **inputs.shuffling),
        *duplicates.probe(duplicate, released, inputs.folds),
        *dead_bands.probe(
            inputs.recordings[["recording_id", "subject_id"]].assign(
                bandwidth_hz=inputs.recordings["recording_id"].map(bandwidths())
            ),
            by_subject["label"],
            inputs.images,
            inputs.image_recordings.tolist(),
            settings("spectrogram", spectrogram.Settings),
            **inputs.shuffling,
            level=inputs.drawing["level"],
        ),
    ]


def probe_sweep(inputs: AuditInputs) -> list[Finding]:
    """Probes of the sweep and of the selection; the latter use the draws of the stage select."""
    by_recording, by_subject = (inputs.studies[protocol] for protocol in ("record_wise", "subject_wise"))
    as_selected = {**inputs.drawing, "seed": seed_of(study_seed(), "select/subject_wise")}
    collapsed = [
        finding
        for protocol, study in inputs.studies.items()
        for finding in collapse.probe(study.predictions, protocol, **inputs.drawing)
    ]
    return [
        *collapsed,
        als_digits.of_run(by_recording.fits, collapse.collapsed_cells(by_recording.predictions), "record_wise"),
        *selection_luck.by_recording(by_recording.fits),
        *selection_luck.by_subject(by_subject.fits, by_subject.predictions, **as_selected),
    ]


def probe_paper(classes: tuple[str, str]) -> list[Finding]:
    """Probes of the paper's own digits."""
    four, five = read_table(TABLE_4), read_table(TABLE_5)
    patients_positive = classes if classes[1] == "ALS" else classes[::-1]  # the paper's positive class is ALS
    counts = tables.figure_12(read_table(FIGURE_12), patients_positive)
    return [*als_digits.collapse_of_table_4(four), *als_digits.probe(four, five, counts)]


def check_claims(inputs: AuditInputs) -> list[claims.JudgedClaim]:
    """Judge the paper's claims on its own tables and on each of our protocols."""
    runs = [
        claims.ProtocolRun(protocol, study.predictions, study.models, study.histories, baselines_of(protocol))
        for protocol, study in inputs.studies.items()
    ]
    table = claims.ClaimTable.model_validate(tomllib.loads(CLAIMS.read_text(encoding="utf-8")))
    return claims.judge(table, read_table(TABLE_4), read_table(TABLE_5), runs, **inputs.drawing)


def baselines_of(protocol: str) -> dict[str, pd.DataFrame]:
    """Out-of-fold tables of the baselines, except the majority baseline, which every claim has anyway."""
    names = sorted(path.stem for path in (stage_folder("baselines") / protocol).glob("*.csv"))
    return {name: stage_table("baselines", f"{protocol}/{name}.csv") for name in names if name != tables.MAJORITY}

"""What each probe of the audit is given: tables of the run, by the stage that wrote them."""

from collections.abc import Mapping
from dataclasses import dataclass
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
from bulbar.audit.label_probe import Told, summary_of_images
from bulbar.cohort import clinical
from bulbar.cohort.folds import PROTOCOLS
from bulbar.core.files import read_json, read_table
from bulbar.core.seeds import seed_of
from bulbar.features import spectrogram
from bulbar.paper import claims, table_4_digits, tables
from bulbar.paper.claim import Claim, Run
from bulbar.scoring import intervals
from stages.parts.bandwidths import bandwidths
from stages.parts.params import settings
from stages.parts.places import room
from stages.parts.study import Study, read_study

TABLE_4, TABLE_5, FIGURE_12 = (
    f"reference/als_{name}.csv" for name in ("table4_accuracy", "table5_modalities", "figure12_confusion")
)


@dataclass(frozen=True)
class Evidence:
    """All that the probes look at. drawing: draws, level and seed of intervals; shuffling: with shuffles for level."""

    role: str
    studies: Mapping[str, Study]
    folds: Mapping[str, pd.DataFrame]
    recordings: pd.DataFrame
    images: np.ndarray
    image_recordings: pd.Series
    drawing: dict[str, Any]
    shuffling: dict[str, Any]

    @property
    def task_of(self) -> dict[str, str]:
        """Task by recording."""
        return dict(zip(self.recordings["recording_id"], self.recordings["task"], strict=True))


def read_evidence(role: str, shuffles: int) -> Evidence:
    """Read what both protocols share; images stay on the disk."""
    studies: dict[str, Study] = {protocol: read_study(protocol, role) for protocol in PROTOCOLS}
    draws = settings("bootstrap", intervals.Settings).draws
    seed = seed_of(studies["subject_wise"].seed, "audit")
    features = room("features", role)
    return Evidence(
        role=role,
        studies=studies,
        folds={
            protocol: read_table(room("folds", role) / f"{protocol}.csv", recording_id=str, subject_id=str)
            for protocol in PROTOCOLS
        },
        recordings=read_table(room("conditions", role) / "recordings.csv", recording_id=str, subject_id=str),
        images=np.load(features / "images.npy", mmap_mode="r"),
        image_recordings=read_table(features / "index.csv", recording_id=str)["recording_id"],
        drawing={"draws": draws, "level": LEVEL, "seed": seed},
        shuffling={"shuffles": shuffles, "draws": draws, "seed": seed},
    )


def labels_shuffled(evidence: Evidence, voices: pd.DataFrame) -> dict[str, Told]:
    """Each protocol's quick classifier on the features, with the real labels and with shuffled ones."""
    return label_shuffle.learn(voices, evidence.folds, within=evidence.task_of, **evidence.shuffling)


def voices_of(evidence: Evidence) -> pd.DataFrame:
    """What a quick classifier gets of each recording."""
    return summary_of_images(evidence.images, evidence.image_recordings)


def probe_data(evidence: Evidence, voices: pd.DataFrame) -> list[Finding]:
    """Probes of the cohort and its split, whatever was learned from them."""
    described = read_json(room("clinical", evidence.role) / "columns.json")
    people = read_table(room("clinical", evidence.role) / "subjects.csv", **clinical.dtypes(described["all"]))
    by_subject = evidence.folds["subject_wise"].drop_duplicates("subject_id").set_index("subject_id")
    people = people.assign(label=people["subject_id"].map(by_subject["label"]))
    audio = evidence.studies["subject_wise"].models["selected"]["audio"]
    duplicate = read_table(room("conditions", evidence.role) / "duplicates.csv", first=str, second=str)
    released = evidence.recordings.assign(label=evidence.recordings["subject_id"].map(by_subject["label"]))
    return [
        *missingness.probe(people, described, by_subject["fold"].to_dict(), **evidence.shuffling),
        *speakers.probe(voices, evidence.folds, within=evidence.task_of, **evidence.shuffling),
        *recording_conditions.probe(
            evidence.recordings, people, evidence.folds["subject_wise"], audio, **evidence.shuffling
        ),
        *duplicates.probe(duplicate, released, evidence.folds),
        *dead_bands.probe(
            evidence.recordings[["recording_id", "subject_id"]].assign(
                bandwidth_hz=evidence.recordings["recording_id"].map(bandwidths(evidence.role))
            ),
            by_subject["label"],
            evidence.images,
            evidence.image_recordings.tolist(),
            settings("spectrogram", spectrogram.Settings),
            **evidence.shuffling,
            level=evidence.drawing["level"],
        ),
    ]


def probe_sweep(evidence: Evidence) -> list[Finding]:
    """Probes of what the sweep learned, and of what was picked from it: on the draws of the stage select."""
    by_recording, by_subject = (evidence.studies[protocol] for protocol in ("record_wise", "subject_wise"))
    as_selected = {**evidence.drawing, "seed": seed_of(by_subject.seed, "select/subject_wise")}
    collapsed = [
        finding
        for protocol, study in evidence.studies.items()
        for finding in collapse.probe(study.predictions, protocol, **evidence.drawing)
    ]
    return [
        *collapsed,
        table_4_digits.of_run(by_recording.fits, collapse.collapsed_cells(by_recording.predictions), "record_wise"),
        *selection_luck.by_recording(by_recording.fits),
        *selection_luck.by_subject(by_subject.fits, by_subject.predictions, **as_selected),
    ]


def probe_paper(classes: tuple[str, str]) -> list[Finding]:
    """Probes of the paper's own digits."""
    four, five = read_table(TABLE_4), read_table(TABLE_5)
    patients_positive = classes if classes[1] == "ALS" else classes[::-1]  # the paper's, whatever ours is
    counts = tables.figure_12(read_table(FIGURE_12), patients_positive)
    return [*table_4_digits.collapse_of_table_4(four), *table_4_digits.probe(four, five, counts)]


def check_claims(evidence: Evidence) -> list[Claim]:
    """The paper's claims, against its own tables and each protocol of ours."""
    runs = [
        Run(protocol, study.predictions, study.models, study.histories, baselines_of(protocol, evidence.role))
        for protocol, study in evidence.studies.items()
    ]
    return claims.claims(read_table(TABLE_4), read_table(TABLE_5), runs, **evidence.drawing)


def baselines_of(protocol: str, role: str) -> dict[str, pd.DataFrame]:
    """The out-of-fold tables of a network's baselines but the majority, which every claim has beside it."""
    place = room("baselines", role) / protocol
    return {
        path.stem: read_table(path, recording_id=str, subject_id=str)
        for path in sorted(place.glob("*.csv"))
        if path.stem != tables.MAJORITY
    }

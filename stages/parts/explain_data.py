"""Inputs of the stage explain: models and held-out rows of each fold, and the baseline that replaces hidden parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bulbar.core.digests import seed_of
from bulbar.explain import audio_maps, audio_tables, clinical_columns, clinical_tables, groups
from bulbar.explain.settings import Settings
from bulbar.features import spectrogram
from bulbar.training import als
from stages.parts.bandwidths import bandwidths
from stages.parts.bootstrap import drawing
from stages.parts.clinical_data import learned
from stages.parts.params import params, settings, study_settings
from stages.parts.places import stage_folder, stage_table
from stages.parts.workers import map_ordered


@dataclass(frozen=True, eq=False)
class ExplainInputs:
    """What all explanations share.

    `rows` has recording_id, subject_id, fold, label, task, duration_s of each image row. `dead`, (n, mel), bool, marks
    the mel bands above the recording's bandwidth; all False for MFCC images.
    """

    data: als.ProtocolData
    wanted: Settings
    rows: pd.DataFrame
    images: np.ndarray
    dead: np.ndarray
    models: Path
    classes: tuple[str, str]
    seed: int
    drawing: dict[str, Any]


def read_inputs(data: als.ProtocolData, wanted: Settings) -> ExplainInputs:
    """Read data/audio/, data/conditions/ and data/features/; images are memory-mapped."""
    study = study_settings()
    seed = seed_of(study.seed, f"explain/{data.protocol}")
    of_recording = stage_table("audio", "recordings.csv").set_index("recording_id")[["task", "duration_s"]]
    table = data.table[["recording_id", "subject_id", "fold", "label"]].iloc[data.rows].reset_index(drop=True)
    mel = settings("spectrogram", spectrogram.Settings)
    dead = np.full((len(table), mel.mel_bands), False)
    if mel.representation == "mel":
        dead = spectrogram.dead_bands(table["recording_id"].map(bandwidths()).to_numpy(), mel)
    return ExplainInputs(
        data=data,
        wanted=wanted,
        rows=table.join(of_recording, on="recording_id"),
        images=np.load(stage_folder("features") / "images.npy", mmap_mode="r"),
        dead=dead,
        models=Path("models") / data.protocol,
        classes=study.classes,
        seed=seed,
        drawing=drawing(f"explain/{data.protocol}", "intervals"),
    )


def explain_audio(inputs: ExplainInputs) -> audio_tables.Voices:
    """Explain the audio network of every fold on its held-out recordings."""
    folds = inputs.data.folds
    found = map_ordered(audio_maps.explain, _voices(inputs), label="explain, audio", total=len(folds))
    held_out = np.concatenate([inputs.data.parts(fold)[2] for fold in folds])
    return audio_tables.Voices(
        rows=inputs.rows.iloc[held_out].reset_index(drop=True),
        found=audio_tables.joined(list(found)),
        dead=inputs.dead[held_out],
        classes=inputs.classes,
        spectrogram=settings("spectrogram", spectrogram.Settings),
        sample_rate_hz=params()["audio"]["sample_rate_hz"],  # checked by the stage preprocess_audio
        drawing=inputs.drawing,
    )


def _voices(inputs: ExplainInputs) -> Iterator[audio_maps.ImageFold]:
    for fold in inputs.data.folds:
        trained, _, tested = inputs.data.parts(fold)
        silence = spectrogram.silence(settings("spectrogram", spectrogram.Settings))
        yield audio_maps.ImageFold(
            model=inputs.models / "audio" / f"fold_{fold}.keras",
            images=np.asarray(inputs.images[tested]),
            dead=inputs.dead[tested],
            names=inputs.rows["recording_id"].iloc[tested].tolist(),
            baseline=silence if inputs.wanted.baseline == "floor" else mean_image(inputs.images, trained),
            backend=inputs.data.study.settings.keras_backend,
            seed=inputs.seed,
            settings=inputs.wanted,
        )


def mean_image(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mean of some rows of the feature array, which are read one by one."""
    total = np.zeros(images.shape[1:], np.float64)
    for row in rows:
        total += images[row]
    return (total / len(rows)).astype(np.float32)


def explain_clinical(inputs: ExplainInputs, columns: str) -> clinical_tables.Records:
    """Explain the models of every fold with one set of clinical columns on its held-out subjects."""
    known = learned(inputs.data.table, columns)
    grouped = {clinical_columns.EVERYTHING: list(known.typed.columns), **groups.of_columns(known.typed.columns)}
    folds = inputs.data.folds
    of_folds = [_records(inputs, columns, fold, known, grouped) for fold in folds]
    found = map_ordered(clinical_columns.explain, of_folds, label=f"explain, {columns}", total=len(folds))
    subjects = inputs.rows.drop_duplicates("subject_id").set_index("subject_id")
    held_out = pd.concat([one.table for one in of_folds]).index
    return clinical_tables.Records(
        inputs=of_folds,
        found=list(found),
        label=subjects.loc[held_out, "label"].to_numpy(),
        fold=subjects.loc[held_out, "fold"].to_numpy(),
        classes=inputs.classes,
        groups=grouped,
        drawing=inputs.drawing,
    )


def _records(
    inputs: ExplainInputs, columns: str, fold: int, known: Any, grouped: dict[str, list[str]]
) -> clinical_columns.ClinicalFold:
    trained, _, tested = inputs.data.parts(fold)
    draws = np.random.default_rng(seed_of(inputs.seed, f"background/fold_{fold}"))
    background = np.sort(draws.permutation(trained)[: inputs.wanted.background])
    held_out = inputs.rows.iloc[tested]
    owner, subjects = pd.factorize(held_out["subject_id"], sort=True)
    models = (f"clinical_{columns}", f"fused_{columns}")
    return clinical_columns.ClinicalFold(
        models={name: inputs.models / name / f"fold_{fold}.keras" for name in models},
        encoder=known.encoders[fold],
        table=known.typed.loc[subjects],
        images=np.asarray(inputs.images[tested]),
        owner=owner,
        recording=pd.factorize(held_out["recording_id"])[0],
        background_table=known.typed.loc[inputs.rows["subject_id"].iloc[background]],
        background_images=np.asarray(inputs.images[background]),
        groups=grouped,
        backend=inputs.data.study.settings.keras_backend,
        seed=seed_of(inputs.seed, f"fold_{fold}"),
        settings=inputs.wanted,
    )  # fmt: skip

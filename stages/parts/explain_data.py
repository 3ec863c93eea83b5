"""What the stage explain asks its networks about: each fold's models, held-out rows, and what stands in for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bulbar.core import parallel
from bulbar.core.digests import seed_of
from bulbar.core.files import read_table
from bulbar.explain import audio_maps, audio_tables, clinical_columns, clinical_tables, groups
from bulbar.explain.settings import Settings
from bulbar.features import spectrogram
from bulbar.scoring import intervals
from bulbar.training import als
from stages.parts.bandwidths import bandwidths
from stages.parts.clinical_data import learned
from stages.parts.params import params, settings, study_settings
from stages.parts.places import stage_folder


@dataclass(frozen=True, eq=False)
class Asking:
    """What all questions share.

    rows: recording_id, subject_id, fold, label, task, duration_s of each image row. dead: which mel bands of each row
    lie above its recording's bandwidth, (n, mel), bool; none of an image of MFCCs.
    """

    data: als.ProtocolData
    asked: Settings
    rows: pd.DataFrame
    images: np.ndarray
    dead: np.ndarray
    models: Path
    classes: tuple[str, str]
    seed: int
    drawing: dict[str, Any]
    workers: int


def read_asking(data: als.ProtocolData, asked: Settings, role: str) -> Asking:
    """Read what one protocol left behind; images stay on the disk."""
    study = study_settings()
    seed = seed_of(study.seed, f"explain/{data.protocol}")
    recordings = read_table(stage_folder("audio", role) / "recordings.csv", recording_id=str, subject_id=str)
    of_recording = recordings.set_index("recording_id")[["task", "duration_s"]]
    table = data.table[["recording_id", "subject_id", "fold", "label"]].iloc[data.rows].reset_index(drop=True)
    mel = settings("spectrogram", spectrogram.Settings)
    dead = np.full((len(table), mel.mel_bands), False)
    if mel.representation == "mel":
        dead = spectrogram.dead_bands(table["recording_id"].map(bandwidths(role)).to_numpy(), mel)
    return Asking(
        data=data,
        asked=asked,
        rows=table.join(of_recording, on="recording_id"),
        images=np.load(stage_folder("features", role) / "images.npy", mmap_mode="r"),
        dead=dead,
        models=(Path("models") if role == "main" else Path("models") / role) / data.protocol,
        classes=study.classes,
        seed=seed,
        drawing={**settings("bootstrap", intervals.Settings).model_dump(), "seed": seed_of(seed, "intervals")},
        workers=settings("compute", parallel.Settings).n_workers,
    )


def ask_voices(asking: Asking, role: str) -> audio_tables.Voices:
    """Every fold's audio network about its held-out recordings."""
    folds = asking.data.folds
    found = parallel.map_ordered(
        audio_maps.explain, _voices(asking), label="explain, audio", total=len(folds), workers=asking.workers
    )
    held_out = np.concatenate([asking.data.parts(fold)[2] for fold in folds])
    return audio_tables.Voices(
        rows=asking.rows.iloc[held_out].reset_index(drop=True),
        found=audio_tables.joined(list(found)),
        dead=asking.dead[held_out],
        classes=asking.classes,
        spectrogram=settings("spectrogram", spectrogram.Settings),
        sample_rate_hz=params()["audio"]["sample_rate_hz"],  # checked by the stage preprocess_audio
        drawing=asking.drawing,
    )


def _voices(asking: Asking) -> Iterator[audio_maps.ImageFold]:
    for fold in asking.data.folds:
        trained, _, tested = asking.data.parts(fold)
        silence = spectrogram.silence(settings("spectrogram", spectrogram.Settings))
        yield audio_maps.ImageFold(
            model=asking.models / "audio" / f"fold_{fold}.keras",
            images=np.asarray(asking.images[tested]),
            dead=asking.dead[tested],
            names=asking.rows["recording_id"].iloc[tested].tolist(),
            baseline=silence if asking.asked.baseline == "floor" else mean_image(asking.images, trained),
            backend=asking.data.study.settings.keras_backend,
            seed=asking.seed,
            settings=asking.asked,
        )


def mean_image(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The mean of some rows of the feature array, read one by one."""
    total = np.zeros(images.shape[1:], np.float64)
    for row in rows:
        total += images[row]
    return (total / len(rows)).astype(np.float32)


def ask_records(asking: Asking, columns: str, role: str) -> clinical_tables.Records:
    """Every fold's models on one set of clinical columns, about its held-out subjects."""
    known = learned(asking.data, columns, role)
    grouped = {clinical_columns.EVERYTHING: list(known.typed.columns), **groups.of_columns(known.typed.columns)}
    folds = asking.data.folds
    asked = [_records(asking, columns, fold, known, grouped) for fold in folds]
    found = parallel.map_ordered(
        clinical_columns.explain, asked, label=f"explain, {columns}", total=len(folds), workers=asking.workers
    )
    subjects = asking.rows.drop_duplicates("subject_id").set_index("subject_id")
    held_out = pd.concat([one.table for one in asked]).index
    return clinical_tables.Records(
        inputs=asked,
        found=list(found),
        label=subjects.loc[held_out, "label"].to_numpy(),
        fold=subjects.loc[held_out, "fold"].to_numpy(),
        classes=asking.classes,
        groups=grouped,
        drawing=asking.drawing,
    )


def _records(
    asking: Asking, columns: str, fold: int, known: Any, grouped: dict[str, list[str]]
) -> clinical_columns.ClinicalFold:
    trained, _, tested = asking.data.parts(fold)
    draws = np.random.default_rng(seed_of(asking.seed, f"background/fold_{fold}"))
    background = np.sort(draws.permutation(trained)[: asking.asked.background])
    held_out = asking.rows.iloc[tested]
    owner, subjects = pd.factorize(held_out["subject_id"], sort=True)
    models = (f"clinical_{columns}", f"fused_{columns}")
    return clinical_columns.ClinicalFold(
        models={name: asking.models / name / f"fold_{fold}.keras" for name in models},
        encoder=known.encoders[fold],
        table=known.typed.loc[subjects],
        images=np.asarray(asking.images[tested]),
        owner=owner,
        recording=pd.factorize(held_out["recording_id"])[0],
        background_table=known.typed.loc[asking.rows["subject_id"].iloc[background]],
        background_images=np.asarray(asking.images[background]),
        groups=grouped,
        backend=asking.data.study.settings.keras_backend,
        seed=seed_of(asking.seed, f"fold_{fold}"),
        settings=asking.asked,
    )  # fmt: skip

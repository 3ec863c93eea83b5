"""What the stages that train read alike: folds, features and the training settings of one protocol."""

import numpy as np

from bulbar.cohort import folds
from bulbar.core.digests import file_digest
from bulbar.core.files import read_json, read_table
from bulbar.training import als, fits
from stages.parts.params import params, settings, study_settings
from stages.parts.places import stage_folder


def load_data(protocol: folds.Protocol, role: str = "main") -> als.ProtocolData:
    """The recordings, rows and settings that every fit of a protocol shares."""
    images = stage_folder("features", role) / "images.npy"
    table = read_table(stage_folder("folds", role) / f"{protocol}.csv", recording_id=str, subject_id=str)
    index = read_table(stage_folder("features", role) / "index.csv", recording_id=str)
    rows = als.rows_of_recordings(index, table)
    shared = fits.Study(
        images=images.resolve(),
        features_digest=file_digest(images),
        labels=table["label"].to_numpy()[rows],
        settings=training_on(role),
        seed=study_settings().seed,
    )
    mel, frames = np.load(images, mmap_mode="r").shape[1:]
    return als.ProtocolData(protocol, table, rows, (mel, frames), shared)


def training_on(role: str = "main") -> fits.Settings:
    """How networks are trained on a cohort.

    On a synthetic cohort, and on no other, `phantom.max_epochs` caps `train.max_epochs`.
    """
    training = settings("train", fits.Settings)
    if not read_json(stage_folder("cohort", role) / "cohort.json")["synthetic"]:
        return training
    cap = params()["phantom"]["max_epochs"]  # checked by the stage `phantom`
    return training.model_copy(update={"max_epochs": min(training.max_epochs, cap)})

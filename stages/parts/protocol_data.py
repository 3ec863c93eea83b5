"""Inputs of the ALS stages that train: folds, features and training settings of one protocol."""

import numpy as np

from bulbar.core.digests import file_digest
from bulbar.core.names import Protocol
from bulbar.training import als, fits
from stages.parts.fitting import training_settings
from stages.parts.params import study_seed
from stages.parts.places import stage_folder, stage_table


def load_data(protocol: Protocol) -> als.ProtocolData:
    """Read data/folds/, data/features/ and params.yaml: the data that all fits of a protocol share."""
    images, table = stage_folder("features") / "images.npy", stage_table("folds", f"{protocol}.csv")
    rows = als.rows_of_recordings(stage_table("features", "index.csv"), table)
    study = fits.Study(
        images=images.resolve(),
        features_digest=file_digest(images),
        labels=table["label"].to_numpy()[rows],
        settings=training_settings(),
        seed=study_seed(),
    )
    mel, frames = np.load(images, mmap_mode="r").shape[1:]
    return als.ProtocolData(protocol, table, rows, (mel, frames), study)

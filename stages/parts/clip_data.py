"""Inputs of the gender stages that train: features and training settings of one protocol."""

import numpy as np

from bulbar.cohort import split
from bulbar.core.digests import file_digest
from bulbar.core.errors import BadInput, Problem
from bulbar.core.names import Protocol
from bulbar.features import augmentation
from bulbar.training import fits, gender
from bulbar.tuning import search
from stages.parts.fitting import training_settings
from stages.parts.params import settings, study_seed
from stages.parts.places import stage_folder, stage_table


def load_data(protocol: Protocol) -> gender.ClipData:
    """Read data/features/PROTOCOL/ and params.yaml: the rows and settings that all fits of a protocol share.

    Raises BadInput if there are more than two classes, or if the networks are too deep for the features.
    """
    classes = settings("split", split.Settings).classes
    if len(classes) > 2:
        remedy = "set a single age, at which the second band begins"
        raise BadInput([Problem("params.yaml: split.age_bands", "two classes", ", ".join(classes), remedy)])
    features = stage_folder("features") / protocol / "features.npy"
    index = stage_table("features", f"{protocol}/index.csv")
    rows, frames = np.load(features, mmap_mode="r").shape[1:]
    network, space = settings("network", gender.Settings), settings("tune", search.Settings).space
    gender.require_image_size(network, space, (rows, frames))
    study = fits.Study(
        images=features.resolve(),
        features_digest=file_digest(features),
        labels=index["label"].to_numpy(),
        settings=training_settings(),
        seed=study_seed(),
    )
    in_turn = settings("augment", augmentation.Settings).schedule == "in_turn"
    return gender.ClipData(protocol, index, (rows, frames), study, in_turn)

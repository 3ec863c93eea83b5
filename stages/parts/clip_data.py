"""What the stages of the gender pipeline that train read alike: features and the training settings of one protocol."""

import numpy as np

from bulbar.cohort import folds, split
from bulbar.core.digests import file_digest
from bulbar.core.errors import BadInput, Problem
from bulbar.core.files import read_json, read_table
from bulbar.features import augmentation
from bulbar.training import fits, gender
from bulbar.tuning import search
from stages.parts.params import params, settings, study_seed
from stages.parts.places import stage_folder


def load_data(protocol: folds.Protocol, role: str = "main") -> gender.ClipData:
    """The rows and settings that every fit of a protocol shares.

    On a synthetic cohort, and on no other, `phantom.max_epochs` caps `train.max_epochs`. Raises BadInput where there
    are more than two classes, or the networks are too deep for the features.
    """
    found = settings("split", split.Settings)
    if len(found.classes) > 2:
        remedy = "give one age at which the second band begins"
        raise BadInput([Problem("params.yaml: split.age_bands", "two classes", ", ".join(found.classes), remedy)])
    folder = stage_folder("features", role) / protocol
    index = read_table(folder / "index.csv", recording_id=str, subject_id=str)
    training = settings("train", fits.Settings)
    if read_json(stage_folder("cohort", role) / "cohort.json")["synthetic"]:
        cap = params()["phantom"]["max_epochs"]  # checked by the stage `phantom`
        training = training.model_copy(update={"max_epochs": min(training.max_epochs, cap)})
    features = folder / "features.npy"
    rows, frames = np.load(features, mmap_mode="r").shape[1:]
    network, space = settings("network", gender.Settings), settings("tune", search.Settings).space
    gender.require_image_size(network, space, (rows, frames))
    shared = fits.Study(
        images=features.resolve(),
        features_digest=file_digest(features),
        labels=index["label"].to_numpy(),
        settings=training,
        seed=study_seed(),
    )
    in_turn = settings("augment", augmentation.Settings).heard == "in_turn"
    return gender.ClipData(protocol, index, (rows, frames), shared, in_turn)

"""Turn recordings, and augmented copies of the training recordings, into sequences of frames, per protocol.

An array holds only what its protocol uses: no copies of validation and test recordings.
"""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bulbar.core.files import FeaturesWriter, read_table, rows_writer, write_table
from bulbar.core.names import PROTOCOLS
from bulbar.features import audio, augmentation, sequences
from stages.parts.params import settings, study_seed
from stages.parts.places import stage_folder, stage_table
from stages.parts.run import run
from stages.parts.workers import map_ordered

COLUMNS = ["recording_id", "subject_id", "label", "part", "copy", "semitones", "speed", "frames"]


def main() -> None:
    """Read data/audio/ and data/split/; write features.npy, index.csv and scaling.csv of data/features/PROTOCOL/."""
    sequencing = settings("features", sequences.Settings)
    augmenting = settings("augment", augmentation.Settings)
    sequences.check_rate(sequencing, settings("audio", audio.Settings).sample_rate_hz)
    splits = {protocol: stage_table("split", f"{protocol}.csv") for protocol in PROTOCOLS}
    trained = {name for table in splits.values() for name in table["recording_id"][table["part"] == "train"]}
    recordings = splits[PROTOCOLS[0]]["recording_id"]
    of_recording = partial(
        sequences_of,
        source=stage_folder("audio").resolve(),
        sequencing=sequencing,
        augmenting=augmenting,
        trained=trained,
        seed=study_seed(),
    )
    found = map_ordered(of_recording, recordings, label="features", total=len(recordings))
    parts: dict[str, dict[Any, dict[Any, Any]]] = {
        protocol: table.set_index("recording_id").to_dict("index") for protocol, table in splits.items()
    }
    out = stage_folder("features")
    with ExitStack() as stack:
        writers = {
            protocol: (
                stack.enter_context(FeaturesWriter(out / protocol / "features.npy", sequencing.shape)),
                stack.enter_context(rows_writer(out / protocol / "index.csv", COLUMNS)),
            )
            for protocol in splits
        }
        for recording_id, copies in found:
            for protocol, (arrays, index) in writers.items():
                row = parts[protocol][recording_id]
                for described, features in copies[: None if row["part"] == "train" else 1]:
                    arrays.append(features[None])
                    index.writerow({"recording_id": recording_id, **row, **described})
    for protocol in splits:
        scale(out / protocol, sequencing)
    rows, frames = sequencing.shape
    print(
        f"{len(recordings)} recordings, {augmenting.copies} augmented copies of each training recording:"
        f" {sequencing.representation} of {rows} × {frames} frames, normalised by {sequencing.normalise}"
    )


Copy = tuple[dict[str, Any], np.ndarray]


def sequences_of(
    recording_id: str,
    source: Path,
    sequencing: sequences.Settings,
    augmenting: augmentation.Settings,
    trained: set[str],
    seed: int,
) -> tuple[str, list[Copy]]:
    """The ID of a recording, and the features of the recording and its augmented copies, each with a description."""
    samples, rate = audio.read(source / f"{recording_id}.wav")
    mono = audio.to_mono(samples)
    copies = []
    for copy in range(1 + (augmenting.copies if recording_id in trained else 0)):
        change = augmentation.draw(augmenting, recording_id, copy, seed)
        features, frames = sequences.features_of(augmentation.changed(mono, rate, change), rate, sequencing)
        described = {"copy": copy, "semitones": change.semitones, "speed": change.speed, "frames": frames}
        copies.append((described, features))
    return recording_id, copies


def scale(folder: Path, sequencing: sequences.Settings) -> None:
    """Standardise a protocol's array by its training rows if params.yaml says so; write the scaling to scaling.csv."""
    index = read_table(folder / "index.csv")
    scaling = sequences.Scaling(np.zeros(sequencing.shape[0]), np.ones(sequencing.shape[0]))
    if sequencing.normalise == "training":
        features = np.load(folder / "features.npy", mmap_mode="r")
        rows = np.flatnonzero(index["part"] == "train")
        scaling = sequences.Scaling.learn(features[row, :, : index["frames"].iloc[row]] for row in rows)
        with FeaturesWriter(folder / "features.npy", sequencing.shape) as scaled:
            for row in features:
                scaled.append(scaling.apply(row)[None])
    table = pd.DataFrame({"row": range(sequencing.shape[0]), "mean": scaling.mean, "sd": scaling.sd})
    write_table(table.round(6), folder / "scaling.csv")


if __name__ == "__main__":
    run(main)

"""Turn every cleaned recording into a mel image (or into several, with `time_axis: segments`)."""

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bulbar.core.errors import Problem, SilentRecording
from bulbar.core.files import FeaturesWriter, count_rows, read_rows, rows_writer, save
from bulbar.features import spectrogram
from bulbar.features.figures import mel_images, recordings_per_task
from stages.parts.params import settings
from stages.parts.places import cohort_in_words, stage_folder, stage_table
from stages.parts.run import run
from stages.parts.workers import map_ordered, without_problems

AT_ONCE = 16  # recordings per task of a worker, because each takes only some milliseconds


def main(role: str = "main") -> None:
    """Read data/audio/; write images.npy, index.csv in the same row order, and Figures 6 and 8 to data/features/."""
    mel = settings("spectrogram", spectrogram.Settings)
    source, out = stage_folder("audio", role), stage_folder("features", role)
    total = count_rows(source / "recordings.csv")
    image_of = partial(image_of_row, audio_folder=source.resolve(), mel=mel)
    rows_of_recordings = read_rows(source / "recordings.csv")
    results = map_ordered(image_of, rows_of_recordings, label="mel images", total=total, at_once=AT_ONCE)
    with (
        FeaturesWriter(out / "images.npy", mel.image_shape) as images,
        rows_writer(out / "index.csv", ["recording_id", "segment"]) as index,
    ):
        for recording_id, rows in without_problems(results):
            images.append(rows)
            index.writerows({"recording_id": recording_id, "segment": segment} for segment in range(len(rows)))
    draw(role, mel, out)
    print(f"{count_rows(out / 'index.csv')} {mel.representation} images of {mel.mel_bands}×{mel.frames}")


def image_of_row(
    row: dict[str, str], audio_folder: Path, mel: spectrogram.Settings
) -> tuple[str, np.ndarray] | Problem:
    """The ID and the images of one recording; a recording without an image is a problem."""
    recording_id = row["recording_id"]
    try:
        rows = spectrogram.image_of_file(audio_folder / f"{recording_id}.wav", mel, float(row["highest_hz"]))
    except SilentRecording as error:
        remedy = "lower spectrogram.min_hz, set spectrogram.mask_dead_bands to false, or remove the recording"
        return Problem(recording_id, "a recording with sound in the mel bands", str(error), remedy)
    return recording_id, rows


def draw(role: str, mel: spectrogram.Settings, out: Path) -> None:
    """Draw the recordings per task and class (Figure 6), and one image of a control and of a patient (Figure 8)."""
    label_of = stage_table("cohort", "subjects.csv", role).set_index("subject_id")["label"]
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}
    for row in read_rows(stage_folder("audio", role) / "recordings.csv"):
        kind = row["task"], label_of[row["subject_id"]]
        counts[kind] += 1
        first.setdefault(kind, row["recording_id"])
    table = pd.Series(counts).unstack(fill_value=0)  # noqa: PD010 - a series has no pivot_table
    cohort = cohort_in_words(role)
    save(recordings_per_task(table, f"Recordings per task · {cohort}"), out / "figure_6.png")
    task = "U" if "U" in table.index else table.index[0]
    shown = {first[task, label]: f"{label}, task {task}" for label in ("HC", "ALS") if (task, label) in first}
    images = np.load(out / "images.npy", mmap_mode="r")
    pictures = {
        row["recording_id"]: (shown[row["recording_id"]], np.asarray(images[position]))
        for position, row in enumerate(read_rows(out / "index.csv"))
        if row["recording_id"] in shown and row["segment"] == "0"
    }
    figure = mel_images([pictures[name] for name in shown], mel, title=f"{mel.representation} images · {cohort}")
    save(figure, out / "figure_8.png")


if __name__ == "__main__":
    run(main)

"""A page of the misclassified recordings: image, attributions and sound of each. Do not share it."""

from functools import partial
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from bulbar.core.atomic_write import write_text
from bulbar.core.files import save, write_table
from bulbar.explain import audio_tables, figures
from bulbar.scoring import metrics
from bulbar.training import als
from stages.parts.places import stage_folder, stage_table

HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Errors of the audio model</title>
<meta name="viewport" content="width=device-width">
<style>body { font: 1rem/1.5 sans-serif; max-width: 70rem; margin: 1rem auto; padding: 0 1rem }
img { max-width: 100% } section { border-top: 1px solid #999; padding: .5rem 0 }</style>
<h1>Errors of the audio model</h1>
<p>Each recording was scored by the network that was not trained on its speaker. These are voices of people: do not
share this page.</p>
"""
COLUMNS = [
    "recording_id", "subject_id", "task", "fold", "actual", "called", "probability", "picture", "audio", "released",
]  # fmt: skip


def write_errors(voices: audio_tables.Voices, data: als.ProtocolData, folder: Path) -> int:
    """Read data/fusion/ and data/cohort/; write errors.csv, errors.html and a figure of each error into `folder`.

    Returns the number of errors.
    """
    scored = stage_table("fusion", f"{data.protocol}/selected/audio.csv")
    wrong = scored[metrics.called(scored["probability"]) != scored["label"]].sort_values("recording_id")
    released = stage_table("cohort", "recordings.csv").set_index("recording_id")["path"]
    rows = voices.rows.reset_index(names="at").drop_duplicates("recording_id").set_index("recording_id")
    images = np.load(stage_folder("features") / "images.npy", mmap_mode="r")
    first_row = pd.Series(np.arange(len(data.rows)), index=data.table["recording_id"].iloc[data.rows])
    first_row = first_row[~first_row.index.duplicated()]
    table, page = [], [HEAD]
    draw = partial(figures.recording, positive=voices.classes[1], settings=voices.spectrogram)
    for error in wrong.to_dict("records"):
        name = error["recording_id"]
        row = rows.loc[name]
        actual, called = (voices.classes[label] for label in (error["label"], 1 - error["label"]))
        audio = stage_folder("audio") / f"{name}.wav"
        probability = f"probability of {voices.classes[1]} {error['probability']:.3f}"
        title = f"{name}, task {row['task']}: {actual}, predicted {called}, {probability}"
        stretched = voices.spectrogram.time_axis == "resize"
        seconds = row["duration_s"] if stretched else audio_tables.seconds_across(voices)
        attributions = voices.found.maps["integrated_gradients"][row["at"]]
        save(draw(images[first_row[name]], attributions, seconds, title=title), folder / f"{name}.png")
        values = (
            name, error["subject_id"], row["task"], error["fold"], actual, called, error["probability"], f"{name}.png",
            audio.as_posix(), released[name],
        )  # fmt: skip
        table.append(values)
        page.append(section(title, name, audio, released[name], folder))
    write_table(pd.DataFrame(table, columns=COLUMNS), folder / "errors.csv")
    write_text("".join([*page, "</html>\n"]), folder / "errors.html")
    return len(table)


def section(title: str, name: str, audio: Path, released: str, folder: Path) -> str:
    """One error as HTML, for a page in `folder`. Names are escaped, because file names may contain any character."""
    up = "../" * len(folder.parts)
    return (
        f"<section><h2>{escape(title)}</h2>"
        f'<p><audio controls preload="none" src="{up}{quote(audio.as_posix())}"></audio> '
        f"{escape(audio.as_posix())}; released as {escape(released)}</p>"
        f'<img src="{quote(name)}.png" alt="Mel image and integrated gradients of {escape(name)}"></section>\n'
    )

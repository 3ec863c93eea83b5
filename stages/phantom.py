"""Synthesise a cohort and write it as a VOC-ALS release: folders of WAV files and a workbook."""

import io
import re
import shutil
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font

from bulbar import audio, compute, phantom, voice
from bulbar.archives import dated_alike
from bulbar.aside import write_bytes, write_text
from bulbar.seeds import seed_of
from stages.io import room, run, settings, study_settings

EMPTY_ROWS = 300  # formatted and without content, as in the release


def main(role: str = "main") -> None:
    """Write data/raw/phantom; for another role its own, of other people, recorded as params block ROLE.phantom says."""
    wanted = settings("phantom", phantom.Settings)
    workers = settings("compute", compute.Settings).n_workers
    seed = study_settings().seed
    recorder = phantom.Recorder()
    if role != "main":
        own = settings(f"{role}.phantom", phantom.ExternalSettings)
        wanted, recorder, seed = own.over(wanted), own.recorder, seed_of(seed, f"phantom of {role}")
    root = room("raw", role) / "phantom"
    shutil.rmtree(root, ignore_errors=True)
    for task in wanted.tasks:
        (root / phantom.FOLDERS[task]).mkdir(parents=True)
    write_text(phantom.NOTICE, root / "SYNTHETIC.txt")

    subjects = phantom.cohort(wanted, seed)
    measures: dict[str, dict[str, voice.Measures]] = defaultdict(dict)
    recordings = [(subject, task) for subject in subjects for task in wanted.tasks]
    write = partial(write_recording, root=root.resolve(), seed=seed, recorder=recorder)
    truths = compute.map_ordered(write, recordings, label="synthetic voices", total=len(recordings), workers=workers)
    for (subject, task), truth in zip(recordings, truths, strict=True):
        measures[subject.subject_id][task] = truth
    write_workbook([phantom.workbook_row(each, measures[each.subject_id]) for each in subjects], root / "VOC-ALS.xlsx")
    print(f"{len(subjects)} synthetic subjects, {len(recordings)} recordings of {', '.join(wanted.tasks)}")


def write_recording(
    recording: tuple[phantom.Subject, str], *, root: Path, seed: int, recorder: phantom.Recorder
) -> voice.Measures:
    """Synthesise one recording and write it as 16-bit mono PCM."""
    subject, task = recording
    samples, truth = phantom.record(subject, task, seed, recorder)
    folder = phantom.FOLDERS[task]
    path = root / folder / f"{subject.subject_id}_{folder}.wav"
    audio.write(path, samples, recorder.sample_rate_hz)
    return truth


def write_workbook(rows: Sequence[Sequence[Any]], path: Path) -> None:
    """Write the release's workbook: two header rows, the subjects, empty formatted rows; no date of its writing."""
    book = Workbook()
    book.remove(book.worksheets[0])
    data = book.create_sheet("VOC-ALS_Data")
    data.append([f"Column-{place}" for place in range(1, len(phantom.COLUMNS) + 1)])
    data.append(list(phantom.COLUMNS))
    for row in rows:
        data.append(list(row))
    last = data.max_row + EMPTY_ROWS
    for empty in range(data.max_row + 1, last + 1):
        for column in range(1, len(phantom.COLUMNS) + 1):
            data.cell(empty, column).font = Font(name="Calibri", size=10)
    for name, content in (("Legend", phantom.LEGEND), ("Cantagallo_Questionnaire", phantom.QUESTIONNAIRE)):
        sheet = book.create_sheet(name)
        for line in content:
            sheet.append([line] if isinstance(line, str) else list(line))
    whole = io.BytesIO()
    book.save(whole)
    write_bytes(dated_alike(whole.getvalue(), {"docProps/core.xml": _undated}), path)


def _undated(properties: bytes) -> bytes:
    return re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"1980-01-01T00:00:00Z", properties)


if __name__ == "__main__":
    run(main)

"""Synthesise a cohort and write it in the format of a VOC-ALS release: folders of WAV files and a workbook."""

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

from bulbar.core.archives import dated_alike
from bulbar.core.atomic_write import write_bytes, write_text
from bulbar.core.digests import seed_of
from bulbar.features import audio
from bulbar.phantom import voc_als, voice
from stages.parts.params import settings, study_settings
from stages.parts.places import stage_folder
from stages.parts.run import run
from stages.parts.workers import map_ordered

EMPTY_ROWS = 300  # formatted rows without content, as in the release


def main(role: str = "main") -> None:
    """Write data/raw/phantom; for a role, data/ROLE/raw/phantom, with other people, from the block ROLE.phantom."""
    wanted = settings("phantom", voc_als.Settings)
    seed = study_settings().seed
    recorder = voc_als.Recorder()
    if role != "main":
        own = settings(f"{role}.phantom", voc_als.ExternalSettings)
        wanted, recorder, seed = own.over(wanted), own.recorder, seed_of(seed, f"phantom of {role}")
    root = stage_folder("raw", role) / "phantom"
    shutil.rmtree(root, ignore_errors=True)
    for task in wanted.tasks:
        (root / voc_als.FOLDERS[task]).mkdir(parents=True)
    write_text(voc_als.NOTICE, root / "SYNTHETIC.txt")

    subjects = voc_als.cohort(wanted, seed)
    measures: dict[str, dict[str, voice.Measures]] = defaultdict(dict)
    copies = voc_als.filed_twice(subjects, wanted, seed)
    recordings = [(each, task) for each in subjects for task in wanted.tasks if (each.subject_id, task) not in copies]
    write = partial(write_recording, root=root.resolve(), seed=seed, wanted=wanted, recorder=recorder)
    truths = map_ordered(write, recordings, label="synthetic voices", total=len(recordings))
    for (subject, task), truth in zip(recordings, truths, strict=True):
        measures[subject.subject_id][task] = truth
    for (subject_id, filed_as), (owner_id, spoken) in copies.items():
        shutil.copyfile(root / voc_als.path_of(owner_id, spoken), root / voc_als.path_of(subject_id, filed_as))
        measures[subject_id][filed_as] = measures[owner_id][spoken]
    write_workbook([voc_als.workbook_row(each, measures[each.subject_id]) for each in subjects], root / "VOC-ALS.xlsx")
    print(
        f"{len(subjects)} synthetic subjects, {len(recordings) + len(copies)} recordings of {', '.join(wanted.tasks)}"
        f"{f', {len(copies)} of them copies of another recording' if copies else ''}"
    )


def write_recording(
    recording: tuple[voc_als.Subject, str],
    *,
    root: Path,
    seed: int,
    wanted: voc_als.Settings,
    recorder: voc_als.Recorder,
) -> voice.Measures:
    """Synthesise one recording and write it as 16-bit mono PCM."""
    subject, task = recording
    samples, truth = voc_als.record(subject, task, seed, wanted.recorder_of(subject, recorder))
    audio.write(root / voc_als.path_of(subject.subject_id, task), samples, recorder.sample_rate_hz)
    return truth


def write_workbook(rows: Sequence[Sequence[Any]], path: Path) -> None:
    """Write the release's workbook, without a date: two header rows, the subjects, empty formatted rows."""
    book = Workbook()
    book.remove(book.worksheets[0])
    data = book.create_sheet("VOC-ALS_Data")
    data.append([f"Column-{place}" for place in range(1, len(voc_als.COLUMNS) + 1)])
    data.append(list(voc_als.COLUMNS))
    for row in rows:
        data.append(list(row))
    first, last = data.max_row + 1, data.max_row + EMPTY_ROWS
    formatted = data.cell(first, 1)
    formatted.font = Font(name="Calibri", size=10)
    for empty in range(first, last + 1):
        for column in range(1, len(voc_als.COLUMNS) + 1):
            data.cell(empty, column)._style = formatted._style  # to look up the font of each cell takes a second
    for name, content in (("Legend", voc_als.LEGEND), ("Cantagallo_Questionnaire", voc_als.QUESTIONNAIRE)):
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

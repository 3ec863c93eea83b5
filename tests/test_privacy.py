"""What git holds: no voice, no row of a subject."""

import csv
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines import ROOT, git, tracked_files

TRACKED = tracked_files()
COMPUTED = [
    name
    for name in TRACKED
    if name.removeprefix("gender/").startswith(("metrics/", "plots/", "report/"))
    or name.removeprefix("gender/") == "dvc.lock"
]
SUBJECT = re.compile(r"\b(?:CT|PZ)\d{3}\b|\b(?:ALS|HC)\d{3}\b")
"""IDs as VOC-ALS has them, and as the reader of Minsk2020 makes them."""
SPEAKS_OF_SUBJECTS = ("tests/", "bulbar/", "stages/", "reference/als_table3_scaled_clinical.csv", "README.md")
"""Code and documents with IDs of one's own making as examples, and the eight rows that the paper prints."""
PICTURES = (".png", ".jpg", ".jpeg")


def texts() -> Iterator[tuple[str, str]]:
    """Every tracked file with its text; pictures left out."""
    for name in TRACKED:
        if not name.lower().endswith(PICTURES):
            yield name, (ROOT / name).read_text(encoding="utf-8")


def test_git_holds_no_voice_workbook_array_or_model():
    binary = (".wav", ".mp3", ".flac", ".xlsx", ".xls", ".npy", ".npz", ".keras", ".h5", ".pkl", ".zip")
    assert not [name for name in TRACKED if name.lower().endswith(binary)]
    assert not [name for name in TRACKED if zipfile.is_zipfile(ROOT / name)]
    assert not [name for name in TRACKED if (ROOT / name).read_bytes()[:4] in (b"RIFF", b"fLaC")]


def test_git_holds_nothing_of_data_and_models_but_what_dvc_keeps_there():
    kept = [name for name in TRACKED if name.removeprefix("gender/").startswith(("data/", "models/"))]
    assert not [name for name in kept if Path(name).name != ".gitignore" and not name.endswith(".dvc")]


def test_dvc_ignores_what_git_must_not_hold():
    for name in (
        "data/raw/phantom",
        "data/cohort",
        "data/audio",
        "data/features",
        "data/clinical",
        "data/folds",
        "data/external/raw/phantom",
        "data/external/audio",
        "data/external/predictions",
    ):
        assert git(ROOT, "check-ignore", name).strip() == name
    for name in ("raw/phantom", "cohort", "audio", "split", "features"):
        assert git(ROOT, "check-ignore", f"gender/data/{name}").strip() == f"gender/data/{name}"


def test_no_file_but_code_and_the_published_table_names_a_subject():
    named = {name: found for name, text in texts() if (found := SUBJECT.findall(text))}
    assert not {name for name in named if not name.startswith(SPEAKS_OF_SUBJECTS)}


def test_the_published_table_names_only_the_subjects_that_the_paper_prints():
    with (ROOT / "reference/als_table3_scaled_clinical.csv").open() as table:
        found = set(SUBJECT.findall(table.read()))
    assert found == {"CT001", "CT004", "CT010", "CT069", "PZ111", "PZ112", "PZ114", "PZ115"}


@pytest.mark.parametrize("name", [name for name in COMPUTED if name.endswith(".json")])
def test_metrics_hold_no_row_of_a_subject_or_recording(name):
    def keys(content):
        if isinstance(content, dict):
            for key, inner in content.items():
                yield key
                yield from keys(inner)
        elif isinstance(content, list):
            for inner in content:
                yield from keys(inner)

    assert not {"subject_id", "recording_id", "file"} & set(keys(json.loads((ROOT / name).read_text())))


@pytest.mark.parametrize("name", [name for name in COMPUTED if name.endswith((".csv", ".tsv"))])
def test_plot_data_hold_no_row_of_a_subject_or_recording(name):
    with (ROOT / name).open(newline="") as table:
        columns = next(csv.reader(table, delimiter="\t" if name.endswith(".tsv") else ","))
    assert not {"subject_id", "recording_id", "sha256", "path"} & set(columns)

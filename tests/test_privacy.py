"""What git holds: no voice, no row of a subject."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin
from ruamel.yaml import YAML

from tests.disclosure import People, disclosed_by
from tests.pipelines import ROOT, git, tracked_files

TRACKED = tracked_files()
WRITTEN = ("dvc.lock", "metrics/", "plots/", "report/")
COMPUTED = [name for name in TRACKED if name.removeprefix("gender/").startswith(WRITTEN)]
SUBJECT = re.compile(r"\b(?:CT|PZ)\d{3}\b|\b(?:ALS|HC)\d{3}\b")
"""IDs as VOC-ALS has them, and as the reader of Minsk2020 makes them."""
MENTIONS_SUBJECTS = (
    *("tests/", "bulbar/", "stages/", "docs/getting-started.md"),
    "reference/als_table3_scaled_clinical.csv",
)
"""Code and documents with IDs of one's own making as examples, and the eight rows that the paper prints."""
PICTURES = (".png", ".jpg", ".jpeg")
MADE_UP = ("tests/broken_inputs/files/excel_97.xls", "tests/broken_inputs/files/protected.xlsx")
"""Workbooks of nobody, in formats that nothing of ours writes: tests/broken_inputs/workbooks.py."""


def texts() -> Iterator[tuple[str, str]]:
    """Every tracked file with its text; pictures left out."""
    for name in TRACKED:
        if not name.lower().endswith(PICTURES) and name not in MADE_UP:
            yield name, (ROOT / name).read_text(encoding="utf-8")


def test_git_holds_no_voice_workbook_array_or_model():
    binary = (".wav", ".mp3", ".flac", ".xlsx", ".xls", ".npy", ".npz", ".keras", ".h5", ".pkl", ".zip")
    assert {name for name in TRACKED if name.lower().endswith(binary)} == set(MADE_UP)
    assert not [name for name in TRACKED if zipfile.is_zipfile(ROOT / name)]
    assert not [name for name in TRACKED if (ROOT / name).read_bytes()[:4] in (b"RIFF", b"fLaC")]


def test_git_holds_nothing_of_data_and_models_but_what_dvc_keeps_there():
    below = [name for name in TRACKED if name.removeprefix("gender/").startswith(("data/", "models/"))]
    assert not [name for name in below if Path(name).name != ".gitignore" and not name.endswith(".dvc")]


def test_dvc_ignores_what_git_must_not_hold():
    names = [f"data/{name}" for name in ("raw/phantom", "cohort", "audio", "features", "clinical", "folds")]
    names += [f"data/external/{name}" for name in ("raw/phantom", "audio", "predictions")]
    names += [f"gender/data/{name}" for name in ("raw/phantom", "cohort", "audio", "split", "features")]
    assert git(ROOT, "check-ignore", *names).split() == names


def test_no_file_but_code_and_the_published_table_names_a_subject():
    named = {name: found for name, text in texts() if (found := SUBJECT.findall(text))}
    assert not {name for name in named if not name.startswith(MENTIONS_SUBJECTS)}


def test_the_published_table_names_only_the_subjects_that_the_paper_prints():
    with (ROOT / "reference/als_table3_scaled_clinical.csv").open() as table:
        found = set(SUBJECT.findall(table.read()))
    assert found == {"CT001", "CT004", "CT010", "CT069", "PZ111", "PZ112", "PZ114", "PZ115"}


def test_metrics_and_plot_data_hold_no_row_of_a_subject_or_recording():
    def keys(content):
        for inner in content if isinstance(content, list) else content.values() if isinstance(content, dict) else ():
            yield from keys(inner)
        yield from content if isinstance(content, dict) else ()

    for name in COMPUTED:
        if name.endswith(".json"):
            found = keys(json.loads((ROOT / name).read_text()))
        elif name.endswith((".csv", ".tsv")):
            found = re.split("[,\t]", (ROOT / name).read_text().splitlines()[0])
        else:
            continue
        assert not {"subject_id", "recording_id", "file", "sha256", "path"} & set(found), name


@pytest.mark.parametrize("pipeline", ["", "gender/"])
def test_nothing_that_git_or_the_report_holds_discloses_a_single_person(pipeline):
    data = ROOT / pipeline / "data"
    if not (data / "cohort/subjects.csv").exists():
        pytest.skip("this clone has no data/: `dvc repro` or `dvc checkout` brings it")
    names = [name for name in COMPUTED if name.startswith("gender/") == (pipeline == "gender/")]
    page = [name for name in (f"{pipeline}report/index.html",) if (ROOT / name).exists()]
    assert not disclosed_by(People(data), ROOT, names + page)


SCORES = [round(0.531 + n / 71.3, 4) for n in range(1, 9)]


@pytest.fixture
def people(tmp_path):
    """Of a run on eight people with a recording each."""
    (tmp_path / "data/cohort").mkdir(parents=True)
    (tmp_path / "data/sweep").mkdir()
    recordings = ["recording_id,subject_id,path,duration_s,scaled_scale,sha256"]
    scores = ["recording_id,subject_id,fold,probability"]
    for n in range(1, 9):
        person, recording = f"CT{n:03d}", f"CT{n:03d}_phonationA"
        recordings.append(f"{recording},{person},A/{recording}.wav,{3.14159 * n:.6f},{n / 15:.6f},{n:x}f{n:062x}")
        scores.append(f"{recording},{person},1,{0.531 + n / 71.3:.6f}")
    (tmp_path / "data/cohort/recordings.csv").write_text("\n".join(recordings), encoding="utf-8")
    (tmp_path / "data/sweep/S1B.csv").write_text("\n".join(scores), encoding="utf-8")
    return People(tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("audit.md", "the pair CT003 and PZ002", "CT003 is from"),
        ("page.html", '<script>{"x": "A/CT002_phonationA.wav"}</script>', "A/CT002_phonationA.wav is from"),
        ("ingest.json", json.dumps({"first": f"{5:x}f{5:062x}"}), "is from cohort/recordings.csv: sha256"),
        ("audio.json", '{"longest_s": 25.1327}', "25.1327 is from cohort/recordings.csv: duration_s"),
        ("drawn.svg", '<text x="12">18.850</text>', "18.850 is from cohort/recordings.csv: duration_s"),
        ("points.csv", "x\n" + "\n".join(map(str, SCORES[::-1])), "x is sweep/S1B.csv"),
        ("bins.json", json.dumps({"a": [{"of": SCORES}]}), ".a.of is sweep/"),
        ("roc.csv", "rate,audio\n" + "\n".join(f"{n / 8},{n / 15:.4f}" for n in range(9)), None),
        ("scores.json", '{"auc": 0.7123, "subjects": 64, "mean_s": 14.1372, "digest": "1bb7640397e8b3ec"}', None),
    ],
)
def test_what_identifies_a_person_is_found_and_an_aggregate_is_not(people, tmp_path, name, text, finding):
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = disclosed_by(people, tmp_path, [name])
    assert any(finding in one for one in found) if finding else not found, found


def test_what_is_written_in_a_picture_is_found(people, tmp_path):
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", "CT001")
    Image.new("L", (2, 2)).save(tmp_path / "plain.png")
    Image.new("L", (2, 2)).save(tmp_path / "commented.png", pnginfo=about)
    assert disclosed_by(people, tmp_path, ["plain.png", "commented.png"]) == [
        "commented.png: written in a picture: Comment"
    ]


def test_a_release_tracked_by_dvc_goes_to_a_private_remote_alone():
    for name in TRACKED:
        if name.endswith(".dvc") and Path(name).name != ".dvc":
            tracked = YAML(typ="safe").load((ROOT / name).read_text())
            imported = any("repo" in dep for dep in tracked.get("deps", []))  # DVC pushes none: its source has it
            outs = tracked["outs"]
            private = [out.get("push") is False or out.get("remote", "").startswith("private-") for out in outs]
            assert imported or all(private), f"{name}: `bulbar track` instead of `dvc add`"

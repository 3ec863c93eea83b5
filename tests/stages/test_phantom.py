"""The phantom stage: a release as VOC-ALS is, and the same bytes whoever writes it."""

import hashlib
import zipfile
from pathlib import Path

import openpyxl
import pytest
import soundfile

from bulbar.cohort import voc_als
from bulbar.core.errors import BadInput
from stages import phantom

PARAMS = """
seed: 7
positive_class: ALS
phantom: {{subjects: 9, tasks: [A, KA], effect: 1.0, missingness: {missingness}, median_duration_s: 2.0, max_epochs: 6}}
external: {{phantom: {{subjects: 6, tasks: [I], sample_rate_hz: 16000, level_db: -8, noise_db: 14}}}}
compute: {{workers: {workers}}}
"""


def release(folder: Path, monkeypatch, *, missingness="as_released", workers=1) -> Path:
    """The release of the first cohort, written into a new folder, which becomes the current one."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("params.yaml").write_text(PARAMS.format(missingness=missingness, workers=workers))
    phantom.main()
    return folder / "data/raw/phantom"


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def root(tmp_path, monkeypatch):
    return release(tmp_path / "one", monkeypatch)


def test_the_release_has_the_folders_files_and_format_of_voc_als(root):
    sheet = openpyxl.load_workbook(root / "VOC-ALS.xlsx")["VOC-ALS_Data"]
    ids = [sheet.cell(row, 1).value for row in range(3, 12)]
    expected = {f"{folder}/{name}_{folder}.wav" for folder in ("phonationA", "rhythmKA") for name in ids}
    assert set(digests(root)) == expected | {"VOC-ALS.xlsx", "SYNTHETIC.txt"}
    for path in root.rglob("*.wav"):
        found = soundfile.info(path)
        assert (found.format, found.subtype, found.channels, found.samplerate) == ("WAV", "PCM_16", 1, 8000)
        assert 1.5 <= found.duration <= 48.2
    assert "synthetic" in (root / "SYNTHETIC.txt").read_text()


def test_the_workbook_has_two_header_rows_stray_blanks_dashes_and_an_empty_tail(root):
    book = openpyxl.load_workbook(root / "VOC-ALS.xlsx")
    assert book.sheetnames == ["VOC-ALS_Data", "Legend", "Cantagallo_Questionnaire"]
    sheet = book["VOC-ALS_Data"]
    rows = list(sheet.iter_rows(values_only=True))
    names = rows[1]
    assert rows[0] == tuple(f"Column-{place}" for place in range(1, 90))
    assert {"FVC% ", " ProgressionRate "} < set(names)
    assert len(names) == len(set(names)) == 34 + 55
    subjects = [dict(zip(names, row, strict=True)) for row in rows[2:11]]
    assert [row["Category"] for row in subjects] == ["HC"] * 3 + ["ALS"] * 6
    in_both = {"ID", "Age (years)", "Sex", "Category", "Cantagallo_Questionnaire"}
    measures = ("meanF0Hz", "stdevF0Hz", "HNR", "localJitter", "localShimmer")
    acoustic = {name for name in names if name.startswith(measures)}
    assert len(acoustic) == 55
    for row in subjects:
        assert all(row[name] != "-" for name in in_both)
        recorded = {name for name in acoustic if row[name] != "-"}
        assert recorded == {name for name in acoustic if name.split("_")[1] in ("A", "KA")}
        if row["Category"] == "HC":
            assert all(row[name] == "-" for name in names if name not in in_both | acoustic)
    tail = rows[11:]
    assert len(tail) >= 300
    assert all(value is None for row in tail for value in row)
    assert sheet.cell(len(rows), 1).has_style
    assert {row["Therapy"] for row in subjects} == {"-", "None", "Riluzole"}
    assert {type(row["KingClinicalStage"]) for row in subjects if row["Category"] == "ALS"} == {int, str}


def test_the_reader_of_voc_als_finds_nothing_wrong_with_it(root):
    found = voc_als.read(root)
    assert found.synthetic
    assert not found.structural and not found.faults
    assert len(found.subjects) == 9 and len(found.files) == 18


def test_two_runs_with_one_and_two_workers_write_the_same_bytes(root, tmp_path, monkeypatch):
    again = release(tmp_path / "two", monkeypatch, workers=2)
    assert digests(again) == digests(root)
    with zipfile.ZipFile(root / "VOC-ALS.xlsx") as book:
        assert {member.date_time for member in book.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_filled_cells_change_the_workbook_and_no_voice(root, tmp_path, monkeypatch):
    filled = release(tmp_path / "filled", monkeypatch, missingness="none")
    before, after = digests(root), digests(filled)
    assert {name for name in before if before[name] != after[name]} == {"VOC-ALS.xlsx"}
    sheet = openpyxl.load_workbook(filled / "VOC-ALS.xlsx")["VOC-ALS_Data"]
    names = [cell.value for cell in sheet[2]]
    assert all(sheet.cell(row, names.index("OnsetRegion") + 1).value in ("spinal", "bulbar") for row in range(3, 12))


def test_impossible_settings_stop_it_before_it_deletes_anything(root, tmp_path, monkeypatch):
    before = digests(root)
    Path("params.yaml").write_text(PARAMS.format(missingness="perhaps", workers=1))
    with pytest.raises(BadInput, match="missingness"):
        phantom.main()
    assert digests(root) == before


def test_the_external_cohort_is_a_release_of_other_people_at_its_own_rate(root):
    before = digests(root)
    phantom.main("external")
    assert digests(root) == before
    other = root.parents[1] / "external/raw/phantom"
    found = voc_als.read(other)
    assert found.synthetic
    assert not found.structural and not found.faults
    assert (len(found.subjects), {file.task for file in found.files}) == (6, {"I"})
    assert {soundfile.info(path).samplerate for path in other.rglob("*.wav")} == {16000}
    same_id = found.subjects.merge(voc_als.read(root).subjects, on="subject_id")
    assert len(same_id) >= 2
    assert (same_id["age_years_x"] != same_id["age_years_y"]).any()


@pytest.mark.parametrize(("key", "right", "wrong"), [("sample_rate_hz", "16000", "11025"), ("tasks", "[I]", "[I, I]")])
def test_an_impossible_setting_of_the_external_cohort_is_named(root, key, right, wrong):
    text = Path("params.yaml").read_text()
    assert f"{key}: {right}" in text
    Path("params.yaml").write_text(text.replace(f"{key}: {right}", f"{key}: {wrong}"))
    with pytest.raises(BadInput, match=rf"external\.phantom\.{key}"):
        phantom.main("external")

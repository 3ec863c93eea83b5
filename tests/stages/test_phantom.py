"""The phantom stage: a release as VOC-ALS is, and the same bytes whoever writes it."""

import shutil
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import soundfile

from bulbar.cohort import voc_als
from bulbar.core.errors import BadInput
from stages import phantom
from tests.projects import contents

PARAMS = """
seed: 7
positive_class: ALS
phantom:
  {{subjects: {subjects}, tasks: {tasks}, effect: 1.0, missingness: {missingness}, median_duration_s: 2.0,
    max_epochs: 6, duplicates: {duplicates}, level_db_patients: {level_db_patients},
    speech: {speech}}}
external: {{phantom: {{subjects: 6, tasks: [I], sample_rate_hz: 16000, level_db: -8, noise_db: 14}}}}
new_people: {{phantom: {{subjects: 6, tasks: [A, KA], sample_rate_hz: 8000, level_db: 0, noise_db: 0}}}}
compute: {{workers: {workers}}}
"""


SETTINGS = {
    "tasks": "[A, KA]",
    "missingness": "as_released",
    "workers": 1,
    "duplicates": "false",
    "level_db_patients": 0.0,
    "subjects": 6,
    "speech": "as_released",
}


def release(folder: Path, monkeypatch, **changes) -> Path:
    """The release of the first cohort, written into a new folder, which becomes the current one."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("params.yaml").write_text(PARAMS.format(**SETTINGS | changes))
    phantom.main()
    return folder / "data/raw/phantom"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        release(tmp_path_factory.mktemp("made") / "one", patch)
        return Path.cwd()


@pytest.fixture
def root(made, tmp_path, monkeypatch):
    """A copy of the release, in the current folder."""
    monkeypatch.chdir(shutil.copytree(made, tmp_path / "one"))
    return tmp_path / "one/data/raw/phantom"


def test_the_release_has_the_folders_files_and_format_of_voc_als(root):
    sheet = openpyxl.load_workbook(root / "VOC-ALS.xlsx")["VOC-ALS_Data"]
    ids = [sheet.cell(row, 1).value for row in range(3, 9)]
    expected = {f"{folder}/{name}_{folder}.wav" for folder in ("phonationA", "rhythmKA") for name in ids}
    assert set(contents(root)) == expected | {"VOC-ALS.xlsx", "SYNTHETIC.txt"}
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
    subjects = [dict(zip(names, row, strict=True)) for row in rows[2:8]]
    assert [row["Category"] for row in subjects] == ["HC"] * 2 + ["ALS"] * 4
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
    tail = rows[8:]
    assert len(tail) >= 300
    assert all(value is None for row in tail for value in row)
    assert sheet.cell(len(rows), 1).has_style
    assert {row["Therapy"] for row in subjects} == {"-", "None", "Riluzole"}
    assert {type(row["KingClinicalStage"]) for row in subjects if row["Category"] == "ALS"} == {int, str}


def test_the_reader_of_voc_als_finds_nothing_wrong_with_it(root):
    found = voc_als.read(root)
    assert found.synthetic
    assert not found.structural and not found.faults
    assert len(found.subjects) == 6 and len(found.files) == 12


def test_two_runs_with_one_and_two_workers_write_the_same_bytes(root, tmp_path, monkeypatch):
    again = release(tmp_path / "two", monkeypatch, workers=2)
    assert contents(again) == contents(root)
    with zipfile.ZipFile(root / "VOC-ALS.xlsx") as book:
        assert {member.date_time for member in book.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_filled_cells_change_the_workbook_and_no_voice(root, tmp_path, monkeypatch):
    filled = release(tmp_path / "filled", monkeypatch, missingness="none")
    before, after = contents(root), contents(filled)
    assert {name for name in before if before[name] != after[name]} == {"VOC-ALS.xlsx"}
    sheet = openpyxl.load_workbook(filled / "VOC-ALS.xlsx")["VOC-ALS_Data"]
    names = [cell.value for cell in sheet[2]]
    assert all(sheet.cell(row, names.index("OnsetRegion") + 1).value in ("spinal", "bulbar") for row in range(3, 9))


def levels_db(root: Path) -> dict[str, float]:
    """The level of each recording, dB of full scale."""
    return {path.stem: 10 * np.log10(np.mean(soundfile.read(path)[0] ** 2)) for path in root.rglob("*.wav")}


@pytest.mark.parametrize("level_db", [6.0, -20.0])
def test_a_planted_level_makes_one_group_quieter_by_so_much_and_the_other_is_the_same(
    root, tmp_path, monkeypatch, level_db
):
    planted = release(tmp_path / "planted", monkeypatch, level_db_patients=level_db)
    before, after = levels_db(root), levels_db(planted)
    quieter = "CT" if level_db > 0 else "PZ"
    changed = {name for name, level in before.items() if after[name] != level}
    assert changed == {name for name in before if name.startswith(quieter)}
    for name in changed:
        assert after[name] - before[name] == pytest.approx(-abs(level_db), abs=0.02)
    same = contents(root).items() & contents(planted).items()
    assert dict(same).keys() == contents(root).keys() - {name for name in contents(root) if f"/{quieter}" in name}


def test_with_the_largest_planted_level_no_recording_is_clipped_or_silent(tmp_path, monkeypatch):
    planted = release(tmp_path / "planted", monkeypatch, level_db_patients=30.0)
    peaks = [np.abs(soundfile.read(path, dtype="int16")[0]).max() for path in planted.rglob("*.wav")]
    assert max(peaks) < 32767
    assert min(peaks) > 20


def test_the_external_cohort_has_no_planted_level(root):
    external = []
    for level_db in (0.0, 6.0):
        Path("params.yaml").write_text(PARAMS.format(**SETTINGS | {"level_db_patients": level_db}))
        phantom.main("external")
        external.append(contents(Path("data/external/raw/phantom")))
    assert external[0] == external[1]


@pytest.mark.parametrize("level_db", [31, -31])
def test_a_level_beyond_thirty_db_is_refused(tmp_path, monkeypatch, level_db):
    with pytest.raises(BadInput, match="level_db_patients"):
        release(tmp_path / "one", monkeypatch, level_db_patients=level_db)


ALL_TASKS = "[A, E, I, O, U, KA, PA, TA]"


@pytest.fixture(scope="module")
def filed_twice(tmp_path_factory):
    """The phantom of all tasks without equal recordings, and the same with those of the release."""
    place = tmp_path_factory.mktemp("filed_twice")
    with pytest.MonkeyPatch.context() as patch:
        return [
            release(place / duplicates, patch, tasks=ALL_TASKS, duplicates=duplicates)
            for duplicates in ("false", "true")
        ]


def equal_files(root: Path) -> list[list[str]]:
    """The files that hold the same bytes, as `CT001 A` and so on, the sets that are larger than one."""
    by_content = defaultdict(list)
    for path, content in contents(root).items():
        if path.endswith(".wav"):
            subject, folder = Path(path).stem.split("_")
            by_content[content].append(f"{subject} {folder.removeprefix('phonation').removeprefix('rhythm')}")
    return sorted(sorted(names) for names in by_content.values() if len(names) > 1)


def test_duplicates_files_the_same_audio_under_several_names_as_the_release_does(filed_twice):
    sound, planted = map(equal_files, filed_twice)
    assert sound == []
    assert len(planted) == 10
    assert sum(map(len, planted)) == 21
    of_control = [names for names in planted if names[0].startswith("CT")]
    (control,) = {names[0].split()[0] for names in of_control}
    (patient,) = {names[1].split()[0] for names in of_control if len(names) == 2}
    assert patient.startswith("PZ")
    for names in of_control:
        task = names[0].split()[1]
        assert names[0] == f"{control} {task}" and f"{patient} {task}" in names
    ((_, *others),) = [names for names in of_control if len(names) == 3]
    ((second, task),) = [one.split() for one in others if not one.startswith(patient)]
    assert (second[:2], task) == ("PZ", "A")
    twice = [names for names in planted if names not in of_control]
    assert [[one.split()[1] for one in names] for names in twice] == [["PA", "TA"]] * 2
    people = [{one.split()[0] for one in names} for names in twice]
    assert all(len(names) == 1 for names in people)
    assert len({control, patient, second, *people[0], *people[1]}) == 5


def test_duplicates_change_the_copies_and_their_acoustic_values_and_nothing_else(filed_twice):
    before, after = map(contents, filed_twice)
    changed = {name for name in before if before[name] != after[name]}
    assert before.keys() == after.keys()
    assert len(changed - {"VOC-ALS.xlsx"}) == 8 + 1 + 2
    sound, planted = (voc_als.read(root).acoustic.set_index("subject_id") for root in filed_twice)
    sets = equal_files(filed_twice[1])
    copies = [(names[0].split(), one.split()) for names in sets for one in names[1:]]
    differing = {(one, column) for one, column in sound.stack().compare(planted.stack()).index}
    assert {(one, column.split("_")[1]) for one, column in differing} == {(one, task) for _, (one, task) in copies}
    for (owner, spoken), (subject, filed_as) in copies:
        for measure in ("meanF0Hz", "stdevF0Hz", "HNR", "localJitter", "localShimmer"):
            assert planted.loc[subject, f"{measure}_{filed_as}"] == sound.loc[owner, f"{measure}_{spoken}"]


@pytest.mark.parametrize("tasks", ["[A, PA]", "[PA, TA]", "[A, TA]"])
def test_duplicates_need_the_tasks_that_the_release_has_them_in(tmp_path, monkeypatch, tasks):
    with pytest.raises(BadInput, match="tasks must hold A, PA and TA where duplicates is true"):
        release(tmp_path / "one", monkeypatch, tasks=tasks, duplicates="true")


def test_the_external_cohort_has_no_duplicates(filed_twice, monkeypatch):
    root = filed_twice[1]
    monkeypatch.chdir(root.parents[2])
    phantom.main("external")
    assert equal_files(root) and not equal_files(root.parents[1] / "external/raw/phantom")


def test_impossible_settings_stop_it_before_it_deletes_anything(root, tmp_path, monkeypatch):
    before = contents(root)
    Path("params.yaml").write_text(PARAMS.format(**SETTINGS | {"missingness": "perhaps"}))
    with pytest.raises(BadInput, match="missingness"):
        phantom.main()
    assert contents(root) == before


def test_new_people_are_in_no_other_cohort_and_are_recorded_as_the_first(root):
    phantom.main("external")
    phantom.main("new_people")
    new, external = (root.parents[1] / role / "raw/phantom" for role in ("new_people", "external"))
    voices = [{path.read_bytes() for path in place.rglob("*.wav")} for place in (new, root, external)]
    assert len(voices[0]) == 12 and not voices[0] & (voices[1] | voices[2])
    assert {soundfile.info(path).samplerate for path in new.rglob("*.wav")} == {8000}
    assert set(voc_als.read(new).subjects["label"]) == {"ALS", "HC"}


def test_the_external_cohort_is_a_release_of_other_people_at_its_own_rate(root):
    before = contents(root)
    phantom.main("external")
    assert contents(root) == before
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


def test_shares_of_speech_scores_are_those_of_the_patients(tmp_path, monkeypatch):
    def scores(place: str, **settings: object) -> list[int]:
        root = release(tmp_path / place, monkeypatch, subjects=15, tasks="[A]", **settings)
        sheet = openpyxl.load_workbook(root / "VOC-ALS.xlsx")["VOC-ALS_Data"]
        column = [cell.value for cell in sheet[2]].index("ALSFRS-R_SpeechSubscore") + 1
        cells = [sheet.cell(row, column).value for row in range(3, 18)]
        return sorted(int(cell) for cell in cells if str(cell).isdecimal())

    assert scores("shares", speech=[0.1, 0.2, 0.4, 0.3]) == [1] * 3 + [2] * 4 + [3] * 2 + [4]
    assert scores("all_severe", speech=[0, 0, 0, 1]) == [1] * 10


@pytest.mark.parametrize("speech", [[0.5, 0.5, 0.5, 0.5], [1.0], "mild"])
def test_shares_that_do_not_add_up_are_refused(tmp_path, monkeypatch, speech):
    with pytest.raises(BadInput, match="speech"):
        release(tmp_path / "one", monkeypatch, speech=speech)

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from ruamel.yaml import YAML

from bulbar.errors import BadInput
from stages import ingest, preprocess_clinical
from stages.io import run
from tests.releases import voc_als_rows, write_minsk2020, write_voc_als

CONTRACT = ["recording_id", "subject_id", "task", "path", "sample_rate_hz", "channels", "duration_s", "sha256"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project folder with the real params.yaml, one worker, and a place for releases beside it."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    params = YAML(typ="safe").load(Path(ingest.__file__).parent.parent / "params.yaml")
    params["compute"]["workers"] = 1

    def set_up(block="cohort", **cohort):
        params[block] = {**params["cohort"], "root": str(tmp_path / "release"), **cohort}
        YAML(typ="safe").dump(params, Path("params.yaml"))
        return tmp_path / "release"

    return set_up


def contents(folder="."):
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file() and path.name != "params.yaml")
    return {str(path): path.read_bytes() for path in files}


def test_a_voc_als_release_becomes_the_contract(project, capsys):
    root = write_voc_als(project(), tasks=("A", "PA"))
    (root / "SYNTHETIC.txt").touch()
    (root / "rhythmPA/PZ003_rhythmPA.wav").unlink()
    ingest.main()
    recordings = pd.read_csv("data/cohort/recordings.csv")
    assert list(recordings) == CONTRACT
    assert recordings["recording_id"].tolist() == sorted(recordings["recording_id"])
    assert len(recordings) == 17
    for row in recordings.itertuples():
        assert row.recording_id == f"{row.subject_id}_{row.task}"
        assert row.sha256 == hashlib.sha256((root / row.path).read_bytes()).hexdigest()
    subjects = pd.read_csv("data/cohort/subjects.csv", keep_default_na=False, na_values=[""])
    assert list(subjects)[:4] == ["subject_id", "label", "sex", "age_years"]
    assert subjects["label"].tolist() == ["HC"] * 3 + ["ALS"] * 6
    assert subjects.loc[subjects["label"] == "HC", "fvc_percent"].isna().all()
    assert pd.read_csv("data/cohort/acoustic.csv").shape == (9, 56)
    assert Path("data/cohort/quarantine.csv").read_text() == "file,subject_id,expected,found,remedy\n"
    contract = json.loads(Path("data/cohort/cohort.json").read_text())
    assert (contract["source"], contract["synthetic"]) == ("voc_als", True)
    assert contract["clinical"]["common"] == ["age_years", "sex", "cantagallo_questionnaire"]
    assert len(contract["clinical"]["all"]) == 32
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "synthetic voc_als: 9 subjects (6 ALS, 3 HC), 17 recordings (1 missing" in printed


def test_the_metrics_are_few_totals_without_a_subject(project):
    write_voc_als(project())
    ingest.main()
    text = Path("metrics/ingest.json").read_text()
    metrics = json.loads(text)
    assert len(metrics) <= 15
    assert not any(isinstance(value, dict | list) for value in metrics.values())
    assert "PZ0" not in text
    assert "CT0" not in text
    assert metrics["sample_rates_hz"] == "8000"


def test_two_runs_agree_byte_by_byte_and_leave_nothing_of_another_release(project):
    root = write_voc_als(project(), tasks=("A",))
    ingest.main()
    first = contents()
    ingest.main()
    assert contents() == first
    shutil.rmtree(root)
    write_minsk2020(project(source="minsk2020"))
    ingest.main()
    assert not Path("data/cohort/acoustic.csv").exists()


def test_minsk2020_becomes_the_same_contract(project):
    write_minsk2020(project(source="minsk2020"))
    ingest.main()
    assert list(pd.read_csv("data/cohort/recordings.csv")) == CONTRACT
    subjects = pd.read_csv("data/cohort/subjects.csv")
    assert subjects["subject_id"].tolist() == ["ALS008", "ALS024", "ALS100", "HC002", "HC024"]
    contract = json.loads(Path("data/cohort/cohort.json").read_text())
    assert contract["clinical"]["common"] == ["age_years", "sex"]
    assert contract["synthetic"] is False


def test_another_role_has_its_own_block_and_room(project):
    project()
    write_voc_als(project("second"))
    ingest.main("second")
    preprocess_clinical.main("second")
    assert Path("data/second/cohort/recordings.csv").exists()
    assert Path("data/second/clinical/record_wise_all.csv").exists()
    assert Path("metrics/second/ingest.json").exists()
    assert not Path("data/cohort").exists()


def test_a_bad_recording_stops_the_run_before_anything_is_written(project):
    root = write_voc_als(project())
    soundfile.write(root / "phonationA/PZ001_phonationA.wav", np.zeros(8000), 8000)
    soundfile.write(root / "phonationA/PZ002_phonationA.wav", np.zeros(80), 8000)
    with pytest.raises(BadInput) as error:
        ingest.main()
    assert {problem.where for problem in error.value.problems} == {
        "phonationA/PZ001_phonationA.wav",
        "phonationA/PZ002_phonationA.wav",
    }
    assert contents() == {}


def test_quarantine_counts_it_names_it_and_goes_on(project):
    root = write_voc_als(project(on_bad_recording="quarantine"))
    soundfile.write(root / "phonationA/PZ001_phonationA.wav", np.zeros(8000), 8000)
    ingest.main()
    quarantine = pd.read_csv("data/cohort/quarantine.csv")
    assert quarantine[["file", "subject_id", "found"]].to_numpy().tolist() == [
        ["phonationA/PZ001_phonationA.wav", "PZ001", "only zeros"]
    ]
    metrics = json.loads(Path("metrics/ingest.json").read_text())
    assert (metrics["quarantined_recordings"], metrics["quarantined_subjects"]) == (1, 0)


def test_a_shorter_minimum_lets_a_short_recording_pass(project):
    root = write_voc_als(project(), voc_als_rows(2, 2), tasks=("A",), duration_s=0.3)
    with pytest.raises(BadInput, match=r"at least 0\.5 s"):
        ingest.main()
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("min_duration_s: 0.5", "min_duration_s: 0.2"))
    ingest.main()
    assert len(pd.read_csv("data/cohort/recordings.csv")) == len(list(root.rglob("*.wav"))) == 4


def test_a_root_that_is_not_there_is_a_message_without_traceback(project, capsys):
    project()
    with pytest.raises(SystemExit) as stop:
        run(ingest.main, "main")
    assert stop.value.code == 1
    printed = capsys.readouterr().err
    assert "no such folder" in printed
    assert "stages.download voc_als" in printed


def test_an_unknown_key_of_the_block_is_named(project):
    project(quarantaine=True)
    with pytest.raises(BadInput, match="quarantaine"):
        ingest.main()

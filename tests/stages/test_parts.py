import contextlib
import sqlite3
from pathlib import Path

import pytest

from bulbar.cohort import folds, readers
from bulbar.core.errors import BadInput, Problem
from bulbar.features import spectrogram
from bulbar.training import als, fits
from stages.parts import all_params, params, places, run
from tests.projects import ROOT, repository_params, write_params


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("block", "model"),
    [
        ("spectrogram", spectrogram.Settings),
        ("folds", folds.Settings),
        ("train", fits.Settings),
        ("sweep", als.SweepSettings),
        ("published", als.PublishedSettings),
        ("fusion", als.FusionSettings),
    ],
)
def test_every_key_of_the_block_in_params_yaml_is_a_setting_and_the_other_way_round(block, model, monkeypatch):
    monkeypatch.chdir(ROOT)
    found = params.params()[block]
    assert set(found) == set(model.model_fields)
    assert params.settings(block, model).model_dump(mode="json") == found


@pytest.mark.parametrize(
    ("block", "model", "key", "value"),
    [
        ("fusion", als.FusionSettings, "dropout_rate", 1.0),
        ("published", als.PublishedSettings, "dropout_rate", 1.0),
        ("published", als.PublishedSettings, "architecture", "S6A"),
        ("folds", folds.Settings, "n_splits", 1),
        ("train", fits.Settings, "max_epochs", 0),
        ("train", fits.Settings, "precision", "float8"),
        ("train", fits.Settings, "epochs", 5),
        ("sweep", als.SweepSettings, "architectures", []),
        ("sweep", als.SweepSettings, "architectures", ["S1A", "S1A"]),
        ("spectrogram", spectrogram.Settings, "mel_bands", -1),
    ],
)
def test_an_unknown_key_or_an_impossible_value_is_named(project, block, model, key, value):
    write_params(project, **{block: {key: value}})
    with pytest.raises(BadInput) as error:
        params.settings(block, model)
    (problem,) = error.value.problems
    assert problem.where == f"params.yaml: {block}.{key}"
    assert problem.found == repr(value)


@pytest.mark.parametrize(("architectures", "rates"), [(["S1A", "S9Z"], [0.1]), (["S1A"], [0.1, 1.0])])
def test_a_sweep_over_an_unknown_architecture_or_an_impossible_rate_is_refused_before_any_work(
    project, architectures, rates
):
    write_params(project, sweep={"architectures": architectures, "dropout_rates": rates})
    with pytest.raises(BadInput, match=r"params\.yaml: sweep"):
        params.settings("sweep", als.SweepSettings)


def test_everything_wrong_with_a_block_is_reported_at_once(project):
    write_params(project, train={"max_epochs": 0, "batch_size": "many", "speed": 1})
    with pytest.raises(BadInput) as error:
        params.settings("train", fits.Settings)
    assert {problem.where.rsplit(".", 1)[1] for problem in error.value.problems} == {
        "max_epochs",
        "batch_size",
        "speed",
    }


def test_bad_input_is_printed_without_a_traceback_and_ends_with_1(capsys):
    def stage(role: str) -> None:
        raise BadInput([Problem(f"{role}.wav", "sound", "nothing", "record again")])

    with pytest.raises(SystemExit) as stop:
        run.run(stage, "main")
    assert stop.value.code == 1
    printed = capsys.readouterr().err
    assert "main.wav" in printed
    assert "record again" in printed
    assert "1 problem(s): nothing was done." in printed
    assert "Traceback" not in printed


def test_a_log_of_wall_times_that_cannot_be_written_fails_no_finished_stage(project):
    def stage(role: str) -> None:
        pass

    run.run(stage, "main")
    assert run.WALL_TIMES.read_text().startswith("test_parts main,")
    run.WALL_TIMES.unlink()
    run.WALL_TIMES.parent.rmdir()
    run.WALL_TIMES.parent.write_text("a file where the folder should be")
    run.run(stage, "main")


def test_whatever_is_wrong_with_the_text_of_params_is_reported(project):
    for text in (b"a: [", b"\xff", b"a: 1\na: 2", b"[" * 1000):
        Path("params.yaml").write_bytes(text)
        with pytest.raises(BadInput, match="YAML that can be read"):
            params.params()


def test_stage_folders_and_metrics_of_another_cohort_are_its_own():
    assert str(places.stage_folder("audio")) == "data/audio"
    assert str(places.stage_folder("audio", "second")) == "data/second/audio"
    assert str(places.metrics_file("sweep/record_wise")) == "metrics/sweep/record_wise.json"
    assert str(places.metrics_file("audio", "second")) == "metrics/second/audio.json"


def test_a_block_inside_another_is_read_and_named_by_its_path(project):
    write_params(project, external={"cohort": {"source": "voc_als", "root": "there"}})
    assert params.settings(places.cohort_block("external"), readers.Settings).root == Path("there")
    assert params.settings(places.cohort_block(), readers.Settings).root == Path("data/raw/phantom")
    write_params(project, external={"cohort": {"source": "voc_als", "rot": "there"}})
    with pytest.raises(BadInput, match=r"params\.yaml: external\.cohort\.rot"):
        params.settings("external.cohort", readers.Settings)
    with pytest.raises(BadInput, match=r"params\.yaml: nowhere\.cohort"):
        params.settings("nowhere.cohort", readers.Settings)


def test_a_database_of_dvc_that_finds_no_space_is_reported_without_a_traceback(capsys):
    def stage(_role):
        with contextlib.closing(sqlite3.connect("some.db")) as database:
            database.execute("PRAGMA max_page_count = 2")
            database.execute("CREATE TABLE voices (samples BLOB)")
            database.execute("INSERT INTO voices VALUES (zeroblob(100000))")

    with pytest.raises(SystemExit) as ended:
        run.run(stage, "main")
    printed = capsys.readouterr().err
    assert ended.value.code == 1
    assert (
        "free space for DVC's database" in printed and "free some space there" in printed and "Traceback" not in printed
    )


@pytest.mark.parametrize(("key", "masked"), [("audio", True), ("external", True), ("external", False)])
def test_a_low_pass_of_which_the_mask_would_leave_no_band_is_refused_before_any_work(key, masked):
    found = repository_params()
    found["spectrogram"] |= {"min_hz": 4000.0, "mask_dead_bands": masked}
    found[key]["bandwidth_hz"] = 3600.0
    found["external" if key == "audio" else "audio"]["bandwidth_hz"] = None
    if not masked:
        all_params.check(found, "als")
        return
    with pytest.raises(BadInput) as error:
        all_params.check(found, "als")
    (problem,) = error.value.problems
    assert (problem.where, problem.found) == (f"params.yaml: {key}.bandwidth_hz", "3600.0")

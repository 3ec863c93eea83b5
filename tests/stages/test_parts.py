import contextlib
import csv
import json
import math
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from bulbar.cohort import folds, readers
from bulbar.core import files
from bulbar.core.errors import BadInput, Problem
from bulbar.features import spectrogram
from bulbar.training import als, fits
from stages.parts import all_params, params, places, run
from tests.projects import ROOT, write_params


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


def test_everything_wrong_with_a_block_is_told_at_once(project):
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


def test_whatever_is_wrong_with_the_text_of_params_is_told(project):
    for text in (b"a: [", b"\xff", b"a: 1\na: 2", b"[" * 3000):
        Path("params.yaml").write_bytes(text)
        with pytest.raises(BadInput, match="YAML that can be read"):
            params.params()


def test_rooms_and_metrics_of_another_cohort_are_its_own():
    assert str(places.room("audio")) == "data/audio"
    assert str(places.room("audio", "second")) == "data/second/audio"
    assert str(places.metrics_file("sweep/record_wise")) == "metrics/sweep/record_wise.json"
    assert str(places.metrics_file("audio", "second")) == "metrics/second/audio.json"


def test_the_therapy_none_is_a_string_and_an_empty_cell_is_not_recorded():
    table = pd.DataFrame({"therapy": ["None", None, "NA", "Riluzole"], "fvc_percent": [90.0, np.nan, 0.0, 101.5]})
    files.write_table(table, "data/subjects.csv")
    found = files.read_table("data/subjects.csv")
    assert found["therapy"].iloc[[0, 2, 3]].tolist() == ["None", "NA", "Riluzole"]
    assert found["therapy"].isna().tolist() == [False, True, False, False]
    assert found["fvc_percent"].isna().tolist() == [False, True, False, False]
    assert files.read_table("data/subjects.csv", fvc_percent=str)["fvc_percent"].iloc[0] == "90.0"


def test_rows_are_written_read_and_counted_one_after_another():
    with files.rows_writer("data/index.csv", ["recording_id", "segment"]) as writer:
        writer.writerow({"recording_id": "PZ001_A", "segment": 0})
        writer.writerow({"recording_id": 'with,comma and "quotes"', "segment": 1})
    assert files.count_rows("data/index.csv") == 2
    assert list(files.read_rows("data/index.csv"))[1] == {"recording_id": 'with,comma and "quotes"', "segment": "1"}
    assert pd.read_csv("data/index.csv")["segment"].tolist() == [0, 1]


HOSTILE = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\n=1", "'=1", "''@x", "=", '=A1,"b"']
HARMLESS = ["-5", "-0.25", "+3", "-1e-3", "-inf", "'", "'quoted'", "spinal", "a=b", "−5", "x\n=1"]


def test_a_cell_that_a_spreadsheet_would_compute_is_text_there_and_comes_back_as_it_was():
    rows = [{"therapy": cell, "change": -number / 4} for number, cell in enumerate([*HOSTILE, *HARMLESS])]
    files.write_table(pd.DataFrame(rows).assign(nothing=None, number=range(len(rows))), "data/table.csv")
    with files.rows_writer("data/rows.csv", ["therapy", "change"]) as writer:
        for row in rows:
            writer.writerow(row)
    for name in ("table", "rows"):
        with Path(f"data/{name}.csv").open(newline="") as file:
            written = list(csv.DictReader(file))
        assert [row["therapy"] for row in written] == [f"'{cell}" for cell in HOSTILE] + HARMLESS
        assert [float(row["change"]) for row in written] == [row["change"] for row in rows]
        assert [row["therapy"] for row in files.read_rows(f"data/{name}.csv")] == [*HOSTILE, *HARMLESS]
    assert files.read_table("data/table.csv", therapy=str)["therapy"].tolist() == [*HOSTILE, *HARMLESS]


def test_a_cell_that_a_spreadsheet_would_trim_first_is_marked_too():
    assert [files.inert(cell) for cell in ("\r=1", "\t@x", " =1")] == ["'\r=1", "'\t@x", " =1"]


def test_a_column_of_negative_numbers_stays_one():
    files.write_table(pd.DataFrame({"as text": ["-1", "-2.5"], "as numbers": [-1, -2.5]}), "data/table.csv")
    assert files.read_table("data/table.csv").dtypes.map(str).tolist() == ["float64", "float64"]


def test_json_has_four_digits_keeps_its_order_and_has_null_for_nan():
    content = {
        "z": np.float64(2 / 3),
        "a": {0.3: math.nan, "n": np.int64(3)},
        "l": (1 / 3, True, None, "é"),
        "i": math.inf,
    }
    files.write_json(content, "metrics/a.json")
    found = json.loads((Path("metrics/a.json")).read_text())
    assert found == {"z": 0.6667, "a": {"0.3": None, "n": 3}, "l": [0.3333, True, None, "é"], "i": None}
    assert list(found) == ["z", "a", "l", "i"]
    assert files.read_json("metrics/a.json") == found


def test_feature_rows_written_one_after_another_are_what_numpy_would_have_saved(project):
    images = np.random.default_rng(0).random((7, 5, 3)).astype(np.float32)
    with files.FeaturesWriter("data/images.npy", (5, 3)) as writer:
        for part in (images[:1], images[1:4], images[4:4], images[4:]):
            writer.append(part)
    np.save(project / "numpy.npy", images)
    assert (project / "data/images.npy").read_bytes() == (project / "numpy.npy").read_bytes()
    mapped = np.load("data/images.npy", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(mapped, images)


def test_the_header_has_room_for_half_a_million_rows(project):
    with files.FeaturesWriter("many.npy", (1, 1)) as writer:
        writer.append(np.arange(500_000).reshape(-1, 1, 1))
    found = np.load("many.npy", mmap_mode="r")
    assert found.shape == (500_000, 1, 1)
    assert found[-1, 0, 0] == 499_999


def test_feature_rows_that_break_off_leave_the_array_that_was_there(project):
    with files.FeaturesWriter("a.npy", (5, 3)) as writer:
        writer.append(np.ones((2, 5, 3)))
    before = Path("a.npy").read_bytes()
    with pytest.raises(ArithmeticError), files.FeaturesWriter("a.npy", (5, 3)) as writer:
        writer.append(np.zeros((4, 5, 3)))
        raise ArithmeticError
    assert Path("a.npy").read_bytes() == before
    assert not list(project.glob("*.partial"))


def test_a_row_of_another_shape_is_refused():
    with (
        files.FeaturesWriter("a.npy", (5, 3)) as writer,
        pytest.raises(ValueError, match=r"\(5, 3\) expected, got \(3, 5\)"),
    ):
        writer.append(np.zeros((1, 3, 5)))


def test_a_block_inside_another_is_read_and_named_by_its_path(project):
    write_params(project, external={"cohort": {"source": "voc_als", "root": "there"}})
    assert params.settings(places.cohort_block("external"), readers.Settings).root == Path("there")
    assert params.settings(places.cohort_block(), readers.Settings).root == Path("data/raw/phantom")
    write_params(project, external={"cohort": {"source": "voc_als", "rot": "there"}})
    with pytest.raises(BadInput, match=r"params\.yaml: external\.cohort\.rot"):
        params.settings("external.cohort", readers.Settings)
    with pytest.raises(BadInput, match=r"params\.yaml: nowhere\.cohort"):
        params.settings("nowhere.cohort", readers.Settings)


def test_a_database_of_dvc_that_finds_no_room_is_told_without_a_traceback(capsys):
    def stage(_role):
        with contextlib.closing(sqlite3.connect("some.db")) as database:
            database.execute("PRAGMA max_page_count = 2")
            database.execute("CREATE TABLE voices (samples BLOB)")
            database.execute("INSERT INTO voices VALUES (zeroblob(100000))")

    with pytest.raises(SystemExit) as ended:
        run.run(stage, "main")
    told = capsys.readouterr().err
    assert ended.value.code == 1
    assert "room for DVC's database" in told and "make room there" in told and "Traceback" not in told


@pytest.mark.parametrize(("key", "masked"), [("audio", True), ("external", True), ("external", False)])
def test_a_low_pass_of_which_the_mask_would_leave_no_band_is_refused_before_any_work(key, masked):
    found = YAML(typ="safe").load(ROOT / "params.yaml")
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

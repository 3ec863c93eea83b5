"""Tables, JSON and feature arrays as they are written and read."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bulbar.core import files


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


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

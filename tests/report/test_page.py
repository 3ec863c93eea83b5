"""Numbers that know where they stand, and how cells, sentences and params are shown."""

import json
import struct
import zlib

import pytest

from bulbar.report import page, run
from bulbar.report.elements import Number
from bulbar.report.results import Results, interval, percent, shown, three, two, with_interval

SCORES = {"a": {"0.3": {"auc": 0.7351, "few": "<5", "none": None, "intervals": {"auc": [0.61, 0.8449]}}}}


def results(**files: object) -> Results:
    encoded = {f"metrics/{name}.json": json.dumps(content).encode() for name, content in files.items()}
    return Results(encoded, {"bootstrap": {"level": 0.95}}, {})


def test_a_number_leads_to_its_file_and_key():
    number = results(scores=SCORES).number("metrics/scores.json", "a", "0.3", "auc")
    assert (number.text, number.value) == ("0.74", 0.7351)
    assert number.link == "../metrics/scores.json#a.0.3.auc"


def test_what_is_not_there_is_a_dash_and_what_is_counted_in_words_stays_so():
    found = results(scores=SCORES)
    assert found.number("metrics/scores.json", "a", "0.3", "none").text == "–"
    assert found.number("metrics/scores.json", "a", "nothing", "auc").text == "–"
    assert found.number("metrics/scores.json", "a", "0.3", "few").text == "<5"
    assert found.estimate("metrics/scores.json", "nothing").key == ""


def test_an_interval_stands_behind_its_number():
    assert results(scores=SCORES).score("metrics/scores.json", "a", "0.3", "auc").text == "0.74 (0.61 to 0.84)"
    assert with_interval(0.5, 0.25, 1.0, "f", "k", percent).text == "50.0 % (25.0 to 100.0)"
    assert with_interval(0.5, None, 1.0, "f", "k", three).text == "0.500"
    assert with_interval(None, 0.1, 0.9, "f", "k").text == interval(float("nan"), 1.0, "f", "k").text == "–"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, True])
def test_no_number_is_made_of_what_is_none(value):
    assert shown(value, "f", "k", two).text == "–"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Number("66.7 % (52.9 to 76.2)", 0.667, "f", "k"), "0.667"),
        (Number("–", None, "f", "k"), "none"),
        (Number("<5", None, "f", "k"), "4"),
        (Number("5 or more", None, "f", "k"), "5"),
        (Number("none", None, "f", "k"), "0"),
        (Number("S4A at 0.1", None, "f", "k"), ""),
        ("words", ""),
        ([Number("1.0", 1.0, "f", "k"), " (", Number("2.0", 2.0, "f", "k"), ")"], "1.0"),
    ],
)
def test_a_cell_sorts_by_its_first_number(cell, expected):
    assert page.sort_value(cell) == expected


def test_marks_are_set_and_markup_is_escaped():
    assert page.marked("`a` is **b** <i>") == "<code>a</code> is <strong>b</strong> &lt;i&gt;"
    assert page.in_cell(["a|b", Number("c", None, "f", "k")]) == "a\\|bc"


def test_the_digest_of_the_params_leaves_out_machines_and_places():
    params = {
        "seed": 1,
        "compute": {"workers": 2},
        "cohort": {"root": "/x", "source": "s"},
        "second": {"cohort": {"root": 1}},
    }
    assert run.that_shape_results(params) == {"seed": 1, "cohort": {"source": "s"}, "second": {"cohort": {}}}
    assert run.digest_of(params) == run.digest_of(params | {"compute": {}}) != run.digest_of(params | {"seed": 2})


def test_a_picture_states_its_size_and_needs_no_file():
    header = struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + header
        + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )
    found = Results({"plots/a.png": png}, {}, {})
    assert found.size("plots/a.png") == (40, 30)
    assert found.picture("plots/a.png").startswith("data:image/png;base64,iVBORw0KGgo")

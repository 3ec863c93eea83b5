"""Values that know where they stand, and how they are shown."""

import json
import struct
import zlib

import pytest
from markupsafe import escape

from bulbar.report.results import Results, Value, interval, percent, shown, two, with_interval

SCORES = {"a": {"0.3": {"auc": 0.7351, "few": "<5", "none": None, "intervals": {"auc": [0.61, 0.8449]}}}}
FILE = "metrics/scores.json"


@pytest.fixture
def results() -> Results:
    return Results({FILE: json.dumps(SCORES).encode()}, {"bootstrap": {"level": 0.95}}, {})


@pytest.mark.parametrize(
    ("keys", "text", "number"),
    [
        (("a", "0.3", "auc"), "0.74", 0.7351),
        (("a", "0.3", "none"), "–", None),
        (("a", "nothing", "auc"), "–", None),
        (("a", "0.3", "few"), "<5", None),
    ],
)
def test_a_value_is_rounded_only_as_shown_and_leads_to_its_file_and_key(results, keys, text, number):
    value = results.value(FILE, *keys)
    assert (str(value), value.number) == (text, number)
    assert value.link == f"../{FILE}#{'.'.join(keys)}"


def test_a_param_is_a_value_like_any_other(results):
    assert results.value("params.yaml", "bootstrap", "level") == Value("0.95", 0.95, "params.yaml", "bootstrap.level")


def test_an_interval_stands_behind_its_value(results):
    assert results.score(FILE, "a", "0.3", "auc").text == "0.74 (0.61 to 0.84)"
    assert results.estimate(FILE, "nothing") == Value("–", None, FILE)
    assert with_interval(0.5, 0.25, 1.0, "f", "k", percent).text == "50.0 % (25.0 to 100.0)"
    assert interval(0.25, 1.0, "f", "k", percent).text == "25.0 to 100.0"
    assert interval(float("nan"), 1.0, "f", "k").text == "–"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, True])
def test_no_number_is_made_of_what_is_none(value):
    assert shown(value, "f", "k", two).text == "–"


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("66.7 % (52.9 to 76.2)", 0.667, "0.667"),
        ("–", None, "none"),
        ("<5", None, "4"),
        ("5 or more", None, "5"),
        ("none", None, "0"),
        ("S4A at 0.1", None, ""),
    ],
)
def test_a_value_sorts_by_its_number_and_a_hidden_count_by_its_bound(text, number, expected):
    assert Value(text, number, "f", "k").sort_value == expected


def test_in_html_a_value_is_a_link_in_which_a_number_and_its_interval_do_not_break_and_markup_is_text():
    assert escape(Value("0.5 (0.4 to 0.6)", 0.5, "f", "k<")) == (
        '<a class="number" href="../f#k%3C" title="f: k&lt;"><span>0.5</span> <span>(0.4 to 0.6)</span></a>'
    )
    assert escape(Value("<b>", None, "f", kind="bad")) == (
        '<a class="verdict bad" href="../f#" title="f">&lt;b&gt;</a>'
    )  # fmt: skip


def test_a_picture_states_its_size_and_needs_no_file():
    header = b"IHDR" + struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    found = Results({"plots/a.png": png}, {}, {})
    assert found.size("plots/a.png") == (40, 30)
    assert found.picture("plots/a.png").startswith("data:image/png;base64,iVBORw0KGgo")

import numpy as np
import pandas as pd
import pytest

from bulbar.core.markdown import escaped, markdown_table, number_in_words, with_interval


@pytest.mark.parametrize(
    ("value", "low", "high", "form", "expected"),
    [
        (0.6349, 0.49, 0.755, "{:.2f}".format, "0.63 (0.49 to 0.76)"),
        (0.6349, 0.49, 0.755, "{:.3f}".format, "0.635 (0.490 to 0.755)"),
        (50.0, 25.0, 100.0, "{:.1f} %".format, "50.0 % (25.0 to 100.0)"),
        (0.5, None, 1.0, "{:.2f}".format, "0.50"),
        (0.5, 0.1, float("nan"), "{:.2f}".format, "0.50"),
        (np.float64("nan"), 0.1, 0.9, "{:.2f}".format, "–"),
        (None, 0.1, 0.9, "{:.2f}".format, "–"),
        (np.inf, 0.5, np.inf, "{:.2f}".format, "∞ (0.50 to ∞)"),
    ],
)
def test_a_value_stands_before_its_interval_and_alone_where_there_is_none(value, low, high, form, expected):
    assert with_interval(value, low, high, form) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.125, "0.12"), (np.float64(2), "2.00"), (np.int64(3), "3.00"), (None, "not defined"), (np.nan, "not defined")],
)
def test_a_sentence_says_not_defined_rather_than_nan(value, expected):
    assert number_in_words(value) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a|b", "a\\|b"),
        ("<img src=x>", "&lt;img src=x>"),
        ("<5", "<5"),
        ("[x](y)", "[x\\](y)"),
        ("https://a", "https:<!-- -->//a"),
        ("two\nlines", "two lines"),
    ],
)
def test_a_release_s_own_words_stay_text(words, expected):
    assert escaped(words) == expected
    assert markdown_table(pd.DataFrame({"a": [words, 0.5, np.nan]})).splitlines()[2:] == [
        f"| {expected} |", "| 0.50 |", "| – |"
    ]  # fmt: skip

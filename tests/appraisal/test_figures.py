import numpy as np
import pandas as pd
import pytest

from bulbar.appraisal import figures
from tests.drawn import assert_steady

CURVE = pd.DataFrame({"mean_probability": [0.2, 0.6], "share_positive": [0.1, 0.8], "low": [0.0, 0.5],
                      "high": [0.3, 0.95]})  # fmt: skip
ROWS = pd.DataFrame(
    [
        ("sex", "F", "audio", 0.7, 0.5, 0.9, "11 / 5"),
        ("sex", "M", "audio", np.nan, np.nan, np.nan, "<5 / 9"),
        ("task", "A", "audio", 0.6, 0.4, 0.8, "30 / 15"),
        ("sex", "F", "fused", 0.8, 0.6, 1.0, "11 / 5"),
    ],
    columns=["section", "row", "series", "value", "low", "high", "note"],
)
CURVES = {"audio": {"uncalibrated": CURVE, "platt": CURVE}, "fused": {"uncalibrated": CURVE}}

FIGURES = {
    "reliability": lambda: figures.reliability(CURVES, "Reliability\nof both"),
    "forest": lambda: figures.forest(
        ROWS, "By group", x_label="AUC", reference=0.5, limits=(0, 1), note_title="patients / controls"
    ),
    "forest of names from elsewhere": lambda: figures.forest(
        ROWS.assign(row=[r"$\frac$", "$x^2$", "a$b", r"\$"]), "By group", x_label="AUC", reference=0.5
    ),
    "forest of long names": lambda: figures.forest(
        ROWS.assign(row=["W" * 200, "m" * 200, "A", "F"]), "By group", x_label="AUC", reference=0.5
    ),
    "forest without headings": lambda: figures.forest(
        ROWS.assign(section=""), "Differences", x_label="AUC", reference=0.0
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_drawn_twice_has_the_same_bytes_labelled_axes_and_nothing_cut_off(name):
    assert all(axes.get_xlabel() for axes in assert_steady(FIGURES[name]).axes)


def test_a_forest_has_a_line_for_each_row_under_its_heading():
    axes = FIGURES["forest"]().axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["sex", "F", "M", "task", "A"]
    assert {"11 / 5", "<5 / 9", "30 / 15", "patients / controls"} <= {text.get_text() for text in axes.texts}
    unnamed = FIGURES["forest without headings"]().axes[0]
    assert [text.get_text() for text in unnamed.get_yticklabels()] == ["F", "M", "A"]


def test_a_long_name_leaves_space_for_what_is_drawn():
    figure = FIGURES["forest of long names"]()
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert axes.get_position().width > 0.3
    assert axes.get_yticklabels()[1].get_text() == f"{'W' * 30}\n…"


def test_points_stand_at_their_values_and_a_missing_one_is_not_drawn():
    axes = FIGURES["forest"]().axes[0]
    drawn = {line.get_label(): line for line in axes.containers}
    assert drawn["audio"].lines[0].get_xdata().tolist() == [0.7, 0.6]
    assert drawn["fused"].lines[0].get_xdata().tolist() == [0.8]


def test_the_reliability_curve_stands_beside_the_line_of_true_probabilities():
    axes = FIGURES["reliability"]().axes[0]
    assert axes.lines[0].get_xydata().tolist() == [[0, 0], [1, 1]]
    assert axes.containers[0].lines[0].get_xydata().tolist() == [[0.2, 0.1], [0.6, 0.8]]

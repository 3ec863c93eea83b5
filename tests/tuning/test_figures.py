import numpy as np
import pandas as pd
import pytest

from bulbar.tuning import figures, replay
from tests.drawn import assert_steady

TRIALS = pd.DataFrame(
    {
        "sampler": ["grid"] * 4 + ["tpe"] * 4,
        "trial": [1, 2, 3, 4] * 2,
        "state": "complete",
        "filters": [4, 8, 4, 8, 8, 8, 4, 8],
        "learning_rate": [0.001, 0.001, 0.01, 0.01, 0.001, 0.01, 0.01, 0.001],
        "validation_loss": [0.6, 0.3, 0.5, 0.2, 0.3, 0.2, 0.5, 0.3],
        "best_so_far": [0.6, 0.3, 0.3, 0.2, 0.3, 0.2, 0.2, 0.2],
    }
)


def test_best_so_far_is_a_line_per_sampler_against_trials():
    (axes,) = figures.best_so_far(TRIALS, "title").axes
    assert [line.get_label() for line in axes.get_lines()] == ["grid", "tpe"]
    for line, (_, rows) in zip(axes.get_lines(), TRIALS.groupby("sampler"), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), rows["trial"])
        np.testing.assert_array_equal(line.get_ydata(), rows["best_so_far"])
    assert axes.get_xlabel() == "Trials"


def test_parallel_coordinates_have_a_line_for_each_point_and_the_best_one_ends_lowest():
    figure = figures.parallel_coordinates(TRIALS, ["filters", "learning_rate"], "title")
    (axes,) = figure.axes
    lines = axes.get_lines()
    assert len(lines) == 4  # of the eight trials, four are of points that were tried before
    assert [line.get_ydata()[-1] for line in lines] == pytest.approx([1, 0.75, 0.25, 0])
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["filters", "learning\nrate", "validation\nloss (nats)"]


def test_a_trial_that_was_pruned_or_failed_is_no_line_and_its_value_keeps_its_place():
    states = ["failed", "complete", "pruned", "complete"] * 2
    trials = TRIALS.assign(state=states, validation_loss=TRIALS["validation_loss"].where(np.array(states) != "failed"))
    (axes,) = figures.parallel_coordinates(trials, ["filters", "learning_rate"], "title").axes
    assert len(axes.get_lines()) == 2  # 8 with 0.001, and 8 with 0.01
    assert all(np.isfinite(line.get_ydata()).all() for line in axes.get_lines())
    assert {"4", "8", "0.001", "0.01"} <= {text.get_text() for text in axes.texts}
    assert "without 4 pruned or failed" in axes.get_title()


def test_importances_are_a_bar_for_each_sampler_and_setting():
    shares = {"grid": {"learning_rate": 0.7, "filters": 0.3}, "tpe": {"learning_rate": 1.0}, "random": {}}
    (axes,) = figures.importances(shares, "title").axes
    widths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert widths == [[0.7, 0.3], [1.0, 0.0], [0.0, 0.0]]


def test_a_replay_shows_the_share_of_orders_that_have_found_the_best():
    table = replay.replay(np.array([0.3, 0.1, 0.2, 0.4]), orders=200, seed=0)
    left, right = figures.replay(table, 200, "title").axes
    np.testing.assert_array_equal(left.get_lines()[0].get_ydata(), table["gap_median"])
    np.testing.assert_array_equal(right.get_lines()[0].get_ydata(), table["found_best"])


def test_the_gap_stands_in_points_below_each_model():
    gaps = {"CNN-LSTM": {"train_accuracy": 0.95, "test_accuracy": 0.9, "gap": 0.05}}
    (axes,) = figures.train_test_gap(gaps, "title").axes
    assert [bar.get_height() for bars in axes.containers if hasattr(bars, "patches") for bar in bars] == [0.95, 0.9]
    assert axes.get_xticklabels()[0].get_text() == "CNN-LSTM\ngap 5.0 points"


def test_nothing_is_cut_off_and_the_same_table_is_the_same_picture():
    table = replay.replay(np.array([0.3, 0.1, 0.2, 0.4]), orders=200, seed=0)
    draws = [
        lambda: figures.best_so_far(TRIALS, "title"),
        lambda: figures.parallel_coordinates(TRIALS, ["filters", "learning_rate"], "title"),
        lambda: figures.importances({"grid": {"learning_rate": 0.7, "filters": 0.3}}, "title"),
        lambda: figures.importances({"grid": {"learning_rate": 1.0}}, "What it depends on\nminsk2020 cohort"),
        lambda: figures.parallel_coordinates(TRIALS, ["filters"], "Trials\nrecord_wise · minsk2020 cohort"),
        lambda: figures.replay(table, 200, "title"),
        lambda: figures.train_test_gap({"CNN": {"train_accuracy": 1, "test_accuracy": 0.9, "gap": 0.1}}, "title"),
    ]
    for draw in draws:
        assert_steady(draw)

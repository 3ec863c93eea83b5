import pandas as pd
import pytest

from bulbar.core.names import PROTOCOLS
from bulbar.paper import gender_overview, gender_table
from tests.drawn import assert_steady


@pytest.fixture
def table():
    rows = [
        {"protocol": protocol, "model": model, "unit": unit}
        | {"accuracy": accuracy, "accuracy_low": accuracy - 10, "accuracy_high": 100.0}
        for protocol in PROTOCOLS
        for model, accuracy in (("mean_f0_threshold", 90.0), ("cnn", 80.0))
        for unit in ("clip", "speaker")
    ]
    return gender_overview.table_of(pd.DataFrame(rows), {"record_wise": 0.55, "subject_wise": 0.52})


def test_a_row_is_a_model_under_a_protocol_per_clip_the_majority_first(table):
    assert table["model"].drop_duplicates().tolist() == ["majority", "mean_f0_threshold", "cnn"]
    assert len(table) == 6
    assert table["accuracy"].tolist()[:2] == pytest.approx([55.0, 52.0])
    assert (table.set_index("model").loc["cnn", ["low", "high"]] == [70.0, 100.0]).all().all()


def test_models_are_called_as_in_table_1():
    assert gender_table.IN_WORDS.items() <= gender_overview.WORDS.items()


def test_the_picture_has_a_line_at_the_threshold_of_each_protocol_and_nothing_is_cut_off(table):
    axes = gender_overview.figure(table, "synthetic cohort").axes[0]
    assert [line.get_xdata()[0] for line in axes.get_lines() if line.get_linestyle() == ":"] == [90.0, 90.0]
    assert_steady(lambda: gender_overview.figure(table, "synthetic cohort"))

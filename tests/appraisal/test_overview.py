import numpy as np
import pytest

from bulbar.appraisal import alternative_texts, overview
from bulbar.core.names import PROTOCOLS
from tests.drawn import assert_steady

AUCS = {"majority": 0.5, "voice": 0.7, "published audio": 0.6, "audio": np.nan, "fused_all": 1.0}


@pytest.fixture
def table():
    scores = {
        protocol: {
            model: {"auc": {"value": auc + shift, "low": auc - 0.1, "high": min(auc + 0.1, 1.0)}, "accuracy": {}}
            for model, auc in (AUCS | {"voice_forest": 0.9}).items()
        }
        for protocol, shift in zip(PROTOCOLS, (0.0, -0.05), strict=True)
    }
    return overview.table_of(scores)


def test_a_row_is_a_model_under_a_protocol_in_the_order_of_the_picture(table):
    names = ["majority", "voice", "published audio", "audio", "fused_all"]
    assert list(dict.fromkeys(table["model"])) == names
    assert len(table) == 2 * len(names)
    row = table[(table["model"] == "voice") & (table["protocol"] == "subject_wise")].iloc[0]
    assert (row["auc"], row["low"], row["high"]) == pytest.approx((0.65, 0.6, 0.8))
    assert table.loc[table["leaks"], "model"].unique().tolist() == ["fused_all"]


def test_the_picture_has_a_point_for_each_defined_score_and_nothing_is_cut_off(table):
    axes = overview.figure(table, "synthetic cohort").axes[0]
    points = [line for line in axes.get_lines() if line.get_marker() in ("s", "o")]
    assert [len(line.get_xdata()) for line in points] == [4, 4]
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == overview.MODELS["fused_all"]
    assert_steady(lambda: overview.figure(table, "synthetic cohort"))


def test_its_alternative_text_names_models_with_both_scores(table):
    text = alternative_texts.overview(table)
    assert "the voice model 0.70 and 0.65" in text and "chance is 0.50" in text

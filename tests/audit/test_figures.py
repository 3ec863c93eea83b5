import numpy as np
import pandas as pd
import pytest

from bulbar.audit import figures
from bulbar.audit.finding import Finding
from bulbar.audit.label_probe import LabelProbe
from bulbar.core.files import read_table
from bulbar.paper import tables
from bulbar.paper.figures import folds_of_table_4
from tests.drawn import assert_steady

VERDICTS = ("leak", "suspect", "clear", "sign", "confounder")


def probe(middle):
    null = np.random.default_rng(0).normal(middle, 0.05, size=999)
    return LabelProbe(0.8, 0.7, 0.9, 0.001, null, pd.DataFrame(), "recording")


FIGURES = {
    "label_probes": lambda: figures.label_probes(
        [Finding("conditions", verdict, "AUC per subject", 0.7, verdict, "", 0.6, 0.8) for verdict in VERDICTS], "All"
    ),
    "nothing_to_learn": lambda: figures.nothing_to_learn(
        {"record_wise": probe(0.6), "subject_wise": probe(0.5)}, "Both"
    ),
    "table 4": lambda: folds_of_table_4(tables.paper_by_cell(read_table("reference/als_table4_accuracy.csv"))),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_drawn_twice_has_the_same_bytes_no_warning_and_nothing_cut_off(name):
    assert_steady(FIGURES[name])


def test_only_what_may_predict_the_label_is_drawn_beside_chance():
    share = Finding("collapse", "record_wise", "share of cells", 0.4, "suspect", "")
    auc = Finding("missingness", "clinical all", "AUC per subject", 1.0, "leak", "", 0.9, 1.0, 0.001)
    axes = figures.label_probes([share, auc], "One").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["missingness: clinical all"]


def test_the_best_cell_of_the_paper_is_written_as_the_fraction_it_is():
    figure = FIGURES["table 4"]()
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "80.33 = 196/244" in texts
    assert len(texts) == 60

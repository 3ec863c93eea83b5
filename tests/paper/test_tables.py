import math

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from bulbar.paper import tables
from bulbar.scoring import intervals
from bulbar.scoring import metrics as scoring
from tests.sweeps import predictions, subjects_and_recordings, with_folds

PAPER_4 = pd.read_csv("reference/als_table4_accuracy.csv")
PAPER_5 = pd.read_csv("reference/als_table5_modalities.csv")
RATES = ["0.5", "0.4", "0.3", "0.2", "0.1", "0.0"]


def fits_as_the_paper_printed() -> pd.DataFrame:
    printed = PAPER_4[:-1].melt("code", [f"dropout_{rate}" for rate in RATES], "dropout_rate", "percent")
    printed["dropout_rate"] = printed["dropout_rate"].str.removeprefix("dropout_").astype(float)
    of_folds = pd.DataFrame({"fold": [1, 2], "shift": [0.0, 0.1]})
    table = printed.rename(columns={"code": "architecture"}).merge(of_folds, how="cross")
    table = table.sort_values(["architecture", "dropout_rate"], ascending=[True, False], ignore_index=True)
    return table.assign(
        test_accuracy=table["percent"] / 100 - table["shift"], validation_loss=0.5 - table["shift"], epochs=9
    )


def test_our_averages_of_the_papers_sixty_cells_are_the_ones_it_prints():
    cells = tables.table_4(fits_as_the_paper_printed(), PAPER_4)
    printed = PAPER_4.set_index("code")
    for column in ("highest_fold", "paper"):
        found = tables.grid(cells, column)
        assert list(found["average"][:-1]) == pytest.approx(list(printed["average"][:-1]), abs=0.011)
        by_rate = [printed.loc["average", f"dropout_{rate}"] for rate in RATES]
        assert list(found.loc["average", RATES]) == pytest.approx(by_rate, abs=0.011)


def test_in_long_form_the_edges_are_averages_of_the_cells_and_the_corner_of_all():
    cells = tables.table_4(fits_as_the_paper_printed(), PAPER_4)
    found = tables.with_averages(cells, 66.7).set_index(["architecture", "dropout_rate"])
    assert len(found) == 60 + 10 + 6 + 1
    grid = tables.grid(cells, "paper")
    assert found.loc[("S1B", "average"), "paper"] == pytest.approx(grid.loc["S1B", "average"])
    assert found.loc[("average", "0.3"), "paper"] == pytest.approx(grid.loc["average", "0.3"])
    assert found.loc[("average", "average"), "paper"] == pytest.approx(cells["paper"].mean())


def test_table_4_keeps_the_highest_fold_apart_from_the_fold_of_lowest_loss():
    cells = tables.table_4(fits_as_the_paper_printed(), PAPER_4).set_index(["architecture", "dropout_rate"])
    s1b = cells.loc[("S1B", 0.3)]
    assert s1b["highest_fold"] == pytest.approx(80.33)
    assert s1b["lowest_loss_fold"] == pytest.approx(70.33)
    assert s1b["mean"] == pytest.approx(75.33)
    assert s1b["sd"] == pytest.approx(np.std([80.33, 70.33], ddof=1))
    assert s1b["paper"] == 80.33


def test_a_cell_that_the_paper_lacks_has_no_number_of_its():
    fits = fits_as_the_paper_printed().assign(dropout_rate=0.25).drop_duplicates(["architecture", "fold"])
    assert tables.table_4(fits, PAPER_4)["paper"].isna().all()
    assert "(–)" in tables.table_4_markdown(tables.table_4(fits, PAPER_4), 66.7)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return predictions(with_folds(subjects_and_recordings(), "subject_wise"), 0.4, seed=1)


def test_table_5_starts_with_the_majority_and_has_the_paper_beside_recordings_only(rows):
    five = tables.table_5({"audio": rows}, None, ("HC", "ALS"), PAPER_5).set_index(["model", "unit", "scope"])
    assert five.index[0] == ("majority", "recording", "out of fold")
    assert five.loc[("majority", "recording", "out of fold"), "accuracy"] == pytest.approx(100 * 60 / 90)
    assert five.loc[("audio", "recording", "out of fold"), "paper_f1"] == 79.29
    assert math.isnan(five.loc[("audio", "subject", "out of fold"), "paper_f1"])
    report = metrics.classification_report(rows["label"], rows["probability"] >= 0.5, output_dict=True)
    ours = five.loc[("audio", "recording", "out of fold")]
    assert ours["precision_ALS"] == pytest.approx(100 * report["1"]["precision"])
    assert ours["f1_HC"] == pytest.approx(100 * report["0"]["f1-score"])
    assert ours["precision_weighted"] == pytest.approx(100 * report["weighted avg"]["precision"])


def test_table_5_has_an_interval_of_every_score_in_the_scores_own_unit(rows):
    five = tables.table_5({"audio": rows}, None, ("HC", "ALS"), PAPER_5, draws=300, level=0.9, seed=3)
    five = five.set_index(["model", "unit", "scope"])
    for unit, scored in (("recording", rows), ("subject", scoring.per_subject(rows))):
        ours = five.loc[("audio", unit, "out of fold")]
        drawn = intervals.intervals(scored, draws=300, level=0.9, seed=3)
        columns = {"accuracy": "accuracy", "f1": "f1_ALS", "precision_negative": "precision_HC", "roc_auc": "roc_auc"}
        for score, column in columns.items():
            assert (ours[f"{column}_low"], ours[f"{column}_high"]) == pytest.approx(100 * np.array(drawn[score]))
        for loss in ("brier", "log_loss"):
            assert (ours[f"{loss}_low"], ours[f"{loss}_high"]) == pytest.approx(drawn[loss])
            assert ours[f"{loss}_low"] < ours[loss] < ours[f"{loss}_high"] < 1
    assert len([column for column in five if column.endswith("_low")]) == len(drawn)
    text = tables.table_5_markdown(five.reset_index().assign(cell="selected"), level=0.9)
    low, high = 100 * np.array(intervals.intervals(rows, draws=300, level=0.9, seed=3)["accuracy"])
    assert "| 90 % interval |" in text
    assert f"| {low:.1f} to {high:.1f} |" in text


def test_table_5_of_a_reported_fold_scores_that_fold_alone(rows):
    five = tables.table_5({"audio": rows}, 4, ("HC", "ALS"), PAPER_5).set_index(["model", "unit", "scope"])
    here = rows[rows["fold"] == 4]
    ours = five.loc[("audio", "recording", "fold 4")]
    assert ours["rows"] == len(here)
    assert ours["accuracy"] == pytest.approx(100 * metrics.accuracy_score(here["label"], here["probability"] >= 0.5))


def test_the_rows_for_confusion_plots_say_how_many_and_not_who(rows):
    calls = tables.calls(rows, ("HC", "ALS"))
    counted = calls.value_counts()
    tp, fn, fp, tn = scoring.confusion(rows["label"], rows["probability"])
    assert list(calls.columns) == ["actual", "predicted"]
    assert (counted[("ALS", "ALS")], counted.get(("ALS", "HC"), 0)) == (tp, fn)
    assert (counted.get(("HC", "ALS"), 0), counted[("HC", "HC")]) == (fp, tn)
    assert calls.equals(calls.sort_values(["actual", "predicted"], ignore_index=True))


def test_the_paper_s_figure_12_is_read_with_either_class_as_the_positive_one():
    counts = pd.read_csv("reference/als_figure12_confusion.csv")
    assert tables.figure_12(counts, ("HC", "ALS")) == (151, 12, 36, 45)
    assert tables.figure_12(counts, ("ALS", "HC")) == (45, 36, 12, 151)


def test_the_area_below_the_gridded_roc_curve_is_the_auc(rows):
    curve = tables.roc_on_grid({"audio": rows}, points=20001)
    area = np.trapezoid(curve["audio"], curve["false_positive_rate"])
    assert area == pytest.approx(metrics.roc_auc_score(rows["label"], rows["probability"]), abs=1e-3)


def test_curves_of_one_score_for_all_and_of_a_perfect_model(rows):
    models = {"majority": rows.assign(probability=0.5), "fused": rows.assign(probability=rows["label"])}
    roc, pr = tables.roc_on_grid(models), tables.precision_recall_on_grid(models)
    assert list(roc["majority"]) == pytest.approx(list(roc["false_positive_rate"]))
    assert list(pr["majority"]) == pytest.approx([rows["label"].mean()] * len(pr))
    assert (pr["fused"] == 1).all() and (roc["fused"] == 1).all()


def test_curves_of_one_class_alone_are_empty_rather_than_wrong(rows):
    patients = {"audio": rows[rows["label"] == 1]}
    assert tables.roc_on_grid(patients)["audio"].isna().all()

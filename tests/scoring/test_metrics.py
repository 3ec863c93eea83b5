import math
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from bulbar.scoring import metrics as scoring

FIGURE_12 = (151, 12, 36, 45)  # TP, FN, FP, TN
PAPER = pd.read_csv("reference/als_table5_modalities.csv").set_index("modality").loc["audio"]


@pytest.fixture(autouse=True)
def no_warning_is_let_pass():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def rows_of(tp: int, fn: int, fp: int, tn: int) -> tuple[list[int], list[int]]:
    return [1] * (tp + fn) + [0] * (fp + tn), [1] * tp + [0] * fn + [1] * fp + [0] * tn


def random_table(seed: int = 0, subjects: int = 40, recordings: int = 3) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    subject = np.repeat(np.arange(subjects), recordings)
    label = (subject % 3 > 0).astype(int)
    probability = np.clip(0.5 + 0.1 * label + generator.normal(0, 0.2, len(subject)), 0.01, 0.99).round(2)
    return pd.DataFrame({"recording_id": [f"R{n:03d}" for n in range(len(subject))], "subject_id": subject,
                         "fold": subject % 5 + 1, "label": label, "probability": probability})  # fmt: skip


def test_the_counts_of_figure_12_give_the_digits_of_table_5():
    true, called = rows_of(*FIGURE_12)
    assert scoring.confusion(true, called) == FIGURE_12
    found = {
        "precision": scoring.precision(true, called, of="weighted"),
        "recall": scoring.recall(true, called, of="weighted"),
        "f1": scoring.f1(true, called, of="weighted"),
        "accuracy": scoring.accuracy(true, called),
    }
    assert {name: round(100 * value, 2) for name, value in found.items()} == {name: PAPER[name] for name in found}


def test_equations_6_to_9_agree_with_counting_by_hand():
    true, called = rows_of(tp=3, fn=1, fp=2, tn=4)
    assert scoring.precision(true, called) == pytest.approx(3 / 5)
    assert scoring.recall(true, called) == pytest.approx(3 / 4)
    assert scoring.f1(true, called) == pytest.approx(2 * (3 / 5) * (3 / 4) / (3 / 5 + 3 / 4))
    assert scoring.accuracy(true, called) == pytest.approx(7 / 10)
    assert scoring.sensitivity(true, called) == pytest.approx(3 / 4)
    assert scoring.specificity(true, called) == pytest.approx(4 / 6)
    assert scoring.balanced_accuracy(true, called) == pytest.approx((3 / 4 + 4 / 6) / 2)
    assert scoring.precision(true, called, of="negative") == pytest.approx(4 / 5)
    assert scoring.majority_accuracy(true) == pytest.approx(6 / 10)


def test_a_probability_of_one_half_is_called_positive():
    assert list(scoring.called([0.49, 0.5, 0.51])) == [0, 1, 1]


def test_what_a_class_never_called_has_for_precision_is_not_defined():
    true, called = rows_of(tp=2, fn=0, fp=1, tn=0)
    assert math.isnan(scoring.precision(true, called, of="negative"))
    assert math.isnan(scoring.precision(true, called, of="weighted"))
    assert scoring.f1(true, called, of="negative") == 0
    assert scoring.recall(true, called, of="negative") == 0


def test_one_class_alone_has_no_auc_and_no_specificity():
    assert math.isnan(scoring.roc_auc([1, 1], [0.2, 0.9]))
    assert math.isnan(scoring.specificity([1, 1], [0.2, 0.9]))
    assert math.isnan(scoring.balanced_accuracy([1, 1], [0.2, 0.9]))
    assert scoring.accuracy([1, 1], [0.2, 0.9]) == 0.5


def test_an_empty_table_has_no_score_and_raises_nothing():
    found = scoring.scores(random_table().iloc[:0])
    assert found.pop("rows") == 0
    assert all(math.isnan(value) for value in found.values())


def test_the_auc_within_folds_counts_each_folds_pairs_and_no_others():
    true, score, fold = [1, 0, 0, 1, 0], [0.9, 0.1, 0.95, 0.3, 0.2], [1, 1, 1, 2, 2]
    # fold 1: 0.9 beats 0.1, loses to 0.95; fold 2: 0.3 beats 0.2: two of three pairs
    assert scoring.roc_auc_within_folds(true, score, fold) == pytest.approx(2 / 3)
    # all pairs: 0.9 beats 0.1 and 0.2, 0.3 beats 0.1 and 0.2: four of six
    assert scoring.roc_auc(true, score) == pytest.approx(4 / 6)


def test_a_network_that_is_off_by_a_constant_moves_the_pooled_auc_alone():
    table = random_table()
    moved = table.assign(probability=table["probability"] / table["fold"])
    before, after = scoring.scores(table), scoring.scores(moved)
    assert after["roc_auc"] == pytest.approx(before["roc_auc"])
    assert after["roc_auc_pooled"] != pytest.approx(before["roc_auc_pooled"])


def test_a_fold_of_one_class_has_no_pairs_and_spoils_nothing_and_each_column_has_its_auc():
    assert scoring.roc_auc_within_folds([1, 0, 1], [0.8, 0.3, 0.1], [1, 1, 2]) == 1.0
    columns = np.array([[1, 0], [0, 1], [1, 1]]), np.array([[0.8, 0.8], [0.3, 0.8], [0.1, 0.1]])
    assert scoring.roc_auc_within_folds(*columns, [1, 1, 2]).tolist() == [1.0, 0.5]
    assert math.isnan(scoring.roc_auc_within_folds([1, 0], [0.8, 0.3], [1, np.nan]))
    with pytest.raises(ValueError, match="nan"):
        scoring.roc_auc([1, 0], [0.8, np.nan])


def test_a_subjects_probability_is_the_mean_over_its_recordings():
    table = pd.DataFrame({"recording_id": list("abc"), "subject_id": ["X", "X", "Y"], "fold": [2, 2, 1],
                          "label": [1, 1, 0], "probability": [0.2, 0.6, 0.7]})  # fmt: skip
    subjects = scoring.per_subject(table)
    assert list(subjects["subject_id"]) == ["X", "Y"]
    assert list(subjects["probability"]) == pytest.approx([0.4, 0.7])
    assert list(subjects["fold"]) == [2, 1]


def test_a_subject_scored_by_several_networks_has_no_auc_within_folds():
    table = random_table().assign(fold=lambda rows: rows.index % 5)
    found = scoring.both_ways(table)["per_subject"]
    assert math.isnan(found["roc_auc"])
    assert 0.5 < found["roc_auc_pooled"] <= 1


def test_the_scores_agree_with_scikit_learns():
    table = random_table()
    true, score = table["label"], table["probability"]
    found = scoring.scores(table)
    assert found["roc_auc_pooled"] == pytest.approx(metrics.roc_auc_score(true, score))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(true, score))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(true, score))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(true, score >= 0.5))
    assert found["f1_weighted"] == pytest.approx(metrics.f1_score(true, score >= 0.5, average="weighted"))

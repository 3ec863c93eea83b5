import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from bulbar.core.names import Cell
from bulbar.training import spread
from tests.sweeps import predictions, subjects_and_recordings, with_folds

CELL = Cell("S1B", 0.3)
ACCURACIES = {(1, 1): 0.5, (1, 2): 0.7, (2, 1): 0.8, (2, 2): 0.8, (3, 1): 0.6, (3, 2): 0.9}


def rows(accuracies: dict[tuple[int, int], float]) -> list[dict]:
    return [
        {"repeat": repeat, "seed": seed, **dict.fromkeys(spread.UNITS, dict.fromkeys(spread.SCORES, value))}
        for (repeat, seed), value in accuracies.items()
    ]


def test_every_split_and_start_is_scored_as_scikit_learn_scores_it():
    folds = with_folds(subjects_and_recordings(20), "subject_wise")
    tables = {(r, s): predictions(folds, 0.4, 10 * r + s) for r in (1, 2) for s in (1, 2)}
    joined = pd.concat(table.assign(repeat=r, seed=s) for (r, s), table in tables.items())
    found = spread.scores(joined.sample(frac=1, random_state=0))
    assert [(row["repeat"], row["seed"]) for row in found] == list(tables)
    for row, table in zip(found, tables.values(), strict=True):
        subjects = table.groupby("subject_id")[["label", "probability"]].mean()
        for unit, scored in (("per_recording", table), ("per_subject", subjects)):
            truth, probability = scored["label"], scored["probability"]
            assert row[unit]["accuracy"] == pytest.approx(metrics.accuracy_score(truth, probability >= 0.5))
            assert row[unit]["roc_auc_pooled"] == pytest.approx(metrics.roc_auc_score(truth, probability))


def test_splits_are_compared_by_the_mean_of_their_starts():
    found = spread.summary(rows(ACCURACIES))["per_subject"]["accuracy"]
    assert found["mean"] == pytest.approx(np.mean(list(ACCURACIES.values())))
    assert found["sd_over_splits"] == pytest.approx(np.std([0.6, 0.8, 0.75], ddof=1))


def test_starts_are_compared_within_their_split():
    found = spread.summary(rows(ACCURACIES))["per_recording"]["roc_auc"]
    within = [np.var(pair, ddof=1) for pair in ([0.5, 0.7], [0.8, 0.8], [0.6, 0.9])]
    assert found["sd_over_seeds"] == pytest.approx(np.sqrt(np.mean(within)))
    apart = {(repeat, seed): 0.1 * repeat for repeat in (1, 2) for seed in (1, 2)}
    assert spread.summary(rows(apart))["per_recording"]["accuracy"]["sd_over_seeds"] == pytest.approx(0)


def test_where_there_is_one_split_or_start_its_spread_is_not_a_number_and_the_sentence_names_what_to_raise():
    one = rows({(1, 1): 0.6})
    found = spread.summary(one)["per_subject"]["accuracy"]
    assert np.isnan([found["sd_over_splits"], found["sd_over_seeds"]]).all()
    assert "on 1 split from 1 start:" in spread.sentence("subject_wise", CELL, one)
    assert "raise spread.repeats and spread.seeds" in spread.sentence("subject_wise", CELL, one)
    two_starts = rows({(1, 1): 0.6, (1, 2): 0.7})
    text = spread.sentence("subject_wise", CELL, two_starts)
    assert "accuracy 0.650 (sd 0.071 between starts of one split)" in text
    assert "raise spread.repeats." in text


def test_split_by_recording_the_sentence_calls_the_scores_biased():
    assert "biased upwards" in spread.sentence("record_wise", CELL, rows(ACCURACIES))
    text = spread.sentence("subject_wise", CELL, rows(ACCURACIES))
    assert "biased" not in text
    assert "optimistic" in text
    assert "not known" not in text

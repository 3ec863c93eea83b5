import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from bulbar.audit import collapse
from bulbar.core.names import Cell
from bulbar.paper import als_digits
from bulbar.scoring import intervals
from tests.sweeps import ROOT, predictions, subjects_and_recordings, with_folds

FOLDS = with_folds(subjects_and_recordings(), "subject_wise")
GOOD, GUESSING, LOST = Cell("S1B", 0.3), Cell("S2A", 0.3), Cell("S5A", 0.5)
TABLE_4 = pd.read_csv(ROOT / "reference/als_table4_accuracy.csv")


def sweep() -> dict[Cell, pd.DataFrame]:
    return {GOOD: predictions(FOLDS, 2.0, seed=1), GUESSING: predictions(FOLDS, 0.0, seed=2)}


def calling_all(table: pd.DataFrame, probability: float, folds: tuple[int, ...] = (1, 2, 3, 4, 5)) -> pd.DataFrame:
    return table.assign(probability=table["probability"].where(~table["fold"].isin(folds), probability))


def test_a_cell_that_calls_everyone_the_same_is_found():
    planted = {**sweep(), LOST: calling_all(predictions(FOLDS, 2.0, seed=3), 0.66)}
    finding, _ = collapse.probe(planted, "subject_wise")
    assert finding.verdict == "suspect"
    assert finding.value == pytest.approx(1 / 3)
    assert finding.details["names"] == ["S5A_0.5"]


def test_a_sweep_whose_networks_use_both_classes_is_clear():
    finding, against_majority = collapse.probe(sweep(), "subject_wise")
    assert (finding.verdict, finding.value) == ("clear", 0)
    assert against_majority.verdict == "clear"


def test_a_network_of_one_fold_is_counted_where_the_cell_is_not():
    planted = {GOOD: calling_all(predictions(FOLDS, 2.0, seed=1), 0.2, folds=(2, 4))}
    finding, _ = collapse.probe(planted, "subject_wise")
    assert finding.verdict == "clear"
    assert (finding.details["collapsed_cells"], finding.details["collapsed_fits"]) == (0, 2)
    assert collapse.collapsed_folds(planted[GOOD]) == [2, 4]


def test_cells_that_call_another_class_in_each_fold_are_collapsed_too():
    table = calling_all(calling_all(predictions(FOLDS, 2.0, seed=1), 0.9), 0.1, folds=(3,))
    assert collapse.collapsed_cells({LOST: table}) == [LOST]


def test_no_cell_above_the_majority_is_suspect():
    lost = {LOST: calling_all(predictions(FOLDS, 2.0, seed=3), 0.66), GUESSING: predictions(FOLDS, 0.0, seed=2)}
    _, against_majority = collapse.probe(lost, "subject_wise")
    assert (against_majority.verdict, against_majority.value) == ("suspect", 1)
    assert against_majority.details["majority_accuracy"] == pytest.approx(2 / 3)


def test_accuracies_and_their_draws_agree_with_scikit_learn_and_with_the_intervals():
    tables = {cell: predictions(FOLDS, effect, seed=4) for cell, effect in ((GOOD, 0.4), (GUESSING, 0.1))}
    shuffled = {cell: table.sample(frac=1, random_state=7) for cell, table in tables.items()}
    measured = collapse.accuracies(shuffled, draws=500, seed=11)
    for place, cell in enumerate(measured.cells):
        called = (tables[cell]["probability"] >= 0.5).astype(int)
        assert measured.drawn[0, place] == pytest.approx(metrics.accuracy_score(tables[cell]["label"], called))
        interval = intervals.intervals(tables[cell], draws=500, seed=11)["accuracy"]
        assert measured.interval(measured.drawn[:, place], 0.95) == pytest.approx(interval)
    assert np.allclose(measured.majority, 2 / 3)


def test_the_papers_cells_at_the_share_of_patients_and_those_not_above_the_majority_are_counted():
    (finding,) = als_digits.collapse_of_table_4(TABLE_4)
    values = TABLE_4[TABLE_4["code"] != "average"].filter(like="dropout_").to_numpy().ravel()
    assert finding.value == pytest.approx(((values == 66.94).sum() + (values == 66.80).sum()) / 60)
    assert finding.verdict == "suspect"
    not_better = 0
    for value in values:
        right, size = next((k, n) for n in (244, 245) for k in range(n) if f"{100 * k / n:.2f}" == f"{value:.2f}")
        # the lower end of an exact interval is above the majority just where the one-sided test at 2.5 % rejects it
        not_better += stats.binomtest(right, size, 2 / 3, alternative="greater").pvalue >= 0.025
    assert finding.details["not_better_than_the_majority"] == not_better


def test_a_table_without_a_collapsed_cell_is_clear():
    (finding,) = als_digits.collapse_of_table_4(TABLE_4[TABLE_4["code"] == "S1A"])
    assert (finding.verdict, finding.value) == ("clear", 0)


def test_the_luckiest_of_sixty_cells_that_learnt_nothing_is_not_shown_to_be_better():
    generator = np.random.default_rng(5)
    subjects = pd.DataFrame({"subject_id": [f"S{n:02}" for n in range(64)], "label": [0, 1] * 32})
    subjects["fold"] = np.arange(64) // 2 % 5 + 1
    by_luck, widened = 0, 0
    for sweep in range(12):
        noise = {Cell(f"S{n}", 0.0): subjects.assign(probability=generator.uniform(size=64)) for n in range(60)}
        measured = collapse.accuracies(noise, draws=2000, seed=sweep)
        excess = measured.drawn - measured.majority[:, None]
        by_luck += any(measured.interval(excess[:, place], 0.95)[0] > 0 for place in range(60))
        widened += bool(measured.above_majority(measured.cells, 0.95))
    assert by_luck >= 5
    assert widened <= 2

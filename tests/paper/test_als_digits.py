from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.model_selection import StratifiedKFold

from bulbar.core.names import Cell
from bulbar.paper import als_digits, tables
from tests.sweeps import ARCHITECTURES, DROPOUT_RATES, ROOT

TABLE_4 = pd.read_csv(ROOT / "reference/als_table4_accuracy.csv")
TABLE_5 = pd.read_csv(ROOT / "reference/als_table5_modalities.csv")
FIGURE_12 = tables.figure_12(pd.read_csv(ROOT / "reference/als_figure12_confusion.csv"), ("HC", "ALS"))


def probed(table_4: pd.DataFrame = TABLE_4, figure_12: tuple[int, int, int, int] = FIGURE_12) -> dict:
    return {finding.of: finding for finding in als_digits.probe(table_4, TABLE_5, figure_12)}


def table_of(percents: np.ndarray) -> pd.DataFrame:
    """Accuracies laid out as the paper's Table 4, printed to two decimals."""
    columns = [f"dropout_{rate}" for rate in DROPOUT_RATES]
    grid = pd.DataFrame(np.round(percents.reshape(10, 6), 2), columns=columns)
    grid.insert(0, "code", ARCHITECTURES)
    return grid


def test_the_papers_digits_are_the_shares_that_its_text_and_figures_imply():
    assert als_digits.fractions(80.33) == ["196/244"]
    assert als_digits.fractions(66.94) == ["164/245"]
    assert als_digits.fractions(66.80) == ["163/244"]
    assert als_digits.fractions(100) == ["244/244", "245/245"]
    assert als_digits.fractions(80.33, [245, 1224]) == []


def test_folds_as_equal_as_can_be_have_the_sizes_that_numpy_splits_into():
    for folds in range(2, 11):
        sizes = {len(part) for part in np.array_split(np.arange(1224), folds)}
        assert als_digits.fold_sizes(1224, folds) == sorted(sizes)


def test_how_many_patients_a_fold_holds_does_not_depend_on_the_shuffle():
    label = np.random.default_rng(3).permutation(np.repeat([0, 1], [408, 816]))
    for seed in range(3):
        splitter = StratifiedKFold(5, shuffle=True, random_state=seed)
        shuffled = [(len(test), label[test].sum()) for _, test in splitter.split(label, label)]
        assert sorted(shuffled) == sorted(als_digits.folds_of_the_paper())
    assert sorted(als_digits.folds_of_the_paper()) == [(244, 163), (245, 163), (245, 163), (245, 163), (245, 164)]


def test_every_published_accuracy_is_that_of_one_fold_of_five_and_rounded():
    finding = probed()["Table 4"]
    assert (finding.value, finding.verdict) == (1.0, "suspect")
    assert finding.details["printing"] == "rounded"
    assert finding.details["sizes_that_fit_all"] == {"rounded": [[244, 245]], "cut off": []}
    by_folds = finding.details["cells_that_fit_by_number_of_folds"]
    assert by_folds[5]["rounded"] == 60
    assert max(found["rounded"] for folds, found in by_folds.items() if folds != 5) <= 10


SIZES = np.array([245, 245, 245, 245, 244])


@pytest.mark.parametrize(
    ("shares", "pooled"),
    [
        ((np.random.default_rng(1).binomial(SIZES, 0.75, size=(60, 5)) / SIZES).mean(axis=1), False),
        (np.random.default_rng(2).binomial(1224, 0.75, size=60) / 1224, True),
    ],
    ids=["means over folds", "pooled"],
)
def test_means_over_folds_and_pooled_accuracies_are_not_taken_for_single_folds(shares, pooled):
    finding = probed(table_of(100 * shares))["Table 4"]
    assert finding.verdict == "clear" and finding.value < 0.3
    assert (finding.details["pooled"]["cells_that_fit"] == 60) == pooled


def test_one_fixed_fold_is_refuted_by_the_table_and_fits_one_that_was_made_so():
    refuted = probed()["Table 4, by one fixed fold"]
    assert refuted.verdict == "suspect"
    assert refuted.details["cells_that_fit"] == {"244": 21, "245": 39}
    fixed = np.random.default_rng(3).binomial(245, 0.75, size=60) / 245
    assert probed(table_of(100 * fixed))["Table 4, by one fixed fold"].verdict == "clear"


def test_one_cell_is_below_what_the_majority_reaches_in_its_best_fold():
    finding = probed()["Table 4, by highest fold"]
    assert finding.details["below_its_best_fold"] == {"S3A_0.2": 66.8}
    assert finding.value == pytest.approx(59 / 60)


def test_the_fold_of_the_lowest_loss_of_a_constant_network_is_that_with_most_patients():
    losses = {
        (size, patients): metrics.log_loss(np.repeat([1, 0], [patients, size - patients]), np.full(size, 0.66))
        for size, patients in als_digits.folds_of_the_paper()
    }
    assert min(losses, key=losses.get) == (245, 164)
    assert probed()["Table 4, by lowest validation loss"].value == 1


def test_table_5_follows_from_figure_12_which_is_the_one_fold_of_244():
    finding = probed()["Figure 12 and Table 5"]
    assert (finding.value, finding.verdict) == (244, "suspect")
    assert finding.details["matching"] == ["precision", "recall", "f1", "accuracy"]
    true, called = np.repeat([1, 1, 0, 0], FIGURE_12), np.repeat([1, 0, 1, 0], FIGURE_12)
    expected = metrics.precision_recall_fscore_support(true, called, average="weighted")[:3]
    assert [finding.details["weighted"][name] for name in ("precision", "recall", "f1")] == pytest.approx(expected)


def test_a_matrix_of_all_recordings_is_no_fold():
    finding = probed(figure_12=(760, 56, 180, 228))["Figure 12 and Table 5"]
    assert (finding.value, finding.verdict) == (1224, "clear")


def test_how_many_values_can_be_printed_agrees_with_counting_them():
    strings = {f"{100 * right / size:.2f}" for size in (244, 245) for right in range(size + 1)}
    assert als_digits.share_of_values([244, 245], "rounded") == pytest.approx(len(strings) / 10_001)
    means = {
        f"{100 * (first / 7 + second / 7 + third / 6) / 3:.2f}"
        for first, second, third in product(range(8), range(8), range(7))
    }
    assert als_digits.share_of_values_of_a_mean([7, 7, 6], "rounded") == pytest.approx(len(means) / 10_001)
    inside = [value for value in strings if 66.80 <= float(value) <= 80.33]
    assert als_digits.share_of_values([244, 245], "rounded", within=(6680, 8033)) == pytest.approx(len(inside) / 1354)


@pytest.mark.parametrize("folds", [1, 5, 300])
def test_the_expected_best_of_some_folds_agrees_with_drawing_them(folds):
    drawn = np.random.default_rng(4).binomial(245, 0.72, size=(4000, folds)).max(axis=1) / 245
    error = drawn.std() / np.sqrt(len(drawn))
    assert als_digits.expected_best(folds, 245, 0.72) == pytest.approx(drawn.mean(), abs=4 * error)
    low, high = als_digits.range_of_best(folds, 245, 0.72)
    assert 0.92 < np.mean((drawn >= low) & (drawn <= high)) < 0.99


def test_the_accuracy_behind_a_best_fold_is_the_one_that_is_expected_to_reach_it():
    for folds in (5, 300):
        behind = als_digits.accuracy_behind(0.8033, folds, 245)
        assert als_digits.expected_best(folds, 245, behind) == pytest.approx(0.8033, abs=1e-6)
    assert als_digits.accuracy_behind(0.7, 1, 245) == pytest.approx(0.7, abs=1e-6)


def sweep_of_folds(accuracy: float, cells: list[Cell], seed: int) -> pd.DataFrame:
    draws = np.random.default_rng(seed)
    rows = [(*cell, fold, draws.binomial(245, accuracy) / 245, 245) for cell in cells for fold in range(1, 6)]
    return pd.DataFrame(rows, columns=["architecture", "dropout_rate", "fold", "test_accuracy", "test_recordings"])


def test_folds_that_differ_by_luck_alone_lie_as_far_apart_as_luck_says():
    cells = [Cell(name, rate) for name in ARCHITECTURES for rate in DROPOUT_RATES]
    finding = als_digits.of_run(sweep_of_folds(0.75, cells, seed=5), [], "record_wise")
    assert finding.verdict == "suspect"
    assert finding.value == pytest.approx(finding.details["expected_by_luck"], abs=0.006)
    by_luck = finding.details["expected_highest_of_all_by_luck"]
    assert finding.details["highest_of_all"] == pytest.approx(by_luck, abs=0.02)


def test_collapsed_cells_leave_nothing_to_be_lucky_with():
    cells = [Cell("S4A", 0.5), Cell("S5A", 0.5)]
    fits = sweep_of_folds(0.667, cells, seed=6).assign(test_accuracy=164 / 245)
    finding = als_digits.of_run(fits, cells, "record_wise")
    assert finding.verdict == "clear"
    assert np.isnan(finding.value)

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from bulbar import selection
from bulbar.selection import Cell
from tests.sweeps import predictions, subjects_and_recordings, with_folds

A, B = Cell("S1A", 0.5), Cell("S1B", 0.3)


def fits(*rows: tuple[Cell, int, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [(*cell, fold, accuracy, loss, log_loss) for cell, fold, accuracy, loss, log_loss in rows],
        columns=["architecture", "dropout_rate", "fold", "test_accuracy", "validation_loss", "validation_log_loss"],
    )


TWO_CELLS = fits((A, 1, 0.70, 0.50, 0.51), (A, 2, 0.90, 0.60, 0.61), (B, 1, 0.80, 0.40, 0.52), (B, 2, 0.75, 0.55, 0.56))


def test_both_of_the_papers_possible_rules_are_reported_and_one_is_taken():
    by_accuracy = selection.record_wise(TWO_CELLS, "highest_fold_accuracy")
    by_loss = selection.record_wise(TWO_CELLS, "lowest_validation_loss")
    assert by_accuracy["reported_fold"] == 2
    assert by_accuracy["cells"] == {"1": A._asdict(), "2": A._asdict()}
    assert by_loss["reported_fold"] == 1
    assert by_loss["cells"] == {"1": B._asdict(), "2": B._asdict()}
    for rule in ("highest_fold_accuracy", "lowest_validation_loss"):
        assert by_accuracy[rule] == by_loss[rule]


def test_of_equal_accuracies_the_one_with_the_lower_loss_is_taken_then_the_sweeps_first():
    lower_loss = fits((A, 1, 0.8, 0.5, 0.5), (B, 1, 0.8, 0.4, 0.4))
    assert selection.record_wise(lower_loss, "highest_fold_accuracy")["cells"]["1"] == B._asdict()
    all_equal = fits((A, 1, 0.8, 0.5, 0.5), (B, 1, 0.8, 0.5, 0.5))
    assert selection.record_wise(all_equal, "highest_fold_accuracy")["cells"]["1"] == A._asdict()
    assert selection.cell_of_each_fold(all_equal) == {1: A}


def test_inside_a_fold_the_lowest_log_loss_on_its_validation_subjects_decides():
    assert selection.cell_of_each_fold(TWO_CELLS) == {1: A, 2: B}


def test_what_happens_on_the_test_subjects_moves_no_choice_inside_a_fold():
    perfect_for_b = TWO_CELLS.assign(test_accuracy=[0.0, 0.0, 1.0, 1.0])
    assert selection.cell_of_each_fold(perfect_for_b) == selection.cell_of_each_fold(TWO_CELLS)


def test_nested_rows_come_from_the_cell_of_their_own_fold():
    rows = pd.DataFrame({"recording_id": ["x", "y"], "subject_id": ["x", "y"], "fold": [2, 1], "label": [1, 0]})
    tables = {A: rows.assign(probability=[0.1, 0.2]), B: rows.assign(probability=[0.8, 0.9])}
    nested = selection.nested_out_of_fold({1: A, 2: B}, tables)
    assert list(nested["recording_id"]) == ["x", "y"]
    assert list(nested["probability"]) == [0.8, 0.2]


def made_up_sweep(cells: int, effect: float) -> tuple[pd.DataFrame, dict[Cell, pd.DataFrame]]:
    folds = with_folds(subjects_and_recordings(), "subject_wise")
    names = [Cell(f"S{place}", 0.1) for place in range(cells)]
    tables = {cell: predictions(folds, effect, seed=place) for place, cell in enumerate(names)}
    rows = [(cell, fold, 0.7, 0.6, 0.6) for cell in names for fold in range(1, 6)]
    return fits(*rows), tables


def test_the_winner_among_sixty_that_guess_looks_good_until_corrected():
    sweep, tables = made_up_sweep(cells=60, effect=0.0)
    winner = tables[selection.pooled_winner(sweep, tables)]
    apparent = np.mean((winner["probability"] >= 0.5) == (winner["label"] == 1))
    loss = -np.log(np.where(winner["label"] == 1, winner["probability"], 1 - winner["probability"])).mean()
    corrected = selection.bias_corrected(tables)
    assert corrected["log_loss"] > loss
    assert corrected["accuracy"] < apparent


def test_with_one_cell_there_is_nothing_to_correct():
    _, tables = made_up_sweep(cells=1, effect=0.5)
    table = next(iter(tables.values()))
    accuracy = np.mean((table["probability"] >= 0.5) == (table["label"] == 1))
    assert selection.bias_corrected(tables, draws=4000)["accuracy"] == pytest.approx(accuracy, abs=0.01)


def test_selections_stay_readable_in_an_experiment_table():
    def leaves(tree: object) -> int:
        return sum(map(leaves, tree.values())) if isinstance(tree, dict) else 1

    sweep, tables = made_up_sweep(cells=3, effect=0.3)
    assert leaves(selection.record_wise(sweep, "highest_fold_accuracy")) <= 23
    assert leaves(selection.subject_wise(sweep, tables)) <= 23


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValidationError, match="record_wise_rule"):
        selection.Settings(record_wise_rule="best")  # type: ignore[arg-type]

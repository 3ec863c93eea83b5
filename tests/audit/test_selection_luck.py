import numpy as np
import pandas as pd
import pytest

from bulbar.audit import selection_luck
from bulbar.core.names import Cell
from bulbar.scoring import selection
from tests.sweeps import predictions, subjects_and_recordings, with_folds

COLUMNS = ["architecture", "dropout_rate", "fold", "test_accuracy", "validation_loss", "validation_log_loss"]


def made_up(effects: list[float], subjects: int = 45) -> tuple[pd.DataFrame, dict[Cell, pd.DataFrame]]:
    """A cell for each effect, all on the same folds."""
    folds = with_folds(subjects_and_recordings(subjects), "subject_wise")
    tables = {Cell(f"S{at}", 0.1): predictions(folds, effect, seed=at) for at, effect in enumerate(effects)}
    rows = [(*cell, fold, 0.7, 0.6, 0.6) for cell in tables for fold in range(1, 6)]
    return pd.DataFrame(rows, columns=COLUMNS), tables


def test_the_best_of_forty_that_guess_owes_its_score_to_luck():
    accuracy, loss = selection_luck.by_subject(*made_up([0.0] * 40))
    assert accuracy.value > 0.02
    assert loss.value > 0.02
    assert accuracy.details["optimistic"] - accuracy.details["corrected"] == pytest.approx(accuracy.value)


def test_with_one_cell_there_is_no_luck_of_being_the_best():
    accuracy, loss = selection_luck.by_subject(*made_up([0.5]))
    assert accuracy.value == pytest.approx(0, abs=0.02)
    assert loss.value == pytest.approx(0, abs=0.02)
    assert (accuracy.verdict, loss.verdict) == ("clear", "clear")


def test_luck_beyond_doubt_is_suspect(monkeypatch):
    lucky = selection.Corrected(optimistic=0.8, corrected=0.6, low=0.5, high=0.7)
    costly = selection.Corrected(optimistic=0.5, corrected=0.7, low=0.6, high=0.8)
    monkeypatch.setattr(selection, "bias_corrected", lambda *_, **__: {"accuracy": lucky, "log_loss": costly})
    accuracy, loss = selection_luck.by_subject(*made_up([0.0]))
    for finding in (accuracy, loss):
        assert finding.verdict == "suspect"
        assert (finding.value, finding.low, finding.high) == pytest.approx((0.2, 0.1, 0.3))


def test_the_highest_fold_stands_beside_its_cells_mean_and_that_of_all():
    accuracies = np.array([[0.6, 0.7, 0.9], [0.5, 0.6, 0.7]])
    names = ("S1A", "S1B")
    rows = [(names[at], 0.1, fold + 1, accuracy, 0.5, 0.5) for (at, fold), accuracy in np.ndenumerate(accuracies)]
    (finding,) = selection_luck.by_recording(pd.DataFrame(rows, columns=COLUMNS))
    assert finding.verdict == "suspect"
    assert finding.value == pytest.approx(0.9 - accuracies[0].mean())
    assert finding.details["mean_of_all"] == pytest.approx(accuracies.mean())
    assert "biased" in finding.sentence


def test_folds_that_are_all_equal_are_clear():
    rows = [("S1A", 0.1, fold, 2 / 3, 0.5, 0.5) for fold in range(1, 6)]
    (finding,) = selection_luck.by_recording(pd.DataFrame(rows, columns=COLUMNS))
    assert (finding.verdict, finding.value) == ("clear", pytest.approx(0))

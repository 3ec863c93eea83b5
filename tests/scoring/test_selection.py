import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from bulbar.scoring import intervals, selection
from bulbar.scoring.selection import Cell
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


def noise(cohort: int, *, cells: int = 60, subjects: int = 40) -> tuple[pd.DataFrame, dict[Cell, pd.DataFrame]]:
    """Cells that know nothing of the label, in a cohort with as many patients as controls, two recordings each."""
    generator = np.random.default_rng(cohort)
    subject = np.repeat(np.arange(subjects), 2)
    rows = pd.DataFrame({"recording_id": [f"R{n:03d}" for n in range(len(subject))], "subject_id": subject,
                         "fold": subject // 2 % 5 + 1, "label": subject % 2})  # fmt: skip
    logits = generator.normal(0, 0.6, (cells, subjects))[:, subject] + generator.normal(0, 0.3, (cells, len(subject)))
    names = [Cell(f"S{place}", 0.1) for place in range(cells)]
    tables = {
        cell: rows.assign(probability=1 / (1 + np.exp(-logit))) for cell, logit in zip(names, logits, strict=True)
    }
    return fits(*[(cell, fold, 0.7, 0.6, 0.6) for cell in names for fold in range(1, 6)]), tables


def test_the_best_of_sixty_that_guess_looks_good_until_corrected():
    found = [selection.bias_corrected(*noise(cohort), draws=100, seed=cohort) for cohort in range(14)]
    for score in ("accuracy", "roc_auc", "roc_auc_per_subject"):
        assert all(of_cohort[score].low < 0.5 < of_cohort[score].high for of_cohort in found)
        assert np.mean([of_cohort[score].optimistic for of_cohort in found]) > 0.6
        corrected = np.mean([of_cohort[score].corrected for of_cohort in found])
        assert corrected == pytest.approx(0.5, abs=0.04)  # of fourteen cohorts whose sd is 0.05


def test_the_optimistic_scores_are_the_pooled_winners_own():
    sweep, tables = noise(1)
    winner = tables[selection.pooled_winner(sweep, tables)]
    assert metrics.log_loss(winner["label"], winner["probability"]) == min(
        metrics.log_loss(table["label"], table["probability"]) for table in tables.values()
    )
    found = selection.bias_corrected(sweep, tables, draws=100)
    of_folds = [metrics.roc_auc_score(part["label"], part["probability"]) for _, part in winner.groupby("fold")]
    assert found["roc_auc"].optimistic == pytest.approx(np.mean(of_folds))  # every fold has as many pairs
    assert found["accuracy"].optimistic == metrics.accuracy_score(winner["label"], winner["probability"] >= 0.5)


def test_of_equal_losses_the_pooled_winner_has_the_lower_validation_loss():
    _, tables = made_up_sweep(cells=1, effect=0.3)
    table = next(iter(tables.values()))
    sweep = fits(*[(cell, fold, 0.7, loss, 0.6) for cell, loss in ((A, 0.6), (B, 0.5)) for fold in range(1, 6)])
    assert selection.pooled_winner(sweep, {A: table, B: table}) == B


def test_a_cell_that_is_truly_better_keeps_its_score():
    accuracies, corrected = [], []
    for cohort in range(6):
        sweep, tables = noise(cohort, subjects=120)
        good = Cell("S7", 0.1)
        logit = np.log(tables[good]["probability"] / (1 - tables[good]["probability"]))
        tables[good] = tables[good].assign(probability=1 / (1 + np.exp(-(logit + 1.2 * (tables[good]["label"] - 0.5)))))
        assert selection.pooled_winner(sweep, tables) == good
        found = selection.bias_corrected(sweep, tables, draws=400)["accuracy"]
        accuracies.append(found.optimistic)
        corrected.append(found.corrected)
    true = stats.norm.cdf(0.6 / np.hypot(0.6, 0.3))  # the share of normal logits on the right side of 0
    assert np.mean(accuracies) == pytest.approx(true, abs=0.02)
    assert corrected == pytest.approx(accuracies, abs=0.005)


def auc_of_pairs_within_folds(subjects: pd.DataFrame) -> float:
    higher = [
        (ill > well) + 0.5 * (ill == well)
        for _, fold in subjects.groupby("fold")
        for ill in fold.loc[fold["label"] == 1, "probability"]
        for well in fold.loc[fold["label"] == 0, "probability"]
    ]
    return float(np.mean(higher))


def test_corrected_scores_are_those_of_the_subjects_left_out_by_the_cell_best_on_the_drawn():
    sweep, tables = made_up_sweep(cells=5, effect=0.3)
    labels = intervals.subjects_of(tables[Cell("S0", 0.1)])
    by_hand = []
    for counts in intervals.drawn_subjects(labels, draws=30, seed=8).astype(int):
        names = np.repeat(labels.index.to_numpy(), counts)
        inside = {cell: table.set_index("subject_id").loc[names] for cell, table in tables.items()}
        best = min(tables, key=lambda cell: metrics.log_loss(inside[cell]["label"], inside[cell]["probability"]))
        outside = tables[best][~tables[best]["subject_id"].isin(names)]
        subjects = outside.groupby("subject_id").mean(numeric_only=True)
        by_hand.append((metrics.accuracy_score(outside["label"], outside["probability"] >= 0.5),
                        metrics.log_loss(outside["label"], outside["probability"]),
                        auc_of_pairs_within_folds(subjects)))  # fmt: skip
    found = selection.bias_corrected(sweep, tables, draws=30, seed=8)
    for score, values in zip(("accuracy", "log_loss", "roc_auc_per_subject"), np.transpose(by_hand), strict=True):
        assert found[score].corrected == pytest.approx(values.mean())
        assert (found[score].low, found[score].high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


def test_with_one_cell_there_is_nothing_to_correct():
    sweep, tables = made_up_sweep(cells=1, effect=0.5)
    found = selection.bias_corrected(sweep, tables, draws=4000)
    for score in ("accuracy", "roc_auc"):
        assert found[score].corrected == pytest.approx(found[score].optimistic, abs=0.01)
        assert selection.luck(found[score]).value == pytest.approx(0, abs=0.01)


def test_luck_is_what_the_winner_has_beyond_the_corrected_score():
    luck = selection.luck(selection.Corrected(optimistic=0.70, corrected=0.62, low=0.50, high=0.73))
    assert luck == pytest.approx((0.08, -0.03, 0.20))


def test_selections_stay_readable_in_an_experiment_table():
    def leaves(tree: object) -> int:
        return sum(map(leaves, tree.values())) if isinstance(tree, dict) else 1

    sweep, tables = made_up_sweep(cells=3, effect=0.3)
    assert leaves(selection.record_wise(sweep, "highest_fold_accuracy")) <= 24
    assert leaves(selection.subject_wise(sweep, tables)) <= 35


def test_only_what_the_test_folds_took_part_in_is_marked_as_biased():
    sweep, tables = made_up_sweep(cells=2, effect=0.3)
    assert selection.record_wise(sweep, "lowest_validation_loss")["biased"] is True
    assert selection.subject_wise(sweep, tables)["biased"] is False


def test_split_by_subject_every_score_has_its_interval():
    sweep, tables = made_up_sweep(cells=3, effect=0.3)
    found = selection.subject_wise(sweep, tables, draws=500)
    nested, winner = found["nested"], found["pooled_winner"]
    for score, (low, high) in nested["intervals"].items():
        assert low < nested[score] < high
    for score, (low, high) in winner["intervals"].items():
        assert low < winner[f"{score}_corrected"] < high

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import permutation_importance

from bulbar.cohort import minsk2020, voc_als
from bulbar.core import disclosure
from bulbar.explain import clinical_tables, groups, importance, shap_values
from bulbar.explain.clinical_columns import ClinicalFold, ExplainedColumns, columns_of_features
from bulbar.explain.importance import HOW, Scored, averaging, shuffled
from bulbar.scoring import intervals, metrics

DRAWING = {"draws": 200, "level": 0.95, "seed": 0}
N = 40


def table_of(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Patients and controls in turn: `shifted` is higher in patients; `noise` is not, but is recorded for them only."""
    draws = np.random.default_rng(seed)
    label = np.arange(N) % 2
    shifted, noise = label + draws.normal(0, 0.3, N), draws.normal(5, 1, N)
    return pd.DataFrame({"shifted": shifted, "noise": np.where(label, noise, np.nan)}), label


def importance_of(predict, columns, table, label, times=60):
    """The importance of columns to a model that predicts a probability for each row of a table."""
    fold = np.repeat([1, 2], N // 2)

    def scored(rows):
        return Scored(predict(rows).reshape(-1, len(table)), label, fold)

    by_how = {how: scored(shuffled(table, columns, how, times=times, seed=1)) for how in HOW}
    return importance.importance(scored(table), by_how, label, **DRAWING)


def test_a_model_of_values_loses_by_values_and_one_of_filled_cells_by_which_are_recorded():
    table, label = table_of()
    of_values = importance_of(
        lambda t: 1 / (1 + np.exp(-4 * (t["shifted"].to_numpy() - 0.5))), ["shifted"], table, label
    )
    assert of_values.by_values == of_values.lost and of_values.by_recording == 0
    assert of_values.lost == pytest.approx(0.5, abs=0.1) and of_values.lost_low > 0.2

    of_pattern = importance_of(lambda t: np.where(t["noise"].notna(), 0.9, 0.1), ["noise"], table, label)
    assert of_pattern.by_values == 0 and of_pattern.by_recording == of_pattern.lost
    assert of_pattern.lost == pytest.approx(0.5, abs=0.1)
    assert of_pattern.log_loss_by_recording == pytest.approx(of_pattern.log_loss_gained)
    assert of_pattern.log_loss_gained > 0.5

    unused = importance_of(lambda t: np.where(t["noise"].notna(), 0.9, 0.1), ["shifted"], table, label)
    np.testing.assert_allclose(unused, 0, atol=1e-12)


def test_values_move_among_those_who_have_one_and_cells_among_all():
    table = pd.DataFrame(
        {"a": [1.0, np.nan, 3, np.nan, 5, 6], "b": list("uvwxyz"), "c": [1.0, np.nan, 3, np.nan, 5, 6]}
    )
    values = shuffled(table, ["a", "c"], "values", times=30, seed=2)
    assert values["b"].tolist() == list("uvwxyz") * 30
    np.testing.assert_array_equal(values["a"], values["c"])  # recorded for the same people: they move together
    for start in range(0, 180, 6):
        copy = values["a"].iloc[start : start + 6]
        np.testing.assert_array_equal(copy.isna(), table["a"].isna())
        assert sorted(copy.dropna()) == [1, 3, 5, 6]
    assert len(set(map(tuple, values["a"].to_numpy().reshape(30, 6)[:, [0, 2, 4, 5]]))) > 10
    cells = shuffled(table, ["a"], "cells", times=30, seed=2)["a"].to_numpy().reshape(30, 6)
    assert (np.isnan(cells).sum(axis=1) == 2).all() and len(set(map(tuple, np.isnan(cells)))) > 5


def test_where_every_cell_is_recorded_both_shuffles_are_one():
    table = pd.DataFrame({"a": np.arange(9.0), "b": np.arange(9.0)})
    both = [shuffled(table, ["a", "b"], how, times=5, seed=3) for how in HOW]
    pd.testing.assert_frame_equal(*both)


class Threshold(ClassifierMixin, BaseEstimator):
    def fit(self, x, y):
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, x):
        positive = 1 / (1 + np.exp(-(3 * x[:, 0] + x[:, 1] - 2)))
        return np.column_stack([1 - positive, positive])


def test_the_importance_of_a_column_that_is_always_recorded_is_scikit_learn_s():
    draws = np.random.default_rng(5)
    label = np.arange(N) % 2
    x = np.column_stack([label + draws.normal(0, 0.5, N), label + draws.normal(0, 1, N)])
    expected = permutation_importance(
        Threshold().fit(x, label), x, label, scoring="roc_auc", n_repeats=200, random_state=0
    ).importances_mean
    table = pd.DataFrame(x, columns=["a", "b"])
    model = Threshold().fit(x, label)
    one = np.ones(N)

    def auc(rows):
        return Scored(model.predict_proba(rows)[:, 1].reshape(-1, N), label, one).auc(one[np.newaxis])[0]

    for at, name in enumerate(table):
        moved = shuffled(table, [name], "cells", times=200, seed=1).to_numpy()
        assert auc(x) - auc(moved) == pytest.approx(expected[at], abs=0.03)


def test_the_auc_of_one_shuffle_is_that_of_the_scores_and_of_draws_that_of_uncertainty():
    draws = np.random.default_rng(6)
    label, fold = np.arange(N) % 2, np.repeat([1, 2], N // 2)
    probability = draws.random(N).round(1)  # with ties
    scored = Scored(probability[np.newaxis], label, fold)
    once = np.ones((1, N))
    assert scored.auc(once)[0] == pytest.approx(metrics.roc_auc_within_folds(label, probability, fold))
    assert scored.log_loss == pytest.approx(metrics.log_loss(label, probability))
    table = pd.DataFrame(
        {"subject_id": [f"{i:02}" for i in range(N)], "fold": fold, "label": label, "probability": probability}
    )
    drawn = intervals.drawn_subjects(label, draws=50, seed=0)
    np.testing.assert_allclose(scored.auc(drawn), intervals.scores_of_draws(table, drawn)["roc_auc"])


def test_a_subject_is_the_mean_of_recordings_whatever_rows_they_have():
    weights = averaging(np.array([0, 0, 0, 1]), np.array([7, 7, 8, 9])).toarray()
    np.testing.assert_allclose(weights, [[0.25, 0.25, 0.5, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("columns", [3, shap_values.EXACT_UP_TO + 2])
def test_shap_values_of_a_linear_network_are_weights_times_distances_from_the_background(columns):
    draws = np.random.default_rng(7)
    player_of = [0, *range(columns)]  # the first column has two features
    weights, of_voice = draws.normal(size=columns + 1), draws.normal(size=9)
    encoded, background = draws.random((3, columns + 1)), draws.random((6, columns + 1))

    def linear(encoded, rows):
        return encoded @ weights + of_voice[rows]

    values, base = shap_values.values(linear, encoded, np.arange(3), background, 3 + np.arange(6), player_of, seed=1)
    distances = (encoded - background.mean(axis=0)) * weights
    expected = np.column_stack([distances[:, :2].sum(axis=1), distances[:, 2:], of_voice[:3] - of_voice[3:].mean()])
    np.testing.assert_allclose(values, expected, atol=1e-6)
    np.testing.assert_allclose(base, linear(background, 3 + np.arange(6)).mean())


def test_shap_values_and_base_add_up_and_are_the_same_again():
    draws = np.random.default_rng(8)
    of_voice = draws.normal(size=9)

    def predict(encoded, rows):
        return np.tanh(encoded.sum(axis=1) * of_voice[rows]) + encoded[:, 0] * encoded[:, -1]

    columns = shap_values.EXACT_UP_TO + 1
    encoded, background = draws.random((2, columns)), draws.random((4, columns))
    inputs = (predict, encoded, np.arange(2), background, 2 + np.arange(4), list(range(columns)))
    values, base = shap_values.values(*inputs, seed=1)
    np.testing.assert_allclose(values.sum(axis=1) + base, predict(encoded, np.arange(2)), atol=1e-6)
    np.testing.assert_array_equal(shap_values.values(*inputs, seed=1)[0], values)


def test_columns_find_their_groups_and_features_their_columns():
    columns = ["age_years", "sex", "alsfrs_r_speech", "mrc_head", "genetic_test", "shoe_size"]
    assert groups.of_columns(columns) == {
        "Age and sex": ["age_years", "sex"],
        "ALSFRS-R": ["alsfrs_r_speech"],
        "MRC": ["mrc_head"],
        "Genetics": ["genetic_test"],
        "shoe_size": ["shoe_size"],
    }
    names = ["sex", "alsfrs_r_cutting_food", "alsfrs_r_cutting_food_with_gastrostomy"]
    features = ["alsfrs_r_cutting_food", "alsfrs_r_cutting_food_with_gastrostomy", "sex_F", "sex_M"]
    assert columns_of_features(features, names) == [1, 2, 0, 0]


def test_every_clinical_column_of_both_releases_is_in_a_named_group_and_no_group_is_idle():
    of_voc_als = groups.of_columns(name for name, _ in voc_als.CLINICAL.values())
    minsk = [name for name, _ in minsk2020.TABLES["ALS"].values()]
    of_minsk2020 = groups.of_columns(minsk)
    assert set(of_voc_als) | set(of_minsk2020) == set(groups.GROUPS)
    assert of_minsk2020["Onset and course"] == [name for name in minsk if "onset" in name]


def records_of(table: pd.DataFrame, label: np.ndarray, shap: np.ndarray) -> clinical_tables.Records:
    """Explanations of one fold, one recording a subject, with SHAP values of one's own making."""
    nobody = np.zeros((0, 1, 1))
    fold = ClinicalFold(
        models={}, encoder=None, table=table, images=nobody, owner=np.arange(N), recording=np.arange(N),
        background_table=table[:0], background_images=nobody, groups={}, backend="", seed=0, settings=None,
    )  # fmt: skip
    found = ExplainedColumns(plain={}, shuffled={}, shap={"fused_all": shap}, base={})
    return clinical_tables.Records(
        inputs=[fold], found=[found], label=label, fold=np.ones(len(label)), classes=("HC", "ALS"),
        groups={"Shifted": ["shifted"], "Noise": ["noise"]}, drawing=DRAWING,
    )  # fmt: skip


def test_shap_values_are_split_by_whether_the_cell_is_recorded():
    table, label = table_of()
    shap = np.column_stack([np.full(N, 0.5), np.where(label, 1.0, -2.0), np.full(N, 0.5)])
    records = records_of(table, label, shap)
    by_group = clinical_tables.shap_by_group(records).set_index(["class", "group"])
    assert by_group.loc[("HC", "Noise"), ["recorded", "not_recorded", "share"]].tolist() == [0, 2, pytest.approx(2 / 3)]
    assert by_group.loc[("ALS", "Noise"), ["recorded", "not_recorded", "share"]].tolist() == [1, 0, 0.5]
    share = clinical_tables.share_of_decision(records, "fused_all", "not recorded")
    assert share.value == pytest.approx((0 + 2 / 3) / 2) and share.low <= share.value <= share.high
    assert clinical_tables.share_of_decision(records, "fused_all", "voice").value == pytest.approx((1 / 4 + 1 / 6) / 2)
    by_column = clinical_tables.shap_by_column(records).set_index(["class", "column", "cells"])
    assert by_column.loc[("HC", "noise", "not recorded"), ["subjects", "mean"]].tolist() == [N // 2, -2]
    assert ("HC", "noise", "recorded") not in by_column.index


def test_what_fewer_than_five_people_have_is_withheld_and_so_is_its_complement():
    table, label = table_of()
    table.loc[np.flatnonzero(label)[:2], "noise"] = np.nan  # two patients
    shap = np.ones((N, 3))
    by_column = clinical_tables.shap_by_column(records_of(table, label, shap)).set_index(["class", "column", "cells"])
    few, others = (by_column.loc[("ALS", "noise", cells)] for cells in ("not recorded", "recorded"))
    assert (few["subjects"], others["subjects"]) == (disclosure.shown(2), disclosure.shown(18, 20))
    assert np.isnan([few["mean"], few["mean_size"], others["mean"], others["mean_size"]]).all()
    by_group = clinical_tables.shap_by_group(records_of(table, label, shap)).set_index(["class", "group"])
    noise = by_group.loc[("ALS", "Noise")]
    assert np.isnan(noise["recorded"]) and np.isnan(noise["not_recorded"]) and noise["total"] == 1

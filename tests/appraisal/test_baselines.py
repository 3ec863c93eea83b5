"""The baselines learn on the training rows alone, find what is planted, and find nothing where nothing is."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from bulbar.appraisal import baselines
from bulbar.core.names import PROTOCOLS
from tests.sweeps import subjects_and_recordings, with_folds

SETTINGS = baselines.Settings(trees=30)
TRAIN_ONLY = ["syllable_rate_hz", "syllable_irregularity"]


def cohort(protocol="subject_wise", *, subjects=60, effect=0.0, identity=0.0, seed=1):
    """Rows as a stage gives them. effect: of the disease on jitter, in sd; identity: spread between people, in sd."""
    rows = with_folds(subjects_and_recordings(subjects), protocol)
    draw = np.random.default_rng(seed)
    rows["task"] = rows["recording_id"].str.split("_").str[1]
    people = rows["subject_id"].unique()

    def of_people(values):
        return rows["subject_id"].map(dict(zip(people, values, strict=True)))

    rows["age_years"] = of_people(draw.normal(60, 10, len(people)))
    rows["sex"] = of_people(draw.choice(["M", "F"], len(people)))
    for name in baselines.VOICE:
        own = of_people(draw.standard_normal(len(people)))
        rows[name] = np.exp(0.3 * (identity * own + draw.standard_normal(len(rows)))) * 0.01
    rows["jitter_local"] *= np.exp(0.3 * effect * rows["label"])
    rows["hnr_db"] += np.where(rows["task"] == "PA", 10.0, 20.0)
    rows.loc[rows["task"] == "A", TRAIN_ONLY] = np.nan
    return rows


def scored(rows, model, *, settings=SETTINGS, seed=0):
    parts = [baselines.out_of_fold(rows, model, fold, settings, seed) for fold in sorted(rows["fold"].unique())]
    return pd.concat([predicted for predicted, _ in parts]).sort_values("recording_id"), [weight for _, weight in parts]


def auc(rows, model, **known):
    table, _ = scored(rows, model, **known)
    return roc_auc_score(table["label"], table["probability"])


@pytest.mark.parametrize("model", [model for model in baselines.BASELINES if model != "majority"])
def test_every_recording_is_scored_once_by_a_model_that_did_not_see_its_fold(model):
    rows = cohort()
    table, _ = scored(rows, model)
    assert list(table) == ["recording_id", "subject_id", "fold", "label", "probability"]
    pd.testing.assert_frame_equal(
        table.drop(columns="probability").reset_index(drop=True),
        rows.sort_values("recording_id")[["recording_id", "subject_id", "fold", "label"]].reset_index(drop=True),
    )
    assert table["probability"].between(0, 1).all()
    assert (table["probability"] == table["probability"].round(6)).all()
    relabelled = rows.assign(label=np.where(rows["fold"] == 1, 1 - rows["label"], rows["label"]))
    again, _ = baselines.out_of_fold(relabelled, model, 1, SETTINGS, 0)
    assert again["probability"].tolist() == table.loc[again.index, "probability"].tolist()


def test_majority_predicts_the_same_for_everyone_so_that_no_pair_of_folds_is_ordered():
    rows = cohort()
    table, _ = scored(rows, "majority")
    assert table["probability"].to_numpy() == pytest.approx(rows["label"].mean(), abs=1e-6)
    assert roc_auc_score(table["label"], table["probability"]) == 0.5


def test_age_and_sex_are_scikit_learns_regression_on_the_two():
    rows = cohort()
    rows.loc[rows["subject_id"] == "S001", "age_years"] = np.nan
    found, _ = baselines.out_of_fold(rows, "age_sex", 1, SETTINGS, 0)
    trained, tested = rows[rows["fold"] != 1], rows[rows["fold"] == 1]

    def table(part):
        known = trained["age_years"]
        age = part["age_years"].fillna(known.median()).clip(known.min(), known.max())
        return np.column_stack([age, part["sex"] == "F", part["sex"] == "M"])

    scaler = StandardScaler().fit(table(trained))
    regression = LogisticRegression().fit(scaler.transform(table(trained)), trained["label"])
    expected = regression.predict_proba(scaler.transform(table(tested)))[:, 1]
    assert found["probability"].to_numpy() == pytest.approx(expected, abs=1e-4)


def test_voice_features_are_standardised_within_their_task():
    rows = cohort()
    found = baselines.WithinTask().fit(rows).transform(rows)
    for task in ("A", "PA"):
        here = rows["task"] == task
        for name in ("mean_f0_hz", "hnr_db", "jitter_local"):
            values = np.log(rows.loc[here, name]) if name in baselines.SKEWED else rows.loc[here, name]
            expected = StandardScaler().fit_transform(values.to_numpy()[:, None])[:, 0]
            assert found.loc[here, name].to_numpy() == pytest.approx(expected)
    assert list(found) == baselines.VOICE
    assert (found.loc[rows["task"] == "A", TRAIN_ONLY] == 0).all(axis=None)


def test_what_is_missing_becomes_the_median_of_the_training_rows_of_its_task():
    rows = cohort()
    trained, tested = rows[rows["fold"] != 1], rows[rows["fold"] == 1].copy()
    tested["hnr_db"] = np.nan
    found = baselines.WithinTask().fit(trained).transform(tested)
    for task in ("A", "PA"):
        values = trained.loc[trained["task"] == task, "hnr_db"]
        expected = (values.median() - values.mean()) / values.std(ddof=0)
        assert found.loc[tested["task"] == task, "hnr_db"].to_numpy() == pytest.approx(expected)


def test_a_task_or_feature_that_training_never_saw_is_neither_high_nor_low():
    rows = cohort()
    vowels = rows[rows["task"] == "A"].assign(jitter_local=np.nan, hnr_db=0.1)
    scaler = baselines.WithinTask().fit(vowels)
    assert (scaler.transform(rows[rows["task"] == "PA"]) == 0).all(axis=None)
    found = scaler.transform(rows[rows["task"] == "A"].assign(jitter_local=0.5, hnr_db=0.1))
    assert (found[["jitter_local", "hnr_db"]].abs() < 1e-6).all(axis=None)


@pytest.mark.parametrize("model", ["voice_linear", "voice_forest"])
def test_a_planted_effect_on_one_feature_is_found_and_nothing_is_found_without(model):
    assert auc(cohort(effect=2.5), model) > 0.8
    assert 0.35 < np.mean([auc(cohort(seed=seed), model) for seed in range(3)]) < 0.65


def test_age_and_sex_do_not_use_the_voice_and_the_voice_shows_no_age():
    assert auc(cohort(effect=2.5), "age_sex") < 0.65
    older = cohort()
    older["age_years"] += 25 * older["label"]
    assert auc(older, "age_sex") > 0.85
    assert auc(older, "voice_linear") < 0.65


def test_the_weight_of_the_planted_feature_is_the_largest_and_has_its_sign():
    _, weights = scored(cohort(effect=2.5), "voice_linear")
    for weight in weights:
        voice = {name: weight[name] for name in baselines.VOICE}
        assert max(voice, key=lambda name: abs(voice[name])) == "jitter_local"
        assert voice["jitter_local"] > 0.5
    assert scored(cohort(), "voice_forest")[1] == [{}] * 5
    assert scored(cohort(), "majority")[1] == [{}] * 5


def test_split_by_recording_a_forest_knows_the_speakers_and_split_by_subject_it_does_not():
    known, unknown = (
        np.mean([auc(cohort(protocol, identity=6.0, seed=seed), "voice_forest") for seed in range(4)])
        for protocol in PROTOCOLS
    )
    assert 0.4 < unknown < 0.6
    assert known > unknown + 0.1


@pytest.mark.parametrize("model", baselines.BASELINES)
def test_gaps_of_every_kind_raise_no_warning(model):
    rows = cohort(subjects=18)
    rows = rows.assign(shimmer_local=np.nan, sd_f0_hz=0.0, mean_f0_hz=120.0, age_years=np.nan)
    rows.loc[rows["subject_id"] == "S002", "sex"] = np.nan
    rows.loc[rows["subject_id"] == "S003", "sex"] = "X"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table, _ = scored(rows, model)
    assert table["probability"].notna().all()


def test_the_same_seed_grows_the_same_forest_and_the_order_of_the_folds_does_not_matter():
    rows = cohort(effect=1.0)
    table, _ = scored(rows, "voice_forest")
    last, _ = baselines.out_of_fold(rows, "voice_forest", 5, SETTINGS, 0)
    assert last["probability"].tolist() == table.loc[last.index, "probability"].tolist()
    assert not scored(rows, "voice_forest", seed=1)[0].equals(table)
    pd.testing.assert_frame_equal(scored(rows, "voice_linear", seed=1)[0], scored(rows, "voice_linear")[0])


def test_the_params_set_how_many_trees_grow():
    forest = baselines.classifier("voice_forest", baselines.Settings(trees=7), 0)
    rows = cohort(subjects=18)
    assert len(forest.fit(rows, rows["label"]).named_steps["forest"].estimators_) == 7

"""What is compared of two cohorts: fits that are tested on both, their predictions, scores, tables and figure."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from bulbar.appraisal import external, external_page
from bulbar.cohort import folds
from bulbar.core.names import Cell
from bulbar.training import fits
from tests.drawn import assert_steady

CELL = Cell("S1B", 0.3)
BANDS = {"as_recorded": "as recorded", "low_passed": "low-passed at 3600 Hz"}
MODELS = ("audio", "voice", "voice_unadjusted", "conditions")
DRAWING = {"draws": 200, "seed": 3}


def cohort(
    role: str, subjects: int, *, recordings: int = 2, segments: int = 1, seed: int = 0
) -> external.ComparedCohort:
    """Two patients for each control, split by subject into two folds."""
    names = [f"S{number:02d}" for number in range(subjects)]
    rows = [
        {"recording_id": f"{name}_{task}", "subject_id": name, "label": int(number % 3 > 0)}
        for number, name in enumerate(names)
        for task in range(recordings)
    ]
    table = folds.assign(pd.DataFrame(rows), "subject_wise", folds.Settings(n_splits=2), seed)
    rows_of_array = np.repeat(np.arange(len(table)), segments)
    training = fits.Settings(max_epochs=6 if role == "main" else 100)
    return external.ComparedCohort(role, f"{role} (synthetic)", True, table, rows_of_array, [8000], training)


MAIN, OTHER = cohort("main", 18), cohort("external", 24, recordings=1, segments=3, seed=1)


@pytest.fixture
def data_of_cohorts(tmp_path):
    labels = external.labels_of([MAIN, OTHER])
    study = fits.Study(tmp_path / "images.npy", "digest", labels, fits.Settings(), 5)
    return external.data_of_cohorts([MAIN, OTHER], study, (20, 20))


def test_each_cohort_s_rows_lie_together_and_carry_its_labels(data_of_cohorts):
    main, other = data_of_cohorts
    assert np.array_equal(np.flatnonzero(main.rows >= 0), np.arange(36))
    assert np.array_equal(np.flatnonzero(other.rows >= 0), np.arange(36, 36 + 72))
    labels = external.labels_of([MAIN, OTHER])
    assert np.array_equal(labels[:36], MAIN.table["label"])
    assert np.array_equal(labels[36:].reshape(24, 3)[:, 0], OTHER.table["label"])


def test_a_fit_never_trains_on_or_watches_the_other_cohort_and_tests_all_of_it(data_of_cohorts):
    for trained, own, other in ((MAIN, *data_of_cohorts), (OTHER, *data_of_cohorts[::-1])):
        for fold, fit in enumerate(external.cross_fits(trained, own, other, CELL), start=1):
            rows_of_own, rows_of_other = np.flatnonzero(own.rows >= 0), np.flatnonzero(other.rows >= 0)
            assert set(fit.train) | set(fit.validation) <= set(rows_of_own)
            assert set(fit.test) - set(rows_of_own) == set(rows_of_other)
            assert not set(fit.train) & set(fit.test)
            seen = set(trained.table["subject_id"].iloc[own.rows[fit.train]])
            tested = set(trained.table["subject_id"].iloc[own.rows[np.intersect1d(fit.test, rows_of_own)]])
            assert not seen & tested
            assert fit.name == f"external/from_{trained.role}/S1B_0.3/fold_{fold}"
            assert fit.settings == trained.training


def test_within_is_out_of_fold_and_outside_is_the_mean_over_the_networks_with_their_range(data_of_cohorts):
    own, other = data_of_cohorts
    of_folds = external.cross_fits(MAIN, own, other, CELL)
    draws = np.random.default_rng(2)
    scored = [draws.random(len(fit.test)) for fit in of_folds]
    fitted = [fits.Fitted(values, np.empty(0), pd.DataFrame()) for values in scored]
    within, outside = external.predictions(own, other, of_folds, fitted)
    for position, row in enumerate(within.itertuples()):
        fit = of_folds[row.fold - 1]
        assert row.probability == pytest.approx(scored[row.fold - 1][list(fit.test).index(position)], abs=1e-6)
    by_recording = np.array([values[-72:].reshape(24, 3).mean(axis=1) for values in scored])
    np.testing.assert_allclose(outside["probability"], by_recording.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(outside[["lowest", "highest"]].T, np.sort(by_recording, axis=0), atol=1e-6)
    assert outside["recording_id"].tolist() == OTHER.table["recording_id"].tolist()
    assert outside["label"].tolist() == OTHER.table["label"].tolist()


def table_of(which: external.ComparedCohort, strength: float, seed: int) -> pd.DataFrame:
    logits = strength * which.table["label"] + np.random.default_rng(seed).normal(size=len(which.table))
    named = which.table[["recording_id", "subject_id", "fold", "label"]]
    return named.assign(probability=1 / (1 + np.exp(-logits)))


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    """Scores of both directions and bands and of all models, of made-up predictions; the models in no order."""
    parts = []
    every = product(BANDS, MODELS[::-1], (MAIN, OTHER), (MAIN, OTHER))
    for seed, (band, model, trained, tested) in enumerate(every):
        table = table_of(tested, 1.5, seed)
        table = table if trained is tested else table.assign(fold=1)
        named = {"trained_on": trained.role, "tested_on": tested.role, "band": band, "model": model}
        parts.append(external.scores(table, **DRAWING).assign(**named))
    return external.in_order(pd.concat(parts))


def compared(found: pd.DataFrame, other: external.ComparedCohort = OTHER) -> external_page.Comparison:
    return external_page.Comparison(found, [MAIN, other], BANDS, ["A", "I"], CELL, ("ALS", "HC"))


def test_scores_are_scikit_learns_and_lie_in_their_intervals():
    table = table_of(OTHER, 1.5, 9).assign(fold=1)
    scores = external.scores(table, **DRAWING).set_index(["unit", "score"])
    label, probability = table["label"], table["probability"]
    expected = {
        "roc_auc": metrics.roc_auc_score(label, probability),
        "balanced_accuracy": metrics.balanced_accuracy_score(label, probability >= 0.5),
        "brier": metrics.brier_score_loss(label, probability),
    }
    for score, value in expected.items():
        assert scores.loc[("per_recording", score), "value"] == pytest.approx(value)
        assert scores.loc[("per_subject", score), "value"] == pytest.approx(value)  # one recording each
    assert set(scores.loc["per_subject"].index) == set(external.SCORES)
    assert set(scores.loc["per_recording"].index) == {name for name in external.SCORES if "calibration" not in name}
    assert (scores["low"] <= scores["value"]).all() and (scores["value"] <= scores["high"]).all()


def test_the_models_of_one_direction_and_band_stand_beside_each_other(found):
    together = found.drop_duplicates(["trained_on", "tested_on", "band", "model"])
    assert together["model"].tolist() == [*MODELS] * 8
    assert len(found) == len(MODELS) * 8 * (len(external.SCORES) * 2 - 2)


def test_the_headline_holds_each_model_s_auc_of_subjects_within_and_outside(found):
    headline = external.headline(found)
    assert list(headline) == ["main_to_external", "external_to_main"]
    people = found[found["unit"] == "per_subject"]
    people = people.set_index(["trained_on", "tested_on", "band", "model", "score"])["value"]
    for band in BANDS:
        assert list(headline["external_to_main"][band]) == list(MODELS)
        for model, numbers in headline["external_to_main"][band].items():
            assert numbers["subject_auc_within"] == people["external", "external", band, model, "roc_auc"]
            assert numbers["subject_auc"] == people["external", "main", band, model, "roc_auc"]
            assert numbers["subject_auc_low"] <= numbers["subject_auc"] <= numbers["subject_auc_high"]
            balanced = people["external", "main", band, model, "balanced_accuracy"]
            assert numbers["subject_balanced_accuracy"] == balanced


def test_the_page_has_a_row_for_each_model_cohort_and_band(found):
    page = external_page.page(compared(found))
    title, note, models, learned = page.split("\n\n")[:4]
    assert title == "# External validation"
    assert note == "Synthetic voices (main and external): these scores say nothing about ALS."
    assert models.startswith("`audio` is S1B at dropout 0.3 on A, I")
    assert "One cohort lacks age or sex" in models
    assert learned.startswith("Nothing is learned from the other cohort")
    assert "| main (synthetic) | 12 / 6 | 36 | 8000 | 6 |" in page
    for unit in ("subject", "recording"):
        table = page.split(f"## Per {unit}\n\n")[1].split("\n\n")[0].splitlines()
        assert len(table) == 2 + 8 * len(MODELS)
        assert len({line.count("|") for line in table}) == 1
    auc = found.query(
        "unit == 'per_subject' and score == 'roc_auc' and trained_on == 'main' and tested_on == 'external'"
        " and model == 'voice'"
    )
    assert f"outside, on external (synthetic) | as recorded | voice | {auc['value'].iloc[0]:.2f} (" in page


def test_where_everybody_s_age_and_sex_are_known_the_page_says_nothing_of_the_model_without_them(found):
    adjusted = found[found["model"] != "voice_unadjusted"]
    assert "lacks" not in external_page.page(compared(adjusted))


def test_the_figure_has_every_model_in_both_directions_and_bands_and_cuts_nothing_off(found):
    long = replace(OTHER, words="external (minsk2020)")
    rows = external_page.forest_rows(compared(found, long))
    sections = ["Trained on main (synthetic)", "Trained on external (minsk2020)"]
    assert rows["section"].drop_duplicates().tolist() == sections
    assert rows["series"].drop_duplicates().tolist() == ["audio", "voice", "voice unadjusted", "conditions"]
    of_main = rows.loc[rows["section"] == sections[0], "row"].drop_duplicates().tolist()
    assert of_main == [f"{where}, {band}" for where in ("within", "on external (minsk2020)") for band in BANDS.values()]
    notes = dict(zip(rows["row"], rows["note"], strict=True))
    assert notes["on external (minsk2020), as recorded"] == "16 / 8"
    figure = assert_steady(lambda: external_page.forest(compared(found, long), level=0.95))
    assert len(figure.axes[0].containers) == len(MODELS)

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from bulbar.cohort import folds
from bulbar.core.errors import BadInput
from bulbar.core.names import Cell
from bulbar.training import als, trainer
from bulbar.training.als import FusionSettings, ProtocolData, SweepSettings
from bulbar.training.fits import Fitted
from tests import toy_fits
from tests.training.test_fit_cache import assert_same

CELL = Cell("S1B", 0.3)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """24 recordings of two segments each: the 48 rows of the toy images, of which each pair has one label."""
    study = toy_fits.study(tmp_path_factory.mktemp("toy"))
    names = [f"S{n:02d}" for n in range(24)]
    labels = np.arange(24) % 2
    table = pd.DataFrame({"recording_id": [f"{name}_A" for name in names], "subject_id": names, "label": labels})
    table = folds.assign(table, "subject_wise", folds.Settings(n_splits=3), 1)
    rows = np.concatenate([np.arange(24), np.arange(24)])
    return ProtocolData("subject_wise", table, rows, toy_fits.SHAPE, study)


def fitted(fit, probabilities: np.ndarray, losses: tuple[float, ...] = (0.9, 0.4, 0.6)) -> Fitted:
    """What a fit would give whose row n has the probability n of `probabilities`."""
    epochs = pd.DataFrame({"epoch": np.arange(1, len(losses) + 1), "loss": 0.5, "validation_loss": losses})
    return Fitted(probabilities[fit.test], probabilities[fit.validation], epochs)


@pytest.fixture(scope="module")
def by_fold(data):
    """A fit for each fold, and made-up results."""
    fits = [als.audio_fit(data, CELL, fold) for fold in data.folds]
    probabilities = np.random.default_rng(3).random(48)
    return fits, [fitted(fit, probabilities) for fit in fits], probabilities


def test_a_sweep_is_every_architecture_at_every_rate():
    cells = SweepSettings(architectures=("S1A", "S3B"), dropout_rates=(0.3, 0.0)).cells
    assert [str(cell) for cell in cells] == ["S1A_0.3", "S1A_0.0", "S3B_0.3", "S3B_0.0"]


def test_a_recordings_segments_go_together(data):
    assert data.folds == [1, 2, 3]
    for fold in data.folds:
        for rows, positions in zip(data.parts(fold), folds.parts(data.table, fold), strict=True):
            assert sorted(rows) == sorted([*positions, *(positions + 24)])


def test_the_fit_of_a_cell_has_one_name_with_and_without_weights(data):
    names = {als.audio_fit(data, CELL, 2, keep_weights=stored).name for stored in (False, True)}
    assert names == {"subject_wise/S1B/0.3/fold_2"}


def test_storing_the_weights_changes_no_bit_of_what_a_fit_predicts(data):
    bare = trainer.train(als.audio_fit(data, CELL, 2), data.study)
    stored = trainer.train(als.audio_fit(data, CELL, 2, keep_weights=True), data.study)
    assert bare.model is None and stored.model is not None
    assert_same([bare], [stored])


def test_every_fit_has_a_name_and_so_a_seed_of_its_own(data):
    clinical = np.zeros((48, 3))
    cells = SweepSettings(architectures=("S1A", "S1B"), dropout_rates=(0.0, 0.3)).cells
    names = [als.audio_fit(data, cell, fold).name for cell in cells for fold in (1, 2)]
    for model in ("clinical_all", "clinical_common", "fused_all", "fused_common"):
        names += [als.fusion_fit(data, model, CELL, fold, clinical, FusionSettings()).name for fold in (1, 2)]
    other = Cell("S1A", 0.0)
    names.append(als.fusion_fit(data, "fused_all", other, 1, clinical, FusionSettings()).name)
    assert len(set(names)) == len(names)


def test_fusions_models_see_what_their_names_say(data):
    clinical = np.zeros((48, 3))
    settings = FusionSettings(output="sigmoid", dropout_rate=0.2)
    fused = als.fusion_fit(data, "fused_all", CELL, 1, clinical, settings)
    alone = als.fusion_fit(data, "clinical_all", CELL, 1, clinical, settings)
    audio = als.audio_fit(data, CELL, 1)
    assert fused.network.architecture == audio.network.architecture
    assert alone.network.architecture is None
    assert (fused.network.n_clinical, alone.network.n_clinical, audio.network.n_clinical) == (3, 3, 0)
    assert (fused.dropout_rate, fused.network.clinical_dropout_rate, fused.network.output) == (0.3, 0.2, "sigmoid")
    for one in (fused, alone):
        for part in ("train", "validation", "test"):
            assert np.array_equal(getattr(one, part), getattr(audio, part))
    assert FusionSettings().output == "softmax"


def test_clinical_alone_is_the_same_fit_whatever_cell_it_stands_beside(data):
    clinical = np.zeros((48, 3))
    one, other = (
        als.fusion_fit(data, "clinical_all", cell, 1, clinical, FusionSettings()) for cell in (CELL, Cell("S2A", 0.1))
    )
    assert (one.name, one.network, one.dropout_rate) == (other.name, other.network, other.dropout_rate)


def test_a_recordings_segments_are_averaged(data, by_fold):
    fits, results, probabilities = by_fold
    table = als.predictions(data, fits, results)
    assert table["recording_id"].tolist() == data.table["recording_id"].tolist()
    np.testing.assert_allclose(table["probability"], (probabilities[:24] + probabilities[24:]) / 2, atol=1e-6)
    assert np.array_equal(table["fold"], data.table["fold"])


def test_the_summary_of_a_cell_is_scikit_learns_per_fold(data, by_fold):
    fits, results, probabilities = by_fold
    summary = als.summary(CELL, data, fits, results)
    mean = (probabilities[:24] + probabilities[24:]) / 2
    for row in summary.itertuples():
        _, watched, tested = folds.parts(data.table, row.fold)
        label = data.table["label"].to_numpy()
        assert (row.architecture, row.dropout_rate) == ("S1B", 0.3)
        assert row.test_accuracy == pytest.approx(metrics.accuracy_score(label[tested], mean[tested] >= 0.5), abs=1e-6)
        assert row.validation_log_loss == pytest.approx(metrics.log_loss(label[watched], mean[watched]), abs=1e-6)
        assert (row.epochs, row.best_epoch, row.validation_loss) == (3, 2, 0.4)
        assert row.test_recordings == len(tested)


def test_the_scores_of_a_cell_are_those_of_its_folds_and_of_all_recordings(data, by_fold):
    fits, results, _ = by_fold
    table, summary = als.predictions(data, fits, results), als.summary(CELL, data, fits, results)
    summary = summary.assign(validation_loss=[0.5, 0.2, 0.4], test_accuracy=[0.5, 0.75, 0.875])
    scores = als.cell_scores(table, summary)
    assert scores["mean_accuracy"] == pytest.approx(np.mean([0.5, 0.75, 0.875]))
    assert scores["sd_accuracy"] == pytest.approx(np.std([0.5, 0.75, 0.875], ddof=1))
    assert scores["highest_fold_accuracy"] == 0.875
    assert scores["lowest_loss_fold_accuracy"] == 0.75
    assert scores["roc_auc_pooled"] == pytest.approx(metrics.roc_auc_score(table["label"], table["probability"]))
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(table["label"], table["probability"] >= 0.5))
    subjects = table.groupby("subject_id")[["label", "probability"]].mean()
    area = metrics.roc_auc_score(subjects["label"], subjects["probability"])
    assert scores["roc_auc_pooled_per_subject"] == pytest.approx(area)
    for score, (low, high) in scores["intervals"].items():
        assert low <= scores[score] <= high
    assert scores["mean_epochs"] == 3


def test_curves_of_all_folds_stand_under_each_other(by_fold):
    table = als.curves(by_fold[1], architecture="S1B", dropout_rate=0.3)
    assert list(table)[:4] == ["architecture", "dropout_rate", "fold", "epoch"]
    assert table["fold"].tolist() == [1] * 3 + [2] * 3 + [3] * 3
    assert table["epoch"].tolist() == [1, 2, 3] * 3


def test_clinical_features_are_those_of_the_rows_subject(data):
    by_subject = pd.DataFrame({"age": np.linspace(0, 1, 24)}, index=[f"S{n:02d}" for n in range(24)])
    found = als.clinical_of_rows(data, by_subject.sample(frac=1, random_state=0))
    np.testing.assert_allclose(found[:, 0], np.tile(np.linspace(0, 1, 24), 2), rtol=1e-6)
    assert found.dtype == np.float32


def test_rows_find_their_recordings_by_name():
    table = pd.DataFrame({"recording_id": ["a", "b", "c"]})
    index = pd.DataFrame({"recording_id": ["b", "b", "a", "c"]})
    assert als.rows_of_recordings(index, table).tolist() == [1, 1, 0, 2]
    with pytest.raises(ValueError, match="no fold for recording d"):
        als.rows_of_recordings(pd.DataFrame({"recording_id": ["a", "d"]}), table)


@pytest.mark.parametrize(("code", "smallest"), [("S1A", 4), ("S2A", 10), ("S3B", 22), ("S4A", 46), ("S5B", 94)])
def test_an_image_too_small_for_an_architecture_is_named(code, smallest):
    als.require_image_size([Cell(code, 0.0)], (smallest, smallest + 9))
    with pytest.raises(BadInput, match=f"{code}(.|\n)*{smallest}×{smallest}"):
        als.require_image_size([Cell(code, 0.0)], (smallest + 9, smallest - 1))

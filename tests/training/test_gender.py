from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bulbar.core.errors import BadInput
from bulbar.training import gender, trainer
from bulbar.training.fits import digest
from bulbar.training.gender import MODELS, TUNED, Material, Settings, final_fit, fit_at, gap, outcome, predictions
from bulbar.tuning.search import Space
from tests import toy_fits

NETWORK = Settings(filters=4, lstm_units=8, n_layers=1, dense_units=8)
TRAINING = toy_fits.SETTINGS
POINT = {**gender.default_point(NETWORK, TRAINING), "learning_rate": 2e-3, "lstm_units": 16}
SPACE = Space.model_validate({name: [value] for name, value in POINT.items()} | {"filters": [4, 8]})


@pytest.fixture(scope="module")
def material(tmp_path_factory) -> Material:
    """48 rows: 10 recordings that are watched, 10 that are tested, 14 that are trained on, each with a changed copy."""
    study = toy_fits.study(tmp_path_factory.mktemp("toy"))
    part = ["validation"] * 10 + ["test"] * 10 + ["train"] * 28
    index = pd.DataFrame({"part": part, "copy": [0] * 20 + [0] * 14 + [1] * 14})
    number = [*range(20), *range(20, 34), *range(20, 34)]
    index["recording_id"] = [f"clip_{n:02}" for n in number]
    index["subject_id"] = [f"speaker_{n // 2}" for n in number]
    index["label"] = study.labels
    return Material("subject_wise", index, toy_fits.SHAPE, study)


def test_a_fit_of_a_search_never_sees_the_test_part(material):
    tested = set(material.rows("test"))
    assert len(tested) == 10
    for model in (*MODELS, TUNED):
        fit = fit_at(material, model, NETWORK, POINT)
        assert not tested & {*fit.train, *fit.validation, *fit.test}
        assert fit.test.tolist() == fit.validation.tolist()


def test_copies_are_trained_on_and_neither_watched_nor_tested(material):
    fit = final_fit(material, TUNED, NETWORK, POINT)
    assert set(material.index.loc[fit.train, "copy"]) == {0, 1}
    assert set(material.index.loc[np.r_[fit.validation, fit.test], "copy"]) == {0}


def test_copies_heard_in_turn_are_one_each_epoch(material):
    rows = replace(material, in_turn=True).trained()
    copies = material.index["copy"].to_numpy()[rows]
    assert copies.tolist() == [[0] * 14, [1] * 14]
    recordings = material.index["recording_id"].to_numpy()[rows]
    assert recordings[0].tolist() == recordings[1].tolist()


def test_a_tested_fit_is_the_searched_one_with_another_part_to_speak_of(material):
    searched = trainer.train(fit_at(material, TUNED, NETWORK, POINT), material.study)
    tested = trainer.train(final_fit(material, TUNED, NETWORK, POINT), material.study)
    assert tested.history.equals(searched.history)
    assert tested.validation.tobytes() == searched.validation.tobytes()


def test_the_first_epochs_of_a_whole_fit_are_those_of_one_that_is_pruned(material):
    short = trainer.train(fit_at(material, TUNED, NETWORK, POINT, max_epochs=2), material.study)
    whole = trainer.train(fit_at(material, TUNED, NETWORK, POINT), material.study)
    assert short.history.equals(whole.history.iloc[:2])
    assert len(whole.history) == 3


def test_a_point_sets_network_and_training(material):
    fit = fit_at(material, TUNED, NETWORK, {**POINT, "batch_size": 16, "dropout_rate": 0.1})
    assert (fit.network.lstm_units, fit.network.filters, fit.network.n_layers) == (16, 4, 1)
    assert (fit.settings.learning_rate, fit.settings.batch_size, fit.dropout_rate) == (2e-3, 16, 0.1)
    assert fit.settings.early_stopping_patience == TRAINING.early_stopping_patience


def test_each_point_and_protocol_is_a_fit_of_its_own_and_cnn_lstm_at_a_point_is_the_tuned_one(material):
    other = Material("record_wise", material.index, material.image_shape, material.study)
    one = fit_at(material, TUNED, NETWORK, POINT)
    assert digest(one, material.study) == digest(fit_at(material, "cnn_lstm", NETWORK, POINT), material.study)
    others = [fit_at(other, TUNED, NETWORK, POINT), fit_at(material, TUNED, NETWORK, {**POINT, "filters": 8})]
    assert len({digest(fit, material.study) for fit in (one, *others)}) == 3


@pytest.mark.parametrize("order", ["lstm_cnn", "cnn_lstm"])
def test_the_order_is_that_of_cnn_lstm_and_of_nothing_else(material, order):
    network = NETWORK.model_copy(update={"order": order})
    kinds = [fit_at(material, model, network, POINT).network.kind for model in (*MODELS, TUNED)]
    assert kinds == ["cnn", "lstm", order, order]


def test_predictions_are_one_row_per_recording_with_what_was_said_of_it(material):
    fit = final_fit(material, TUNED, NETWORK, POINT)
    fitted = trainer.train(fit, material.study)
    table = predictions(material, fit, fitted)
    assert table["recording_id"].tolist() == [f"clip_{n:02}" for n in range(34)]
    said = dict(zip(material.index.loc[fit.test, "recording_id"], fitted.test, strict=True))
    for row in table[table["part"] != "validation"].itertuples():
        assert row.probability == pytest.approx(said[row.recording_id], abs=1e-6)
    found = gap(table)
    right = (table["probability"] >= 0.5) == (table["label"] == 1)
    assert found["train_accuracy"] == pytest.approx(right[table["part"] == "train"].mean())
    assert found["gap"] == pytest.approx(found["train_accuracy"] - right[table["part"] == "test"].mean())


def test_an_outcome_is_that_of_the_epoch_of_lowest_validation_loss(material):
    fitted = trainer.train(fit_at(material, TUNED, NETWORK, POINT), material.study)
    found = outcome(fitted, "its digest")
    best = fitted.history.loc[fitted.history["validation_loss"].idxmin()]
    assert (found.validation_loss, found.validation_accuracy) == (best["validation_loss"], best["validation_accuracy"])
    assert (found.epochs, found.fit) == (3, "its digest")


@pytest.mark.parametrize(
    ("order", "shape", "deepest", "fits"),
    [
        ("cnn_lstm", (13, 100), 3, True),
        ("cnn_lstm", (13, 100), 4, False),
        ("lstm_cnn", (40, 100), 3, True),
        ("lstm_cnn", (40, 100), 4, False),  # 8 LSTM units, halved four times
    ],
)
def test_networks_too_deep_for_the_features_are_refused_before_any_training(order, shape, deepest, fits):
    network, space = NETWORK.model_copy(update={"order": order}), SPACE.model_copy(update={"n_layers": (1, deepest)})
    if fits:
        gender.require_room_for(network, space, shape)
    else:
        with pytest.raises(BadInput, match="n_layers"):
            gender.require_room_for(network, space, shape)

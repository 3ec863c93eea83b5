from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bulbar.core.errors import BadInput
from bulbar.training import gender, trainer
from bulbar.training.fits import digest
from bulbar.training.gender import NETWORKS, TUNED, ClipData, Settings, final_fit, fit_at, gap, outcome, predictions
from bulbar.tuning.search import Space
from tests import toy_fits

NETWORK = Settings(filters=4, lstm_units=8, n_layers=1, dense_units=8)
TRAINING = toy_fits.SETTINGS
POINT = {**gender.default_point(NETWORK, TRAINING), "learning_rate": 2e-3, "lstm_units": 16}
SPACE = Space.model_validate({name: [value] for name, value in POINT.items()} | {"filters": [4, 8]})


@pytest.fixture(scope="module")
def data(traced_once, tmp_path_factory) -> ClipData:
    """48 rows: 10 recordings that are watched, 10 that are tested, 14 that are trained on, each with a changed copy."""
    study = toy_fits.study(tmp_path_factory.mktemp("toy"))
    part = ["validation"] * 10 + ["test"] * 10 + ["train"] * 28
    index = pd.DataFrame({"part": part, "copy": [0] * 20 + [0] * 14 + [1] * 14})
    number = [*range(20), *range(20, 34), *range(20, 34)]
    index["recording_id"] = [f"clip_{n:02}" for n in number]
    index["subject_id"] = [f"speaker_{n // 2}" for n in number]
    index["label"] = study.labels
    return ClipData("subject_wise", index, toy_fits.SHAPE, study)


def test_a_fit_of_a_search_never_sees_the_test_part(data):
    tested = set(data.rows("test"))
    assert len(tested) == 10
    for model in (*NETWORKS, TUNED):
        fit = fit_at(data, model, NETWORK, POINT)
        assert not tested & {*fit.train, *fit.validation, *fit.test}
        assert fit.test.tolist() == fit.validation.tolist()


def test_copies_are_trained_on_and_neither_watched_nor_tested(data):
    fit = final_fit(data, TUNED, NETWORK, POINT)
    assert set(data.index.loc[fit.train, "copy"]) == {0, 1}
    assert set(data.index.loc[np.r_[fit.validation, fit.test], "copy"]) == {0}


def test_copies_in_turn_are_one_each_epoch(data):
    rows = replace(data, in_turn=True).trained()
    copies = data.index["copy"].to_numpy()[rows]
    assert copies.tolist() == [[0] * 14, [1] * 14]
    recordings = data.index["recording_id"].to_numpy()[rows]
    assert recordings[0].tolist() == recordings[1].tolist()


@pytest.fixture(scope="module")
def searched(data):
    return trainer.train(fit_at(data, TUNED, NETWORK, POINT), data.study)


@pytest.fixture(scope="module")
def tested(data):
    return trainer.train(final_fit(data, TUNED, NETWORK, POINT), data.study)


def test_a_tested_fit_is_the_searched_one_with_another_part_to_predict(searched, tested):
    assert tested.history.equals(searched.history)
    assert tested.validation.tobytes() == searched.validation.tobytes()


def test_the_first_epochs_of_a_whole_fit_are_those_of_one_that_is_pruned(data, searched):
    short = trainer.train(fit_at(data, TUNED, NETWORK, POINT, max_epochs=2), data.study)
    assert short.history.equals(searched.history.iloc[:2])
    assert len(searched.history) == 3


def test_a_point_sets_network_and_training(data):
    fit = fit_at(data, TUNED, NETWORK, {**POINT, "batch_size": 16, "dropout_rate": 0.1})
    assert (fit.network.lstm_units, fit.network.filters, fit.network.n_layers) == (16, 4, 1)
    assert (fit.settings.learning_rate, fit.settings.batch_size, fit.dropout_rate) == (2e-3, 16, 0.1)
    assert fit.settings.early_stopping_patience == TRAINING.early_stopping_patience


def test_each_point_and_protocol_is_a_fit_of_its_own_and_cnn_lstm_at_a_point_is_the_tuned_one(data):
    other = ClipData("record_wise", data.index, data.image_shape, data.study)
    one = fit_at(data, TUNED, NETWORK, POINT)
    assert digest(one, data.study) == digest(fit_at(data, "cnn_lstm", NETWORK, POINT), data.study)
    others = [fit_at(other, TUNED, NETWORK, POINT), fit_at(data, TUNED, NETWORK, {**POINT, "filters": 8})]
    assert len({digest(fit, data.study) for fit in (one, *others)}) == 3


@pytest.mark.parametrize("order", ["lstm_cnn", "cnn_lstm"])
def test_the_order_is_that_of_cnn_lstm_and_of_nothing_else(data, order):
    network = NETWORK.model_copy(update={"order": order})
    kinds = [fit_at(data, model, network, POINT).network.kind for model in (*NETWORKS, TUNED)]
    assert kinds == ["cnn", "lstm", order, order]


def test_predictions_are_one_row_per_recording_with_its_probability(data, tested):
    fit = final_fit(data, TUNED, NETWORK, POINT)
    table = predictions(data, fit, tested)
    assert table["recording_id"].tolist() == [f"clip_{n:02}" for n in range(34)]
    expected = pd.Series(tested.test, index=data.index.loc[fit.test, "recording_id"])
    found = table.set_index("recording_id").loc[expected.index, "probability"]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    found = gap(table)
    right = (table["probability"] >= 0.5) == (table["label"] == 1)
    assert found["train_accuracy"] == pytest.approx(right[table["part"] == "train"].mean())
    assert found["gap"] == pytest.approx(found["train_accuracy"] - right[table["part"] == "test"].mean())


def test_an_outcome_is_that_of_the_epoch_of_lowest_validation_loss(searched):
    found = outcome(searched, "its digest")
    best = searched.history.loc[searched.history["validation_loss"].idxmin()]
    assert (found.validation_loss, found.validation_accuracy) == (best["validation_loss"], best["validation_accuracy"])
    assert (found.epochs, found.fit) == (3, "its digest")


@pytest.mark.parametrize(("order", "shape"), [("cnn_lstm", (13, 100)), ("lstm_cnn", (40, 100))])  # 8 LSTM units
def test_networks_too_deep_for_the_features_are_refused_before_any_training(order, shape):
    network = NETWORK.model_copy(update={"order": order})
    gender.require_image_size(network, SPACE.model_copy(update={"n_layers": (1, 3)}), shape)
    with pytest.raises(BadInput, match="n_layers"):
        gender.require_image_size(network, SPACE.model_copy(update={"n_layers": (1, 4)}), shape)

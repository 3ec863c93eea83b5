import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn import metrics

from bulbar.core import parallel
from bulbar.training import fit_cache, networks
from bulbar.training import trainer as training
from bulbar.training.architectures import ARCHITECTURES, KINDS, Network, SequenceNetwork
from bulbar.training.fit_cache import FitCache
from bulbar.training.fits import Fit, Settings, digest
from tests import toy_fits
from tests.training.test_fit_cache import assert_same

RECURRENT = SequenceNetwork("lstm_cnn", toy_fits.SHAPE, filters=4, lstm_units=8, dense_units=8)


def recurrent(kind: str = "lstm_cnn", **changes) -> Fit:
    """A fit of a network of the gender paper."""
    return replace(toy_fits.fit(kind, keep_weights=True), network=replace(RECURRENT, kind=kind), **changes)


FITS = {
    "dropout": toy_fits.fit("dropout", keep_weights=True),
    "none": toy_fits.fit("none", dropout_rate=0.0, train=np.arange(21), validation=np.arange(21, 32)),
    "deeper": toy_fits.fit("deeper", "S2A"),
    "fused": toy_fits.fit("fused", clinical=toy_fits.clinical(), keep_weights=True),
    "clinical": toy_fits.fit("clinical", None, clinical=toy_fits.clinical(), dropout_rate=0.0),
    **{kind: recurrent(kind) for kind in ("cnn", "lstm_cnn")},  # their layers are those of all kinds
}
KEEPING_WEIGHTS = [name for name, fit in FITS.items() if fit.keep_weights]
HISTORY = ["epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return toy_fits.study(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def fitted(study):
    """Each fit, trained one after another."""
    return {name: training.train(fit, study) for name, fit in FITS.items()}


@pytest.fixture(scope="module")
def trainer():
    return training.Trainer(FITS["fused"].network, toy_fits.SETTINGS)


def loaded(model: bytes, folder: Path) -> keras.Model:
    (folder / "model.keras").write_bytes(model)
    return keras.models.load_model(folder / "model.keras")


def values(variables) -> list[np.ndarray]:
    return [variable.numpy() for variable in variables]


def test_fits_in_another_order_and_after_others_have_the_same_bits(study, fitted):
    for name in ("fused", "none", "lstm_cnn"):
        again = training.train(FITS[name], study)
        assert_same([again], [fitted[name]])
        assert again.model == fitted[name].model


@pytest.fixture
def half_precision(study):
    """The toy study trained in bfloat16; the policy is put back, for Keras has one for all networks of a process."""
    yield replace(study, settings=study.settings.model_copy(update={"precision": "mixed_bfloat16", "max_epochs": 12}))
    keras.config.set_dtype_policy("float32")
    training._made.clear()


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in ("dropout", "fused")])
def test_a_network_learns_in_half_precision_too_and_twice_the_same(half_precision, name):
    fit = replace(FITS[name], train=np.arange(39), validation=np.arange(39, 48), test=np.arange(48))
    found = training.train(fit, half_precision)
    assert metrics.roc_auc_score(half_precision.labels, found.test) > 0.9
    again = training.train(fit, half_precision)
    assert_same([again], [found])


@pytest.mark.slow
def test_fits_in_workers_have_the_bits_of_the_parent(study, fitted, tmp_path):
    cache, fits = FitCache(tmp_path / "cache"), [FITS[name] for name in ("dropout", "fused")]
    results = list(fit_cache.run(fits, study, cache, computing=parallel.Settings(workers=2), label="fits"))
    assert_same(results, [fitted[fit.name] for fit in fits])
    for fit in fits:
        assert (cache.place(digest(fit, study)) / "model.keras").read_bytes() == fitted[fit.name].model


def test_a_fit_gives_probabilities_of_its_rows_and_a_row_of_history_for_each_epoch(study, fitted):
    for name, fit in FITS.items():
        result = fitted[name]
        assert (len(result.test), len(result.validation)) == (len(fit.test), len(fit.validation))
        assert ((result.test > 0) & (result.test < 1)).all()
        assert list(result.history) == HISTORY
        assert result.history["epoch"].tolist() == [1, 2, 3]
        assert (result.model is not None) == fit.keep_weights


def test_the_validation_loss_is_scikit_learns_log_loss_of_the_best_epoch(study, fitted):
    for name, fit in FITS.items():
        best = fitted[name].history.set_index("epoch").loc[fitted[name].best_epoch]
        labels, probability = study.labels[fit.validation], fitted[name].validation
        assert best["validation_loss"] == fitted[name].history["validation_loss"].min()
        assert best["validation_loss"] == pytest.approx(metrics.log_loss(labels, probability), abs=1e-6)
        assert best["validation_accuracy"] == pytest.approx(metrics.accuracy_score(labels, probability >= 0.5))


def test_another_name_or_another_seed_is_another_draw(study, fitted):
    assert not np.array_equal(training.train(replace(FITS["none"], name="other"), study).test, fitted["none"].test)
    assert not np.array_equal(training.train(FITS["none"], replace(study, seed=6)).test, fitted["none"].test)


@pytest.mark.parametrize("name", KEEPING_WEIGHTS)
def test_a_saved_model_has_standard_layers_only_and_predicts_the_same(study, fitted, tmp_path, name):
    model, fit = loaded(fitted[name].model, tmp_path), FITS[name]
    assert not any(isinstance(layer, networks.AdjustableDropout) for layer in model.layers)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    assert {layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)} == {0.3}
    inputs = [np.load(study.images)[fit.test]]
    if fit.clinical is not None:
        inputs.append(fit.clinical[fit.test].astype(np.float32))
    np.testing.assert_allclose(model.predict(inputs, verbose=0)[:, -1], fitted[name].test, atol=1e-6)


@pytest.mark.parametrize("name", KEEPING_WEIGHTS)
def test_a_saved_model_names_nothing_of_ours(fitted, name):
    with zipfile.ZipFile(io.BytesIO(fitted[name].model)) as archive:
        config = archive.read("config.json").decode()
    assert "bulbar" not in config
    assert {module.split(".")[0] for module in re.findall(r'"module": "([^"]*)"', config)} == {"keras"}
    assert set(re.findall(r'"registered_name": ([^,}]*)', config)) <= {"null", '"Functional"'}


def test_a_saved_model_holds_no_time(fitted):
    with zipfile.ZipFile(io.BytesIO(fitted["dropout"].model)) as archive:
        assert {member.date_time[0] for member in archive.infolist()} == {1980}
        assert b"date_saved" not in archive.read("metadata.json")


ALONE = dict.fromkeys(("cnn", "lstm", "cnn_lstm"), pytest.mark.slow)
"""Kinds whose layers S2A and lstm_cnn have, too."""


@pytest.mark.parametrize("kind", ["S2A", *(pytest.param(kind, marks=ALONE.get(kind, [])) for kind in KINDS)])
def test_a_network_learns_to_separate_the_toy_images(tmp_path, kind):
    if kind == "S2A":
        fit, least_auc, most_of_first_loss, least_accuracy = toy_fits.fit("learns", "S2A"), 0.9999, 0.5, 0.9
        settings = Settings(max_epochs=25, batch_size=8)
    else:
        fit, least_auc, most_of_first_loss, least_accuracy = recurrent(kind), 0.9, 0.6, 0.85
        settings = Settings(max_epochs=20, batch_size=8, learning_rate=6e-3)
    fit = replace(fit, dropout_rate=0.1)
    study = toy_fits.study(tmp_path, settings=settings)
    result = training.train(fit, study)
    assert metrics.roc_auc_score(study.labels[fit.test], result.test) > least_auc
    assert result.history["loss"].iloc[-1] < most_of_first_loss * result.history["loss"].iloc[0]
    assert result.history["accuracy"].iloc[-1] > least_accuracy


@pytest.fixture(scope="module")
def contradicted(study):
    """A study whose watched and tested rows say the opposite of what is trained on: the first epoch stays the best."""
    labels = study.labels.copy()
    labels[FITS["none"].validation] = 1 - labels[FITS["none"].validation]
    patient = Settings(
        max_epochs=20,
        batch_size=8,
        learning_rate=4e-3,
        early_stopping_patience=6,
        plateau_patience=2,
        min_learning_rate=9e-4,
    )
    return replace(study, labels=labels, settings=patient)


@pytest.fixture(scope="module")
def stopped(contradicted):
    return training.train(FITS["none"], contradicted)


def test_training_stops_after_its_patience_and_the_learning_rate_is_halved_down_to_its_minimum(stopped):
    # two epochs without a lower loss each time: 4e-3 for epochs 1 to 3, then half, then half of that, then the minimum
    expected = [4e-3] * 3 + [2e-3] * 2 + [1e-3] * 2
    assert stopped.best_epoch == 1
    assert stopped.history["learning_rate"].to_numpy() == pytest.approx(expected)


def test_a_learning_rate_never_falls_below_the_minimum(contradicted):
    higher = replace(contradicted, settings=contradicted.settings.model_copy(update={"min_learning_rate": 3e-3}))
    rates = training.train(FITS["none"], higher).history["learning_rate"]
    assert rates.to_numpy() == pytest.approx([4e-3] * 3 + [3e-3] * 4)


def test_what_the_best_epoch_predicted_is_what_is_returned(contradicted, stopped):
    one_epoch = replace(contradicted, settings=contradicted.settings.model_copy(update={"max_epochs": 1}))
    short = training.train(FITS["none"], one_epoch)
    assert len(short.history) == 1
    assert short.test.tobytes() == stopped.test.tobytes()
    assert short.validation.tobytes() == stopped.validation.tobytes()


def test_epochs_train_on_the_turns_one_after_the_other(study):
    first, second = np.arange(16), np.arange(16, 32)
    in_turn = training.train(toy_fits.fit(train=np.stack([first, second])), study).history
    assert len(in_turn) == 3
    assert in_turn.iloc[:1].equals(training.train(toy_fits.fit(train=first), study).history.iloc[:1])
    again = training.train(toy_fits.fit(train=np.stack([first, second, first])), study).history
    assert in_turn.equals(again)
    third = training.train(toy_fits.fit(train=np.stack([first, second, second])), study).history
    assert in_turn.iloc[:2].equals(third.iloc[:2])
    assert not in_turn.equals(third)


def test_the_fit_after_one_that_lowered_its_learning_rate_starts_high_again(contradicted, stopped):
    assert_same([training.train(FITS["none"], contradicted)], [stopped])


def test_a_fit_whose_loss_is_never_finite_has_diverged_and_predicts_nothing(study, fitted):
    settings = study.settings.model_copy(update={"learning_rate": 1e30})
    found = training.train(FITS["dropout"], replace(study, settings=settings))
    assert found.diverged
    assert np.isnan(found.test).all() and found.test.shape == (9,)
    assert np.isnan(found.validation).all() and found.validation.shape == (9,)
    assert found.model is None
    assert not fitted["dropout"].diverged


def test_everything_is_reset_between_fits(trainer, study):
    """Against a network that has trained nothing but what traces it, and against what a new one starts with."""
    trainer.reset(0.3, 11)
    start = values(trainer._model.variables)
    trainer.fit(FITS["fused"], study)
    assert any((before != after).any() for before, after in zip(start, values(trainer._model.variables), strict=True))
    trainer._model.optimizer.learning_rate = 1e-5
    trainer._model.stop_training = True
    trainer.reset(0.3, 11)
    for before, after in zip(start, values(trainer._model.variables), strict=True):
        assert np.array_equal(before, after)
    optimizer = trainer._model.optimizer
    assert int(optimizer.iterations.numpy()) == 0
    assert float(optimizer.learning_rate) == pytest.approx(toy_fits.SETTINGS.learning_rate)
    slots = [variable for variable in optimizer.variables if "momentum" in variable.path or "velocity" in variable.path]
    assert len(slots) == 2 * len(trainer._model.trainable_variables)
    assert not any(variable.numpy().any() for variable in slots)
    assert trainer._model.stop_training is False
    for layer in trainer._model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            assert not layer.moving_mean.numpy().any()
            assert (layer.moving_variance.numpy() == 1).all()
        if hasattr(layer, "bias") and layer.bias is not None:
            assert not layer.bias.numpy().any()


def test_weights_and_dropout_are_drawn_from_the_fits_seed(trainer):
    def drawn(seed: int) -> tuple[list, list]:
        trainer.reset(0.3, seed)
        layers = trainer._model.layers
        seeds = [layer.seed_generator.state.numpy() for layer in layers if hasattr(layer, "seed_generator")]
        return [layer.kernel.numpy() for layer in layers if hasattr(layer, "kernel")], seeds

    (kernels, seeds), (others, other_seeds), (again, seeds_again) = drawn(1), drawn(2), drawn(1)
    assert len(seeds) == 3
    assert len({tuple(seed) for seed in seeds + other_seeds}) == 6
    for kernel, other, same in zip(kernels, others, again, strict=True):
        assert (kernel != other).any()
        assert np.array_equal(kernel, same)
        receptive = int(np.prod(kernel.shape[:-2]))  # Glorot and Bengio 2010: uniform up to sqrt(6 / (in + out))
        limit = np.sqrt(6 / (receptive * (kernel.shape[-2] + kernel.shape[-1])))
        assert 0.9 * limit < np.abs(kernel).max() <= limit
    assert np.array_equal(seeds, seeds_again)


def test_the_dropout_rate_is_the_fits(trainer):
    (layer,) = (layer for layer in trainer._model.layers if isinstance(layer, networks.AdjustableDropout))
    for rate in (0.5, 0.0, 0.1):
        trainer.reset(rate, 1)
        assert float(layer.rate.numpy()) == pytest.approx(rate)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX compiles for every shape of a batch")
def test_a_network_is_traced_once_for_all_its_fits_and_rates(study, monkeypatch):
    """Python runs a layer's `call` only where TensorFlow traces it."""
    traced = []
    call = networks.AdjustableDropout.call

    def counted(layer, inputs, training=False):
        traced.append(inputs.shape)
        return call(layer, inputs, training=training)

    monkeypatch.setattr(networks.AdjustableDropout, "call", counted)
    trainer = training.Trainer(Network(ARCHITECTURES["S1A"], toy_fits.SHAPE), toy_fits.SETTINGS)
    before = len(traced)
    assert before > 0
    for number, rows in enumerate((30, 29, 8, 25, 17, 3)):  # the last batch has 6, 5, 8, 1, 1 and 3 rows
        trainer.reset(0.1 * number, number)
        watched = np.arange(30, 48 - number)
        trainer.fit(toy_fits.fit(f"{rows} rows", "S1A", train=np.arange(rows), validation=watched), study)
    assert len(traced) == before


def test_our_adam_is_keras_adam():
    def network() -> keras.Model:
        layers = [keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(1, activation="sigmoid")]
        return keras.Sequential([keras.Input((5,)), *layers])

    ours, theirs = network(), network()
    theirs.set_weights(ours.get_weights())
    for model, optimizer in ((ours, training.Adam(1e-2)), (theirs, keras.optimizers.Adam(1e-2))):
        model.compile(optimizer, "binary_crossentropy", jit_compile=False)
    draws = np.random.default_rng(0)
    for step in range(20):
        if step == 10:
            ours.optimizer.learning_rate = theirs.optimizer.learning_rate = 2.5e-3
        inputs, labels = draws.normal(size=(16, 5)).astype(np.float32), draws.integers(0, 2, (16, 1))
        for model in (ours, theirs):
            model.train_on_batch(inputs, labels)
        for one, other in zip(values(ours.weights), values(theirs.weights), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
    for one, other in zip(values(ours.optimizer.variables), values(theirs.optimizer.variables), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert int(ours.optimizer.iterations.numpy()) == 20

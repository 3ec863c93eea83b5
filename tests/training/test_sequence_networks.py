"""The gender paper's networks: what they are made of, and that they train as the others do, the same bits each time."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from sklearn import metrics

from bulbar.training import networks
from bulbar.training import trainer as training
from bulbar.training.architectures import KINDS, SequenceNetwork, cost
from bulbar.training.fits import Settings, digest
from tests import toy_fits

SMALL = SequenceNetwork("lstm_cnn", toy_fits.SHAPE, filters=4, lstm_units=8, dense_units=8)
FASTER = toy_fits.SETTINGS.model_copy(update={"learning_rate": 4e-3})


def fit(kind="lstm_cnn", **changes):
    return replace(toy_fits.fit(kind), network=replace(SMALL, kind=kind), **changes)


def kinds_of_layers(model: keras.Model) -> list[str]:
    left_out = ("InputLayer", "Permute", "Reshape")
    names = [type(layer).__name__ for layer in model.layers]
    return [name for name in names if name not in left_out]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return toy_fits.study(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def fitted(study):
    return {kind: training.train(fit(kind, keep_weights=True), study) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_layers", [1, 3])
def test_a_network_costs_the_weights_that_keras_counts(kind, n_layers):
    network = SequenceNetwork(kind, (40, 100), filters=8, lstm_units=16, n_layers=n_layers)
    counted = sum(int(np.prod(weight.shape)) for weight in networks.build(network).trainable_weights)
    assert cost(network)[1] == counted


def test_a_convolution_costs_nine_multiply_adds_an_output_and_channel_and_an_lstm_four_a_step_and_pair():
    convolved = SequenceNetwork("cnn", (8, 10), filters=3, n_layers=1, dense_units=5)
    assert cost(convolved)[0] == 8 * 10 * 9 * 3 + 4 * 5 * 3 * 5 + 5
    recurrent = SequenceNetwork("lstm", (8, 10), lstm_units=6, n_layers=2, dense_units=5)
    assert cost(recurrent)[0] == 10 * 4 * (8 * 6 + 6 * 6) + 10 * 4 * (6 * 6 + 6 * 6) + 60 * 5 + 5


def test_lstm_cnn_is_figure_1():
    model = networks.build(SequenceNetwork("lstm_cnn", (40, 100), n_layers=1, lstm_units=32), dropout_rate=0.3)
    order = ["LSTM", "Dropout", "Conv2D", "MaxPooling2D", "ReLU", "Dropout", "Flatten", "Dense", "Dense"]
    assert kinds_of_layers(model) == order
    assert model.get_layer("lstm_1").input.shape == (None, 100, 40)  # a step is a frame
    assert model.get_layer("convolution_1").input.shape == (None, 100, 32, 1)  # the stack of all steps' outputs
    assert model.get_layer("output").activation.__name__ == "sigmoid"


def test_cnn_lstm_is_the_other_way_round_and_its_steps_are_frames():
    model = networks.build(SequenceNetwork("cnn_lstm", (40, 100), filters=4, n_layers=2), dropout_rate=0.3)
    layers = kinds_of_layers(model)
    assert layers.index("LSTM") > max(place for place, name in enumerate(layers) if name == "Conv2D")
    assert model.get_layer("lstm_1").input.shape == (None, 25, 10 * 8)  # 100 / 4 frames of 40 / 4 rows × 8 channels


def test_a_step_of_cnn_lstm_holds_one_frame_of_every_row_and_channel():
    model = networks.build(SequenceNetwork("cnn_lstm", (8, 12), filters=2, n_layers=1), dropout_rate=0.0)
    seen = keras.Model(model.input, [model.get_layer("relu_1").output, model.get_layer("lstm_1").input])
    image, steps = (keras.ops.convert_to_numpy(x) for x in seen(np.random.default_rng(0).random((1, 8, 12), "float32")))
    np.testing.assert_array_equal(steps[0, 4], image[0, :, 4].ravel())


@pytest.mark.parametrize(("kind", "layers"), [("cnn", 0), ("lstm", 2), ("lstm_cnn", 1), ("cnn_lstm", 1)])
def test_each_kind_has_its_lstms(kind, layers):
    model = networks.build(SequenceNetwork(kind, (40, 100), n_layers=2))
    assert kinds_of_layers(model).count("LSTM") == layers
    assert kinds_of_layers(model).count("Conv2D") == (0 if kind == "lstm" else 2)


@pytest.mark.parametrize(
    "kind", [kind if kind in ("cnn", "lstm_cnn") else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_a_fit_has_the_same_bits_whatever_was_trained_before_it(study, fitted, kind):
    training.train(fit("cnn", dropout_rate=0.5), study)
    training.train(replace(fit(kind), name="another"), study)
    again = training.train(fit(kind, keep_weights=True), study)
    assert again.test.tobytes() == fitted[kind].test.tobytes()
    assert again.history.equals(fitted[kind].history)
    assert again.model == fitted[kind].model


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_is_keras_own_and_predicts_the_same(study, fitted, tmp_path, kind):
    (tmp_path / "model.keras").write_bytes(fitted[kind].model)
    model = keras.models.load_model(tmp_path / "model.keras")
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    said = model.predict(np.load(study.images)[fit(kind).test], verbose=0)[:, 0]
    np.testing.assert_allclose(said, fitted[kind].test, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_learns_to_tell_the_toy_images_apart(tmp_path, kind):
    patient = Settings(max_epochs=30, batch_size=8, learning_rate=4e-3)
    found = training.train(fit(kind, dropout_rate=0.1), toy_fits.study(tmp_path, settings=patient))
    assert metrics.roc_auc_score(toy_fits.study(tmp_path).labels[fit().test], found.test) > 0.9


def test_a_fit_with_settings_of_its_own_is_what_a_study_with_them_gives(study):
    own = training.train(fit(settings=FASTER), study)
    shared = training.train(fit(), replace(study, settings=FASTER))
    assert own.history["learning_rate"].iloc[0] == pytest.approx(4e-3)
    assert own.test.tobytes() == shared.test.tobytes()
    assert own.test.tobytes() != training.train(fit(), study).test.tobytes()
    assert digest(fit(settings=FASTER), study) == digest(fit(), replace(study, settings=FASTER))
    assert digest(fit(settings=FASTER), study) != digest(fit(), study)


def test_another_learning_rate_traces_no_network_anew_and_another_batch_size_does(study):
    training.train(fit(), study)
    (first,) = training._made.values()
    training.train(fit(settings=FASTER), study)
    assert list(training._made.values()) == [first]
    training.train(fit(settings=FASTER.model_copy(update={"batch_size": 16})), study)
    assert list(training._made.values()) != [first]


def test_recurrent_kernels_are_drawn_orthogonal_from_the_fits_seed():
    trainer = training.Trainer(SMALL, toy_fits.SETTINGS)

    def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
        trainer.reset(0.0, seed)
        cell = trainer._model.get_layer("lstm_1").cell
        assert cell.bias.numpy().tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16  # open forget gates
        return cell.kernel.numpy(), cell.recurrent_kernel.numpy()

    (kernel, recurrent), (other_kernel, other_recurrent), (again, _) = drawn(1), drawn(2), drawn(1)
    assert (kernel != other_kernel).any()
    assert (recurrent != other_recurrent).any()
    assert np.array_equal(kernel, again)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(8), atol=1e-5)  # Saxe et al. 2014

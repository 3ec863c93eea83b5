"""The gender paper's networks: what they are made of, and what is their own in training."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from bulbar.training import networks
from bulbar.training import trainer as training
from bulbar.training.architectures import KINDS, SequenceNetwork, cost
from bulbar.training.fits import digest
from tests import toy_fits
from tests.training.test_trainer import RECURRENT, recurrent

FASTER = toy_fits.SETTINGS.model_copy(update={"learning_rate": 4e-3})


def kinds_of_layers(model: keras.Model) -> list[str]:
    left_out = ("InputLayer", "Permute", "Reshape")
    names = [type(layer).__name__ for layer in model.layers]
    return [name for name in names if name not in left_out]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return toy_fits.study(tmp_path_factory.mktemp("toy"))


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


LAYERS = {
    "lstm_cnn": "LSTM Dropout Conv2D MaxPooling2D ReLU Dropout Flatten Dense Dense",
    "cnn_lstm": "Conv2D MaxPooling2D ReLU Dropout LSTM Dropout Flatten Dense Dense",
    "cnn": "Conv2D MaxPooling2D ReLU Dropout Flatten Dense Dense",
    "lstm": "LSTM Dropout Flatten Dense Dense",
}
STEPS = {"lstm_cnn": (100, 40), "cnn_lstm": (50, 20 * 16), "lstm": (100, 40)}
"""Of a step's length: a frame of 40 rows; after pooling half as many frames, of 20 rows × 16 channels."""


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_layers_and_its_steps_are_frames(kind):
    """`lstm_cnn` is Figure 1."""
    model = networks.build(SequenceNetwork(kind, (40, 100), filters=16, n_layers=1, lstm_units=32), dropout_rate=0.3)
    assert kinds_of_layers(model) == LAYERS[kind].split()
    assert model.get_layer("output").activation.__name__ == "sigmoid"
    if kind in STEPS:
        assert model.get_layer("lstm_1").input.shape == (None, *STEPS[kind])
    if kind == "lstm_cnn":
        assert model.get_layer("convolution_1").input.shape == (None, 100, 32, 1)  # the stack of all steps' outputs


def test_a_step_of_cnn_lstm_holds_one_frame_of_every_row_and_channel():
    model = networks.build(SequenceNetwork("cnn_lstm", (8, 12), filters=2, n_layers=1), dropout_rate=0.0)
    seen = keras.Model(model.input, [model.get_layer("relu_1").output, model.get_layer("lstm_1").input])
    image, steps = (keras.ops.convert_to_numpy(x) for x in seen(np.random.default_rng(0).random((1, 8, 12), "float32")))
    np.testing.assert_array_equal(steps[0, 4], image[0, :, 4].ravel())


@pytest.mark.parametrize(("kind", "layers"), [("cnn", 0), ("lstm", 2), ("lstm_cnn", 1), ("cnn_lstm", 1)])
def test_more_layers_are_convolutions_or_of_lstm_alone_lstms(kind, layers):
    model = networks.build(SequenceNetwork(kind, (40, 100), n_layers=2))
    assert kinds_of_layers(model).count("LSTM") == layers
    assert kinds_of_layers(model).count("Conv2D") == (0 if kind == "lstm" else 2)


def test_a_fit_with_settings_of_its_own_is_what_a_study_with_them_gives(study):
    own, of_study = recurrent(settings=FASTER), replace(study, settings=FASTER)
    found = training.train(own, study)
    (first,) = training._made.values()
    assert found.history["learning_rate"].iloc[0] == pytest.approx(4e-3)
    assert found.test.tobytes() == training.train(recurrent(), of_study).test.tobytes()
    assert found.test.tobytes() != training.train(recurrent(), study).test.tobytes()
    assert list(training._made.values()) == [first]  # another learning rate traces no network anew
    assert digest(own, study) == digest(recurrent(), of_study) != digest(recurrent(), study)


def test_another_batch_size_traces_a_network_anew(study):
    training.train(recurrent(), study)
    (first,) = training._made.values()
    training.train(recurrent(settings=FASTER.model_copy(update={"batch_size": 16})), study)
    assert list(training._made.values()) != [first]


def test_recurrent_kernels_are_drawn_orthogonal_from_the_fits_seed():
    trainer = training.Trainer(RECURRENT, toy_fits.SETTINGS)

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

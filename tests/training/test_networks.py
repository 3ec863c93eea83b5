from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import bulbar.training.trainer  # noqa: F401 - it sets TensorFlow's threads, which has to come before any operation
from bulbar.training.architectures import ARCHITECTURES, Network, cost
from bulbar.training.networks import AdjustableDropout, build

TABLE_1 = pd.read_csv(Path(__file__).parents[2] / "reference/als_table1_architectures.csv", index_col="code")
WEIGHTS = {
    1: 160 + (63 * 63 * 16 + 1) * 256 + 257,
    2: 160 + 4_640 + (30 * 30 * 32 + 1) * 256 + 257,
    3: 160 + 4_640 + 18_496 + (14 * 14 * 64 + 1) * 256 + 257,
    4: 160 + 4_640 + 18_496 + 73_856 + (6 * 6 * 128 + 1) * 256 + 257,
    5: 160 + 4_640 + 18_496 + 73_856 + 295_168 + (2 * 2 * 256 + 1) * 256 + 257,
}
"""Of 128 × 128 images: 3 × 3 × in × out + out for each convolution, the flattened rest to 256, 256 to 1."""


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def count(weights: list) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


@pytest.mark.parametrize("code", TABLE_1.index)
def test_each_audio_network_is_its_row_of_table_1(code):
    printed = TABLE_1.loc[code]
    network = Network(ARCHITECTURES[code], (128, 128))
    model = build(network, dropout_rate=0.3)
    depth = int(printed["conv_layers"])
    pooling = {"max": "MaxPooling2D", "average": "AveragePooling2D"}[printed["pooling"]]
    block = {"max": ["Conv2D", pooling, "ReLU", "Dropout"], "average": ["Conv2D", pooling, "Dropout"]}[
        printed["pooling"]
    ]
    assert kinds(model) == ["InputLayer", "Reshape", *(block * depth), "Flatten", "Dense", "Dense"]
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [int(number) for number in str(printed["filters"]).split()]
    for layer in convolutions:
        assert "x".join(map(str, layer.kernel_size)) == printed["kernel"]
        activation = {"max": "linear", "average": "relu"}[printed["pooling"]]
        assert (layer.padding, layer.strides, layer.activation.__name__) == ("valid", (1, 1), activation)
    poolings = [layer for layer in model.layers if type(layer).__name__ == pooling]
    assert {(layer.pool_size, layer.strides) for layer in poolings} == {((2, 2), (2, 2))}
    assert {layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)} == {0.3}
    hidden, output = model.layers[-2:]
    assert (hidden.units, hidden.activation.__name__) == (256, "relu")
    assert (output.units, output.activation.__name__) == (1, "sigmoid")
    assert count(model.trainable_weights) == WEIGHTS[depth]
    assert cost(network)[1] == WEIGHTS[depth] - count(output.weights)


def test_relu_after_max_pooling_is_relu_before_it():
    network = Network(ARCHITECTURES["S2A"], (30, 30))
    after = build(network, dropout_rate=0.0)
    as_printed = keras.Sequential([keras.Input((30, 30)), keras.layers.Reshape((30, 30, 1))])
    for filters in (16, 32):
        as_printed.add(keras.layers.Conv2D(filters, 3, activation="relu"))
        as_printed.add(keras.layers.MaxPooling2D(2))
    for layer in (keras.layers.Flatten(), keras.layers.Dense(256, "relu"), keras.layers.Dense(1, "sigmoid")):
        as_printed.add(layer)
    as_printed.set_weights(after.get_weights())
    images = np.random.default_rng(0).random((8, 30, 30), dtype=np.float32)
    np.testing.assert_allclose(after.predict_on_batch(images), as_printed.predict_on_batch(images), rtol=1e-5)


def test_the_network_in_training_differs_in_its_dropout_alone():
    network = Network(ARCHITECTURES["S2A"], (20, 20))
    standard, adjustable = build(network, dropout_rate=0.3), build(network)
    assert [kind.replace("Adjustable", "") for kind in kinds(adjustable)] == kinds(standard)
    assert [weight.shape for weight in adjustable.trainable_weights] == [
        weight.shape for weight in standard.trainable_weights
    ]


@pytest.fixture(scope="module")
def fusion() -> keras.Model:
    return build(Network(ARCHITECTURES["S1B"], (128, 128), n_clinical=34, output="softmax"), dropout_rate=0.3)


def test_the_fusion_network_is_figure_9(fusion):
    assert [tensor.shape for tensor in fusion.inputs] == [(None, 128, 128), (None, 34)]
    by_name = {layer.name: layer for layer in fusion.layers}
    order = ["clinical_dense_64", "clinical_normalisation_64", "clinical_dropout_64"]
    order += ["clinical_dense_32", "clinical_normalisation_32", "clinical_dropout_32", "fusion", "fusion_dense_64"]
    path = [by_name["output"]]
    while path[0].name != "clinical":
        before = path[0]._inbound_nodes[0].parent_nodes
        path.insert(0, before[-1].operation)
    assert [layer.name for layer in path] == ["clinical", *order, "output"]
    assert [type(by_name[name]).__name__ for name in order[:3]] == ["Dense", "BatchNormalization", "Dropout"]
    assert [by_name[name].units for name in (order[0], order[3], order[7])] == [64, 32, 64]
    assert {by_name[name].rate for name in (order[2], order[5])} == {0.3}
    assert [tensor.shape[-1] for tensor in by_name["fusion"].input] == [256, 32]
    assert (by_name["output"].units, by_name["output"].activation.__name__) == (2, "softmax")


def test_the_fusion_network_has_the_weights_counted_by_hand(fusion):
    image = WEIGHTS[1] - 257
    tabular = 34 * 64 + 64 + 2 * 64 + 64 * 32 + 32 + 2 * 32
    head = (256 + 32) * 64 + 64 + 64 * 2 + 2
    assert count(fusion.trainable_weights) == image + tabular + head
    assert cost(Network(ARCHITECTURES["S1B"], (128, 128), n_clinical=34))[1] == image


def test_softmax_gives_two_probabilities_and_sigmoid_one():
    for output, units in (("softmax", 2), ("sigmoid", 1)):
        model = build(Network(None, (1, 1), n_clinical=5, output=output), dropout_rate=0.0)
        said = keras.ops.convert_to_numpy(model([np.random.default_rng(0).random((7, 5)).astype(np.float32)]))
        assert said.shape == (7, units)
        assert ((said > 0) & (said < 1)).all()
        if units == 2:
            np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-6)


def test_clinical_alone_is_the_tabular_branch_and_the_head():
    model = build(Network(None, (1, 1), n_clinical=5, output="softmax"), dropout_rate=0.0)
    tabular = ["Dense", "BatchNormalization", "Dropout"] * 2
    assert kinds(model) == ["InputLayer", *tabular, "Dense", "Dense"]


def dropped(rate: float, *, training: bool = True, shape: tuple[int, int] = (400, 1000)) -> np.ndarray:
    layer = AdjustableDropout()
    layer.build(shape)
    layer.rate.assign(rate)
    return keras.ops.convert_to_numpy(layer(np.ones(shape, np.float32), training=training))


def test_at_rate_0_dropout_changes_nothing():
    assert (dropped(0.0) == 1).all()


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_expectation(rate):
    values = dropped(rate)
    share = (values == 0).mean()
    assert share == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / values.size))
    np.testing.assert_allclose(values[values != 0], 1 / (1 - rate), rtol=1e-5)
    assert values.mean() == pytest.approx(1, abs=0.03)


def test_every_call_drops_other_values_and_the_same_seed_the_same():
    layer = AdjustableDropout()
    layer.build((50, 50))
    layer.rate.assign(0.5)
    layer.reseed(7)
    ones = np.ones((50, 50), np.float32)
    first, second = (keras.ops.convert_to_numpy(layer(ones, training=True)) for _ in range(2))
    layer.reseed(7)
    assert (first != second).any()
    assert np.array_equal(first, keras.ops.convert_to_numpy(layer(ones, training=True)))


def test_in_inference_dropout_changes_nothing():
    assert (dropped(0.5, training=False) == 1).all()

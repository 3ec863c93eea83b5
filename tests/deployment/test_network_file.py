"""A `.keras` file that is none of ours is named for what it is before Keras reads it: what it holds is never run."""

import json
from pathlib import Path

import keras
import pytest

import bulbar.training.trainer  # noqa: F401 - it sets TensorFlow's threads, which has to come before any operation
from bulbar.deployment.network_file import fault
from bulbar.training import networks
from bulbar.training.architectures import ARCHITECTURES, Network, SequenceNetwork
from tests.fuzz.damage import archived, members

SHAPE = (46, 46)
OURS = [
    *(Network(architecture, (94, 94) if name[1] == "5" else SHAPE) for name, architecture in ARCHITECTURES.items()),
    *(Network(architecture, SHAPE, 4, output="softmax") for architecture in (None, ARCHITECTURES["S1B"])),
    *(SequenceNetwork(kind, SHAPE) for kind in ("cnn", "lstm", "lstm_cnn", "cnn_lstm")),
]


def saved(model: keras.Model, path: Path) -> Path:
    model.save(path)
    return path


@pytest.mark.parametrize("network", OURS, ids=lambda network: network.name)
def test_every_network_of_ours_passes(network, tmp_path):
    assert fault(saved(networks.build(network, dropout_rate=0.3), tmp_path / "network.keras")) is None


def test_a_layer_that_holds_code_is_named_and_the_code_is_not_run(tmp_path):
    harmed, name = tmp_path / "harmed", str(tmp_path / "harmed")
    inputs = keras.Input((8,))
    outputs = keras.layers.Dense(1)(keras.layers.Lambda(lambda x: [x, open(name, "w")][0])(inputs))  # noqa: PTH123, SIM115
    assert harmed.exists()
    harmed.unlink()
    path = saved(keras.Model(inputs, outputs), tmp_path / "network.keras")
    assert fault(path) == "layers that bulbar's networks do not use: Lambda, __lambda__"
    assert not harmed.exists()


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"module": "os", "class_name": "system", "config": "id"}, "system"),
        ({"module": "os", "class_name": "Dense", "config": "id"}, "Dense"),
        ({"module": "builtins", "class_name": "function", "config": "eval"}, "function"),
        ({"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}}, "TorchModuleWrapper"),
        ({"module": "bulbar.training.networks", "class_name": "AdjustableDropout", "config": {}}, "AdjustableDropout"),
    ],
)
def test_what_is_no_layer_of_keras_or_none_that_we_use_is_named(part, named, tmp_path):
    path = saved(networks.build(OURS[0], dropout_rate=0.3), tmp_path / "network.keras")
    content = members(path.read_bytes())
    config = json.loads(content["config.json"])
    config["config"]["layers"][2]["config"]["activation"] = part
    path.write_bytes(archived(content | {"config.json": json.dumps(config).encode()}))
    assert fault(path) == f"layers that bulbar's networks do not use: {named}"


WEIGHTS = {"metadata.json": b"{}", "model.weights.h5": b""}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (archived({"config.json": b" " * 2_000_000} | WEIGHTS), "config.json of 2,000,000 bytes"),
        (archived({"config.json": b"[" * 100_000} | WEIGHTS), "a damaged file"),
        (archived({"config.json": b"\xff"} | WEIGHTS), "a damaged file"),
        (archived({"config.json": b"{}"}), "an archive with other members: config.json"),
        (
            archived({"config.json": b"{}", "../../x": b""} | WEIGHTS),
            "an archive with other members: config.json, ../../x, metadata",
        ),
        (b"", "a damaged file"),
        (b"\x89HDF\r\n\x1a\n", "a damaged file"),
    ],
)
def test_what_is_no_archive_of_a_network_is_reported(content, named, tmp_path):
    path = tmp_path / "network.keras"
    path.write_bytes(content)
    assert str(fault(path)).startswith(named)


def test_a_file_that_is_not_there_is_reported(tmp_path):
    assert fault(tmp_path / "network.keras") == fault(tmp_path) == "no such file"

"""The networks of both papers in Keras 3. Only the random numbers of dropout depend on the backend.

ALS: the ten CNNs of Table 1 on the mel image, and the fusion network of Figure 9. Gender: CNN, LSTM and both combined.
"""

from functools import singledispatch

import keras
import numpy as np
from keras import layers

from bulbar.training.architectures import AnyNetwork, Architecture, Network, Output, SequenceNetwork


@keras.saving.register_keras_serializable(package="bulbar")
class AdjustableDropout(layers.Layer):
    """Dropout whose rate is a weight, so that one traced graph serves all rates; rate 0 changes nothing.

    In Keras' own Dropout the rate is a constant of the graph. This layer is used in training only: saved models have
    `keras.layers.Dropout`, with the same expectation and no effect in inference. With TensorFlow, NumPy draws 16 bits
    per value, in a seventh of the time that TensorFlow needs for uniform numbers.
    """

    def __init__(self, **keywords: object) -> None:
        super().__init__(**keywords)
        self.seed_generator = keras.random.SeedGenerator(0)
        self.reseed(0)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weight for the rate, a scalar in [0, 1)."""
        self.rate = self.add_weight(
            name="rate", shape=(), initializer="zeros", trainable=False, dtype="float32", autocast=False
        )

    def reseed(self, seed: int) -> None:
        """Restart the random numbers from a seed."""
        self._bits = np.random.Generator(np.random.SFC64(seed))
        self.seed_generator.state.assign(self._bits.integers(2**31, size=2))

    def call(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Drop each value with probability `rate` and scale the others by 1 / (1 - rate), in training only."""
        if not training:
            return inputs
        if keras.backend.backend() == "tensorflow":
            return keras.ops.cond(
                self.rate > 0, lambda: self._scaled(inputs, self._drawn_by_numpy(inputs)), lambda: inputs
            )
        uniform = keras.random.uniform(keras.ops.shape(inputs), dtype="float32", seed=self.seed_generator)
        return self._scaled(inputs, uniform >= self.rate)

    def _scaled(self, inputs: keras.KerasTensor, kept: keras.KerasTensor) -> keras.KerasTensor:
        return inputs * (keras.ops.cast(kept, inputs.dtype) * keras.ops.cast(1 / (1 - self.rate), inputs.dtype))

    def _drawn_by_numpy(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        import tensorflow as tf

        return tf.ensure_shape(tf.numpy_function(self._draw, [tf.shape(inputs), self.rate], tf.bool), inputs.shape)

    def _draw(self, shape: np.ndarray, rate: np.ndarray) -> np.ndarray:
        """Which values are not dropped, with the rate rounded to 1/65536."""
        size = int(np.prod(shape))
        words = self._bits.integers(2**64 - 1, size=-(-size // 4), dtype=np.uint64, endpoint=True)
        return (words.view(np.uint16)[:size] >= round(float(rate) * 2**16)).reshape(shape)


def _dropout(rate: float | None, name: str) -> layers.Layer:
    return AdjustableDropout(name=name) if rate is None else layers.Dropout(rate, name=name)


def _image_branch(
    architecture: Architecture, inputs: keras.KerasTensor, dropout_rate: float | None
) -> keras.KerasTensor:
    """Convolutions, flatten and Dense 256, on images of shape (batch, mel, frame)."""
    x = layers.Reshape((*inputs.shape[1:], 1), name="channel")(inputs)
    for number, filters in enumerate(architecture.filters, start=1):
        if architecture.pooling == "max":  # ReLU and maximum commute; after pooling, ReLU has a quarter of the work
            x = layers.Conv2D(filters, 3, name=f"convolution_{number}")(x)
            x = layers.MaxPooling2D(2, name=f"pooling_{number}")(x)
            x = layers.ReLU(name=f"relu_{number}")(x)
        else:
            x = layers.Conv2D(filters, 3, activation="relu", name=f"convolution_{number}")(x)
            x = layers.AveragePooling2D(2, name=f"pooling_{number}")(x)
        x = _dropout(dropout_rate, f"dropout_{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    return layers.Dense(256, activation="relu", name="dense_256")(x)


def _tabular_branch(inputs: keras.KerasTensor, dropout_rate: float) -> keras.KerasTensor:
    """Dense 64 and 32, each with batch normalisation and dropout, on clinical features of shape (batch, feature)."""
    x = inputs
    for units in (64, 32):
        x = layers.Dense(units, activation="relu", name=f"clinical_dense_{units}")(x)
        x = layers.BatchNormalization(name=f"clinical_normalisation_{units}")(x)
        x = layers.Dropout(dropout_rate, name=f"clinical_dropout_{units}")(x)
    return x


def _output(x: keras.KerasTensor, output: Output) -> keras.KerasTensor:
    """One sigmoid unit, the probability of the positive class; or softmax over (negative, positive)."""
    units = 1 if output == "sigmoid" else 2
    return layers.Dense(units, activation=output, dtype="float32", name="output")(x)


@singledispatch
def build(network: AnyNetwork, *, dropout_rate: float | None = None) -> keras.Model:
    """Build an untrained network.

    Parameters
    ----------
    network : Network or SequenceNetwork
        Description of the network.
    dropout_rate : float in [0, 1), optional
        Rate of Keras' Dropout after each pooling and each LSTM. None builds `AdjustableDropout`, for training.

    Returns
    -------
    keras.Model
        Inputs: the image (batch, mel, frame), in [0, 1] or scaled by the training part, if the network uses features;
        then clinical features (batch, n_clinical) in [0, 1], if it has any. Output: probability of the positive class,
        (batch, 1), or for softmax of both classes, (batch, 2).
    """
    raise TypeError(f"a network expected, got {type(network).__name__}")


@build.register
def _(network: Network, *, dropout_rate: float | None = None) -> keras.Model:
    inputs, branches = [], []
    if network.architecture is not None:
        image = keras.Input(network.image_shape, name="image")
        inputs.append(image)
        branches.append(_image_branch(network.architecture, image, dropout_rate))
    if network.n_clinical:
        clinical = keras.Input((network.n_clinical,), name="clinical")
        inputs.append(clinical)
        branches.append(_tabular_branch(clinical, network.clinical_dropout_rate))
    if not network.n_clinical:
        return keras.Model(inputs, _output(branches[0], network.output), name=network.name)
    joined = layers.Concatenate(name="fusion")(branches) if len(branches) > 1 else branches[0]
    head = layers.Dense(64, activation="relu", name="fusion_dense_64")(joined)
    return keras.Model(inputs, _output(head, network.output), name=network.name)


@build.register
def _(network: SequenceNetwork, *, dropout_rate: float | None = None) -> keras.Model:
    image = keras.Input(network.image_shape, name="image")
    if network.kind == "lstm":
        x = layers.Permute((2, 1), name="frames_first")(image)
        for number in range(1, network.n_layers + 1):
            x = _lstm(network, x, number, dropout_rate)
    elif network.kind == "lstm_cnn":
        x = _lstm(network, layers.Permute((2, 1), name="frames_first")(image), 1, dropout_rate)
        x = _convolutions(network, x, dropout_rate)
    else:
        x = _convolutions(network, image, dropout_rate)
        if network.kind == "cnn_lstm":
            x = layers.Permute((2, 1, 3), name="frames_first")(x)
            x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name="frames")(x)
            x = _lstm(network, x, 1, dropout_rate)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(network.dense_units, activation="relu", name="dense")(x)
    return keras.Model([image], _output(x, network.output), name=network.name)


def _lstm(network: SequenceNetwork, x: keras.KerasTensor, number: int, dropout_rate: float | None) -> keras.KerasTensor:
    """LSTM that returns the outputs of all steps, (batch, frame, unit), followed by dropout.

    There is no dropout inside the cell: each backend would draw it differently, and it disables the fast kernels. The
    loop is not unrolled: for 100 frames tracing would take 20 s instead of 1, and a step would not be faster.
    """
    x = layers.LSTM(network.lstm_units, return_sequences=True, name=f"lstm_{number}")(x)
    return _dropout(dropout_rate, f"lstm_dropout_{number}")(x)


def _convolutions(network: SequenceNetwork, x: keras.KerasTensor, dropout_rate: float | None) -> keras.KerasTensor:
    """Convolutions of 3 × 3, each with ReLU, max pooling and dropout, on (batch, row, column)."""
    x = layers.Reshape((*x.shape[1:], 1), name="channel")(x)
    for number, filters in enumerate(network.convolutions, start=1):
        x = layers.Conv2D(filters, 3, padding="same", name=f"convolution_{number}")(x)
        x = layers.MaxPooling2D(2, name=f"pooling_{number}")(x)
        x = layers.ReLU(name=f"relu_{number}")(x)  # ReLU and maximum commute
        x = _dropout(dropout_rate, f"dropout_{number}")(x)
    return x

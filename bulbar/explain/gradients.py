"""Attribution maps of a mel image, in log-odds: integrated gradients and Grad-CAM, with Keras on TensorFlow or JAX.

No maintained library explains a Keras 3 model with our versions: Xplique and Alibi need older TensorFlow and NumPy,
tf-keras-vis is for Keras 2, Captum for PyTorch.

`Tabular` is a model with clinical columns as a function of these columns alone.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import keras
import numpy as np


def log_odds(model: keras.Model) -> keras.Model:
    """Build the model without its last activation: output (batch, 1), log-odds of the positive class.

    `model` has one sigmoid unit, or softmax over negative and positive, as output. Log-odds are used because they add
    up, and because the gradients of probabilities vanish near 0 and 1. All weights but the last layer's are shared. A
    model without a last activation keeps its output.
    """
    last = model.layers[-1]
    if last.activation is keras.activations.linear:
        return keras.Model(model.inputs, model.outputs[0], name=model.name)
    kernel, bias = last.get_weights()
    if kernel.shape[1] == 2:  # softmax over two is a sigmoid of the difference
        kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
    linear = keras.layers.Dense(1, dtype="float32", name="log_odds")
    network = keras.Model(model.inputs, linear(last.input), name=f"{model.name}_log_odds")
    linear.set_weights([kernel, bias])
    return network


def predict_log_odds(
    network: keras.Model, images: np.ndarray, clinical: np.ndarray | None = None, *, at_once: int = 64
) -> np.ndarray:
    """The output of a network of `log_odds` for each image, shape (n,), float64."""
    return _outputs(network, _inputs(images, clinical), at_once)


def integrated_gradients(
    model: keras.Model,
    images: np.ndarray,
    *,
    baseline: np.ndarray | None = None,
    clinical: np.ndarray | None = None,
    steps: int = 16,
    at_once: int = 32,
) -> np.ndarray:
    """Attribute the log-odds of the positive class to the pixels, relative to a baseline.

    Parameters
    ----------
    model : keras.Model
        A saved model or its `log_odds`.
    images : array, shape (n, mel, frame), in [0, 1]
        Mel images.
    baseline : array, shape (mel, frame), optional
        Start of the path. Default: the floor, which is silence.
    clinical : array, shape (n, n_clinical), optional
        Clinical features for a model that uses them; they stay constant on the path.
    steps : int
        Number of gradients on the straight path, at the midpoints of equal intervals.
    at_once : int
        Batch size.

    Returns
    -------
    array, shape of `images`, float32
        The sum of a map is the output for the image minus the output for the baseline, except for the numerical error
        of the steps (`completeness`).

    Notes
    -----
    Source: Sundararajan et al., Axiomatic attribution for deep networks, ICML 2017, equation 3.
    """
    network = log_odds(model)
    images = np.asarray(images, dtype=np.float32)
    start_at = np.zeros(images.shape[1:], np.float32) if baseline is None else np.asarray(baseline, np.float32)

    def of_some(some: np.ndarray, *clinical_batch: np.ndarray) -> np.ndarray:
        total = np.zeros(some.shape, np.float64)
        for step in range(steps):
            way = np.float32((step + 0.5) / steps)
            total += gradients(network, start_at + way * (some - start_at), clinical_batch)
        return ((some - start_at) * total / steps).astype(np.float32)

    return _in_batches(of_some, _inputs(images, clinical), at_once)


def completeness(
    model: keras.Model, images: np.ndarray, maps: np.ndarray, *, baseline: np.ndarray | None = None
) -> np.ndarray:
    """Numerical error of integrated gradients: sum of each map minus (f(image) - f(baseline)), log-odds, shape (n,)."""
    network = log_odds(model)
    start_at = np.zeros(images.shape[1:], np.float32) if baseline is None else baseline
    return maps.sum(axis=(1, 2), dtype=np.float64) - (
        predict_log_odds(network, images) - predict_log_odds(network, start_at[np.newaxis])
    )


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    *,
    clinical: np.ndarray | None = None,
    rectified: bool = True,
    at_once: int = 32,
) -> np.ndarray:
    """Grad-CAM: the parts of an image in which the last convolution supports the positive class.

    Parameters
    ----------
    model : keras.Model
        A saved model or its `log_odds`.
    images : array, shape (n, mel, frame), in [0, 1]
        Mel images.
    clinical : array, shape (n, n_clinical), optional
        Clinical features for a model that uses them.
    rectified : bool
        Set negative values to 0, as in the source.
    at_once : int
        Batch size.

    Returns
    -------
    array, shape of `images`, float32

    Notes
    -----
    The feature maps after pooling (the input of `flatten`) are weighted by the mean gradient of the log-odds, summed,
    and interpolated linearly from the centres of the cells' receptive fields. The resolution is that of these maps: of
    an image of 128 × 128, S1 has 63 × 63 cells and S5 has 2 × 2.
    Source: Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2.
    """
    network = log_odds(model)
    flatten = next(layer for layer in network.layers if isinstance(layer, keras.layers.Flatten))
    features = keras.Model(network.inputs[0], flatten.input)
    head = keras.Model([flatten.input, *network.inputs[1:]], network.outputs[0])
    to_rows, to_columns = (spread(network, axis, images.shape[axis + 1]) for axis in (0, 1))

    def of_some(some: np.ndarray, *clinical_batch: np.ndarray) -> np.ndarray:
        seen = keras.ops.convert_to_numpy(features(some, training=False)).astype(np.float32)
        weights = gradients(head, seen, clinical_batch).mean(axis=(1, 2), keepdims=True)
        return (to_rows @ (weights * seen).sum(axis=3) @ to_columns.T).astype(np.float32)

    maps = _in_batches(of_some, _inputs(images, clinical), at_once)
    return np.maximum(maps, 0) if rectified else maps


def spread(network: keras.Model, axis: int, length: int) -> np.ndarray:
    """Weights (length, cells) that interpolate the last feature map along one axis of the image; rows sum to 1.

    The interpolation is linear between the centres of the receptive fields, and constant beyond the outermost centre.
    """
    flatten = next(layer for layer in network.layers if isinstance(layer, keras.layers.Flatten))
    centres = np.arange(flatten.input.shape[axis + 1], dtype=float)
    for layer in reversed(network.layers[: network.layers.index(flatten)]):
        if isinstance(layer, keras.layers.Conv2D):
            centres = centres * layer.strides[axis] + (layer.kernel_size[axis] - 1) / 2 * (layer.padding == "valid")
        elif isinstance(layer, keras.layers.MaxPooling2D | keras.layers.AveragePooling2D):
            centres = centres * layer.strides[axis] + (layer.pool_size[axis] - 1) / 2
    return np.stack([np.interp(np.arange(length), centres, one) for one in np.eye(len(centres))], axis=1)


def gradients(network: keras.Model, first: np.ndarray, others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Gradient of each row's output with respect to the network's first input, shape of `first`.

    Raises NotImplementedError for a Keras backend other than TensorFlow and JAX.
    """
    backend = keras.backend.backend()
    other_inputs = [keras.ops.convert_to_tensor(other) for other in others]
    if backend == "tensorflow":
        import tensorflow as tf

        first_input = tf.convert_to_tensor(first, tf.float32)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(first_input)
            output = network([first_input, *other_inputs], training=False)
        return tape.gradient(output, first_input).numpy()
    if backend == "jax":
        import jax

        values = [
            [variable.value for variable in of] for of in (network.trainable_variables, network.non_trainable_variables)
        ]

        def total(inputs: jax.Array) -> jax.Array:
            return network.stateless_call(*values, [inputs, *other_inputs], training=False)[0].sum()

        return np.asarray(jax.grad(total)(jax.numpy.asarray(first, "float32")))
    raise NotImplementedError(f"gradients need the Keras backend tensorflow or jax, found {backend}")


def _inputs(images: np.ndarray, clinical: np.ndarray | None) -> list[np.ndarray]:
    """The images and, if given, the clinical features."""
    return [np.asarray(one, np.float32) for one in (images, clinical) if one is not None]


def _in_batches(function: Callable[..., np.ndarray], inputs: Sequence[np.ndarray], at_once: int) -> np.ndarray:
    """Apply a function to batches of rows and concatenate the results."""
    starts = range(0, len(inputs[0]), at_once)
    return np.concatenate([function(*(one[start : start + at_once] for one in inputs)) for start in starts])


def _outputs(model: keras.Model, inputs: Sequence[np.ndarray], at_once: int) -> np.ndarray:
    """First output of each row, shape (n,), float64."""

    def of_some(*some: np.ndarray) -> np.ndarray:
        return keras.ops.convert_to_numpy(model(list(some), training=False))[:, 0]

    return _in_batches(of_some, inputs, at_once).astype(np.float64)


_AT_ONCE = 8192


class Tabular:
    """One fold's `clinical_*` or `fused_*` model."""

    def __init__(self, model: keras.Model, images: np.ndarray) -> None:
        """Split the model into voice branch and head. `images`: (n, mel, frame); unused by a model without voice."""
        network = log_odds(model)
        self.uses_voice = len(network.inputs) > 1
        self.n_clinical = int(network.inputs[-1].shape[-1])
        self._head, self._voices = network, np.zeros((len(images), 0), np.float32)
        if self.uses_voice:
            voice, _ = network.get_layer("fusion").input
            branch = keras.Model(network.inputs[0], voice)
            self._voices = _in_batches(
                lambda some: keras.ops.convert_to_numpy(branch(some, training=False)), [images], 64
            )
            self._head = keras.Model([voice, network.inputs[1]], network.outputs[0])

    @classmethod
    def load(cls, path: Path, images: np.ndarray) -> Self:
        """Load a `.keras` file."""
        return cls(keras.models.load_model(path, compile=False), images)

    def predict_log_odds(self, clinical: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Log-odds of the positive class, shape (m,), for features (m, n_clinical) and the voices of `rows`."""
        clinical, found = np.asarray(clinical, np.float32), []
        for start in range(0, len(clinical), _AT_ONCE):
            some = [clinical[start : start + _AT_ONCE]]
            if self.uses_voice:
                some.insert(0, self._voices[rows[start : start + _AT_ONCE]])
            found.append(self._head.predict_on_batch(some)[:, 0])  # a graph: SHAP predicts thousands of small batches
        return np.concatenate(found).astype(np.float64)

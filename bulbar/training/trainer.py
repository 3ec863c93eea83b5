"""Training of one fit with early stopping. The result does not depend on earlier fits in the same process, bit by bit.

A network is built and traced once per process and then reset in place, because tracing costs as much as a short fit.
"""

import json
import math
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from bulbar.core import archives
from bulbar.core.digests import seed_of
from bulbar.training import networks
from bulbar.training.architectures import AnyNetwork
from bulbar.training.fits import Fit, Fitted, Settings, Study

if keras.backend.backend() == "tensorflow":  # one thread per process, deterministic operations
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)  # required by op determinism; `Trainer.reset` seeds every draw

    class Adam(keras.optimizers.Adam):
        """Keras' Adam with the update in a single TensorFlow kernel; Keras passes over the weights several times.

        With 16 million weights in Dense 256 (S1A, S1B) the update is half the time of a step.
        """

        def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: keras.Variable) -> None:
            """Update one variable and its two moments in place."""
            step = tf.cast(self.iterations.value + 1, tf.float32)
            index = self._get_variable_index(variable)
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self._momentums[index].value.handle,
                v=self._velocities[index].value.handle,
                beta1_power=tf.pow(self.beta_1, step),
                beta2_power=tf.pow(self.beta_2, step),
                lr=tf.cast(learning_rate, tf.float32),
                beta1=self.beta_1,
                beta2=self.beta_2,
                epsilon=self.epsilon,
                grad=gradient,
            )

else:
    from keras.optimizers import Adam  # type: ignore[no-redef]

_SMALLEST = 1e-7  # probabilities are clipped here before the logarithm, as in Keras


def train(fit: Fit, study: Study) -> Fitted:
    """Train a fit. Its predictions are those of the epoch with the lowest validation loss; NaN if none is finite."""
    trainer = _trainer(fit.network, fit.settings_in(study))
    trainer.reset(fit.dropout_rate, seed_of(study.seed, fit.name))
    return trainer.fit(fit, study)


_made: "dict[tuple[AnyNetwork, int, str], Trainer]" = {}


def _trainer(network: AnyNetwork, settings: Settings) -> "Trainer":
    """The trainer of a network: the last one if its traced functions fit, else a new one that replaces it."""
    traced = (network, settings.batch_size, settings.precision)
    if traced not in _made:
        for last in _made.values():
            last.release()
        _made.clear()
        _made[traced] = Trainer(network, settings)
    _made[traced].settings = settings
    return _made[traced]


@lru_cache(maxsize=1)
def _images(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r")


class Trainer:
    """A network with its optimizer and traced functions, created once and reset before every fit.

    `settings` are those of the next fit. Precision and batch size are part of the traced functions and cannot change.
    """

    def __init__(self, network: AnyNetwork, settings: Settings) -> None:
        keras.config.set_dtype_policy(settings.precision)
        self._network = network
        self.settings = settings
        self._model = networks.build(network)
        self._model.compile(
            optimizer=Adam(settings.learning_rate),
            loss="binary_crossentropy" if network.output == "sigmoid" else "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=keras.backend.backend() != "tensorflow",  # XLA on the CPU is many times slower
        )
        self._model.optimizer.build(self._model.trainable_variables)
        self._first = {layer.name: _small_values(layer) for layer in self._model.layers}
        self._trace()

    def _trace(self) -> None:
        """Trace for full and for other batch sizes, so that the bits of a fit do not depend on earlier fits."""
        for rows in (self.settings.batch_size, 2):
            inputs = [np.zeros((rows, *tensor.shape[1:]), np.float32) for tensor in self._model.inputs]
            self._model.train_on_batch(inputs, np.zeros((rows, 1), np.int32), return_dict=True)
            self._model.predict_on_batch(inputs)

    def release(self) -> None:
        """Free the memory of weights and optimizer, which TensorFlow's traced functions hold longer than the model."""
        if keras.backend.backend() == "tensorflow":
            for variable in (*self._model.variables, *self._model.optimizer.variables):
                empty = tf.zeros((0,), variable.value.dtype)
                tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=empty, validate_shape=False)

    def reset(self, dropout_rate: float, seed: int) -> None:
        """Reset everything that a fit changes: weights, statistics, optimizer, seeds, metrics, dropout rate."""
        for layer in self._model.layers:
            for variable, first in zip(layer.variables, self._first[layer.name], strict=True):
                if first is not None:
                    variable.assign(first)
            for kernel, initializer, name in _kernels(layer):
                kernel.assign(_redrawn(kernel, initializer, seed_of(seed, name)))
            if isinstance(layer, networks.AdjustableDropout):
                layer.reseed(seed_of(seed, layer.name))
                layer.rate.assign(dropout_rate)
            elif hasattr(layer, "seed_generator"):
                drawn = np.random.default_rng(seed_of(seed, layer.name)).integers(2**31, size=2)
                layer.seed_generator.state.assign(drawn)
        optimizer = self._model.optimizer
        for variable in optimizer.variables:
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
        optimizer.learning_rate = self.settings.learning_rate
        self._model.stop_training = False

    def fit(self, fit: Fit, study: Study) -> Fitted:
        """Train with early stopping, and return the predictions of the epoch with the lowest validation loss."""
        shuffle = np.random.default_rng(seed_of(study.seed, f"{fit.name}/shuffle"))
        labels = study.labels.astype(np.int32)
        stopping = keras.callbacks.EarlyStopping(patience=self.settings.early_stopping_patience)
        plateau = keras.callbacks.ReduceLROnPlateau(
            factor=self.settings.plateau_factor,
            patience=self.settings.plateau_patience,
            min_lr=self.settings.min_learning_rate,
        )
        callbacks = keras.callbacks.CallbackList([stopping, plateau], model=self._model)
        callbacks.on_train_begin()
        test_is_watched = np.array_equal(fit.validation, fit.test)
        best_loss, best_weights, history = math.inf, None, []
        best_test, best_validation = np.full(len(fit.test), np.nan), np.full(len(fit.validation), np.nan)
        turns = np.atleast_2d(fit.train)
        for epoch in range(self.settings.max_epochs):
            learning_rate = float(self._model.optimizer.learning_rate)
            trained = np.zeros(2)
            for rows in _batches(shuffle.permutation(turns[epoch % len(turns)]), self.settings.batch_size):
                inputs = self._inputs(rows, fit, study)
                logs = self._model.train_on_batch(inputs, labels[rows, np.newaxis], return_dict=True)
                trained += np.array([logs["loss"], logs["accuracy"]]) * len(rows) / fit.n_trained
            validation = self._predict(fit.validation, fit, study)
            loss = _log_loss(labels[fit.validation], validation)
            accuracy = float(np.mean((validation >= 0.5) == labels[fit.validation]))
            history.append((epoch + 1, *trained, loss, accuracy, learning_rate))
            if loss < best_loss:
                best_loss, best_validation = loss, validation
                best_test = validation if test_is_watched else self._predict(fit.test, fit, study)
                best_weights = self._model.get_weights() if fit.keep_weights else None
            callbacks.on_epoch_end(epoch, {"val_loss": loss})
            if self._model.stop_training:
                break
        columns = ["epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"]
        return Fitted(
            test=best_test,
            validation=best_validation,
            history=pd.DataFrame(history, columns=columns),
            model=None if best_weights is None else self._saved(best_weights, fit.dropout_rate),
        )

    def _inputs(self, rows: np.ndarray, fit: Fit, study: Study) -> list[np.ndarray]:
        inputs = []
        if self._network.sees_features and study.images is not None:
            inputs.append(_images(study.images)[rows])
        if fit.clinical is not None:
            inputs.append(fit.clinical[rows].astype(np.float32))
        return inputs

    def _predict(self, rows: np.ndarray, fit: Fit, study: Study) -> np.ndarray:
        """Probabilities of class 1, shape (n,), float64."""
        parts = [
            self._model.predict_on_batch(self._inputs(batch, fit, study))[:, -1]
            for batch in _batches(rows, self.settings.batch_size)
        ]
        return np.concatenate(parts).astype(np.float64)

    def _saved(self, weights: list[np.ndarray], dropout_rate: float) -> bytes:
        """Content of a `.keras` file of the trained model, with standard layers only."""
        self._model.set_weights(weights)
        standard = networks.build(self._network, dropout_rate=dropout_rate)
        for layer in standard.layers:
            trained = self._model.get_layer(layer.name)
            if not isinstance(trained, networks.AdjustableDropout):
                layer.set_weights(trained.get_weights())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            standard.save(path)
            archives.fix_dates(path, {"metadata.json": _without_date, "config.json": _with_small_ids})
            return path.read_bytes()


def _without_date(metadata: bytes) -> bytes:
    """Metadata of a `.keras` file without the time of saving."""
    return json.dumps({key: value for key, value in json.loads(metadata).items() if key != "date_saved"}).encode()


def _with_small_ids(config: bytes) -> bytes:
    """Configuration of a `.keras` file with shared objects numbered from 1 instead of by their memory address."""
    numbers: dict[int, int] = {}

    def renumber(found: dict[str, Any]) -> dict[str, Any]:
        shared = found.get("shared_object_id")
        return {**found, "shared_object_id": numbers.setdefault(shared, len(numbers) + 1)} if shared else found

    return json.dumps(json.loads(config, object_hook=renumber)).encode()


def _kernels(layer: keras.Layer) -> list[tuple[keras.Variable, keras.initializers.Initializer, str]]:
    """The kernel of a layer and, for an LSTM, the recurrent kernel, each with its initializer and its seed's name."""
    cell = getattr(layer, "cell", layer)
    kernels = []
    if hasattr(cell, "kernel"):
        kernels.append((cell.kernel, cell.kernel_initializer, layer.name))
    if hasattr(cell, "recurrent_kernel"):
        kernels.append((cell.recurrent_kernel, cell.recurrent_initializer, f"{layer.name}/recurrent"))
    return kernels


def _small_values(layer: keras.Layer) -> list[np.ndarray | None]:
    """Values of a new layer's variables, in order; None for a kernel, because each fit draws it again."""
    kernels = [kernel for kernel, _, _ in _kernels(layer)]
    return [
        None if any(variable is kernel for kernel in kernels) else keras.ops.convert_to_numpy(variable)
        for variable in layer.variables
    ]


def _redrawn(kernel: keras.Variable, initializer: keras.initializers.Initializer, seed: int) -> np.ndarray:
    """A kernel drawn by its layer's initializer from a seed."""
    seeded = type(initializer).from_config({**initializer.get_config(), "seed": seed})
    return seeded(kernel.shape, dtype=kernel.dtype)


def _batches(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _log_loss(labels: np.ndarray, probability: np.ndarray) -> float:
    """Mean binary cross-entropy of the probability of class 1, clipped as in Keras."""
    clipped = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    return float(-np.mean(np.where(labels == 1, np.log(clipped), np.log1p(-clipped))))

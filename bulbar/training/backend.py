"""Keras started so that explanations have the same bits each time: on the processor, one thread.

Modules that the stage imports take Keras in only where they use it: before `start` no backend is chosen.
"""

import os
import sys

from bulbar.core import error_stream


def start(backend: str) -> None:
    """Make `backend` Keras' own, before anything imports Keras: a process that has imported it keeps the one it has."""
    on_the_cpu = {"CUDA_VISIBLE_DEVICES": "", "BULBAR_DEVICE": "cpu", "JAX_PLATFORMS": "cpu"}
    os.environ |= {"KERAS_BACKEND": backend, **on_the_cpu}
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "numba" not in sys.modules:  # it cannot change its mind; shap's loops would take longer to compile than to run
        os.environ["NUMBA_DISABLE_JIT"] = "1"
    if "keras" in sys.modules:
        reset_defaults()
        return
    with error_stream.silenced():
        if backend == "tensorflow":
            import tensorflow as tf

            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
            tf.config.experimental.enable_op_determinism()
            tf.zeros(1)  # it prints the device that it finds, here rather than beside a bar
        import keras

        keras.utils.set_random_seed(0)  # determinism refuses to run unseeded; nothing here draws from it


def reset_defaults() -> None:
    """Give Keras its own defaults: a process that imported it before bulbar has those of the user's keras.json."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")

"""Keras started so that explanations have the same bits each time: on the processor, one thread.

Modules that the stage imports take Keras in only where they use it: before `start` no backend is chosen.
"""

import os
import sys

from bulbar.core import error_stream


def start(backend: str) -> None:
    """Make `backend` Keras' own, before anything imports Keras: a process that has imported it keeps the one it has."""
    os.environ |= {"KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": "", "BULBAR_DEVICE": "cpu"}
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if "numba" not in sys.modules:  # it cannot change its mind; shap's loops would take longer to compile than to run
        os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    if "keras" in sys.modules:
        return
    with error_stream.silenced():
        if backend == "tensorflow":
            import tensorflow as tf

            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
            tf.config.experimental.enable_op_determinism()
            tf.zeros(1)  # it tells of the device that it finds, here rather than beside a bar
        import keras

        keras.utils.set_random_seed(0)  # determinism refuses to run unseeded; nothing here draws from it

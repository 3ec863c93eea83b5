"""Start Keras so that explanations are reproducible bit by bit: on the CPU, with one thread.

The modules that a stage imports import Keras only inside functions, so that `start` can choose the backend first.
"""

import os
import sys

from bulbar.core import error_stream


def start(backend: str) -> None:
    """Select the Keras backend before anything imports Keras. If Keras is already imported, its backend stays."""
    on_the_cpu = {"CUDA_VISIBLE_DEVICES": "", "BULBAR_DEVICE": "cpu", "JAX_PLATFORMS": "cpu"}
    os.environ |= {"KERAS_BACKEND": backend, **on_the_cpu}
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "numba" not in sys.modules:  # read at import only; shap's loops would take longer to compile than to run
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
            tf.zeros(1)  # TensorFlow prints its device on first use: here this output is silenced
        import keras

        keras.utils.set_random_seed(0)  # required by op determinism; nothing here draws from it


def reset_defaults() -> None:
    """Reset Keras to its defaults, because a Keras imported before bulbar has those of the user's keras.json."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")

"""Multiply-adds a second in large matrix products on all cores: `matrix_products SIDE REPEATS`.

Prints JSON, by `LIBRARY, TYPE`: the best of the repeats, for that is the roof.
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf


def rate(product: Callable[[], object], side: int, repeats: int) -> float:
    """Multiply-adds a second of the fastest of `repeats` products of two side × side matrices."""
    product()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        product()
        taken.append(time.perf_counter() - started)
    return side**3 / min(taken)


def main(side: int, repeats: int) -> None:
    """Measure and print."""
    draw = np.random.default_rng(0)
    one, other = draw.random((2, side, side), dtype=np.float32)
    found = {"NumPy, float32": rate(lambda: one @ other, side, repeats)}
    for dtype in (tf.float32, tf.bfloat16):
        left, right = tf.cast(one, dtype), tf.cast(other, dtype)
        multiply = tf.function(lambda left=left, right=right: tf.reduce_sum(tf.matmul(left, right)))
        found[f"TensorFlow, {dtype.name}"] = rate(lambda multiply=multiply: multiply().numpy(), side, repeats)
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

"""Networks, training, explanations, the stages sweep and fusion under JAX: their tests again with KERAS_BACKEND=jax."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    ["test_networks", "test_sequence_networks", "test_training", "test_stage_training", "test_explain_gradients"],
)
def test_under_jax_the_same_holds(module):
    pytest.importorskip("jax")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-m", "not slow", f"tests/{module}.py"],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]

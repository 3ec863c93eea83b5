"""Networks, training, explanations, the stages sweep and fusion under JAX: their tests again on that backend."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


MODULES = [f"training/test_{name}" for name in ("networks", "sequence_networks", "trainer")]
MODULES += ["stages/test_training", "explain/test_gradients"]


def test_the_tests_to_run_are_there():
    assert all((ROOT / f"tests/{module}.py").is_file() for module in MODULES)


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_under_jax_the_same_holds(module):
    pytest.importorskip("jax")
    chosen = "not slow" if module.startswith("stages") else ""  # elsewhere slow tests are of kinds of networks
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-m", chosen, f"tests/{module}.py"],
        cwd=ROOT,
        env={**os.environ, "BULBAR_TEST_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]

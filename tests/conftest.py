"""What several modules of tests start from."""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of BLAS, as in a stage with one worker, and before NumPy is imported

import bulbar  # noqa: F401 - before any library that a test imports
from tests.pipelines import Pipeline, first_run

if backend := os.environ.get("BULBAR_TEST_BACKEND"):  # of Keras in this process: tests/training/test_jax.py
    os.environ["KERAS_BACKEND"] = backend


@pytest.fixture(scope="module")
def traced_once():
    """Networks that this process traced before are not traced again."""
    from tests import traced  # Keras is imported where a test trains, and nowhere else

    with traced.once():
        yield


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory) -> tuple[Pipeline, set[str]]:
    """The whole ALS pipeline has run on the tiny cohort, once, and is committed; and the stages that ran."""
    return first_run(tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="session")
def finished(finished_run) -> Pipeline:
    """The finished study, to read."""
    return finished_run[0]


@pytest.fixture
def study(finished, tmp_path) -> Pipeline:
    """A copy of the finished study, to change."""
    return finished.copy(tmp_path / "project")

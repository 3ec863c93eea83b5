"""What several modules of tests of stages start from."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """The small study, swept and selected for both protocols, fused split by subject: to read.

    Processes of one `pytest --numprocesses` share it: the first that needs it makes it.
    """
    from tests.stages import small_study  # Keras is imported where a test trains, and nowhere else

    place = tmp_path_factory.getbasetemp()
    root = (place.parent if "PYTEST_XDIST_WORKER" in os.environ else place) / "trained"
    root.mkdir(exist_ok=True)
    with (root / "made").open("a") as made:
        fcntl.flock(made, fcntl.LOCK_EX)
        if not os.fstat(made.fileno()).st_size:
            small_study.train(root, swept=("record_wise", "subject_wise"), fused=("subject_wise",))
            made.write("whole")
    return root


@pytest.fixture(scope="session")
def deployed_study(trained, tmp_path_factory) -> Path:
    """The small study with its voice model, deployed: to predict from."""
    from tests.stages import small_study  # Keras is imported where a test trains, and nowhere else

    root = tmp_path_factory.mktemp("deployed")
    shutil.copytree(trained, root, dirs_exist_ok=True)
    return small_study.deploy_models(root)


@pytest.fixture(scope="module")
def trained_copy(trained, tmp_path_factory) -> Path:
    """A copy of the small study, the current folder while it is made, to add to; cached fits and release are shared."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(trained, root, dirs_exist_ok=True)
    return root

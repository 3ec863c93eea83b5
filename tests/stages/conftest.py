"""What several modules of tests of stages start from."""

import fcntl
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest


@pytest.fixture(scope="module", autouse=True)
def small_figures():
    """Stages draw small figures, which are saved in half the time; tests of figures look at large ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bulbar.core.files.DPI", 40)
        yield


def made_once(name: str, make: Callable[[Path], object], tmp_path_factory) -> Path:
    """A folder that the processes of one `pytest --numprocesses` share: the first that needs it makes it."""
    place = tmp_path_factory.getbasetemp()
    root = (place.parent if "PYTEST_XDIST_WORKER" in os.environ else place) / name
    root.mkdir(exist_ok=True)
    with root.with_suffix(".made").open("a") as made:
        fcntl.flock(made, fcntl.LOCK_EX)
        if not os.fstat(made.fileno()).st_size:
            make(root)
            made.write("whole")
    return root


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """The small study, swept and selected for both protocols, fused split by subject: to read."""
    from tests.stages import small_study  # Keras is imported where a test trains, and nowhere else

    make = partial(small_study.train, swept=("record_wise", "subject_wise"), fused=("subject_wise",))
    return made_once("trained", make, tmp_path_factory)


@pytest.fixture(scope="session")
def deployed_study(trained, tmp_path_factory) -> Path:
    """The small study with its voice model, deployed: to predict from."""
    from tests.stages import small_study  # Keras is imported where a test trains, and nowhere else

    def make(root: Path) -> None:
        shutil.copytree(trained, root, dirs_exist_ok=True)
        small_study.deploy_models(root)

    return made_once("deployed", make, tmp_path_factory)


@pytest.fixture(scope="module")
def trained_copy(trained, tmp_path_factory) -> Path:
    """A copy of the small study, the current folder while it is made, to add to; cached fits and release are shared."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(trained, root, dirs_exist_ok=True)
    return root

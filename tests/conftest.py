"""What several modules of tests start from."""

import pytest

from tests.pipelines import Pipeline, first_run


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

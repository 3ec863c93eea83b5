"""The watching of stages sees what it is there to see: a small stage that is known to do each thing once."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.pipelines import Pipeline
from tests.traces import Watched

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="apt-get install strace")

STAGE = """
import os, sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from bulbar.cohort import folds
from bulbar.core import parallel
from bulbar.core.atomic_write import atomic_path
from bulbar.features import audio
from stages.parts.params import params, settings, study_seed

def work(hearing):
    Path("in_a_worker.txt").read_text()
    return hearing.top_db

def main():
    Path("read.txt").read_text()
    Path("not_there.txt").exists()
    with atomic_path("out/table.csv") as aside:
        aside.write_text("x")
    Path("out/plain.txt").write_text("x")
    hearing = settings("audio", audio.Settings)
    hearing.sample_rate_hz
    settings("compute", parallel.Settings)
    settings("folds", folds.Settings).model_dump(exclude={"validation_share"})
    params()["phantom"].get("median_duration_s")
    list(params()["published"].items())
    dict(params()["select"])
    changed = hearing.model_copy(update={"min_duration_s": 1.0})
    changed.min_duration_s
    with ProcessPoolExecutor(1) as workers:
        workers.submit(work, hearing).result()
    os.environ.get("KERAS_BACKEND")

if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory) -> Watched:
    found = Watched(tmp_path_factory.mktemp("watched"))
    for name in ("read.txt", "in_a_worker.txt", "unread.txt"):
        (found.folder / name).write_text("x")
    (found.folder / "stages/watched.py").write_text(STAGE)
    run(found, DVC_STAGE="watched")
    return found


def run(pipeline: Pipeline, **more: str) -> None:
    environment = pipeline.environment | {"PYTHONPATH": str(pipeline.folder), "PYTHONDONTWRITEBYTECODE": "1"} | more
    path = shutil.which("python", path=environment["PATH"])
    assert path and path.endswith("tools/python")
    subprocess.run([path, "-m", "stages.watched"], cwd=pipeline.folder, env=environment, check=True)


def named(paths: set[Path], folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in paths if path.is_relative_to(folder)}


def test_what_is_opened_to_read_is_seen_in_workers_too_and_nothing_else(watched):
    did = watched.trace("watched", "watched")
    seen = {name for name in named(did.read, watched.folder) if name.endswith(".txt")}
    assert seen == {"read.txt", "in_a_worker.txt"}
    modules = {"stages/watched.py", "stages/parts/params.py", "bulbar/features/audio.py", "bulbar/cohort/folds.py"}
    assert modules <= named(did.read, watched.folder)
    assert "bulbar/training/trainer.py" not in named(did.read, watched.folder)


def test_what_is_written_is_seen_under_its_last_name(watched):
    written = named(watched.trace("watched", "watched").written, watched.folder)
    assert {"out/table.csv", "out/plain.txt"} <= written
    there = {name for name in written if (watched.folder / name).exists()}
    assert there == {"out/table.csv", "out/plain.txt"}


def test_params_are_seen_where_they_are_asked_for_and_not_where_they_are_checked(watched):
    did = watched.trace("watched", "watched")
    asked = {"audio.sample_rate_hz", "audio.top_db", "phantom.median_duration_s"}
    whole = {"published", "select", "folds"}
    found = YAML(typ="safe").load(watched.folder / "params.yaml")
    asked |= {f"{block}.{key}" for block in whole for key in found[block]} - {"folds.validation_share"}
    assert did.params == asked


def test_variables_of_the_environment_are_seen_where_our_code_asks_for_them(watched):
    assert "KERAS_BACKEND" in watched.trace("watched", "watched").variables


def test_what_runs_outside_a_stage_leaves_no_trace(watched):
    before = sorted(watched.traces.iterdir())
    run(watched)
    assert sorted(watched.traces.iterdir()) == before
    assert os.listdir(watched.traces) == ["watched"]  # noqa: PTH208

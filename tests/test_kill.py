"""`dvc repro` is killed again and again, its workers too: it goes on where it was, and the result is the same."""

import random
import subprocess
import sys
import time

import psutil
import pytest

from tests.killing import Killer, differences, finished_fits, mend, of_session, wall_times
from tests.pipelines import TINY, Pipeline, fits_to_do

KILLS = 25


@pytest.mark.slow
def test_a_pipeline_that_is_killed_at_25_moments_ends_as_one_that_is_not(finished, tmp_path):
    killed = Pipeline(tmp_path / "project", tmp_path / "fit_cache")
    killed.change(TINY)
    killed.commit("Tiny settings")
    record = Killer(killed, kills=KILLS, seed=7, seconds=wall_times(finished)).until_done()
    print(record)
    assert differences(killed, finished) == []
    assert record.kills.total() == KILLS
    assert record.outlived == 0
    assert record.fits_lost == 0
    assert finished_fits(killed.fit_cache).keys() == finished_fits(finished.fit_cache).keys()
    assert "up to date" in killed.dvc("repro")


@pytest.mark.slow
@pytest.mark.parametrize("left", ["nothing", "half a stage", "half a word"])
def test_a_lock_file_that_a_kill_cut_off_costs_no_fit(finished, study, left):
    """DVC writes its lock file in place. What docs/compute.md says of it is done where DVC cannot read it."""
    lock = study.folder / "dvc.lock"
    whole = lock.read_text()
    stage = whole.index("  sweep@subject_wise:")
    ends = {
        "nothing": 0,
        "half a stage": whole.index("    params:", stage),
        "half a word": whole.index("deps:", stage) + 3,
    }
    lock.write_text(whole[: ends[left]])
    run = study.run("repro")
    shown = run.stdout
    if run.returncode:
        assert mend(study, shown) == "dvc.lock"
        shown = study.dvc("repro")
    assert {to_do for to_do, known in fits_to_do(shown).values()} <= {0}
    assert differences(study, finished) == []


@pytest.mark.slow
def test_workers_that_are_killed_one_after_the_other_change_no_result(finished, tmp_path):
    """Where all attempts are used up the stage says so in one message, and the next run goes on."""
    study = Pipeline(tmp_path / "project", tmp_path / "fit_cache")
    study.change(TINY | {"compute.workers": 2})
    study.commit("Tiny settings")
    draw, killed, starts = random.Random(7), 0, 0
    ended = False
    while not ended:
        starts += 1
        assert starts < 20
        with (tmp_path / "log").open("w+") as log:
            run = subprocess.Popen(
                [sys.executable, "-m", "dvc", "repro"],
                cwd=study.folder,
                env=study.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            while run.poll() is None:
                time.sleep(draw.uniform(0.5, 4.0))
                workers = [process for process in of_session(run.pid) if is_worker(process)]
                if workers and killed < KILLS:
                    draw.choice(workers).kill()
                    killed += 1
            log.seek(0)
            shown = log.read()
        if not (ended := run.returncode == 0):
            assert "workers died in each of 3 attempts" in shown
            assert "Traceback" not in shown
    print(f"{killed} workers killed, started {starts} times")
    assert killed == KILLS
    assert differences(study, finished) == []


def is_worker(process: psutil.Process) -> bool:
    """Whether a process is one of joblib's workers."""
    try:
        return "loky.backend.popen_loky_posix" in " ".join(process.cmdline())
    except psutil.Error:
        return False

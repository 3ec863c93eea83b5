"""`dvc repro` is killed again and again, its workers too: it goes on where it was, and the result is the same.

By hand, over the default pipeline without any fit (docs/compute.md): `make kill`.
"""

import argparse
import csv
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.pipelines import Pipeline, fits_to_do

KILLS = 25
RUNNING = re.compile(r"^(?:Running stage|Updating lock file|Generating lock file|Stage) '([^']+)'", flags=re.MULTILINE)
REMEDIES = {
    re.compile(r"dvc\.lock' (is invalid|validation failed)|unable to read: '\S*dvc\.lock'"): "dvc.lock",
    re.compile(r"RWLock-file"): ".dvc/tmp/rwlock",
}
"""What DVC says of a file of its own that was cut off while it was written, and which to remove (docs/compute.md)."""


def report(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)


def finished_fits(fit_cache: Path) -> dict[str, tuple[int, int]]:
    """The cached fits, each with its inode and the time of its writing."""
    found = {place.parent.name: place.stat() for place in fit_cache.glob("??/*/test.npy")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


def of_session(leader: int) -> list[psutil.Process]:
    """The processes of a session that are alive."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.Error):
            continue
    return found


def repro(pipeline: Pipeline, meanwhile: Callable[["subprocess.Popen[bytes]"], None]) -> tuple[int, str]:
    """One `dvc repro` in a session of its own, `meanwhile` beside it; its exit code, and what it printed."""
    with pipeline.folder.with_name(f"{pipeline.folder.name}.log").open("w+", errors="replace") as log:
        run = subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=pipeline.folder,
            env=pipeline.environment | {"PYTHONUNBUFFERED": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        meanwhile(run)
        code = run.wait()
        log.seek(0)
        return code, log.read()


def remove_cut_off_file(pipeline: Pipeline, shown: str) -> str:
    """Remove the file of DVC's own that it says it cannot read, as docs/compute.md says; any other end is a failure."""
    for pattern, name in REMEDIES.items():
        if pattern.search(shown) and (pipeline.folder / name).exists():
            (pipeline.folder / name).unlink()
            report(f"removed {name}: {shown.strip().splitlines()[-1]}")
            return name
    raise AssertionError(shown)


def kill_until(pipeline: Pipeline, undisturbed: Pipeline, *, kills: int, seed: int) -> None:
    """Start `dvc repro`, kill its process group at a random moment, `kills` times; then let it end.

    AssertionError where a process outlives a kill, a finished fit is fitted again, or DVC ends in a way of its own.
    """
    with (undisturbed.folder / "logs/wall_times.csv").open() as log:
        wall_times = {name.replace(" ", "@"): float(seconds) for name, seconds in csv.reader(log)}
    draw, killed_at, known = random.Random(seed), Counter[str](), finished_fits(pipeline.fit_cache)

    def kill(run: "subprocess.Popen[bytes]") -> None:
        """At a moment even over what is left to do, so that the kills last to the end."""
        left = kills - killed_at.total()
        try:
            done = set(pipeline.locked())
        except Exception:  # there is none yet, or a kill has left half of one
            done = set()
        to_do_s = sum(s for stage, s in wall_times.items() if not done & {stage, stage.split("@")[0]})
        try:
            run.wait(1.0 + draw.uniform(0.0, 2.0 * max(to_do_s, 5.0) / (left + 1)) if left else None)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            until = time.monotonic() + 10
            while (alive := of_session(run.pid)) and time.monotonic() < until:
                time.sleep(0.05)
            assert not alive, "a process outlived the kill"

    while True:
        code, shown = repro(pipeline, kill)
        now = finished_fits(pipeline.fit_cache)
        assert known.items() <= now.items(), "a finished fit was fitted again"
        known = now
        if code == -signal.SIGKILL:
            killed_at[(RUNNING.findall(shown) or ["DVC's start"])[-1]] += 1
        elif code:
            remove_cut_off_file(pipeline, shown)
        else:
            break
    at = ", ".join(f"{stage} {count}" for stage, count in sorted(killed_at.items()))
    report(f"{killed_at.total()} kills survived ({at}), no fit was fitted again")
    assert killed_at.total() == kills


def differences(pipeline: Pipeline, undisturbed: Pipeline) -> list[str]:
    """What differs between two runs of the same: stages of the lock file, outs by their bytes, files left over."""
    ours, theirs = pipeline.locked(), undisturbed.locked()
    found = [f"dvc.lock: {stage}" for stage in {*ours, *theirs} if ours.get(stage) != theirs.get(stage)]
    outs = [{out: (each.folder / out).read_bytes() for out in each.outs()} for each in (pipeline, undisturbed)]
    found += [str(out) for out in outs[0].keys() | outs[1].keys() if outs[0].get(out) != outs[1].get(out)]
    return found + [f"left over: {path}" for path in pipeline.folder.glob("[!.]*/**/*.partial")]


@pytest.fixture
def fresh(tmp_path) -> Pipeline:
    """A copy that has not run."""
    return Pipeline(tmp_path / "project", tmp_path / "fit_cache").tiny()


@pytest.mark.slow
def test_a_pipeline_that_is_killed_at_25_moments_ends_as_one_that_is_not(finished, fresh):
    kill_until(fresh, finished, kills=KILLS, seed=7)
    assert differences(fresh, finished) == []
    assert finished_fits(fresh.fit_cache).keys() == finished_fits(finished.fit_cache).keys()
    assert "up to date" in fresh.dvc("repro")


@pytest.mark.slow
@pytest.mark.parametrize(("block", "more"), [(None, 0), ("    params:", 0), ("deps:", 3)])
def test_a_lock_file_that_a_kill_cut_off_costs_no_fit(finished, study, block, more):
    """DVC writes its lock file in place. What docs/compute.md says of it is done where DVC cannot read it.

    block: within a stage of training, where the file ends; None: nothing of it is left.
    """
    lock = study.folder / "dvc.lock"
    whole = lock.read_text()
    lock.write_text("" if block is None else whole[: whole.index(block, whole.index("  sweep@subject_wise:")) + more])
    run = study.run("repro")
    shown = run.stdout
    if run.returncode:
        assert remove_cut_off_file(study, shown) == "dvc.lock"
        shown = study.dvc("repro")
    assert {to_do for to_do, known in fits_to_do(shown).values()} <= {0}
    assert differences(study, finished) == []


@pytest.mark.slow
def test_workers_that_are_killed_one_after_the_other_change_no_result(finished, fresh):
    """Where all attempts are used up the stage says so in one message, and the next run goes on."""
    fresh.change({"compute.workers": 2})
    draw, killed = random.Random(7), 0

    def is_worker(process: psutil.Process) -> bool:
        try:
            return "loky.backend.popen_loky_posix" in " ".join(process.cmdline())
        except psutil.Error:
            return False

    def kill_workers(run: "subprocess.Popen[bytes]") -> None:
        nonlocal killed
        while run.poll() is None:
            time.sleep(draw.uniform(0.5, 4.0))
            workers = [process for process in of_session(run.pid) if is_worker(process)]
            if workers and killed < KILLS:
                draw.choice(workers).kill()
                killed += 1

    for _ in range(20):
        code, shown = repro(fresh, kill_workers)
        if code == 0:
            break
        assert "workers died in each of 3 attempts" in shown and "Traceback" not in shown
    assert (code, killed) == (0, KILLS)
    assert differences(fresh, finished) == []


def main() -> None:
    """Run the pipeline undisturbed, then a second copy of it that is killed, and compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.test_kill", description=__doc__)
    parser.add_argument("folder", type=Path, help="where both copies are made")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=0)
    parsed = parser.parse_args()
    places = [(parsed.folder / name).resolve() for name in ("undisturbed", "killed")]
    undisturbed, killed = (Pipeline(place / "project", place / "fit_cache") for place in places)
    for copy in (undisturbed, killed):
        copy.commit("Settings")
    report("a run that nothing disturbs")
    undisturbed.dvc("repro")
    kill_until(killed, undisturbed, kills=parsed.kills, seed=parsed.seed)
    different = differences(killed, undisturbed)
    report("\n".join(different) or "the lock file and every out are those of the undisturbed run")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()

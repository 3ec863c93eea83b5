"""`dvc repro` killed with its whole process group at random moments, and started again until it is done.

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
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.pipelines import TINY, Pipeline

ANNOUNCED = re.compile(r"^(\w+, \w+): (\d+) fits to do, (\d+) already known", flags=re.MULTILINE)
RUNNING = re.compile(r"^(?:Running stage|Updating lock file|Generating lock file|Stage) '([^']+)'", flags=re.MULTILINE)
REMEDIES = {
    re.compile(r"dvc\.lock' (is invalid|validation failed)|unable to read: '\S*dvc\.lock'"): "dvc.lock",
    re.compile(r"RWLock-file"): ".dvc/tmp/rwlock",
}
"""What DVC says of a file of its own that was cut off while it was written, and which to remove (docs/compute.md)."""


@dataclass
class Record:
    """What was done to a pipeline, and what it took: kills by the stage that was running, remedies, fits."""

    kills: Counter[str] = field(default_factory=Counter)
    remedies: list[str] = field(default_factory=list)
    outlived: int = 0
    fits_finished_at_kills: int = 0
    fits_lost: int = 0
    starts: int = 0

    def __str__(self) -> str:
        at = ", ".join(f"{stage} {count}" for stage, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills survived ({at}); started {self.starts} times;"
            f" remedies: {', '.join(self.remedies) or 'none'}; processes that outlived a kill: {self.outlived};"
            f" fits finished by the last kill: {self.fits_finished_at_kills}, fitted again: {self.fits_lost}"
        )


def finished_fits(fit_cache: Path) -> dict[str, tuple[int, int]]:
    """The fits that are kept, each with its inode and the time of its writing."""
    found = {place.parent.name: place.stat() for place in fit_cache.glob("??/*/test.npy")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


def wall_times(pipeline: Pipeline) -> dict[str, float]:
    """Seconds that each stage took, by its name in dvc.lock as far as it can be told."""
    with (pipeline.folder / "logs/wall_times.csv").open() as log:
        return {name.replace(" ", "@"): float(seconds) for name, seconds in csv.reader(log)}


class Killer:
    """Kills a pipeline's `dvc repro` as often as asked, and lets it end then."""

    def __init__(self, pipeline: Pipeline, *, kills: int, seed: int, seconds: dict[str, float]) -> None:
        """seconds: of each stage in a run that nothing disturbs; they spread the moments over what is left."""
        self.pipeline = pipeline
        self.kills = kills
        self.seconds = seconds
        self.draw = random.Random(seed)
        self.record = Record()
        self._log = pipeline.folder.with_name(f"{pipeline.folder.name}.log")
        self._seen: dict[str, tuple[int, int]] = {}
        self._to_do: dict[str, int] = {}

    def until_done(self) -> Record:
        """Start, kill, start again; at last without a kill. AssertionError where it ends in a way of its own."""
        while True:
            left = self.kills - self.record.kills.total()
            after_s = self._moment(left) if left else None
            ended = self._start(after_s)
            self._look_after_fits(at_kill=not ended)
            if ended:
                return self.record

    def _moment(self, left: int) -> float:
        """Seconds from a start to the next kill: even over what is left to do, so that the kills last to the end."""
        done = self._stages_done()
        to_do_s = sum(s for stage, s in self.seconds.items() if not done & {stage, stage.split("@")[0]})
        return 1.0 + self.draw.uniform(0.0, 2.0 * max(to_do_s, 5.0) / (left + 1))

    def _stages_done(self) -> set[str]:
        try:
            return set(self.pipeline.locked())
        except Exception:  # there is none yet, or a kill has left half of one
            return set()

    def _start(self, after_s: float | None) -> bool:
        """One `dvc repro`; True where it ended well, False where it was killed or refused and was mended."""
        self.record.starts += 1
        with self._log.open("w") as log:
            run = subprocess.Popen(
                [sys.executable, "-m", "dvc", "repro"],
                cwd=self.pipeline.folder,
                env=self.pipeline.environment | {"PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        started, announced = time.monotonic(), 0
        at: tuple[str, int, int] | None = None
        try:
            while run.poll() is None and (after_s is None or time.monotonic() - started < after_s):
                time.sleep(0.05)
                for label, to_do, _ in ANNOUNCED.findall(self._log.read_text(errors="replace"))[announced:]:
                    self._close(at)
                    if label in self._to_do:
                        self.record.fits_lost += max(0, int(to_do) - self._to_do[label])
                    at = label, int(to_do), len(finished_fits(self.pipeline.fit_cache))
                    announced += 1
        finally:
            self._kill(run)
        self._close(at)
        shown = self._log.read_text(errors="replace")
        if run.returncode == -signal.SIGKILL:
            said = RUNNING.findall(shown)
            self.record.kills[said[-1] if said else "DVC's start"] += 1
            tell(f"killed after {time.monotonic() - started:.1f} s at {said[-1] if said else 'its start'}")
            return False
        if run.returncode:
            self.record.remedies.append(mend(self.pipeline, shown))
            return False
        return True

    def _kill(self, run: "subprocess.Popen[bytes]") -> None:
        """kill -9 of the group; what has left it, if anything has, is counted and killed as well."""
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
        until = time.monotonic() + 10
        while (alive := of_session(run.pid)) and time.monotonic() < until:
            time.sleep(0.05)
        self.record.outlived += len(alive)
        for process in alive:
            process.kill()

    def _close(self, at: tuple[str, int, int] | None) -> None:
        """What a stage that announced its fits has left to do, now that it is over."""
        if at is not None:
            label, to_do, known = at
            self._to_do[label] = to_do - (len(finished_fits(self.pipeline.fit_cache)) - known)

    def _look_after_fits(self, *, at_kill: bool) -> None:
        now = finished_fits(self.pipeline.fit_cache)
        self.record.fits_lost += sum(now.get(name) != stat for name, stat in self._seen.items())
        self._seen = now
        if at_kill:
            self.record.fits_finished_at_kills = len(now)


def mend(pipeline: Pipeline, shown: str) -> str:
    """Remove the file of DVC's own that it says it cannot read, as docs/compute.md says; any other end is a failure."""
    for pattern, name in REMEDIES.items():
        if pattern.search(shown) and (pipeline.folder / name).exists():
            (pipeline.folder / name).unlink()
            tell(f"removed {name}: {shown.strip().splitlines()[-1]}")
            return name
    raise AssertionError(shown)


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


def differences(pipeline: Pipeline, undisturbed: Pipeline) -> list[str]:
    """What differs between two runs of the same: stages of the lock file, outs by their bytes, kept fits."""
    ours, theirs = pipeline.locked(), undisturbed.locked()
    found = [f"dvc.lock: {stage}" for stage in {*ours, *theirs} if ours.get(stage) != theirs.get(stage)]
    outs = [{str(out) for out in each.outs()} for each in (pipeline, undisturbed)]
    found += [f"only one has {out}" for out in outs[0] ^ outs[1]]
    found += [
        out
        for out in sorted(outs[0] & outs[1])
        if (pipeline.folder / out).read_bytes() != (undisturbed.folder / out).read_bytes()
    ]
    found += [f"left over: {path}" for path in pipeline.folder.glob("[!.]*/**/*.partial")]
    return found


def tell(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)


def main() -> None:
    """Run the pipeline undisturbed, then a second copy of it that is killed, and compare."""
    asking = argparse.ArgumentParser(prog="python -m tests.killing", description=__doc__)
    asking.add_argument("folder", type=Path, help="where both copies are made")
    asking.add_argument("--kills", type=int, default=25)
    asking.add_argument("--seed", type=int, default=0)
    asking.add_argument("--tiny", action="store_true", help="the tests' tiny cohort")
    asked = asking.parse_args()
    copies = [
        Pipeline((asked.folder / name / "project").resolve(), (asked.folder / name / "fit_cache").resolve())
        for name in ("undisturbed", "killed")
    ]
    for copy in copies:
        if asked.tiny:
            copy.change(TINY)
        copy.commit("Settings")
    undisturbed, killed = copies
    tell("a run that nothing disturbs")
    undisturbed.dvc("repro")
    record = Killer(killed, kills=asked.kills, seed=asked.seed, seconds=wall_times(undisturbed)).until_done()
    tell(str(record))
    different = differences(killed, undisturbed)
    tell("\n".join(different) or "the lock file and every out are those of the undisturbed run")
    sys.exit(bool(different or record.fits_lost))


if __name__ == "__main__":
    main()

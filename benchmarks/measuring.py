"""Contenders run in turns, each in a process of its own: seconds, peak memory, medians with their spread, a table."""

import json
import os
import platform
import statistics
import subprocess  # nosec B404 # lists of words, and no shell
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from joblib import cpu_count

ROOT = Path(__file__).resolve().parents[1]
Result = TypeVar("Result")


class Failed(Exception):
    """A contender did not come to its end; holds what it printed."""


@dataclass(frozen=True)
class Run:
    """One run of a contender: wall seconds of its process, start-up included; peak bytes of memory, where watched, of
    it and its workers (a page that several share counts once); and the JSON of its last line, where it printed one.

    peak_own_bytes: the same without pages of files, code and mapped arrays, which the system may drop at any time.
    processor_seconds: of it and its workers, whatever else the machine did meanwhile.
    """

    seconds: float
    peak_bytes: int | None
    answer: Any
    peak_own_bytes: int | None = None
    processor_seconds: float | None = None


def run_module(module: str, *arguments: object, folder: Path | None = None, watch_memory: bool = False) -> Run:
    """Run `python -m module arguments` of this project in a new process and wait for it.

    folder: where it runs; the root of the project where none is named.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return run_command(command, folder=folder or ROOT, watch_memory=watch_memory)


def run_command(
    command: Sequence[str], *, folder: Path, watch_memory: bool = False, environment: Mapping[str, str] | None = None
) -> Run:
    """Run any command in a new process and wait for it. Raises Failed with what it printed."""
    inherited = dict(os.environ if environment is None else environment)
    path = os.pathsep.join(part for part in (str(ROOT), inherited.get("PYTHONPATH", "")) if part)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        started, used = time.perf_counter(), _processor_seconds_below()
        process = subprocess.Popen(  # nosec B603 # benchmarks' own commands
            command,
            cwd=folder,
            env=inherited | {"PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        watched = _Memory(process.pid) if watch_memory else None
        printed, _ = process.communicate()
        seconds, used = time.perf_counter() - started, _processor_seconds_below() - used
        peak, peak_own = watched.stop() if watched else (None, None)
        if process.returncode:
            errors.seek(0)
            raise Failed(f"exit code {process.returncode} of {' '.join(command[1:4])}\n{printed}\n{errors.read()}")
    return Run(seconds, peak, _last_json(printed), peak_own, used)


def _processor_seconds_below() -> float:
    """Of all processes below this one that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _last_json(printed: str) -> Any:
    try:
        return json.loads(printed.strip().rsplit("\n", 1)[-1])
    except ValueError:
        return None


class _Memory(threading.Thread):
    """Adds up the memory of a process and all below it, again and again, until it is stopped. Linux only."""

    def __init__(self, pid: int, every_s: float = 0.1) -> None:
        super().__init__(daemon=True)
        self._pid, self._every_s = pid, every_s
        self._peak, self._peak_own = 0, 0
        self._stopped = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._stopped.wait(self._every_s):
            found = [_proportional_bytes(pid) for pid in _tree(self._pid)]
            self._peak = max(self._peak, sum(every for every, _ in found))
            self._peak_own = max(self._peak_own, sum(every - of_files for every, of_files in found))

    def stop(self) -> tuple[int | None, int | None]:
        """The largest sums seen, of all pages and of those that are no file's; None where the system reports none."""
        self._stopped.set()
        self.join()
        return self._peak or None, self._peak_own or None


def _tree(pid: int) -> list[int]:
    """A process and every process below it."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        below = []
    return [pid, *(deeper for child in below for deeper in _tree(int(child)))]


def _proportional_bytes(pid: int) -> tuple[int, int]:
    """A process's resident memory, and that of files in it; a page that n processes share counts an nth in each."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0  # it has ended meanwhile
    sizes = dict(line.split(":", 1) for line in lines[1:])
    every, of_files = (1024 * int(sizes.get(key, "0 kB").split()[0]) for key in ("Pss", "Pss_File"))
    return every, of_files


def in_turns(contenders: Mapping[str, Callable[[], Result]], turns: int) -> dict[str, list[Result]]:
    """Each contender once a turn, the order turned round after each, so that drift hits all of them."""
    found: dict[str, list[Result]] = {name: [] for name in contenders}
    for turn in range(turns):
        names = list(contenders) if turn % 2 == 0 else list(reversed(contenders))
        for name in names:
            progress(f"turn {turn + 1} of {turns}: {name}")
            found[name].append(contenders[name]())
    return found


def progress(line: str) -> None:
    """Print on the error stream how far it is: the table alone goes to the output."""
    print(f"  {line}", file=sys.stderr, flush=True)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """The median, and in brackets the lowest and the highest; one value alone has no spread."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ratios(ones: Sequence[float], others: Sequence[float]) -> list[float]:
    """The first over the second, turn by turn."""
    return [one / other for one, other in zip(ones, others, strict=True)]


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    return "\n".join(map(line, [columns, ["---"] * len(columns), *rows]))


def line(cells: Sequence[object]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def megabytes(n: int | None) -> str:
    """Bytes in MB, as a cell of a table."""
    return "not measured" if n is None else f"{n / 1e6:.0f}"


def machine(*packages: str) -> str:
    """One line: processor, cores, Python and the versions of some packages. Neither host names nor paths."""
    named = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"{_processor()}, {cpu_count()} cores; Python {platform.python_version()}, {named}"


def _processor() -> str:
    """The processor's name, and whether it has the vector units that matter here."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = values.get("flags", "").split()
    units = {"avx512f": "AVX-512", "avx512_bf16": "AVX-512 BF16", "amx_bf16": "AMX"}
    found = [unit for flag, unit in units.items() if flag in flags]
    return ", ".join([values.get("model name", platform.machine()), *found])

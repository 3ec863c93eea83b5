"""Run the main of a stage: print input errors without a traceback, and log the wall time."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bulbar.core.atomic_write import full_disk_named
from bulbar.core.errors import BadInput, CannotGoOn

WALL_TIMES = Path("logs/wall_times.csv")


def run(stage: Callable[..., None], *arguments: str) -> None:
    """Run a stage's main. Problems of the user's input are printed without a traceback, with exit code 1.

    The wall time in seconds goes to logs/wall_times.csv, which git ignores, because no output may contain a time.
    """
    words = arguments or tuple(sys.argv[1:])
    started = time.perf_counter()
    try:
        with full_disk_named():
            stage(*words)
    except BadInput as error:
        print(error, file=sys.stderr)
        if not isinstance(error, CannotGoOn):
            print(f"\n{len(error.problems)} problem(s): nothing was done.", file=sys.stderr)
        sys.exit(1)
    seconds = time.perf_counter() - started
    name = Path(sys.modules[stage.__module__].__file__ or "").stem
    with suppress(OSError):  # a full disk must not fail a finished stage
        WALL_TIMES.parent.mkdir(parents=True, exist_ok=True)
        with WALL_TIMES.open("a", encoding="utf-8") as log:
            log.write(f"{' '.join([name, *words])},{seconds:.1f}\n")

"""`python -m tests.fuzz [--minutes N] [--only WORDS] [--shrink]`: every target by turns until time is up, then counts.

An input that goes wrong is printed and its target goes on; the exit code is 1 then. `--shrink` makes it as small as
possible, which may take minutes.
"""

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.fuzz import Target, search, tried
from tests.fuzz.targets import TARGETS

AT_A_TIME = 100  # inputs of a target before the next one's turn


def main() -> None:
    """Fuzz, and print how many inputs of each target were tried."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.5)
    parser.add_argument("--only", default="", help="targets whose name holds this")
    parser.add_argument("--shrink", action="store_true", help="print the smallest input that goes wrong")
    given = parser.parse_args()
    targets = [target for target in TARGETS if given.only in target.name]
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where decoders report each broken frame
    wrong: Counter[str] = Counter()
    until = time.monotonic() + 60 * given.minutes
    at_a_time = 10  # few at first, so that the shortest run reaches every target
    while time.monotonic() < until:
        for target in targets:
            if time.monotonic() < until:
                wrong[target.name] += not holds(target, at_a_time, given.shrink)
        at_a_time = AT_A_TIME
        print(f"{tried.total()} inputs so far, {wrong.total()} times one that went wrong", file=sys.stderr, flush=True)
    for target in targets:
        print(f"{target.name}: {tried[target.name]} inputs, {wrong[target.name]} times one that went wrong")
    print(f"{tried.total()} inputs in all, {wrong.total()} times one that went wrong")
    sys.exit(1 if wrong.total() else 0)


def holds(target: Target, inputs: int, shrink: bool) -> bool:
    """Try some inputs of a target; print the one that goes wrong, where one does."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            for value in target.known:
                target.try_one(value, Path(folder))
            search(target, Path(folder), inputs=inputs, shrink=shrink)()
        except Exception:
            print(f"\n{target.name}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
            return False
    return True


if __name__ == "__main__":
    main()

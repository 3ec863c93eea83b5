"""Fuzzing of everything that reads what others wrote: recordings, workbooks, tables, params.yaml.

A target is a strategy for inputs and a check of one of them. `tests/test_fuzz.py` runs a few inputs of each;
`make fuzz` a minute or two; `python -m tests.fuzz --minutes 600` hours. All print how many inputs were tried.
"""

import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from bulbar.core.errors import BadInput

MOST_BYTES = 512 << 20
"""Address space that reading one input of some kilobytes may take beyond what the process has."""

MOST_SECONDS = 20
"""Processor time that one input may take: a paused process is not a slow one."""

tried: Counter[str] = Counter()
"""Inputs tried so far, by target."""


@dataclass(frozen=True)
class Target:
    """Inputs, and what must hold of each.

    check: of an input and an empty folder of its own; raises BadInput where the input is refused, and nothing else.
    known: inputs that once went wrong, tried first each time.
    """

    name: str
    inputs: SearchStrategy[Any]
    check: Callable[[Any, Path], None]
    known: tuple[Any, ...] = field(default=())

    def try_one(self, value: Any, folder: Path) -> None:
        """Check one input within the limits; refused is as good as read, but its message must be whole."""
        tried[self.name] += 1
        with limits():
            try:
                self.check(value, folder)
            except BadInput as error:
                assert error.problems
                for problem in error.problems:
                    assert all((problem.where, problem.expected, problem.found, problem.remedy)), problem
                    assert "MemoryError" not in problem.found, problem


class Overrun(BaseException):
    """An input took more than its processor time; no `except Exception` of a reader may take it for its own."""


@contextmanager
def limits() -> Iterator[None]:
    """Let memory and processor time of this process grow by no more than one input may take."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MOST_BYTES, before[1]))
    handler = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    except Overrun:
        raise AssertionError(f"more than {MOST_SECONDS} s of processor time") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Overrun


def search(
    target: Target, folder: Path, *, inputs: int, derandomize: bool = False, shrink: bool = False
) -> Callable[[], None]:
    """A function that draws `inputs` inputs and raises with the first that goes wrong; `shrink`: the smallest such."""

    @settings(
        max_examples=inputs,
        derandomize=derandomize,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        report_multiple_bugs=False,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def holds(value: Any) -> None:
        target.try_one(value, folder)

    return holds

"""Process many recordings with the workers set in params.yaml."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from bulbar.core import parallel
from bulbar.core.errors import BadInput, Problem
from stages.parts.params import settings

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ordered(
    function: Callable[[Item], Result], items: Iterable[Item], *, label: str, total: int, at_once: int = 1
) -> Iterator[Result]:
    """Yield `function(item)` for each item, in order. at_once: number of items per call of a worker."""
    workers = settings("compute", parallel.Settings).n_workers
    return parallel.map_ordered(function, items, label=label, total=total, workers=workers, at_once=at_once)


def without_problems(results: Iterable[Result | Problem]) -> Iterator[Result]:
    """Yield the results; after the last one, raise BadInput with all problems among them."""
    problems = []
    for result in results:
        if isinstance(result, Problem):
            problems.append(result)
        else:
            yield result
    if problems:
        raise BadInput(problems)

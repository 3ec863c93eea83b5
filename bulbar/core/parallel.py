"""Run many independent tasks on all cores, in order and with a progress bar."""

import os
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import platformdirs
from joblib import Parallel, cpu_count, delayed, parallel_config
from joblib.parallel import mp as processes  # None where joblib found that it cannot start any
from pydantic import Field
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from bulbar.core.errors import BadInput, CannotGoOn, Problem
from bulbar.core.settings import Count, Strict

ATTEMPTS = 3
"""Number of attempts if workers die. For fits, see `Settings.attempts`."""

MORE_MEMORY = (
    "the usual cause is too little memory: lower compute.workers in params.yaml, or add memory; then run again"
)
"""What to do if workers die."""

_NO_PROCESSES = (
    "no other process can be started, because semaphores cannot be created in /dev/shm: this process does all the work,"
    " with the same results. Mount a writable /dev/shm to use all cores"
)

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkersLost(CannotGoOn):
    """Workers died in every attempt, and some work is not done."""


class Settings(Strict):
    """The `compute` block of params.yaml. It affects how the work is done, never its results."""

    backend: Literal["loky", "dask", "ray"] = "loky"
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    attempts: Count = 3
    fits_per_gpu: Count = 4
    fit_cache: Path | None = None

    @property
    def n_workers(self) -> int:
        """Number of processes: `workers`, or the number of usable cores; 1 if no process can be started."""
        return (self.workers or cpu_count()) if processes or self.backend != "loky" else 1

    @property
    def fit_cache_folder(self) -> Path:
        """Folder of the fit cache: BULBAR_CACHE, else `fit_cache`, else the user's cache folder.

        Raises BadInput if the name is not valid, or the user has no home folder.
        """
        named = os.environ.get("BULBAR_CACHE") or self.fit_cache
        folder = Path(named or Path(platformdirs.user_cache_dir("bulbar")) / "fits")
        try:
            return folder.expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:  # unknown user; circular link; NUL character
            expected, remedy = "a folder for the fit cache", "name an absolute path with BULBAR_CACHE"
            raise BadInput.one(str(folder), expected, str(error), remedy) from None


def map_ordered(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    label: str,
    total: int | None = None,
    workers: int = 1,
    ordered: bool = True,
    at_once: int = 1,
    backend: str = "loky",
    **of_backend: Any,
) -> Iterator[Result]:
    """Yield `function(item)` for each item, computed in several processes of one thread each.

    Parameters
    ----------
    function : callable
        Must be picklable, unless `workers` is 1.
    items : iterable
        Consumed as workers become free, so that it is never in memory as a whole.
    label, total : str, int
        For the progress bar, which shows the remaining time.
    workers : int > 0
        Number of processes; 1 means this process.
    ordered : bool
        Results in the order of the items; False yields each one as soon as it is done.
    at_once : int > 0
        Items per call of a worker. Raise it for work of milliseconds, where the call itself costs as much.
    backend, **of_backend
        joblib's name of the backend, and its options. `bulbar.training.cluster` has backends other than loky.

    Yields
    ------
    object
        Results.

    Raises
    ------
    WorkersLost
        If workers died in ATTEMPTS attempts. joblib ends a whole call when a worker dies; with `ordered`, the call is
        repeated for items without a result, with a warning. Without `ordered`, joblib's own error is raised, because
        the caller knows which items have no result.

    Warns
    -----
    RuntimeWarning
        If /dev/shm is not writable: then loky starts no processes, and this process does all the work.
    """
    options = {"inner_max_num_threads": 1} if backend == "loky" else of_backend
    if backend == "loky" and processes is None:
        backend, options, workers = "sequential", {}, 1
        warnings.warn(f"{label}: {_NO_PROCESSES}", RuntimeWarning, stacklevel=2)

    def called(of_items: Iterable[Item]) -> Iterator[Any]:
        with parallel_config(backend=backend, **options):
            parallel = Parallel(
                n_jobs=workers,
                return_as="generator" if ordered else "generator_unordered",
                batch_size=at_once,
                pre_dispatch=4 * workers * at_once,
            )
            return parallel(delayed(function)(item) for item in of_items)

    results = _called_again(called, items, label) if ordered else called(items)
    # the last bit of a matrix product depends on the number of threads
    one_thread = threadpool_limits(1) if workers == 1 else nullcontext()
    seconds = 1.0 if sys.stderr.isatty() else 30.0  # a log needs fewer lines than a screen
    with one_thread:
        yield from tqdm(results, desc=label, total=total, unit="", mininterval=seconds, smoothing=0.05)


def _called_again(
    called: Callable[[Iterable[Item]], Iterator[Result]], items: Iterable[Item], label: str
) -> Iterator[Result]:
    """Yield the results of `called` in the order of `items`. If workers die, repeat it for items without a result."""
    coming = iter(items)
    undone: deque[Item] = deque()

    def handed_out(again: Sequence[Item]) -> Iterator[Item]:
        yield from again
        for item in coming:
            undone.append(item)
            yield item

    for attempt in range(1, ATTEMPTS + 1):
        try:
            for result in called(handed_out(list(undone))):
                undone.popleft()
                yield result
            return
        except BrokenExecutor:
            if attempt < ATTEMPTS:
                warnings.warn(f"{label}: a worker died; repeating the unfinished work", RuntimeWarning, stacklevel=4)
    found = f"workers died in each of {ATTEMPTS} attempts; the first item without a result: {str(undone[0])[:300]}"
    raise WorkersLost([Problem(label, "workers that finish their work", found, MORE_MEMORY)])

"""Many independent pieces of work, on every core, in order and with a progress bar."""

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
"""How often work is called in which workers die. For fits, see `Settings.attempts`."""

MORE_MEMORY = "mostly memory ran out: lower compute.workers in params.yaml, or give the machine more; then run it again"
"""What to do where workers die."""

_NO_PROCESSES = (
    "no other process can be started, because semaphores cannot be made in /dev/shm: all work is done in this one, with"
    " the same results. Mount a writable /dev/shm to use every core"
)

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkersLost(CannotGoOn):
    """Workers died in every attempt, and work is undone still."""


class Settings(Strict):
    """The `compute` block of params.yaml: how the work is done, never what comes out."""

    backend: Literal["loky", "dask", "ray"] = "loky"
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    attempts: Count = 3
    fits_per_gpu: Count = 4
    fit_cache: Path | None = None

    @property
    def n_workers(self) -> int:
        """Processes to use: `workers`, or as many as this process may run on; 1 where none can be started."""
        return (self.workers or cpu_count()) if processes or self.backend != "loky" else 1

    @property
    def fit_cache_folder(self) -> Path:
        """Where the fit cache is: BULBAR_CACHE, else `fit_cache`, else the user's cache folder.

        Raises BadInput where that is no folder's name, or this system knows no home of this user.
        """
        named = os.environ.get("BULBAR_CACHE") or self.fit_cache
        folder = Path(named or Path(platformdirs.user_cache_dir("bulbar")) / "fits")
        try:
            return folder.expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:  # no such user; a link to itself; a NUL
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
    """Yield `function(item)` of each item, from `workers` processes of one thread each; one worker is this process.

    items: consumed as workers become free, so an endless table is never in memory as a whole.
    label, total: of the progress bar, which shows the time left.
    ordered: results in the order of the items; False yields each as soon as it is done.
    at_once: items that a worker is handed together; for work of milliseconds, which handing over costs as much as.
    backend, of_backend: joblib's name of what runs the processes, and its options; `cluster` has others than loky.

    Where /dev/shm cannot be written loky starts no processes: all is done in this one, with a warning.
    joblib gives up a whole call when a worker dies. In order, it is called again on what has no result yet, ATTEMPTS
    times at most, with a warning; then WorkersLost is raised. Out of order its own error is: the caller knows what is
    undone.
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
    one_thread = threadpool_limits(1) if workers == 1 else nullcontext()  # a product's last bit depends on its threads
    seconds = 1.0 if sys.stderr.isatty() else 30.0  # a log needs fewer lines than a screen
    with one_thread:
        yield from tqdm(results, desc=label, total=total, unit="", mininterval=seconds, smoothing=0.05)


def _called_again(
    called: Callable[[Iterable[Item]], Iterator[Result]], items: Iterable[Item], label: str
) -> Iterator[Result]:
    """What `called` yields, in the order of `items`; where workers die it is called on those without a result."""
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
                warnings.warn(f"{label}: a worker died; going on with what is undone", RuntimeWarning, stacklevel=4)
    found = f"workers died in each of {ATTEMPTS} attempts; the first without a result: {str(undone[0])[:300]}"
    raise WorkersLost([Problem(label, "workers that live until they are done", found, MORE_MEMORY)])

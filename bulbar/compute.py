"""Many independent pieces of work, on every core, in order and with a progress bar."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal, TypeVar

import platformdirs
from joblib import Parallel, cpu_count, delayed, parallel_config
from pydantic import BaseModel, ConfigDict, PositiveInt
from threadpoolctl import threadpool_limits
from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")


class Settings(BaseModel):
    """The `compute` block of params.yaml: how the work is done, never what comes out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend: Literal["loky", "dask", "ray"] = "loky"
    workers: PositiveInt | None = None
    attempts: PositiveInt = 3
    fits_per_gpu: PositiveInt = 4
    kept_fits: Path | None = None

    @property
    def n_workers(self) -> int:
        """Processes to use: `workers`, or as many as this process may run on."""
        return self.workers or cpu_count()

    @property
    def kept_fits_dir(self) -> Path:
        """Where finished fits are kept: BULBAR_CACHE, else `kept_fits`, else the user's cache folder."""
        named = os.environ.get("BULBAR_CACHE") or self.kept_fits
        return Path(named).expanduser().resolve() if named else Path(platformdirs.user_cache_dir("bulbar")) / "fits"


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
    """
    options = {"inner_max_num_threads": 1} if backend == "loky" else of_backend
    with parallel_config(backend=backend, **options):
        parallel = Parallel(
            n_jobs=workers,
            return_as="generator" if ordered else "generator_unordered",
            batch_size=at_once,
            pre_dispatch=4 * workers * at_once,
        )
        results: Iterator[Any] = parallel(delayed(function)(item) for item in items)
    one_thread = threadpool_limits(1) if workers == 1 else nullcontext()  # a product's last bit depends on its threads
    seconds = 1.0 if sys.stderr.isatty() else 30.0  # a log needs fewer lines than a screen
    with one_thread:
        yield from tqdm(results, desc=label, total=total, unit="", mininterval=seconds, smoothing=0.05)

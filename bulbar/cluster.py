"""Where fits are trained: this machine, or a Dask or Ray cluster, through joblib's own backends."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import platformdirs
from joblib import register_parallel_backend
from joblib._dask import DaskDistributedBackend

from bulbar import compute
from bulbar.errors import BadInput, Problem
from bulbar.fits import file_digest

_SECONDS_TO_FIRST_WORKER = 60


class Engine(ABC):
    """What runs the processes. A node is a machine; a worker is one of its processes.

    lost: what a call raises when a worker dies. options: of the joblib backend.
    """

    backend: ClassVar[str]
    lost: tuple[type[BaseException], ...]
    options: ClassVar[dict[str, Any]] = {}

    @abstractmethod
    def workers(self) -> int:
        """Processes that there are now: a cluster may grow and shrink."""

    @abstractmethod
    def nodes(self) -> list[Any]:
        """Every node that there is now; none where all workers are on this machine and see its files."""

    @abstractmethod
    def on_each(self, nodes: Sequence[Any], function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """What a function returns on each of some nodes."""

    def share(self, path: Path, digest: str) -> int:
        """Send a file once to every node that does not see it at its path. Returns how many needed it."""
        nodes = self.nodes()
        seen = self.on_each(nodes, _is_here, path, digest)
        blind = [node for node, sees in zip(nodes, seen, strict=True) if not sees]
        if blind:
            self.on_each(blind, _receive, path.read_bytes(), digest)
        return len(blind)


def on_this_node(path: Path, digest: str) -> Path:
    """Where a shared file lies on the node that asks: its own copy if it was sent one, else the common path."""
    copy = _copy(digest)
    return copy if copy.exists() else path


def _copy(digest: str) -> Path:
    return Path(platformdirs.user_cache_dir("bulbar")) / "features" / f"{digest}.npy"


def _is_here(path: Path, digest: str) -> bool:
    return _copy(digest).exists() or (path.is_file() and file_digest(path) == digest)


def _receive(content: bytes, digest: str) -> None:
    copy = _copy(digest)
    copy.parent.mkdir(parents=True, exist_ok=True)
    aside = copy.with_suffix(f".{os.getpid()}")
    aside.write_bytes(content)
    if file_digest(aside) != digest:
        aside.unlink()
        raise OSError(f"{copy}: what arrived is not what was sent")
    aside.rename(copy)


@contextmanager
def connected(computing: compute.Settings) -> Iterator[Engine]:
    """The engine of `compute.backend`, until the end of the block.

    Dask's scheduler is at DASK_SCHEDULER_ADDRESS, Ray's head at RAY_ADDRESS; where none is named, a cluster is started
    here. Raises BadInput where the package, the cluster or its workers are not as they must be.
    """
    engines = {"loky": _loky, "dask": _dask, "ray": _ray}
    with contextmanager(engines[computing.backend])(computing) as engine:
        yield engine


class _Loky(Engine):
    backend = "loky"
    lost = (BrokenExecutor,)

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers

    def workers(self) -> int:
        return self._n_workers

    def nodes(self) -> list[Any]:
        return []

    def on_each(self, nodes: Sequence[Any], function: Callable[..., Any], *arguments: Any) -> list[Any]:
        return []


def _loky(computing: compute.Settings) -> Iterator[Engine]:
    yield _Loky(computing.n_workers)


class _DaskBackend(DaskDistributedBackend):
    """joblib's, without its wait for ever on a task that Dask gave up, and never at work in this process."""

    def submit(self, func: Any, callback: Any = None) -> Any:
        future = super().submit(func, callback)

        def report(done: Any) -> None:
            if done.exception() is not None:
                callback(done.exception())

        future.add_done_callback(report)
        return future

    def effective_n_jobs(self, n_jobs: int) -> int:
        return max(2, super().effective_n_jobs(n_jobs))  # joblib takes 1 for "here", a cluster's last worker too


class _Dask(Engine):
    backend = "bulbar_dask"

    def __init__(self, client: Any) -> None:
        from distributed.scheduler import KilledWorker

        self._client = client
        self.lost = (KilledWorker,)

    def workers(self) -> int:
        return max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))

    def nodes(self) -> list[Any]:
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        return list({about["host"]: address for address, about in workers.items()}.values())

    def on_each(self, nodes: Sequence[Any], function: Callable[..., Any], *arguments: Any) -> list[Any]:
        returned = self._client.run(function, *arguments, workers=list(nodes))
        return [returned[node] for node in nodes]


def _dask(computing: compute.Settings) -> Iterator[Engine]:
    distributed = _package("dask", "distributed")
    register_parallel_backend("bulbar_dask", _DaskBackend)
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if address is None:
        with (
            distributed.LocalCluster(
                n_workers=computing.n_workers, threads_per_worker=1, dashboard_address=None, memory_limit=0
            ) as here,
            distributed.Client(here) as client,
        ):
            yield _Dask(client)
        return
    where = f"DASK_SCHEDULER_ADDRESS={address}"
    try:
        client = distributed.Client(address, timeout=_SECONDS_TO_FIRST_WORKER)
        client.wait_for_workers(1, timeout=_SECONDS_TO_FIRST_WORKER)
    except (OSError, TimeoutError, ValueError) as error:
        remedy = "start `dask scheduler`, and `dask worker ADDRESS --nthreads 1 --nworkers N` on each node"
        raise BadInput([Problem(where, "a Dask scheduler with workers", str(error), remedy)]) from None
    with client:
        threads = sorted({count for count in client.nthreads().values() if count != 1})
        if threads:
            remedy = "start them with `dask worker ADDRESS --nthreads 1 --nworkers N`"
            raise BadInput([Problem(where, "workers of one thread each", f"workers of {threads} threads", remedy)])
        yield _Dask(client)


class _Ray(Engine):
    backend = "bulbar_ray"
    options: ClassVar[dict[str, Any]] = {"ray_remote_args": {"num_cpus": 1}}  # else a node takes any number of workers

    def __init__(self, ray: Any, workers: int | None) -> None:
        self._ray = ray
        self._workers = workers
        self.lost = (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError)

    def workers(self) -> int:
        there_are = int(self._ray.cluster_resources().get("CPU", 1))
        return min(there_are, self._workers or there_are)

    def nodes(self) -> list[Any]:
        return [node["NodeID"] for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]

    def on_each(self, nodes: Sequence[Any], function: Callable[..., Any], *arguments: Any) -> list[Any]:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = self._ray.remote(num_cpus=0)(function)
        given = [self._ray.put(argument) for argument in arguments]
        placed = [there.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)) for node in nodes]
        return list(self._ray.get([task.remote(*given) for task in placed]))


def _ray(computing: compute.Settings) -> Iterator[Engine]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = _package("ray", "ray")
    from ray.util.joblib.ray_backend import RayBackend

    class Backend(RayBackend):
        """Ray's, which yields results as they come: joblib forbids that to process pools, whose threads can hang."""

        supports_return_generator = True

    register_parallel_backend("bulbar_ray", Backend)
    address = os.environ.get("RAY_ADDRESS")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        ray.init(address="local", num_cpus=computing.n_workers, include_dashboard=False, **quiet)
    else:
        try:
            ray.init(address=address, **quiet)
        except (OSError, RuntimeError, ValueError) as error:
            remedy = "start `ray start --head`, and `ray start --address ADDRESS` on each other node"
            raise BadInput([Problem(f"RAY_ADDRESS={address}", "a Ray cluster", str(error), remedy)]) from None
    try:
        yield _Ray(ray, computing.workers)
    finally:
        ray.shutdown()


def _package(backend: str, name: str) -> Any:
    """An optional package. Raises BadInput with the requirement file that has it."""
    try:
        return __import__(name)
    except ImportError:
        remedy = f"pip install -r requirements-{backend}.txt, here and on every node; or compute.backend: loky"
        problem = Problem(f"params.yaml: compute.backend: {backend}", f"the package {name}", "not installed", remedy)
        raise BadInput([problem]) from None

"""Where fits are trained: on this machine, or on a Dask or Ray cluster, through joblib's backends."""

import math
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import platformdirs
from joblib import register_parallel_backend
from joblib._dask import DaskDistributedBackend

from bulbar.core import parallel
from bulbar.core.atomic_write import atomic_path, writable_folder
from bulbar.core.digests import file_digest
from bulbar.core.errors import BadInput, Problem
from bulbar.training.fits import device

_SECONDS_TO_FIRST_WORKER = 60


class Engine:
    """Runs the worker processes: joblib on this machine; subclasses run them on a cluster.

    A node is a machine; a worker is one of its processes. `lost` are the exceptions that a call raises when a worker
    dies. If fits are trained on GPUs and the cluster has declared GPUs, the engine distributes them, and only workers
    and nodes with a GPU count.
    """

    backend = "loky"
    lost: tuple[type[BaseException], ...] = (BrokenExecutor,)

    def __init__(self, n_workers: int = 1) -> None:
        self._n_workers = n_workers

    @property
    def options(self) -> dict[str, Any]:
        """Options of the joblib backend."""
        return {}

    def workers(self) -> int:
        """Current number of worker processes; a cluster may grow and shrink."""
        return self._n_workers

    def nodes(self) -> list[Any]:
        """Current nodes; empty if all workers are on this machine and can read its files."""
        return []

    def on_each(self, nodes: Sequence[Any], function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Call a function on each of the nodes and return the results."""
        return []

    def share(self, path: Path, digest: str) -> int:
        """Send a file once to every node that cannot read it at its path. Returns the number of such nodes."""
        nodes = self.nodes()
        found = self.on_each(nodes, _is_here, path, digest)
        without = [node for node, has_it in zip(nodes, found, strict=True) if not has_it]
        if without:
            self.on_each(without, _receive, path.read_bytes(), digest)
        return len(without)


def on_this_node(path: Path, digest: str) -> Path:
    """Path of a shared file on this node: the node's own copy if it was sent one, else the common path."""
    copy = _copy(digest)
    return copy if copy.exists() else path


def _copy(digest: str) -> Path:
    return Path(platformdirs.user_cache_dir("bulbar")) / "features" / f"{digest}.npy"


def _is_here(path: Path, digest: str) -> bool:
    return _copy(digest).exists() or (path.is_file() and file_digest(path) == digest)


def _receive(content: bytes, digest: str) -> None:
    copy = _copy(digest)
    remedy = f"on {socket.gethostname()} set XDG_CACHE_HOME to a writable folder, or make data/ readable on all nodes"
    expected = "a writable folder for a copy of the features"
    writable_folder(copy.parent, expected, remedy, mode=0o700)  # images of voices: for this user alone
    with atomic_path(copy) as unfinished:
        unfinished.write_bytes(content)
        if file_digest(unfinished) != digest:
            raise OSError(f"{copy}: SHA-256 {digest} expected, found another: the transfer damaged the file; run again")


def connected(computing: parallel.Settings) -> AbstractContextManager[Engine]:
    """Context manager with the engine of `compute.backend`.

    Parameters
    ----------
    computing : parallel.Settings
        The `compute` block of params.yaml.

    Raises
    ------
    BadInput
        If the package is not installed, the cluster cannot be reached, or its workers are not suitable.

    Notes
    -----
    The address of Dask's scheduler is DASK_SCHEDULER_ADDRESS, that of Ray's head is RAY_ADDRESS. Without an address a
    cluster is started on this machine.
    """
    if computing.backend == "loky":
        return nullcontext(Engine(computing.n_workers))
    return {"dask": _dask, "ray": _ray}[computing.backend](computing)


class _DaskBackend(DaskDistributedBackend):
    """joblib's Dask backend, but it does not wait forever for a task that Dask gave up, nor run in this process."""

    def submit(self, func: Any, callback: Any = None) -> Any:
        future = super().submit(func, callback)

        def report(done: Any) -> None:
            if done.exception() is not None:
                callback(done.exception())

        future.add_done_callback(report)
        return future

    def effective_n_jobs(self, n_jobs: int) -> int:
        return max(2, super().effective_n_jobs(n_jobs))  # with 1, joblib would run the fits in this process


class _Dask(Engine):
    backend = "bulbar_dask"

    def __init__(self, client: Any) -> None:
        from distributed.scheduler import KilledWorker

        self._client = client
        self.lost = (KilledWorker,)

    @property
    def options(self) -> dict[str, Any]:
        """Each fit takes as much of the resource `GPU` as a worker has."""
        declared = [gpus for about in self._workers().values() if (gpus := _gpus(about))]
        return {"resources": {"GPU": min(declared)}} if declared and device() == "gpu" else {}

    def workers(self) -> int:
        return max(1, len(self._workers()))

    def nodes(self) -> list[Any]:
        return list({about["host"]: address for address, about in self._workers().items()}.values())

    def _workers(self) -> dict[str, Any]:
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        with_gpu = {address: about for address, about in workers.items() if _gpus(about)}
        return with_gpu if with_gpu and device() == "gpu" else workers

    def on_each(self, nodes: Sequence[Any], function: Callable[..., Any], *arguments: Any) -> list[Any]:
        returned = self._client.run(function, *arguments, workers=list(nodes))
        return [returned[node] for node in nodes]


def _gpus(worker: dict[str, Any]) -> float:
    return float(worker["resources"].get("GPU", 0))


@contextmanager
def _dask(computing: parallel.Settings) -> Iterator[Engine]:
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
        _require_device(where, sum(map(_gpus, client.scheduler_info(n_workers=-1)["workers"].values())))
        yield _Dask(client)


class _Ray(Engine):
    backend = "bulbar_ray"

    def __init__(self, ray: Any, computing: parallel.Settings) -> None:
        self._ray = ray
        self._computing = computing
        self.lost = (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError)

    @property
    def options(self) -> dict[str, Any]:
        """Each fit takes one core and its share of a GPU; Ray sets CUDA_VISIBLE_DEVICES to this GPU."""
        share = math.floor(1e4 / self._computing.fits_per_gpu) / 1e4  # Ray counts in steps of 1e-4; round down to fit
        return {"ray_remote_args": {"num_cpus": 1, "num_gpus": share if self._on_gpus() else 0}}

    def workers(self) -> int:
        capacity = max(1, sum(self._capacity().values()))
        return min(capacity, self._computing.workers or capacity)

    def nodes(self) -> list[Any]:
        return [node for node, fits in self._capacity().items() if fits]

    def _on_gpus(self) -> bool:
        return device() == "gpu" and self._ray.cluster_resources().get("GPU", 0) > 0

    def _capacity(self) -> dict[str, int]:
        """Number of simultaneous fits per node: Ray would wait forever for a worker that fits on no node."""
        of_node = {node["NodeID"]: node["Resources"] for node in self._ray.nodes() if node["Alive"]}
        cores = {node: int(resources.get("CPU", 0)) for node, resources in of_node.items()}
        if not self._on_gpus():
            return cores
        per_gpu = self._computing.fits_per_gpu
        return {node: min(cores[node], per_gpu * int(of_node[node].get("GPU", 0))) for node in of_node}

    def on_each(self, nodes: Sequence[Any], function: Callable[..., Any], *arguments: Any) -> list[Any]:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        task = self._ray.remote(num_cpus=0)(function)
        stored = [self._ray.put(argument) for argument in arguments]
        placed = [task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)) for node in nodes]
        try:
            return list(self._ray.get([each.remote(*stored) for each in placed]))
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None  # the original exception without Ray's wrapper


@contextmanager
def _ray(computing: parallel.Settings) -> Iterator[Engine]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = _package("ray", "ray")
    from ray.util.joblib.ray_backend import RayBackend

    class Backend(RayBackend):
        """Ray's backend, allowed to yield results as they come (joblib forbids this: threads of pools can hang)."""

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
        if address is not None:
            _require_device(f"RAY_ADDRESS={address}", ray.cluster_resources().get("GPU", 0))
        engine = _Ray(ray, computing)
        if address is not None and engine.workers() == 1:
            remedy = (
                "add cores, or raise compute.workers or compute.fits_per_gpu: with one worker joblib would run the fits"
                " on this machine"
            )
            found = "capacity for one"
            raise BadInput([Problem(f"RAY_ADDRESS={address}", "capacity for two fits at a time", found, remedy)])
        yield engine
    finally:
        ray.shutdown()


def _require_device(where: str, gpus: float) -> None:
    """Raise BadInput if the cluster has declared GPUs that the fits would not use.

    The device must be known before any worker starts, because it is part of the digest of a fit.
    """
    if gpus and device() == "cpu" and "BULBAR_DEVICE" not in os.environ:
        remedy = "set BULBAR_DEVICE=gpu on this machine to train on them, or BULBAR_DEVICE=cpu to ignore them"
        raise BadInput([Problem(where, "a cluster without GPUs, like this machine", f"{gpus:g} GPUs", remedy)])


def _package(backend: str, name: str) -> Any:
    """Import an optional package. Raises BadInput with the name of its requirements file."""
    try:
        return __import__(name)
    except ImportError:
        lock = f"requirements/{backend}.lock"
        remedy = f"pip install --require-hashes -r {lock}, here and on every node; or compute.backend: loky"
        problem = Problem(f"params.yaml: compute.backend: {backend}", f"the package {name}", "not installed", remedy)
        raise BadInput([problem]) from None

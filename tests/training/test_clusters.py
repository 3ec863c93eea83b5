"""Fits leave this machine and come back the same, whatever dies on the way."""

import importlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bulbar.core import parallel
from bulbar.core.digests import file_digest
from bulbar.core.errors import BadInput
from bulbar.training import clusters, fit_cache
from bulbar.training.fit_cache import FitCache
from bulbar.training.fits import Fit, Fitted, Settings, Study, description, device, digest, environment
from tests import toy_fits
from tests.training.test_fit_cache import assert_same

ROOT = Path(__file__).parents[2]
LOKY = parallel.Settings(workers=2)
FITS = [toy_fits.fit(f"{code}/{rate}", code, dropout_rate=rate) for code in ("S1A", "S1B") for rate in (0.0, 0.3, 0.5)]


@pytest.fixture
def on_gpus(surroundings, monkeypatch):
    """Fits are to be trained on GPUs; this machine may have none."""
    monkeypatch.setenv("BULBAR_DEVICE", "gpu")
    environment.cache_clear()
    yield
    environment.cache_clear()


def needs(package: str, backend: str):
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None,
        reason=f"{package} is not installed: pip install --require-hashes -r requirements/{backend}.lock",
    )


on_dask, on_ray = needs("distributed", "dask"), needs("ray", "ray")


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """Copies of features go to a cache of the test; workers find our modules; no cluster is named."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    for name in ("DASK_SCHEDULER_ADDRESS", "RAY_ADDRESS", "KERAS_BACKEND", "BULBAR_DEVICE", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "")  # so that what a fit sets in this process is taken back, too
        monkeypatch.delenv(name)


def make_study(folder: Path) -> Study:
    toy = toy_fits.study(folder, settings=Settings(max_epochs=2, batch_size=8))
    return replace(toy, features_digest=file_digest(toy.images))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def expected(study, tmp_path_factory) -> list[Fitted]:
    """What this process makes of the fits."""
    return run(study, FitCache(tmp_path_factory.mktemp("expected")), parallel.Settings(workers=1))


def run(study: Study, cache: FitCache, computing: parallel.Settings, fits: list[Fit] = FITS) -> list[Fitted]:
    return list(fit_cache.run(fits, study, cache, computing=computing, label="fits"))


@contextmanager
def watching(
    cache: FitCache, wanted: Callable[[str], bool] = bool, times: int = 0
) -> Iterator[tuple[list[int], set[int]]]:
    """The workers that are killed while the block runs, and all that are at work, by process.

    wanted: of a fit's digest, whether a worker that is at it is killed; times: as often as this.
    """
    killed: list[int] = []
    at_work: set[int] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            for note in cache.folder.glob(".claims-*/*@*"):
                name, worker = note.name.split("@")
                process = int(worker.rsplit("-", 1)[1])
                at_work.add(process)
                if len(killed) < times and process not in killed and process != os.getpid() and wanted(name):
                    killed.append(process)
                    os.kill(process, signal.SIGKILL)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield killed, at_work
    finally:
        over.set()
        watcher.join()


def after_the_first(cache: FitCache) -> Callable[[str], bool]:
    return lambda _: any(cache.folder.glob("*/*/test.npy"))


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_own_fit_only(study, expected, tmp_path):
    cache = FitCache(tmp_path / "cache")
    with (
        watching(cache, after_the_first(cache), times=1) as (killed, _),
        pytest.warns(RuntimeWarning, match=r"workers lost: [12], while training S1"),
    ):
        assert_same(run(study, cache, LOKY), expected)
    assert len(killed) == 1
    assert not list(cache.folder.glob(".claims-*"))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", pytest.param("dask", marks=on_dask)])
def test_a_fit_that_kills_its_worker_each_time_is_named_and_keeps_no_other_from_being_done(backend, study, tmp_path):
    settings = {"distributed.scheduler.allowed-failures": 0}  # one death of its worker, and Dask gives a fit up
    gives_up = importlib.import_module("dask").config.set(settings) if backend == "dask" else nullcontext()
    cache, bad = FitCache(tmp_path / "cache"), digest(FITS[1], study)
    with (
        gives_up,
        watching(cache, lambda name: name == bad, times=2) as (killed, _),
        pytest.warns(RuntimeWarning, match="lost"),
        pytest.raises(fit_cache.WorkersLost, match=r"each of 2 attempts.*running each time: .*S1A/0\.3.*are cached"),
    ):
        run(study, cache, parallel.Settings(backend=backend, workers=2, attempts=2), FITS[:4])
    assert len(killed) == 2
    assert {digest(fit, study) in cache for fit in FITS[2:4]} == {True}
    assert bad not in cache


@pytest.mark.parametrize(("stored", "attempts"), [(len(FITS), 1), (0, 3)], ids=["nothing is missing", "all is missing"])
def test_a_call_that_dies_is_made_again_as_often_as_attempts_say_while_fits_are_missing(
    study, expected, tmp_path, monkeypatch, stored, attempts
):
    calls = []

    def die(fits, study, cache, *others):
        calls.append(len(fits))
        for name, fit in list(fits.items())[:stored]:
            cache.store(name, expected[FITS.index(fit)], {}, 1.0)
        raise BrokenExecutor

    monkeypatch.setattr(fit_cache, "_train_once", die)
    refused = pytest.raises(fit_cache.WorkersLost, match=r"each of 3 attempts \(compute\.attempts\)")
    with pytest.warns(RuntimeWarning, match=f"workers lost: {attempts}"), nullcontext() if stored else refused:
        assert_same(run(study, FitCache(tmp_path / "cache"), LOKY), expected)
    assert calls == [len(FITS)] * attempts


def test_a_worker_with_other_code_or_versions_is_refused():
    ours = dict(fit_cache.environment("tensorflow"))
    with pytest.raises(RuntimeError, match=r"differs from the others.*keras: 0\.1 expected, 3"):
        fit_cache._require({**ours, "keras": "0.1"}, ours)
    fit_cache._require(ours, dict(ours))


@pytest.mark.parametrize(("backend", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_a_missing_package_is_named_with_the_file_that_has_it(backend, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    lock = f"requirements/{backend}.lock"
    with (
        pytest.raises(BadInput, match=rf"(?s)backend: {backend}.*pip install --require-hashes -r {lock}"),
        clusters.connected(parallel.Settings(backend=backend)),
    ):
        pass
    assert (ROOT / lock).is_file()


def test_a_node_uses_its_own_copy_where_it_was_sent_one(study):
    sent = study.images
    assert clusters.on_this_node(sent, study.features_digest) == sent
    clusters._receive(sent.read_bytes(), study.features_digest)
    copy = clusters.on_this_node(sent, study.features_digest)
    assert copy != sent
    assert copy.read_bytes() == sent.read_bytes()
    assert copy.parent.stat().st_mode & 0o077 == 0  # images of voices: no other user's


def test_a_copy_that_arrives_damaged_is_refused(study):
    with pytest.raises(OSError, match="the transfer damaged the file"):
        clusters._receive(b"something else", study.features_digest)
    assert clusters.on_this_node(study.images, study.features_digest) == study.images
    assert not list(clusters._copy(study.features_digest).parent.iterdir())


def test_a_node_that_cannot_store_a_copy_of_the_features_names_the_folder(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    with pytest.raises(BadInput) as refused:
        clusters._receive(b"features", "0" * 64)
    (problem,) = refused.value.problems
    assert problem.where == "/dev/null/cache/bulbar/features"
    assert "XDG_CACHE_HOME" in problem.remedy


def test_a_node_has_the_features_only_where_the_bytes_are_the_same(study):
    assert clusters._is_here(study.images, study.features_digest)
    assert not clusters._is_here(study.images, "0" * 64)
    assert not clusters._is_here(Path("/not/here.npy"), study.features_digest)


class Nodes(clusters.Engine):
    """Three nodes, two of which do not see our files."""

    def __init__(self) -> None:
        self.received: list[str] = []

    def workers(self) -> int:
        return 12

    def nodes(self) -> list[str]:
        return ["near", "far", "further"]

    def on_each(self, nodes, function, *arguments):
        if function is clusters._receive:
            self.received += nodes
        return [node == "near" for node in nodes]


def test_features_are_sent_once_to_each_node_that_does_not_see_them(study):
    nodes = Nodes()
    assert nodes.share(study.images, study.features_digest) == 2
    assert nodes.received == ["far", "further"]


@contextmanager
def processes(*commands: list[str], cwd: Path) -> Iterator[None]:
    """Processes that live as long as the block."""
    started = [
        subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        for command in commands
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def dask_cluster(
    folder: Path, monkeypatch, *, threads: int = 1, workers_each: int = 1, gpu: str | None = None
) -> Iterator[None]:
    """A scheduler and workers in processes of their own, over TCP, as two hosts; they run in another folder.

    gpu: which one the second has, as docs/cluster.md says; no worker has one where none is named.
    """
    folder.mkdir()
    file = folder / "scheduler.json"
    cli = [sys.executable, "-m", "distributed.cli.dask_"]
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    scheduler = [*cli[:2], f"{cli[2]}scheduler", "--port", "0", "--host", "127.0.0.1", *common]
    worker = [*cli[:2], f"{cli[2]}worker", "--nthreads", str(threads), "--local-directory", str(folder), *common]
    worker += ["--nworkers", str(workers_each)]
    environment = [] if gpu is None else ["env", f"CUDA_VISIBLE_DEVICES={gpu}"]
    declared = [] if gpu is None else ["--resources", "GPU=1"]
    workers = [[*worker, "--host", "127.0.0.1"], [*environment, *worker, "--host", "127.0.0.2", *declared]]
    with processes(scheduler, *workers, cwd=folder):
        for _ in range(300):
            if file.exists() and file.read_text().strip().endswith("}"):
                break
            time.sleep(0.1)
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", json.loads(file.read_text())["address"])
        from distributed import Client

        with Client(os.environ["DASK_SCHEDULER_ADDRESS"]) as client:
            client.wait_for_workers(2 * workers_each, timeout=60)
        yield


@contextmanager
def ray_cluster(folder: Path, monkeypatch, *, cores: int = 1, gpus: int = 0) -> Iterator[None]:
    """`ray start --head` with one core, and a second node with some and with as many GPUs; they run in another folder.

    Ray shares GPUs out by their number, whether or not there are any.
    """
    folder.mkdir()
    ray = str(Path(sys.executable).with_name("ray"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    start = [ray, "start", "--block", "--disable-usage-stats"]
    second = [*start, "--num-cpus", str(cores), "--num-gpus", str(gpus), "--address", address]
    where = ["--node-ip-address", "127.0.0.1", "--port", str(port), "--include-dashboard", "false"]
    head = [*start, "--num-cpus", "1", "--head", *where]
    with processes(head, cwd=folder):
        import ray as package

        for _ in range(60):
            if subprocess.run([ray, "status", "--address", address], capture_output=True).returncode == 0:
                break
            time.sleep(0.5)
        with processes(second, cwd=folder):
            monkeypatch.setenv("RAY_ADDRESS", address)
            package.init(address=address, log_to_driver=False, logging_level="ERROR")
            for _ in range(120):
                if package.cluster_resources().get("CPU") == 1 + cores:
                    break
                time.sleep(0.5)
            package.shutdown()
            yield


def on_clusters(dask: dict[str, Any] | None = None, ray: dict[str, Any] | None = None) -> pytest.MarkDecorator:
    """Parametrise a slow test by `backend` and by `nodes`, which makes a cluster. dask, ray: of the cluster."""
    clusters_of = [
        ("dask", partial(dask_cluster, **dask or {}), on_dask),
        ("ray", partial(ray_cluster, **ray or {}), on_ray),
    ]
    cases = [
        pytest.param(name, nodes, marks=[needed, pytest.mark.slow], id=name) for name, nodes, needed in clusters_of
    ]
    return pytest.mark.parametrize(("backend", "nodes"), cases)


@on_clusters()
def test_two_nodes_give_the_bits_of_this_machine(backend, nodes, study, expected, tmp_path, monkeypatch):
    cache = FitCache(tmp_path / "cache")
    with nodes(tmp_path / "cluster", monkeypatch), watching(cache) as (_, at_work):
        assert_same(run(study, cache, parallel.Settings(backend=backend)), expected)
    assert len(at_work) == 2
    assert os.getpid() not in at_work


@on_clusters()
def test_a_worker_that_dies_on_a_cluster_changes_nothing(backend, nodes, study, expected, tmp_path, monkeypatch):
    cache = FitCache(tmp_path / "cache")
    with (
        nodes(tmp_path / "cluster", monkeypatch),
        watching(cache, after_the_first(cache), times=1) as (killed, _),
        pytest.warns(RuntimeWarning, match=r"workers lost: [12], while training S1"),
    ):
        assert_same(run(study, cache, parallel.Settings(backend=backend)), expected)
    assert len(killed) == 1


@on_clusters()
def test_nodes_that_share_no_folder_are_sent_the_features_and_send_their_fits(
    backend, nodes, expected, tmp_path, monkeypatch
):
    make_study(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    ours = Path("/proc/self/cwd")  # to every process its own folder: the workers' is another
    study = replace(make_study(tmp_path / "here"), images=ours / "images.npy")
    with nodes(tmp_path / "cluster", monkeypatch):
        assert_same(run(study, FitCache(ours / "cache"), parallel.Settings(backend=backend)), expected)
    assert len(list((tmp_path / "cache/bulbar/features").glob("*.npy"))) == 1


@on_clusters(dask={"workers_each": 2}, ray={"cores": 3})
def test_features_are_sent_once_to_a_node_however_many_its_workers(backend, nodes, tmp_path, monkeypatch):
    make_study(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    images = Path("/proc/self/cwd/images.npy")
    with (
        nodes(tmp_path / "cluster", monkeypatch),
        clusters.connected(parallel.Settings(backend=backend)) as engine,
    ):
        assert (engine.workers(), len(engine.nodes())) == (4, 2)
        assert [engine.share(images, file_digest(images)) for _ in range(2)] == [2, 0]


@on_clusters()
def test_where_no_cluster_is_named_one_is_started_here(backend, nodes, study, expected, tmp_path):
    fits = FITS[:2]
    found = run(study, FitCache(tmp_path / "cache"), parallel.Settings(backend=backend, workers=2), fits)
    assert_same(found, expected[:2])


def where_it_runs(_: int) -> tuple[int, str | None]:
    time.sleep(0.2)
    return os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES")


def placed(computing: parallel.Settings) -> tuple[int, list[str | None]]:
    """The workers that an engine counts, and the GPU that each of those at work has."""
    with clusters.connected(computing) as engine:
        workers = engine.workers()
        options = {"workers": workers, "backend": engine.backend, **engine.options}
        found = set(parallel.map_ordered(where_it_runs, range(12 * workers), label="places", **options))
    return workers, sorted(gpu for _, gpu in found)


@pytest.mark.slow
@on_ray
def test_ray_shares_gpus_out_to_no_more_workers_than_they_and_the_cores_allow(on_gpus, tmp_path, monkeypatch):
    """The head has a core and no GPU: nothing runs there."""
    with ray_cluster(tmp_path / "cluster", monkeypatch, cores=7, gpus=2):
        assert placed(parallel.Settings(backend="ray", fits_per_gpu=1)) == (2, ["0", "1"])
        assert placed(parallel.Settings(backend="ray", fits_per_gpu=3)) == (6, ["0", "0", "0", "1", "1", "1"])
        assert placed(parallel.Settings(backend="ray", fits_per_gpu=4))[0] == 7
        assert placed(parallel.Settings(backend="ray", workers=2))[0] == 2
        with pytest.raises(BadInput, match=r"(?s)capacity for two fits.*for one.*compute\.fits_per_gpu"):
            placed(parallel.Settings(backend="ray", workers=1))


@pytest.mark.slow
@on_dask
def test_dask_takes_fits_to_the_workers_that_have_a_gpu(on_gpus, tmp_path, monkeypatch):
    with dask_cluster(tmp_path / "cluster", monkeypatch, gpu="3"):
        assert placed(parallel.Settings(backend="dask")) == (1, ["3"])


@on_clusters(dask={"gpu": "0"}, ray={"gpus": 1})
def test_a_cluster_with_gpus_is_used_as_bulbar_device_says(backend, nodes, study, expected, tmp_path, monkeypatch):
    cache = FitCache(tmp_path / "cache")
    with nodes(tmp_path / "cluster", monkeypatch):
        if device() == "cpu":
            with pytest.raises(BadInput, match=r"(?s)1 GPUs.*BULBAR_DEVICE=gpu here.*BULBAR_DEVICE=cpu"):
                run(study, cache, parallel.Settings(backend=backend), FITS[:2])
        monkeypatch.setenv("BULBAR_DEVICE", "cpu")
        assert_same(run(study, cache, parallel.Settings(backend=backend), FITS[:2]), expected[:2])


def test_fits_are_named_by_what_they_are_to_be_trained_on(study, monkeypatch):
    names = set()
    for where in ("cpu", "gpu"):
        monkeypatch.setenv("BULBAR_DEVICE", where)
        environment.cache_clear()
        assert description(FITS[0], study)["environment"]["device"] == where
        names.add(digest(FITS[0], study))
    environment.cache_clear()
    assert len(names) == 2


def test_a_machine_whose_gpu_is_hidden_or_lacking_is_named_by_its_processor(monkeypatch):
    assert device() == "cpu" or Path("/dev/nvidia0").exists()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert device() == "cpu"


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="this machine has a GPU")
def test_fits_that_are_named_by_a_gpu_are_not_trained_without_one(on_gpus, study, tmp_path):
    with pytest.raises(RuntimeError, match=r"device: gpu expected, cpu found; BULBAR_DEVICE"):
        run(study, FitCache(tmp_path / "cache"), parallel.Settings(workers=1), FITS[:1])
    assert not list(tmp_path.glob("cache/*/*/test.npy"))


def test_a_worker_leaves_the_memory_of_its_gpu_to_others_and_other_gpus_alone(study, tmp_path, monkeypatch):
    for name in fit_cache._FOR_BACKEND:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("BULBAR_DEVICE", "cpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    run(study, FitCache(tmp_path / "cache"), parallel.Settings(workers=1), FITS[:1])
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.slow
@on_dask
def test_workers_of_several_threads_are_refused(study, tmp_path, monkeypatch):
    with (
        dask_cluster(tmp_path / "cluster", monkeypatch, threads=2),
        pytest.raises(BadInput, match=r"(?s)one thread each.*2.*--nthreads 1"),
    ):
        run(study, FitCache(tmp_path / "cache"), parallel.Settings(backend="dask"))

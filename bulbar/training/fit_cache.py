"""The fit cache: finished fits, named by the digest of everything that determines their results.

Only missing fits are trained.
"""

import json
import logging
import os
import shutil
import socket
import statistics
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd

from bulbar.core import error_stream, parallel
from bulbar.core.atomic_write import disk_is_full, explain_disk_error, in_units, link_file, writable_folder
from bulbar.core.errors import BadInput, Problem
from bulbar.core.parallel import WorkersLost
from bulbar.training import architectures, backend, clusters
from bulbar.training.fits import Fit, Fitted, Study, description, digest, environment

#: Seconds of a worker with one thread: for 10⁹ multiply-adds of a forward pass (training counts as three), for 10⁶
#: weights updated in a step, for the rest of a step, for its start, and for the first use of each network. Measured on
#: two cores of an AVX-512 server; the times of cached fits adjust the first three to the current machine.
_SECONDS_PER_GIGA_MULTIPLY_ADD = 0.016
_SECONDS_PER_MEGA_WEIGHT_STEP = 0.0025
_SECONDS_PER_STEP = 0.012
_SECONDS_PER_BACKEND_START = 8.0
_SECONDS_PER_TRACE = 3.0

#: Environment of a worker, set before its backend starts. By default a backend takes the whole memory of a GPU, which
#: other workers share.
_FOR_BACKEND = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


#: Prefixes of the names of temporary folders, until they are renamed or removed.
_PARTIAL, _CLAIMS = ".partial-", ".claims-"
_SECONDS_OF_A_DAY = 86400
_OTHER_FOLDER = "name another folder with BULBAR_CACHE in the environment, or compute.fit_cache in params.yaml"


@dataclass(frozen=True)
class Plan:
    """Estimate for a set of fits: their numbers, seconds with all workers, and bytes of disk."""

    to_do: int
    cached: int
    seconds: float
    disk_bytes: float

    def __str__(self) -> str:
        time = f"{self.seconds / 60:.0f} min" if self.seconds > 90 else f"{self.seconds:.0f} s"
        return (
            f"{self.to_do} fits to do, {self.cached} already cached; at most about {time}"
            f" and {self.disk_bytes / 1e6:.0f} MB of disk"
        )


class FitCache:
    """A folder of finished fits, one subfolder per fit.

    A fit is written under a temporary name and then renamed, so it is never incomplete.

    Parameters
    ----------
    folder : Path
        Created if it is missing.

    Raises
    ------
    BadInput
        If the folder cannot be created or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = writable_folder(folder, "a writable folder for the fit cache", _OTHER_FOLDER)

    def place(self, name: str) -> Path:
        """Folder of the fit with this digest, whether it exists or not."""
        return self.folder / name[:2] / name

    def __contains__(self, name: str) -> bool:
        return self.place(name).is_dir()

    def load(self, name: str) -> Fitted:
        """Read a cached fit, without its model; for the model use `export_model`."""
        place = self.place(name)
        return Fitted(
            test=np.load(place / "test.npy", allow_pickle=False),
            validation=np.load(place / "validation.npy", allow_pickle=False),
            history=pd.read_csv(place / "history.csv"),
        )

    def store(self, name: str, fitted: Fitted, settings: dict[str, object], seconds: float) -> None:
        """Write a fit. If another process was faster, its copy stays, because both are equal."""
        place = self.place(name)
        unfinished = self.folder / f"{_PARTIAL}{uuid4().hex}"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            unfinished.mkdir(mode=0o700)
            np.save(unfinished / "test.npy", fitted.test, allow_pickle=False)
            np.save(unfinished / "validation.npy", fitted.validation, allow_pickle=False)
            fitted.history.to_csv(unfinished / "history.csv", index=False, lineterminator="\n")
            (unfinished / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
            (unfinished / "seconds.txt").write_text(f"{seconds:.3f}\n", encoding="utf-8")
            if fitted.model is not None:
                (unfinished / "model.keras").write_bytes(fitted.model)
            unfinished.rename(place)
        except OSError as error:
            if name not in self:
                explain_disk_error(error, place, unfinished)
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def export_model(self, name: str, path: Path) -> None:
        """Put the `.keras` file of a cached fit at `path`, as a link if the file system supports it, else as a copy."""
        link_file(self.place(name) / "model.keras", path)

    def seconds(self, name: str) -> float:
        """Training time of a cached fit, in seconds of its worker."""
        return float((self.place(name) / "seconds.txt").read_text(encoding="utf-8"))


def plan(fits: Sequence[Fit], study: Study, cache: FitCache, workers: int) -> Plan:
    """Estimate what is needed to have all `fits`; an upper bound, because it assumes that no fit stops early."""
    named = {digest(fit, study): fit for fit in fits}  # two models may share a fit, which is trained once
    missing = [fit for name, fit in named.items() if name not in cache]
    paces = [cache.seconds(name) / _expected_seconds(fit, study) for name, fit in named.items() if name in cache]
    pace = statistics.median(paces) if paces else 1.0
    networks = {fit.network for fit in missing}
    start = _SECONDS_PER_BACKEND_START + len(networks) * _SECONDS_PER_TRACE if missing else 0.0
    return Plan(
        to_do=len(missing),
        cached=len(named) - len(missing),
        seconds=start + pace * sum(_expected_seconds(fit, study) for fit in missing) / workers,
        disk_bytes=_disk_bytes(missing),
    )


def _disk_bytes(fits: Iterable[Fit]) -> float:
    return sum(40_000 + (4 * architectures.cost(fit.network)[1] if fit.keep_weights else 0) for fit in fits)


def _expected_seconds(fit: Fit, study: Study) -> float:
    multiply_adds, weights = architectures.cost(fit.network)
    images = 3 * fit.n_trained + len(fit.validation) + len(fit.test)
    settings = fit.settings_in(study)
    steps = np.ceil(fit.n_trained / settings.batch_size)
    return float(settings.max_epochs) * (
        multiply_adds * images / 1e9 * _SECONDS_PER_GIGA_MULTIPLY_ADD
        + steps * (_SECONDS_PER_STEP + weights / 1e6 * _SECONDS_PER_MEGA_WEIGHT_STEP)
    )


def run(
    fits: Sequence[Fit],
    study: Study,
    cache: FitCache,
    *,
    computing: parallel.Settings,
    label: str,
    may_diverge: bool = False,
) -> Iterator[Fitted]:
    """Train the missing fits on all workers, then yield the results of all fits.

    Parameters
    ----------
    fits : sequence of Fit
        The fits.
    study : Study
        What they share.
    cache : FitCache
        Where finished fits are stored.
    computing : parallel.Settings
        The `compute` block of params.yaml.
    label : str
        Name of the progress bar, and of the fits in messages.
    may_diverge : bool
        Whether diverged fits are results too.

    Yields
    ------
    Fitted
        In the order of `fits`.

    Raises
    ------
    WorkersLost
        If workers died in every attempt; the message names the fits that were running each time.
    BadInput
        If a fit diverged and `may_diverge` is false.

    Notes
    -----
    joblib stops a whole call when a worker dies. It is called again for the fits that are still missing, at most
    `computing.attempts` times, with a warning.
    """
    names = [digest(fit, study) for fit in fits]
    missing = {name: fit for fit, name in zip(fits, names, strict=True) if name not in cache}
    _sweep_up(cache.folder)
    if missing:
        needed = _disk_bytes(missing.values())
        if needed > shutil.disk_usage(cache.folder).free:
            disk_is_full(cache.folder, f"room for {len(missing)} fits, {in_units(needed)} at most")
        with clusters.connected(computing) as engine:
            _train_all(missing, study, cache, engine, computing.attempts, label)
    for fit, name in zip(fits, names, strict=True):
        fitted = cache.load(name)
        if fitted.diverged and not may_diverge:
            expected, remedy = "a finite validation loss in at least one epoch", "lower train.learning_rate"
            raise BadInput([Problem("params.yaml: train.learning_rate", expected, f"none in {fit.name}", remedy)])
        yield fitted


def _train_all(
    missing: dict[str, Fit], study: Study, cache: FitCache, engine: clusters.Engine, attempts: int, label: str
) -> None:
    """Train all missing fits. Interrupted fits are retried after all others, so that a bad fit does not block these."""
    cut_off: Counter[str] = Counter()
    workers: set[str] = set()
    errors: list[BaseException] = []
    in_order = sorted(missing, key=lambda name: _large_first(missing[name], study))
    for _ in range(attempts):
        undone = [name for name in in_order if name not in cache]
        # A worker that cannot see the folder of claims cannot see the cache either.
        with tempfile.TemporaryDirectory(dir=cache.folder, prefix=_CLAIMS, ignore_cleanup_errors=True) as claims:
            try:
                for was_cut_off in (False, True):
                    fits = {name: missing[name] for name in undone if (cut_off[name] > 0) is was_cut_off}
                    if fits:
                        _train_once(fits, study, cache, Path(claims), engine, label)
            except engine.lost as error:
                errors.append(error)
            at_work = [note.name.split("@") for note in Path(claims).iterdir()]
        cut_off.update({name for name, _ in at_work})
        workers |= {worker for _, worker in at_work}
        undone = [name for name in undone if name not in cache]
        if not undone:
            break
    if workers or errors:
        at = ", ".join(sorted(missing[name].name for name in cut_off)) or "unknown fits: there is no shared folder"
        count = max(len(workers), len(errors))
        warnings.warn(f"{label}: workers lost: {count}, while training {at}", RuntimeWarning, stacklevel=3)
    if undone and errors:
        every_time = sorted(missing[name].name for name, times in cut_off.items() if times == attempts)
        found = (
            f"workers died in each of {attempts} attempts (compute.attempts); running each time:"
            f" {', '.join(every_time) or 'no single fit'}; {len(undone)} fits are missing, the others are cached"
        )
        expected = "workers that live until all fits are done"
        raise WorkersLost([Problem(label, expected, found, parallel.MORE_MEMORY)]) from errors[-1]


def _sweep_up(folder: Path) -> None:
    """Remove temporary folders of killed processes that are older than a day; they hold no finished fit."""
    for left in (path for path in folder.iterdir() if path.name.startswith((_PARTIAL, _CLAIMS))):
        with suppress(FileNotFoundError):  # another run may remove it first
            if time.time() - left.stat().st_mtime > _SECONDS_OF_A_DAY:
                shutil.rmtree(left, ignore_errors=True)


def _large_first(fit: Fit, study: Study) -> tuple[int, str, int]:
    """Sort key: largest network first; fits of one network and batch size together, so that workers trace it once.

    Largest first, because joblib replaces a worker that grows by 300 MB after its first task, and a new worker must
    start its backend again.
    """
    return -architectures.cost(fit.network)[1], fit.network.name, fit.settings_in(study).batch_size


def _train_once(
    fits: dict[str, Fit], study: Study, cache: FitCache, claims: Path, engine: clusters.Engine, label: str
) -> None:
    """Train fits in one call of joblib. This process stores the results of workers that cannot see the cache.

    `fits` are named by digest. In the folder `claims` each worker notes the fit that it trains.
    """
    workers = engine.workers()
    if study.images is not None:
        engine.share(study.images, study.features_digest)
    expected = dict(environment(study.settings.keras_backend))
    results = parallel.map_ordered(
        partial(_train_and_store, study=study, cache=cache, claims=claims, expected=expected),
        fits.items(),
        label=label if engine.backend == "loky" else f"{label}, {workers} workers",
        total=len(fits),
        workers=workers,
        ordered=False,
        backend=engine.backend,
        **engine.options,
    )
    for name, fitted, seconds in filter(None, results):
        cache.store(name, fitted, description(fits[name], study), seconds)


def _train_and_store(
    named: tuple[str, Fit], study: Study, cache: FitCache, claims: Path, expected: dict[str, str]
) -> tuple[str, Fitted, float] | None:
    """Train a fit and write it into the cache; return it if this process cannot see the cache."""
    name, fit = named
    common = claims.is_dir()
    if common and name in cache:
        return None
    keras_backend = study.settings.keras_backend
    os.environ |= {"KERAS_BACKEND": keras_backend, "BULBAR_DEVICE": expected["device"]}
    if expected["device"] == "cpu":
        os.environ |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    os.environ |= {variable: value for variable, value in _FOR_BACKEND.items() if variable not in os.environ}
    _require(expected, dict(environment(keras_backend)))
    note = claims / f"{name}@{socket.gethostname()}-{os.getpid()}"
    if common:
        note.touch()
    try:
        with nullcontext() if "bulbar.training.trainer" in sys.modules else error_stream.silenced():
            from bulbar.training import (
                trainer,  # imported here because it starts the backend, which only training processes need
            )
        backend.reset_defaults()
        logging.getLogger("tensorflow").setLevel("ERROR")  # TensorFlow warns about the trace of each new network
        started_on = trainer.keras.distribution.list_devices()[0].split(":")[0]
        found = {"backend": trainer.keras.backend.backend(), "device": started_on}
        _require({key: expected[key] for key in found}, found)

        if study.images is not None:
            study = replace(study, images=clusters.on_this_node(study.images, study.features_digest))
        started = time.perf_counter()
        fitted = trainer.train(fit, study)
        seconds = time.perf_counter() - started
        if not common:
            return name, fitted, seconds
        cache.store(name, fitted, description(fit, study), seconds)
        return None
    finally:
        note.unlink(missing_ok=True)


def _require(expected: dict[str, str], found: dict[str, str]) -> None:
    """Raise RuntimeError if a worker has other versions or code: its results would differ under the same digest."""
    keys = [key for key in {**expected, **found} if expected.get(key) != found.get(key)]
    if keys:
        differing = "; ".join(f"{key}: {expected.get(key)} expected, {found.get(key)} found" for key in keys)
        device = "; BULBAR_DEVICE sets the device for training (docs/cluster.md)" if "device" in keys else ""
        worker = f"{socket.gethostname()}-{os.getpid()}"
        raise RuntimeError(f"worker {worker} differs from the others, fix or restart it: {differing}{device}")

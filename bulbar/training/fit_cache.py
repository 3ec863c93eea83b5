"""The fit cache: finished fits by the digest of everything that shapes them. Only missing ones are trained."""

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

#: Seconds of one single-thread worker: for 10⁹ multiply-adds of a forward pass (trained: three of them), for 10⁶
#: weights moved in a step, for anything else in a step, for its start, and for each network's first use. Measured on
#: two cores of an AVX-512 server; cached fits correct the first three for the machine at hand.
_SECONDS_PER_GIGA_MULTIPLY_ADD = 0.016
_SECONDS_PER_MEGA_WEIGHT_STEP = 0.0025
_SECONDS_PER_STEP = 0.012
_SECONDS_PER_BACKEND_START = 8.0
_SECONDS_PER_TRACE = 3.0

#: Of a worker, before its backend starts. By default either backend takes a whole GPU's memory, which others share.
_FOR_BACKEND = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


#: Beginnings of the names of unfinished folders, until they are renamed or removed.
_PARTIAL, _CLAIMS = ".partial-", ".claims-"
_SECONDS_OF_A_DAY = 86400
_OTHER_FOLDER = "name another folder with BULBAR_CACHE in the environment, or compute.fit_cache in params.yaml"


@dataclass(frozen=True)
class Plan:
    """What a set of fits needs before it starts: counts, estimated seconds over all workers, and bytes of disk."""

    to_do: int
    cached: int
    seconds: float
    disk_bytes: float

    def __str__(self) -> str:
        time = f"{self.seconds / 60:.0f} min" if self.seconds > 90 else f"{self.seconds:.0f} s"
        return (
            f"{self.to_do} fits to do, {self.cached} already known; at most about {time}"
            f" and {self.disk_bytes / 1e6:.0f} MB of disk"
        )


class FitCache:
    """The folder of finished fits, with a folder for each: written under another name and renamed, so never half there.

    It is made if it is missing. Raises BadInput where it cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = writable_folder(folder, "a folder for the fit cache, to write into", _OTHER_FOLDER)

    def place(self, name: str) -> Path:
        """Where the fit of a digest is or would be."""
        return self.folder / name[:2] / name

    def __contains__(self, name: str) -> bool:
        return self.place(name).is_dir()

    def load(self, name: str) -> Fitted:
        """A cached fit, without its model: `export_model` has that."""
        place = self.place(name)
        return Fitted(
            test=np.load(place / "test.npy", allow_pickle=False),
            validation=np.load(place / "validation.npy", allow_pickle=False),
            history=pd.read_csv(place / "history.csv"),
        )

    def store(self, name: str, fitted: Fitted, settings: dict[str, object], seconds: float) -> None:
        """Write a fit. Where another process was faster, its copy stays: both hold the same."""
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
        """Put a cached fit's `.keras` file at `path`: as a link where the file system can, else as a copy."""
        link_file(self.place(name) / "model.keras", path)

    def seconds(self, name: str) -> float:
        """What a cached fit took, in seconds of its worker."""
        return float((self.place(name) / "seconds.txt").read_text(encoding="utf-8"))


def plan(fits: Sequence[Fit], study: Study, cache: FitCache, workers: int) -> Plan:
    """What it takes to have all `fits`: an upper bound, as if no fit stopped early."""
    names = [digest(fit, study) for fit in fits]
    missing = [fit for fit, name in zip(fits, names, strict=True) if name not in cache]
    found = [(fit, name) for fit, name in zip(fits, names, strict=True) if name in cache]
    paces = [cache.seconds(name) / _expected_seconds(fit, study) for fit, name in found]
    pace = statistics.median(paces) if paces else 1.0
    networks = {fit.network for fit in missing}
    start = _SECONDS_PER_BACKEND_START + len(networks) * _SECONDS_PER_TRACE if missing else 0.0
    return Plan(
        to_do=len(missing),
        cached=len(found),
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
    """Train what is missing, on all workers, then yield every fit's result in the order of `fits`.

    joblib gives up a whole call when a worker dies: it is called again on the fits still missing, `computing.attempts`
    times at most. Warns of lost workers. Raises WorkersLost with the fits that were at work each time, and BadInput
    where fits diverged, unless they may.
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
            expected, remedy = "a validation loss that is finite in some epoch", "lower train.learning_rate"
            raise BadInput([Problem("params.yaml: train.learning_rate", expected, f"none in {fit.name}", remedy)])
        yield fitted


def _train_all(
    missing: dict[str, Fit], study: Study, cache: FitCache, engine: clusters.Engine, attempts: int, label: str
) -> None:
    """Fits that were cut off wait for all others: what is wrong with one of them keeps no other from being done."""
    cut_off: Counter[str] = Counter()
    workers: set[str] = set()
    errors: list[BaseException] = []
    in_order = sorted(missing, key=lambda name: _large_first(missing[name], study))
    for _ in range(attempts):
        undone = [name for name in in_order if name not in cache]
        # A worker that does not see the folder of claims does not see the cache either.
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
        at = ", ".join(sorted(missing[name].name for name in cut_off)) or "fits unknown: no folder is common"
        count = max(len(workers), len(errors))
        warnings.warn(f"{label}: workers lost: {count}, at {at}", RuntimeWarning, stacklevel=3)
    if undone and errors:
        every_time = sorted(missing[name].name for name, times in cut_off.items() if times == attempts)
        found = (
            f"workers died in each of {attempts} attempts (compute.attempts); at work each time:"
            f" {', '.join(every_time) or 'no one fit'}; {len(undone)} fits are undone, the others are cached"
        )
        expected = "workers that live until they are done"
        raise WorkersLost([Problem(label, expected, found, parallel.MORE_MEMORY)]) from errors[-1]


def _sweep_up(folder: Path) -> None:
    """Remove what killed processes left: no fit takes a day to write, and no fit is lost with a folder of claims."""
    for left in (path for path in folder.iterdir() if path.name.startswith((_PARTIAL, _CLAIMS))):
        with suppress(FileNotFoundError):  # another run sweeps too
            if time.time() - left.stat().st_mtime > _SECONDS_OF_A_DAY:
                shutil.rmtree(left, ignore_errors=True)


def _large_first(fit: Fit, study: Study) -> tuple[int, str, int]:
    """Sorts fits of one network and batch size together, so that each worker traces it once, the largest network first.

    joblib replaces a worker that grows by 300 MB after its first task, and a new one has to start its backend again.
    """
    return -architectures.cost(fit.network)[1], fit.network.name, fit.settings_in(study).batch_size


def _train_once(
    fits: dict[str, Fit], study: Study, cache: FitCache, claims: Path, engine: clusters.Engine, label: str
) -> None:
    """One call of joblib. What workers cannot write into the cache, as they do not see its folder, is written here.

    fits: by digest. claims: a folder in which workers note the fit that they are at.
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
    """Train a fit and write it into the cache; return it if this process does not see the cache."""
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
                trainer,  # here, because it starts the backend: only a process that trains pays for that
            )
        backend.reset_defaults()
        logging.getLogger("tensorflow").setLevel("ERROR")  # it takes one trace for each of many networks for a mistake
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
    """A worker with other versions or other code would give other bits under the same name."""
    keys = [key for key in {**expected, **found} if expected.get(key) != found.get(key)]
    if keys:
        differing = "; ".join(f"{key}: {expected.get(key)} expected, {found.get(key)} found" for key in keys)
        device = "; BULBAR_DEVICE sets what fits are trained on (README)" if "device" in keys else ""
        worker = f"{socket.gethostname()}-{os.getpid()}"
        raise RuntimeError(f"worker {worker} differs from the others, fix or restart it: {differing}{device}")

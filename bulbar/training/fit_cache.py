"""Finished fits, kept in a folder named by the digest of everything that shapes them; only missing ones are trained."""

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
from contextlib import contextmanager, nullcontext, suppress
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
#: two cores of an AVX-512 server; fits that are kept already correct the first three for the machine at hand.
_SECONDS_PER_GIGA_MULTIPLY_ADD = 0.016
_SECONDS_PER_MEGA_WEIGHT_STEP = 0.0025
_SECONDS_PER_STEP = 0.012
_SECONDS_PER_BACKEND_START = 8.0
_SECONDS_PER_TRACE = 3.0

#: Of a worker, before its backend starts. Either backend takes a whole GPU's memory unless told: others share it.
_FOR_BACKEND = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


#: What the folders of what is not finished are called, until they are renamed or removed.
_PARTIAL, _CLAIMS = ".partial-", ".claims-"
_SECONDS_OF_A_DAY = 86400
_OTHER_FOLDER = "name another folder with BULBAR_CACHE in the environment, or compute.fit_cache in params.yaml"


@dataclass(frozen=True)
class Plan:
    """What a set of fits asks for before it starts: counts, estimated seconds over all workers, and bytes of disk."""

    to_do: int
    known: int
    seconds: float
    disk_bytes: float

    def __str__(self) -> str:
        time = f"{self.seconds / 60:.0f} min" if self.seconds > 90 else f"{self.seconds:.0f} s"
        return (
            f"{self.to_do} fits to do, {self.known} already known; at most about {time}"
            f" and {self.disk_bytes / 1e6:.0f} MB of disk"
        )


class FitCache:
    """The folder of finished fits: one folder for each, written aside and renamed, so that none is ever half there.

    It is made where it is not there. Raises BadInput where it cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = writable_folder(folder, "a folder for the fit cache, to write into", _OTHER_FOLDER)

    def place(self, name: str) -> Path:
        """Where the fit of a digest is or would be."""
        return self.folder / name[:2] / name

    def __contains__(self, name: str) -> bool:
        return self.place(name).is_dir()

    def load(self, name: str) -> Fitted:
        """A kept fit, without its model: `export_model` has that."""
        place = self.place(name)
        return Fitted(
            test=np.load(place / "test.npy", allow_pickle=False),
            validation=np.load(place / "validation.npy", allow_pickle=False),
            history=pd.read_csv(place / "history.csv"),
        )

    def store(self, name: str, fitted: Fitted, settings: dict[str, object], seconds: float) -> None:
        """Keep a fit. Where another process was faster, its copy stays: both hold the same."""
        place = self.place(name)
        aside = self.folder / f"{_PARTIAL}{uuid4().hex}"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            aside.mkdir(mode=0o700)
            np.save(aside / "test.npy", fitted.test, allow_pickle=False)
            np.save(aside / "validation.npy", fitted.validation, allow_pickle=False)
            fitted.history.to_csv(aside / "history.csv", index=False, lineterminator="\n")
            (aside / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
            (aside / "seconds.txt").write_text(f"{seconds:.3f}\n", encoding="utf-8")
            if fitted.model is not None:
                (aside / "model.keras").write_bytes(fitted.model)
            aside.rename(place)
        except OSError as error:
            if name not in self:
                explain_disk_error(error, place, aside)
                raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def export_model(self, name: str, path: Path) -> None:
        """Put a kept fit's `.keras` file at `path`: as a link where the file system can, else as a copy."""
        link_file(self.place(name) / "model.keras", path)

    def seconds(self, name: str) -> float:
        """What a kept fit took, in seconds of its worker."""
        return float((self.place(name) / "seconds.txt").read_text(encoding="utf-8"))


def plan(fits: Sequence[Fit], study: Study, kept: FitCache, workers: int) -> Plan:
    """What it takes to have all `fits`: an upper bound, as if no fit stopped early."""
    names = [digest(fit, study) for fit in fits]
    missing = [fit for fit, name in zip(fits, names, strict=True) if name not in kept]
    known = [(fit, name) for fit, name in zip(fits, names, strict=True) if name in kept]
    paces = [kept.seconds(name) / _expected_seconds(fit, study) for fit, name in known]
    pace = statistics.median(paces) if paces else 1.0
    networks = {fit.network for fit in missing}
    start = _SECONDS_PER_BACKEND_START + len(networks) * _SECONDS_PER_TRACE if missing else 0.0
    return Plan(
        to_do=len(missing),
        known=len(known),
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
    kept: FitCache,
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
    missing = {name: fit for fit, name in zip(fits, names, strict=True) if name not in kept}
    _sweep_up(kept.folder)
    if missing:
        needed = _disk_bytes(missing.values())
        if needed > shutil.disk_usage(kept.folder).free:
            disk_is_full(kept.folder, f"room for {len(missing)} fits, {in_units(needed)} at most")
        with clusters.connected(computing) as engine:
            _train_all(missing, study, kept, engine, computing.attempts, label)
    for fit, name in zip(fits, names, strict=True):
        fitted = kept.load(name)
        if fitted.diverged and not may_diverge:
            expected, remedy = "a validation loss that is finite in some epoch", "lower train.learning_rate"
            raise BadInput([Problem("params.yaml: train.learning_rate", expected, f"none in {fit.name}", remedy)])
        yield fitted


def _train_all(
    missing: dict[str, Fit], study: Study, kept: FitCache, engine: clusters.Engine, attempts: int, label: str
) -> None:
    """Fits that were cut off wait for all others: what is wrong with one of them keeps no other from being done."""
    cut_off: Counter[str] = Counter()
    workers: set[str] = set()
    calls_lost = 0
    left = sorted(missing, key=lambda name: _large_first(missing[name], study))
    for _ in range(attempts):
        error: BaseException | None = None
        waiting = [[name for name in left if (cut_off[name] > 0) is was_cut_off] for was_cut_off in (False, True)]
        with _claims_folder(kept) as claims:
            try:
                for names in filter(None, waiting):
                    _train_once([_Task(missing[name], name, study, kept, claims) for name in names], engine, label)
            except engine.lost as lost:
                error = lost
                calls_lost += 1
            at_work = [note.name.split("@") for note in claims.iterdir()]
        cut_off.update({name for name, _ in at_work})
        workers |= {worker for _, worker in at_work}
        left = [name for name in left if name not in kept]
        if error is None or not left:
            break
    if workers or calls_lost:
        at = ", ".join(sorted(missing[name].name for name in cut_off)) or "fits unknown: no folder is common"
        count = max(len(workers), calls_lost)
        warnings.warn(f"{label}: workers lost: {count}, at {at}", RuntimeWarning, stacklevel=3)
    if error is not None and left:
        every_time = sorted(missing[name].name for name, times in cut_off.items() if times == attempts)
        found = (
            f"workers died in each of {attempts} attempts (compute.attempts); at work each time:"
            f" {', '.join(every_time) or 'no one fit'}; {len(left)} fits are undone, the others are kept"
        )
        expected = "workers that live until they are done"
        raise WorkersLost([Problem(label, expected, found, parallel.MORE_MEMORY)]) from error


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


@contextmanager
def _claims_folder(kept: FitCache) -> Iterator[Path]:
    """A folder in which workers note what they are at. One that does not see it does not see the kept fits either."""
    claims = Path(tempfile.mkdtemp(dir=kept.folder, prefix=_CLAIMS))
    try:
        yield claims
    finally:
        shutil.rmtree(claims, ignore_errors=True)


@dataclass(frozen=True)
class _Task:
    """What a worker is given: a fit, its digest, and where to keep it."""

    fit: Fit
    name: str
    study: Study
    kept: FitCache
    claims: Path


def _train_once(tasks: Sequence[_Task], engine: clusters.Engine, label: str) -> None:
    """One call of joblib. What workers cannot keep themselves, for want of a common folder, is kept here."""
    study, kept, workers = tasks[0].study, tasks[0].kept, engine.workers()
    if study.images is not None:
        engine.share(study.images, study.features_digest)
    shared = environment(study.settings.keras_backend)
    results = parallel.map_ordered(
        partial(_train_and_keep, expected=dict(shared)),
        tasks,
        label=label if engine.backend == "loky" else f"{label}, {workers} workers",
        total=len(tasks),
        workers=workers,
        ordered=False,
        backend=engine.backend,
        **engine.options,
    )
    of_name = {task.name: task.fit for task in tasks}
    for sent in results:
        if sent is not None:
            name, fitted, seconds = sent
            kept.store(name, fitted, description(of_name[name], study), seconds)


def _train_and_keep(task: _Task, expected: dict[str, str]) -> tuple[str, Fitted, float] | None:
    """Train a fit and keep it; where this process does not see the kept fits, return it."""
    fit, kept, name = task.fit, task.kept, task.name
    common = task.claims.is_dir()
    if common and name in kept:
        return None
    keras_backend = task.study.settings.keras_backend
    os.environ |= {"KERAS_BACKEND": keras_backend, "BULBAR_DEVICE": expected["device"]}
    if expected["device"] == "cpu":
        os.environ |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    for variable, value in _FOR_BACKEND.items():
        os.environ.setdefault(variable, value)
    _require(expected, dict(environment(keras_backend)))
    note = task.claims / f"{name}@{socket.gethostname()}-{os.getpid()}"
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

        study = task.study
        if study.images is not None:
            study = replace(study, images=clusters.on_this_node(study.images, study.features_digest))
        started = time.perf_counter()
        fitted = trainer.train(fit, study)
        seconds = time.perf_counter() - started
        if not common:
            return name, fitted, seconds
        kept.store(name, fitted, description(fit, study), seconds)
        return None
    finally:
        note.unlink(missing_ok=True)


def _require(expected: dict[str, str], found: dict[str, str]) -> None:
    """A worker with other versions or other code would give other bits under the same name."""
    if expected != found:
        keys = [key for key in {**expected, **found} if expected.get(key) != found.get(key)]
        told = "; ".join(f"{key}: {expected.get(key)} expected, {found.get(key)} found" for key in keys)
        device = "; BULBAR_DEVICE says what fits are to be trained on (README)" if "device" in keys else ""
        raise RuntimeError(
            f"worker {socket.gethostname()}-{os.getpid()} is not like the rest, mend or restart it: {told}{device}"
        )

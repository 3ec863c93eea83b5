"""Finished fits, kept in a folder named by the digest of everything that shapes them; only missing ones are trained."""

import json
import logging
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bulbar import architectures, compute
from bulbar.fits import Fit, Fitted, Study, description, digest

#: Seconds of one single-thread worker: for 10⁹ multiply-adds of a forward pass (trained: three of them), for 10⁶
#: weights moved in a step, for anything else in a step, for its start, and for each network's first use. Measured on
#: two cores of an AVX-512 server; fits that are kept already correct the first three for the machine at hand.
_SECONDS_PER_GIGA_MULTIPLY_ADD = 0.017
_SECONDS_PER_MEGA_WEIGHT_STEP = 0.0042
_SECONDS_PER_STEP = 0.014
_SECONDS_PER_BACKEND_START = 8.0
_SECONDS_PER_TRACE = 3.0


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


class KeptFits:
    """The folder of finished fits: one folder for each, written aside and renamed, so that none is ever half there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=self.folder, prefix=".partial-"))
        try:
            np.save(aside / "test.npy", fitted.test, allow_pickle=False)
            np.save(aside / "validation.npy", fitted.validation, allow_pickle=False)
            fitted.history.to_csv(aside / "history.csv", index=False, lineterminator="\n")
            (aside / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
            (aside / "seconds.txt").write_text(f"{seconds:.3f}\n", encoding="utf-8")
            if fitted.model is not None:
                (aside / "model.keras").write_bytes(fitted.model)
            aside.rename(place)
        except OSError:
            if name not in self:
                raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def export_model(self, name: str, path: Path) -> None:
        """Put a kept fit's `.keras` file at `path`: as a link where the file system can, else as a copy."""
        source = self.place(name) / "model.keras"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        try:
            path.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, path)

    def seconds(self, name: str) -> float:
        """What a kept fit took, in seconds of its worker."""
        return float((self.place(name) / "seconds.txt").read_text(encoding="utf-8"))


def plan(fits: Sequence[Fit], study: Study, kept: KeptFits, workers: int) -> Plan:
    """What it takes to have all `fits`: an upper bound, as if no fit stopped early."""
    names = [digest(fit, study) for fit in fits]
    missing = [fit for fit, name in zip(fits, names, strict=True) if name not in kept]
    known = [(fit, name) for fit, name in zip(fits, names, strict=True) if name in kept]
    paces = [kept.seconds(name) / _expected_seconds(fit, study) for fit, name in known]
    pace = statistics.median(paces) if paces else 1.0
    disk = sum(40_000 + (4 * architectures.cost(fit.network)[1] if fit.keep_weights else 0) for fit in missing)
    networks = {fit.network for fit in missing}
    start = _SECONDS_PER_BACKEND_START + len(networks) * _SECONDS_PER_TRACE if missing else 0.0
    return Plan(
        to_do=len(missing),
        known=len(known),
        seconds=start + pace * sum(_expected_seconds(fit, study) for fit in missing) / workers,
        disk_bytes=disk,
    )


def _expected_seconds(fit: Fit, study: Study) -> float:
    multiply_adds, weights = architectures.cost(fit.network)
    images = 3 * len(fit.train) + len(fit.validation) + len(fit.test)
    steps = np.ceil(len(fit.train) / study.settings.batch_size)
    return float(study.settings.max_epochs) * (
        multiply_adds * images / 1e9 * _SECONDS_PER_GIGA_MULTIPLY_ADD
        + steps * (_SECONDS_PER_STEP + weights / 1e6 * _SECONDS_PER_MEGA_WEIGHT_STEP)
    )


def run(fits: Sequence[Fit], study: Study, kept: KeptFits, *, workers: int, label: str) -> Iterator[Fitted]:
    """Train what is missing, on all workers, then yield every fit's result in the order of `fits`.

    Fits of one network follow each other, so that each worker traces it once. The largest goes first: joblib replaces a
    worker that grows by 300 MB after its first task, and a new one has to start its backend again.
    """
    names = [digest(fit, study) for fit in fits]
    missing = {name: fit for fit, name in zip(fits, names, strict=True) if name not in kept}
    kept.folder.mkdir(parents=True, exist_ok=True)
    tasks = [(fit, study, kept, name) for name, fit in missing.items()]
    tasks.sort(key=lambda task: (-architectures.cost(task[0].network)[1], task[0].network.name))
    for _ in compute.map_ordered(_train_and_keep, tasks, label=label, total=len(tasks), workers=workers, ordered=False):
        pass
    for name in names:
        yield kept.load(name)


def _train_and_keep(task: tuple[Fit, Study, KeptFits, str]) -> None:
    fit, study, kept, name = task
    os.environ["KERAS_BACKEND"] = study.settings.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_start():
        from bulbar import training  # here, because it starts the backend: only a process that trains pays for that
    logging.getLogger("tensorflow").setLevel("ERROR")  # it takes one trace for each of many networks for a mistake

    started = time.perf_counter()
    fitted = training.train(fit, study)
    kept.store(name, fitted, description(fit, study), time.perf_counter() - started)


@contextmanager
def _quiet_start() -> Iterator[None]:
    """TensorFlow tells every process about its build on the error stream, past its own log level: not beside a bar."""
    if "bulbar.training" in sys.modules:
        yield
        return
    sys.stderr.flush()
    error_stream = os.dup(2)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, no path of ours
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(error_stream, 2)
            os.close(error_stream)

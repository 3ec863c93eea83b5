"""What a fit is: the settings, the rows and the network that shape its result, and the digest of them all."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat

from bulbar.core import library_settings
from bulbar.core.digests import array_digest, code_digest, seed_of
from bulbar.core.errors import BadInput, Problem
from bulbar.core.settings import Count, Strict
from bulbar.training.architectures import AnyNetwork

_REQUIREMENTS = {"jax": "requirements/jax.lock"}
_CUDA = ("nvidia-cudnn-cu12", "nvidia-cudnn-cu13")  # of tensorflow[and-cuda] and jax[cuda12]; of jax[cuda13]


class Settings(Strict):
    """The `train` block of params.yaml."""

    max_epochs: Count = 100
    batch_size: Count = 32
    learning_rate: PositiveFloat = 1e-3
    early_stopping_patience: Count = 10
    plateau_patience: Count = 5
    plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    min_learning_rate: PositiveFloat = 1e-6
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    keras_backend: Literal["tensorflow", "jax"] = "tensorflow"


@dataclass(frozen=True)
class Study:
    """What all fits of a stage share.

    images: path of the feature array, (row, mel, frame); None where no network looks at one. features_digest: of that
    file. labels: 0 or 1 of each row. settings: of the training. seed: of the study.
    """

    images: Path | None
    features_digest: str
    labels: np.ndarray
    settings: Settings
    seed: int


@dataclass(frozen=True, eq=False)
class Fit:
    """One network to be trained on some rows, watched on others, tested on others still.

    name: of the fit, e.g. `record_wise/S1B/0.3/fold_1`; its seed derives from it.
    train, validation, test: positions of rows; train of shape (n,), or (turn, n) where the epochs train on the turns
    one after the other, again and again. clinical: features in [0, 1] of every row, (row, n_clinical), or None.
    keep_weights: store the trained model beside the predictions. settings: its own, where a search sets them; None: the
    study's.
    """

    name: str
    network: AnyNetwork
    dropout_rate: float
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    clinical: np.ndarray | None = None
    keep_weights: bool = False
    settings: Settings | None = None

    @property
    def n_trained(self) -> int:
        """Rows that an epoch trains on."""
        return self.train.shape[-1]

    def settings_in(self, study: Study) -> Settings:
        """How it is trained."""
        return self.settings or study.settings


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit gives. Probabilities are those of class 1, of the epoch with the lowest validation loss.

    test, validation: shape (n,), in the order of the fit's rows. history: a row per epoch (epoch, loss, accuracy,
    validation_loss, validation_accuracy, learning_rate). model: bytes of the `.keras` file, from training where weights
    are stored; `FitCache.export_model` has it afterwards. Of a fit that diverged the probabilities are NaN.
    """

    test: np.ndarray
    validation: np.ndarray
    history: pd.DataFrame
    model: bytes | None = None

    @property
    def diverged(self) -> bool:
        """Whether no epoch had a finite validation loss."""
        return not np.isfinite(self.history["validation_loss"]).any()

    @property
    def best_epoch(self) -> int:
        """The epoch, from 1, with the lowest validation loss."""
        return int(self.history["epoch"].iloc[self.history["validation_loss"].argmin()])


def digest(fit: Fit, study: Study) -> str:
    """A name for everything that shapes a fit's result: equal digests mean equal results."""
    return hashlib.sha256(json.dumps(description(fit, study), sort_keys=True).encode()).hexdigest()


def description(fit: Fit, study: Study) -> dict[str, Any]:
    """Everything that shapes a fit's result, as JSON can hold it; arrays by their SHA-256."""
    rows = {"train": fit.train, "validation": fit.validation, "test": fit.test}
    return {
        "network": asdict(fit.network),
        "dropout_rate": fit.dropout_rate,
        "keep_weights": fit.keep_weights,
        "seed": seed_of(study.seed, fit.name),
        "training": fit.settings_in(study).model_dump(exclude={"keras_backend"}),
        "features": study.features_digest if fit.network.sees_features else None,
        "rows": {name: array_digest(positions.astype(np.int64)) for name, positions in rows.items()},
        "labels": array_digest(study.labels.astype(np.int64)),
        "clinical": None if fit.clinical is None else array_digest(fit.clinical.astype(np.float32)),
        "environment": environment(study.settings.keras_backend),
    }


@cache
def environment(backend: str) -> Mapping[str, str]:
    """Versions, device, code and variables of the environment that shape a fit's bits.

    Raises BadInput where the backend is not installed.
    """
    code = (Path(__file__).with_name(name) for name in ("architectures.py", "networks.py", "trainer.py"))
    return {
        "backend": backend,
        "device": device(),
        "code": code_digest(*code),
        **{package: _version(package) for package in ("keras", "numpy", backend)},
        **library_settings.honoured(),
    }


def device() -> str:
    """What fits are trained on, `gpu` or `cpu`: BULBAR_DEVICE, else what this machine has, with CUDA's packages."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1")
    has_gpu = Path("/dev/nvidia0").exists() and visible and any(map(_installed, _CUDA))
    return os.environ.get("BULBAR_DEVICE") or ("gpu" if has_gpu else "cpu")


def _version(package: str) -> str:
    if found := _installed(package):
        return found
    remedy = f"pip install --require-hashes -r {_REQUIREMENTS.get(package, 'requirements.lock')}"
    where = f"params.yaml: train.keras_backend: {package}" if package in _REQUIREMENTS else "Python environment"
    raise BadInput([Problem(where, f"the package {package}", "not installed", remedy)])


def _installed(package: str) -> str | None:
    """The version of a package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None

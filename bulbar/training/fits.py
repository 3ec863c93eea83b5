"""A fit: the settings, rows and network that determine its result, and the digest of all these."""

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

    Parameters
    ----------
    images : Path or None
        File of the feature array, (row, mel, frame); None if no network uses it.
    features_digest : str
        Digest of this file.
    labels : array, shape (row,)
        0 or 1.
    settings : Settings
        Settings of the training.
    seed : int
        Seed of the study.
    """

    images: Path | None
    features_digest: str
    labels: np.ndarray
    settings: Settings
    seed: int


@dataclass(frozen=True, eq=False)
class Fit:
    """A network to train, with its training, validation and test rows.

    Parameters
    ----------
    name : str
        Name such as `record_wise/S1B/0.3/fold_1`. The seed of the fit derives from it.
    network : Network or SequenceNetwork
        What is trained.
    dropout_rate : float in [0, 1)
    train : array of int, shape (n,) or (turn, n)
        Positions of rows. With turns, the epochs use the turns in a cycle.
    validation, test : array of int
        Positions of rows.
    clinical : array, shape (row, n_clinical), in [0, 1], optional
        Clinical features of every row.
    keep_weights : bool
        Whether the trained model is stored with the predictions.
    settings : Settings, optional
        Own settings, for a search. Default: those of the study.
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
        """Number of training rows per epoch."""
        return self.train.shape[-1]

    def settings_in(self, study: Study) -> Settings:
        """The settings of this fit: its own, or those of the study."""
        return self.settings or study.settings


@dataclass(frozen=True, eq=False)
class Fitted:
    """The result of a fit.

    Parameters
    ----------
    test, validation : array, shape (n,)
        Probabilities of class 1 at the epoch with the lowest validation loss, in the order of the fit's rows; NaN if
        the fit diverged.
    history : DataFrame
        One row per epoch: epoch, loss, accuracy, validation_loss, validation_accuracy, learning_rate.
    model : bytes, optional
        Content of the `.keras` file, directly after training with `keep_weights`; later use `FitCache.export_model`.
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
        """The epoch (from 1) with the lowest validation loss."""
        return int(self.history["epoch"].iloc[self.history["validation_loss"].argmin()])


def digest(fit: Fit, study: Study) -> str:
    """Digest of everything that determines a fit's result: equal digests mean equal results."""
    return hashlib.sha256(json.dumps(description(fit, study), sort_keys=True).encode()).hexdigest()


def description(fit: Fit, study: Study) -> dict[str, Any]:
    """Everything that determines a fit's result, as JSON; arrays are represented by their SHA-256."""
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
    """Versions, device, code and environment variables that determine the bits of a fit.

    Raises BadInput if the backend is not installed.
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
    """Device for training, `gpu` or `cpu`: BULBAR_DEVICE, else `gpu` if this machine has one and CUDA's packages."""
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
    """Version of a package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None

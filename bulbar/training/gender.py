"""The experiment of the gender paper: fits of the networks before and after tuning, and their results as tables."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from bulbar.core.errors import BadInput, Problem
from bulbar.core.names import Protocol
from bulbar.core.settings import Depth, Strict, Width
from bulbar.training import fits
from bulbar.training.architectures import Kind, SequenceNetwork
from bulbar.training.fits import Fit, Fitted, Study
from bulbar.tuning import search

NETWORKS = ("cnn", "lstm", "cnn_lstm")
TUNED = "cnn_lstm_tuned"
IN_WORDS = {"cnn": "CNN", "lstm": "LSTM", "cnn_lstm": "CNN-LSTM", TUNED: "CNN-LSTM tuned"}


class Settings(Strict):
    """The `network` block of gender/params.yaml: the networks before tuning."""

    order: Literal["lstm_cnn", "cnn_lstm"] = "lstm_cnn"
    filters: Width = 16
    lstm_units: Width = 32
    n_layers: Depth = 2
    dense_units: Width = 64
    dropout_rate: float = Field(default=0.3, ge=0, lt=1)


@dataclass(frozen=True, eq=False)
class ClipData:
    """The data that all fits of one protocol share.

    Parameters
    ----------
    protocol : {"record_wise", "subject_wise"}
    index : DataFrame
        One row per row of the feature array: recording_id, subject_id, label, part, copy (0: the recording itself).
    image_shape : (int, int)
        (row, frame).
    study : Study
        Features, labels, settings and seed.
    in_turn : bool
        Whether an epoch trains on a single version of each recording (itself or one copy) instead of all.
    """

    protocol: Protocol
    index: pd.DataFrame
    image_shape: tuple[int, int]
    study: Study
    in_turn: bool = False

    def rows(self, part: str) -> np.ndarray:
        """Rows of the feature array with the recordings of a part, without augmented copies."""
        return np.flatnonzero((self.index["part"] == part) & (self.index["copy"] == 0))

    def trained(self) -> np.ndarray:
        """Training rows with the augmented copies: shape (n,), or (copy, n) with `in_turn`."""
        of_train = self.index[self.index["part"] == "train"]
        if not self.in_turn:
            return of_train.index.to_numpy()
        return np.stack([copy.index for _, copy in of_train.groupby("copy")])


def require_image_size(settings: Settings, space: search.Space, image_shape: tuple[int, int]) -> None:
    """Raise BadInput if the features, (row, frame), are too small for the poolings."""
    layers = max(settings.n_layers, *space.n_layers)
    fewest_units = min(settings.lstm_units, *space.lstm_units)
    sides = [*image_shape, *([fewest_units] if settings.order == "lstm_cnn" else [])]
    if min(sides) >> layers < 1:
        found = f"{image_shape[0]} × {image_shape[1]} features, {fewest_units} LSTM units, {layers} layers"
        remedy = "lower n_layers, or raise features.mel_bands, features.duration_s or lstm_units"
        where = "params.yaml: network.n_layers or tune.space.n_layers"
        raise BadInput([Problem(where, f"at least {1 << layers} features, frames and LSTM units", found, remedy)])


def default_point(settings: Settings, training: fits.Settings) -> search.Point:
    """The point of the search space that describes the networks before tuning."""
    values = {**training.model_dump(), **settings.model_dump()}
    return {name: values[name] for name in search.Space.model_fields}


def fit_at(
    data: ClipData, model: str, settings: Settings, point: search.Point, *, max_epochs: int | None = None
) -> Fit:
    """The fit of a model at a point of the search space, as a search runs it: without the test part.

    With `max_epochs` the fit is shorter, for pruning. The seed does not change, so these are the first epochs of the
    full fit.
    """
    kind: Kind = settings.order if model in ("cnn_lstm", TUNED) else model  # type: ignore[assignment]
    network = SequenceNetwork(
        kind,
        data.image_shape,
        filters=int(point["filters"]),
        lstm_units=int(point["lstm_units"]),
        n_layers=int(point["n_layers"]),
        dense_units=settings.dense_units,
    )
    changes: dict[str, Any] = {
        "learning_rate": float(point["learning_rate"]),
        "batch_size": int(point["batch_size"]),
    }
    training = data.study.settings
    if max_epochs is not None:
        changes["max_epochs"] = min(max_epochs, training.max_epochs)
    validation = data.rows("validation")
    return Fit(
        name="/".join([data.protocol, kind, *(f"{name}={value:g}" for name, value in point.items())]),
        network=network,
        dropout_rate=float(point["dropout_rate"]),
        train=data.trained(),
        validation=validation,
        test=validation,
        settings=training.model_copy(update=changes),
    )


def fits_of_grid(data: ClipData, settings: Settings, space: search.Space) -> list[Fit]:
    """The tuned model at every point of the space."""
    return [fit_at(data, TUNED, settings, point) for point in space.points]


def final_fit(data: ClipData, model: str, settings: Settings, point: search.Point) -> Fit:
    """The same fit with stored weights; it predicts the test part and, for the gap, the training recordings."""
    tested = np.concatenate([data.rows("test"), data.rows("train")])
    return replace(fit_at(data, model, settings, point), test=tested, keep_weights=True)


def outcome(fitted: Fitted, name: str) -> search.Outcome:
    """The result of a search's fit; `name` is the digest of the fit."""
    best = fitted.history.to_dict("records")[fitted.best_epoch - 1]
    return search.Outcome(
        validation_loss=best["validation_loss"],
        validation_accuracy=best["validation_accuracy"],
        epochs=len(fitted.history),
        fit=name,
    )


def predictions(data: ClipData, fit: Fit, fitted: Fitted) -> pd.DataFrame:
    """Predictions of a model for each recording, at the epoch of lowest validation loss.

    Returns recording_id, subject_id, part, label, probability (of class 1), sorted by recording.
    """
    rows = np.concatenate([fit.test, fit.validation])
    table = data.index.iloc[rows][["recording_id", "subject_id", "part", "label"]]
    probability = np.concatenate([fitted.test, fitted.validation]).round(6)
    return table.assign(probability=probability).sort_values("recording_id", ignore_index=True)


def gap(table: pd.DataFrame) -> Mapping[str, float]:
    """Accuracy on the training recordings and on the test part, and the difference of the two."""
    right = (table["probability"] >= 0.5).astype(int) == table["label"]
    train, test = (float(right[table["part"] == part].mean()) for part in ("train", "test"))
    return {"train_accuracy": train, "test_accuracy": test, "gap": train - test}

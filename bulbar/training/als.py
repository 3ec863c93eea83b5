"""The two experiments of the ALS study, sweep and fusion: their lists of fits, and their results as tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, field_validator

from bulbar.cohort import folds
from bulbar.core.errors import BadInput, Problem
from bulbar.core.names import Cell, Protocol
from bulbar.core.settings import Strict
from bulbar.scoring import intervals, metrics
from bulbar.training.architectures import ARCHITECTURES, Network, Output
from bulbar.training.fits import Fit, Fitted, Study


def _known(code: str) -> str:
    if code not in ARCHITECTURES:
        raise ValueError(f"one of {', '.join(ARCHITECTURES)}")
    return code


Code = Annotated[str, AfterValidator(_known)]
DropoutRate = Annotated[float, Field(ge=0, lt=1)]


class PublishedSettings(Strict):
    """The `published` block of params.yaml: the cell that the paper reports."""

    architecture: Code
    dropout_rate: DropoutRate

    @property
    def cell(self) -> Cell:
        """The settings as a cell."""
        return Cell(self.architecture, self.dropout_rate)


class SweepSettings(Strict):
    """The `sweep` block of params.yaml."""

    architectures: tuple[Code, ...] = Field(min_length=1)
    dropout_rates: tuple[DropoutRate, ...] = Field(min_length=1)

    @property
    def cells(self) -> list[Cell]:
        """All cells of the sweep, in the order of the settings."""
        return [Cell(code, rate) for code in self.architectures for rate in self.dropout_rates]

    @field_validator("architectures", "dropout_rates")
    @classmethod
    def _unique(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(values)) < len(values):
            raise ValueError("each entry once")
        return values


#: The five models that fusion compares, and the set of clinical columns that each uses (None: no columns).
CLINICAL_COLUMNS: dict[str, str | None] = {
    "audio": None,
    "clinical_all": "all",
    "clinical_common": "common",
    "fused_all": "all",
    "fused_common": "common",
}


class FusionSettings(Strict):
    """The `fusion` block of params.yaml."""

    output: Output = "softmax"
    dropout_rate: DropoutRate = 0.3


@dataclass(frozen=True, eq=False)
class ProtocolData:
    """The data that all fits of one protocol share.

    Parameters
    ----------
    protocol : {"record_wise", "subject_wise"}
    table : DataFrame
        Table of `folds.assign`, one row per recording.
    rows : array of int
        For each row of the feature array, the position of its recording in `table`. With `time_axis: segments` a
        recording has several rows.
    image_shape : (int, int)
        (mel, frame).
    study : Study
        Features, labels, settings and seed.
    """

    protocol: Protocol
    table: pd.DataFrame
    rows: np.ndarray
    image_shape: tuple[int, int]
    study: Study

    @property
    def folds(self) -> list[int]:
        """The folds, 1 to K."""
        return folds.numbers(self.table)

    def parts(self, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of the feature array for training, validation and test in a fold."""
        train, validation, test = (np.flatnonzero(np.isin(self.rows, part)) for part in folds.parts(self.table, fold))
        return train, validation, test

    def per_recording(self, rows: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the recordings of `rows`, and the mean value over each recording's rows."""
        positions, inverse = np.unique(self.rows[rows], return_inverse=True)
        return positions, np.bincount(inverse, weights=values) / np.bincount(inverse)


def rows_of_recordings(index: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """Position in `table` of the recording of each row of the feature array.

    `index` and `table` have the column recording_id. Raises ValueError if a recording of the array is not in `table`.
    """
    position = index["recording_id"].map(pd.Series(np.arange(len(table)), index=table["recording_id"]))
    if position.isna().any():
        raise ValueError(f"no fold for recording {index.loc[position.isna(), 'recording_id'].iloc[0]}")
    return position.to_numpy(dtype=int)


def require_image_size(cells: Sequence[Cell], image_shape: tuple[int, int]) -> None:
    """Raise BadInput if an image, (mel, frame), is too small for the convolutions and poolings of an architecture.

    Each convolution removes two rows and two columns, and each pooling halves the rest.
    """
    problems = []
    for code in dict.fromkeys(cell.architecture for cell in cells):
        smallest = 3 * 2 ** len(ARCHITECTURES[code].filters) - 2  # backwards from 1: n pixels need 2 n + 2 before
        if min(image_shape) < smallest:
            problems.append(
                Problem(
                    where=f"params.yaml: sweep.architectures or published: {code}",
                    expected=f"an image of at least {smallest}×{smallest}",
                    found=f"{image_shape[0]}×{image_shape[1]}",
                    remedy="raise spectrogram.mel_bands and spectrogram.frames, or remove the architecture",
                )
            )
    if problems:
        raise BadInput(problems)


def audio_fit(data: ProtocolData, cell: Cell, fold: int, *, keep_weights: bool = False) -> Fit:
    """The fit of one cell of Table 4 on one fold: the same fit, with the same seed, in the sweep and in fusion."""
    train, validation, test = data.parts(fold)
    return Fit(
        name=f"{data.protocol}/{cell.architecture}/{cell.dropout_rate}/fold_{fold}",
        network=Network(ARCHITECTURES[cell.architecture], data.image_shape),
        dropout_rate=cell.dropout_rate,
        train=train,
        validation=validation,
        test=test,
        keep_weights=keep_weights,
    )


def fusion_fit(
    data: ProtocolData,
    model: str,
    cell: Cell,
    fold: int,
    clinical: np.ndarray,
    settings: FusionSettings,
    *,
    keep_weights: bool = False,
) -> Fit:
    """The fit of one of fusion's models on one fold: `clinical_*` uses clinical features, `fused_*` also the image.

    `clinical`, shape (row, n_clinical), has features in [0, 1] for every row of the feature array.
    """
    train, validation, test = data.parts(fold)
    fused = model.startswith("fused")
    return Fit(
        name="/".join([data.protocol, model, *([str(cell)] if fused else []), f"fold_{fold}"]),
        network=Network(
            ARCHITECTURES[cell.architecture] if fused else None,
            data.image_shape,
            n_clinical=clinical.shape[1],
            clinical_dropout_rate=settings.dropout_rate,
            output=settings.output,
        ),
        dropout_rate=cell.dropout_rate if fused else 0.0,
        train=train,
        validation=validation,
        test=test,
        clinical=clinical,
        keep_weights=keep_weights,
    )


def clinical_of_rows(data: ProtocolData, by_subject: pd.DataFrame) -> np.ndarray:
    """Clinical features of every row of the feature array, float32, shape (row, n_clinical).

    `by_subject` has the encoded features, indexed by subject_id.
    """
    by_recording = by_subject.loc[data.table["subject_id"]].to_numpy(dtype=np.float32)
    return by_recording[data.rows]


def predictions(data: ProtocolData, fits: Sequence[Fit], fitted: Sequence[Fitted]) -> pd.DataFrame:
    """Out-of-fold predictions of one model.

    Parameters
    ----------
    data : ProtocolData
        Data of the protocol.
    fits, fitted : sequence
        One fit and its result per fold.

    Returns
    -------
    DataFrame
        recording_id, subject_id, fold, label, probability (of class 1), in the order of `data.table`. The segments of a
        recording are averaged.
    """
    probability = np.full(len(data.table), np.nan)
    for fit, result in zip(fits, fitted, strict=True):
        positions, means = data.per_recording(fit.test, result.test)
        probability[positions] = means
    table = data.table[["recording_id", "subject_id", "fold", "label"]]
    return table.assign(probability=probability.round(6))


def summary(cell: Cell, data: ProtocolData, fits: Sequence[Fit], fitted: Sequence[Fitted]) -> pd.DataFrame:
    """One row per fold of a cell: epochs, best epoch, validation losses there, and accuracy on the test part."""
    label = data.table["label"].to_numpy()
    rows = []
    for fold, fit, result in zip(data.folds, fits, fitted, strict=True):
        validated, validation = data.per_recording(fit.validation, result.validation)
        tested, test = data.per_recording(fit.test, result.test)
        rows.append(
            {
                **cell._asdict(),
                "fold": fold,
                "epochs": len(result.history),
                "best_epoch": result.best_epoch,
                "validation_loss": result.history["validation_loss"].min(),
                "validation_log_loss": metrics.log_loss(label[validated], validation),
                "test_accuracy": metrics.accuracy(label[tested], test),
                "test_recordings": len(tested),
            }
        )
    return pd.DataFrame(rows).round(6)


def cell_scores(
    predictions: pd.DataFrame, summary: pd.DataFrame, *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> dict[str, Any]:
    """Scores of one cell of Table 4: over its folds, and out of fold with `intervals`.

    `predictions` is the cell's out-of-fold table, `summary` its rows of `summary`; `draws`, `level` and `seed` are as
    for `intervals.intervals`.
    """
    accuracy = summary["test_accuracy"]
    units = intervals.both_ways(predictions, draws=draws, level=level, seed=seed)
    shown = {score: ("per_recording", score) for score in ("accuracy", "roc_auc", "roc_auc_pooled")}
    shown |= {f"{score}_per_subject": ("per_subject", score) for score in ("accuracy", "roc_auc_pooled")}
    return {
        "mean_accuracy": accuracy.mean(),
        "sd_accuracy": accuracy.std(ddof=1),
        "highest_fold_accuracy": accuracy.max(),
        "lowest_loss_fold_accuracy": accuracy.iloc[summary["validation_loss"].argmin()],
        **{name: units[unit][score] for name, (unit, score) in shown.items()},
        "intervals": {name: units[unit]["intervals"][score] for name, (unit, score) in shown.items()},
        "mean_epochs": summary["epochs"].mean(),
    }


def curves(fitted: Sequence[Fitted], **names: str | float) -> pd.DataFrame:
    """Learning curves of all folds of a model, with the leading columns `names` and fold, rounded to 6 digits."""
    tables = [result.history.assign(**names, fold=fold) for fold, result in enumerate(fitted, start=1)]
    leading = [*names, "fold"]
    joined = pd.concat(tables).round(6)
    return joined[leading + [column for column in joined.columns if column not in leading]]

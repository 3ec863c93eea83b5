"""The two experiments of the study as lists of fits, and their results as tables: the sweep, and the fusion."""

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
    """The `published` block of params.yaml: the paper's cell."""

    architecture: Code
    dropout_rate: DropoutRate

    @property
    def cell(self) -> Cell:
        """The block as a cell."""
        return Cell(self.architecture, self.dropout_rate)


class SweepSettings(Strict):
    """The `sweep` block of params.yaml."""

    architectures: tuple[Code, ...] = Field(min_length=1)
    dropout_rates: tuple[DropoutRate, ...] = Field(min_length=1)

    @property
    def cells(self) -> list[Cell]:
        """Every cell of the sweep, in the order of the settings."""
        return [Cell(code, rate) for code in self.architectures for rate in self.dropout_rates]

    @field_validator("architectures", "dropout_rates")
    @classmethod
    def _unique(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(values)) < len(values):
            raise ValueError("each entry once")
        return values


#: The five models that fusion compares, with the set of clinical columns that each sees; None where it sees none.
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
    """What every fit of one protocol is made from.

    table: of `folds.assign`, a row per recording. rows: for each row of the feature array, its recording's position in
    the table (a recording has several rows where `time_axis: segments`). image_shape: (mel, frame).
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
        """Rows of the feature array that fold `fold` trains on, watches and tests."""
        train, watched, tested = (np.flatnonzero(np.isin(self.rows, part)) for part in folds.parts(self.table, fold))
        return train, watched, tested

    def per_recording(self, rows: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the recordings that `rows` belong to, and the mean of their rows' values."""
        positions, inverse = np.unique(self.rows[rows], return_inverse=True)
        return positions, np.bincount(inverse, weights=values) / np.bincount(inverse)


def rows_of_recordings(index: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """For each row of the feature array the position of its recording in `table`.

    index, table: with recording_id. Raises ValueError where the array holds a recording that the table lacks.
    """
    position = index["recording_id"].map(pd.Series(np.arange(len(table)), index=table["recording_id"]))
    if position.isna().any():
        raise ValueError(f"no fold for recording {index.loc[position.isna(), 'recording_id'].iloc[0]}")
    return position.to_numpy(dtype=int)


def require_image_size(cells: Sequence[Cell], image_shape: tuple[int, int]) -> None:
    """Raise BadInput where an architecture's convolutions and poolings leave nothing of an image.

    image_shape: (mel, frame). Each convolution takes two rows and columns, each pooling half of what is left.
    """
    problems = []
    for code in dict.fromkeys(cell.architecture for cell in cells):
        smallest = 3 * 2 ** len(ARCHITECTURES[code].filters) - 2  # from n before a pooling back to 2 n + 2, from 1 on
        if min(image_shape) < smallest:
            problems.append(
                Problem(
                    where=f"params.yaml: sweep.architectures or published: {code}",
                    expected=f"an image of at least {smallest}×{smallest}",
                    found=f"{image_shape[0]}×{image_shape[1]}",
                    remedy="raise spectrogram.mel_bands and spectrogram.frames, or leave the architecture out",
                )
            )
    if problems:
        raise BadInput(problems)


def audio_fit(data: ProtocolData, cell: Cell, fold: int, *, keep_weights: bool = False) -> Fit:
    """One cell of Table 4 on one fold: the same fit, with the same seed, in the sweep and beside fusion."""
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
    """One of fusion's models on one fold: `clinical_*` sees clinical features alone, `fused_*` the image as well.

    clinical: features in [0, 1] of every row of the feature array, shape (row, n_clinical).
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
    """The clinical features of every row of the feature array, float32, shape (row, n_clinical).

    by_subject: encoded features, indexed by subject_id.
    """
    by_recording = by_subject.loc[data.table["subject_id"]].to_numpy(dtype=np.float32)
    return by_recording[data.rows]


def predictions(data: ProtocolData, fits: Sequence[Fit], fitted: Sequence[Fitted]) -> pd.DataFrame:
    """Out-of-fold probabilities of class 1 from one model's fits, one fit for each fold, in the order of the table.

    Returns recording_id, subject_id, fold, label, probability; a recording's segments are averaged.
    """
    probability = np.full(len(data.table), np.nan)
    for fit, result in zip(fits, fitted, strict=True):
        positions, means = data.per_recording(fit.test, result.test)
        probability[positions] = means
    table = data.table[["recording_id", "subject_id", "fold", "label"]]
    return table.assign(probability=probability.round(6))


def summary(cell: Cell, data: ProtocolData, fits: Sequence[Fit], fitted: Sequence[Fitted]) -> pd.DataFrame:
    """A row for each fold of one cell: epochs, the best one, what was watched there, and the test part's accuracy."""
    label = data.table["label"].to_numpy()
    rows = []
    for fold, fit, result in zip(data.folds, fits, fitted, strict=True):
        watched, validation = data.per_recording(fit.validation, result.validation)
        tested, test = data.per_recording(fit.test, result.test)
        rows.append(
            {
                **cell._asdict(),
                "fold": fold,
                "epochs": len(result.history),
                "best_epoch": result.best_epoch,
                "validation_loss": result.history["validation_loss"].min(),
                "validation_log_loss": metrics.log_loss(label[watched], validation),
                "test_accuracy": metrics.accuracy(label[tested], test),
                "test_recordings": len(tested),
            }
        )
    return pd.DataFrame(rows).round(6)


def cell_scores(
    predictions: pd.DataFrame, summary: pd.DataFrame, *, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> dict[str, Any]:
    """The scores of one cell of Table 4: over its folds, and out of fold with their `intervals`.

    predictions: the cell's out-of-fold table. summary: its rows of `summary`. draws, level, seed: as for
    `intervals.intervals`.
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
    """The curves of one model's folds under each other, with leading columns `names` and fold, rounded to 6 digits."""
    tables = [result.history.assign(**names, fold=fold) for fold, result in enumerate(fitted, start=1)]
    leading = [*names, "fold"]
    joined = pd.concat(tables).round(6)
    return joined[leading + [column for column in joined.columns if column not in leading]]

"""The results of one protocol: the sweep, the selection, and the models of both cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bulbar.core.files import read_json, read_table
from bulbar.core.names import CELL_COLUMNS, FUSED, MODELS
from bulbar.paper import tables
from bulbar.scoring import metrics, selection
from stages.parts.bootstrap import drawing
from stages.parts.params import params, study_settings
from stages.parts.places import cohort_in_words, is_synthetic, metrics_file, stage_folder, stage_table

CELLS = ("selected", "published")
TABLE_4, TABLE_5, FIGURE_12 = (
    f"reference/als_{name}.csv" for name in ("table4_accuracy", "table5_modalities", "figure12_confusion")
)


@dataclass(frozen=True)
class StudyResults:
    """The results of one protocol.

    `classes` are the names of the negative and the positive class; `drawing` has draws, level and seed of intervals.
    """

    protocol: str
    cohort: str
    synthetic: bool
    classes: tuple[str, str]
    drawing: dict[str, Any]
    picked: Mapping[str, Any]
    fits: pd.DataFrame
    predictions: Mapping[selection.Cell, pd.DataFrame]
    models: Mapping[str, Mapping[str, pd.DataFrame]]
    histories: Mapping[str, Mapping[str, pd.DataFrame]]
    published: selection.Cell

    @property
    def by_recording(self) -> bool:
        """Whether the split is by recording, as in the paper."""
        return self.protocol == "record_wise"

    @property
    def fold_of(self) -> dict[str, int | None]:
        """The reported fold of each cell, by the rule of the selection; None: all folds."""
        if self.picked["reported_fold"] is None:
            return dict.fromkeys(CELLS)
        own = self.fits[(self.fits[CELL_COLUMNS] == list(self.published)).all(axis="columns")]
        published = selection.best_fit(own, self.picked["rule"])["fold"] if len(own) else self.picked["reported_fold"]
        return {"selected": int(self.picked["reported_fold"]), "published": int(published)}

    @property
    def majority(self) -> float:
        """Accuracy of the majority baseline, in percent."""
        return 100 * metrics.majority_accuracy(next(iter(self.predictions.values()))["label"])

    @property
    def fused(self) -> str:
        """The fused model that the protocol reports: with `all` clinical features as in the paper, or `common` ones."""
        return FUSED[self.protocol]

    @property
    def picked_cells(self) -> dict[int, selection.Cell]:
        """The selected cell of each fold."""
        return {int(fold): selection.Cell(**cell) for fold, cell in self.picked["cells"].items()}

    def epochs(self, *models: str) -> str:
        """Number of epochs of the fits in words: of the models of both cells, or of the sweep."""
        if models:
            curves = [self.histories[cell][model] for cell in CELLS for model in models]
            run = pd.concat(curve.groupby("fold")["epoch"].max() for curve in curves)
        else:
            run = self.fits["epochs"]
        fewest, most = run.min(), run.max()
        return f"{most} epochs per fit" if fewest == most else f"{fewest} to {most} epochs per fit"

    def reported(self, cell: str) -> dict[str, pd.DataFrame]:
        """The rows of each model that tables and figures show."""
        fold = self.fold_of[cell]
        return {name: rows if fold is None else rows[rows["fold"] == fold] for name, rows in self.models[cell].items()}

    def scope(self, cell: str) -> str:
        """The reported rows in words."""
        return tables.scope_of(self.fold_of[cell])

    def cell_in_words(self, cell: str) -> str:
        """Such as `S1B at 0.3`; `each fold's own` if they differ between folds."""
        taken = [self.published] if cell == "published" else sorted(set(self.picked_cells.values()))
        return f"{taken[0].architecture} at {taken[0].dropout_rate}" if len(taken) == 1 else "each fold's own"

    def title(self, what: str, *models: str) -> str:
        """Title of a figure: its subject, the protocol, the cohort and the epochs of the fits."""
        return f"{what}\n{self.protocol} · {self.cohort} · {self.epochs(*models)}"


def read_study(protocol: str, beside: Sequence[str] = ()) -> StudyResults:
    """Read one protocol's results from data/sweep/, data/fusion/ and metrics/selection/.

    beside: models of data/voice/ that stand beside the networks of both cells, if they are there.
    """
    fits = read_table(stage_folder("sweep") / protocol / "fits.csv")

    def of_fusion(suffix: str) -> dict[str, dict[str, pd.DataFrame]]:
        files = {cell: {model: f"{protocol}/{cell}/{model}{suffix}.csv" for model in MODELS} for cell in CELLS}
        return {cell: {model: stage_table("fusion", file) for model, file in of.items()} for cell, of in files.items()}

    models = of_fusion("")
    for name in beside:
        if (stage_folder("voice") / protocol / f"{name}.csv").exists():
            models = {cell: {**of, name: stage_table("voice", f"{protocol}/{name}.csv")} for cell, of in models.items()}
    return StudyResults(
        protocol=protocol,
        cohort=cohort_in_words(),
        synthetic=is_synthetic(),
        classes=study_settings().classes,
        drawing=drawing(f"evaluate/{protocol}"),
        picked=read_json(metrics_file(f"selection/{protocol}")),
        fits=fits,
        predictions={
            cell: stage_table("sweep", f"{protocol}/predictions/{cell}.csv") for cell in selection.cells_of(fits)
        },
        models=models,
        histories=of_fusion("_history"),
        published=selection.Cell(**params()["published"]),
    )

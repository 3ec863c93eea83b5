"""What one protocol has left behind, as evaluate reads it: the sweep, what was picked, the models of both cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bulbar.core.files import read_json, read_table
from bulbar.core.names import CELL_COLUMNS, FUSED, MODELS
from bulbar.paper import tables
from bulbar.scoring import intervals, metrics, selection
from stages.parts.params import params, settings, study_settings
from stages.parts.places import cohort_in_words, metrics_file, stage_folder

CELLS = ("selected", "published")


@dataclass(frozen=True)
class StudyResults:
    """One protocol's results. `plots`: the folder to draw into; `classes`: the negative one's name, the positive's."""

    protocol: str
    plots: Path
    cohort: str
    synthetic: bool
    classes: tuple[str, str]
    seed: int
    bootstrap: intervals.Settings
    picked: Mapping[str, Any]
    fits: pd.DataFrame
    predictions: Mapping[selection.Cell, pd.DataFrame]
    models: Mapping[str, Mapping[str, pd.DataFrame]]
    histories: Mapping[str, Mapping[str, pd.DataFrame]]
    published: selection.Cell

    @property
    def by_recording(self) -> bool:
        """Split as in the paper: a subject's recordings on both sides."""
        return self.protocol == "record_wise"

    @property
    def fold_of(self) -> dict[str, int | None]:
        """The fold reported for each cell: each cell's own by the selection's rule; None: all folds."""
        if self.picked["reported_fold"] is None:
            return dict.fromkeys(CELLS)
        own = self.fits[(self.fits[CELL_COLUMNS] == list(self.published)).all(axis="columns")]
        published = selection.best_fit(own, self.picked["rule"])["fold"] if len(own) else self.picked["reported_fold"]
        return {"selected": int(self.picked["reported_fold"]), "published": int(published)}

    @property
    def majority(self) -> float:
        """Percent right when every recording is called what most are."""
        return 100 * metrics.majority_accuracy(next(iter(self.predictions.values()))["label"])

    @property
    def fused(self) -> str:
        """The fused model that the protocol reports: on `all` clinical features as the paper, or on `common` ones."""
        return FUSED[self.protocol]

    @property
    def picked_cells(self) -> dict[int, selection.Cell]:
        """The selected cell of each fold."""
        return {int(fold): selection.Cell(**cell) for fold, cell in self.picked["cells"].items()}

    def epochs(self, *models: str) -> str:
        """Epochs that the fits ran: of the models of both cells, or of the sweep."""
        if models:
            curves = [self.histories[cell][model] for cell in CELLS for model in models]
            run = pd.concat(curve.groupby("fold")["epoch"].max() for curve in curves)
        else:
            run = self.fits["epochs"]
        fewest, most = run.min(), run.max()
        return f"{most} epochs a fit" if fewest == most else f"{fewest} to {most} epochs a fit"

    def reported(self, cell: str) -> dict[str, pd.DataFrame]:
        """The rows of each model that tables and figures are about."""
        fold = self.fold_of[cell]
        return {name: rows if fold is None else rows[rows["fold"] == fold] for name, rows in self.models[cell].items()}

    def scope(self, cell: str) -> str:
        """Which rows those are, in words."""
        return tables.scope_of(self.fold_of[cell])

    def cell_in_words(self, cell: str) -> str:
        """Such as `S1B at 0.3`; `each fold's own` where they differ."""
        taken = [self.published] if cell == "published" else sorted(set(self.picked_cells.values()))
        return f"{taken[0].architecture} at {taken[0].dropout_rate}" if len(taken) == 1 else "each fold's own"

    def title(self, what: str, *models: str) -> str:
        """A figure's title: what it shows, split how, on whose voices, after how many epochs of which fits."""
        return f"{what}\n{self.protocol} · {self.cohort} · {self.epochs(*models)}"


def read_study(protocol: str, role: str = "main") -> StudyResults:
    """Read one protocol's results of one cohort from data/ and metrics/."""
    study, cohort = study_settings(), read_json(stage_folder("cohort", role) / "cohort.json")
    sweep, fusion = stage_folder("sweep", role) / protocol, stage_folder("fusion", role) / protocol
    fits = read_table(sweep / "fits.csv")
    return StudyResults(
        protocol=protocol,
        plots=Path("plots/evaluate") if role == "main" else Path("plots") / role / "evaluate",
        cohort=cohort_in_words(role),
        synthetic=cohort["synthetic"],
        classes=study.classes,
        seed=study.seed,
        bootstrap=settings("bootstrap", intervals.Settings),
        picked=read_json(metrics_file(f"selection/{protocol}", role)),
        fits=fits,
        predictions={cell: _predictions(sweep / "predictions" / f"{cell}.csv") for cell in selection.cells_of(fits)},
        models={cell: {model: _predictions(fusion / cell / f"{model}.csv") for model in MODELS} for cell in CELLS},
        histories={
            cell: {model: read_table(fusion / cell / f"{model}_history.csv") for model in MODELS} for cell in CELLS
        },
        published=selection.Cell(**params()["published"]),
    )


def _predictions(path: Path) -> pd.DataFrame:
    return read_table(path, recording_id=str, subject_id=str)

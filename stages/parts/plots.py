"""Figures of evaluate, as PNG and as data for `dvc plots`, in which no row belongs to one person."""

from pathlib import Path

import pandas as pd

from bulbar.core.files import read_table, save, write_table
from bulbar.core.markdown import with_interval
from bulbar.core.names import MODELS
from bulbar.paper import figures, tables
from bulbar.scoring import intervals, metrics
from stages.parts.study import CELLS, FIGURE_12, StudyResults

MEAN = "ours, mean of folds ± sd"
PAPERS = "the paper's"
PLOTS = Path("plots/evaluate")


def plot_sweep(study: StudyResults, four: pd.DataFrame) -> None:
    """Draw Table 4 and Figures 10 and 11. `four` is `tables.table_4`.

    The figures show the accuracy that the protocol reports: that of the highest fold, as in the paper, or the mean over
    folds.
    """
    column, ours = ("highest_fold", "ours, highest fold") if study.by_recording else ("mean", "ours, mean of folds")
    majority = {ours: study.majority, PAPERS: tables.PAPER_MAJORITY}
    columns = {
        "ours, highest fold": "highest_fold",
        "ours, fold of lowest validation loss": "lowest_loss_fold",
        MEAN: "mean",
        PAPERS: "paper",
    }
    grids = {name: tables.grid(four, name_of) for name, name_of in columns.items()}
    title = study.title(
        f"Table 4: accuracy; majority baseline {study.majority:.1f} %, the paper's {tables.PAPER_MAJORITY:.1f} %"
    )
    save(figures.heat_maps(grids, title, {MEAN: tables.grid(four, "sd")}), PLOTS / f"table_4_{study.protocol}.png")
    write_table(
        tables.with_averages(four, study.majority).round(4).assign(cohort=study.cohort),
        PLOTS / f"table_4_{study.protocol}.csv",
    )

    shown = {ours: tables.grid(four, column), PAPERS: tables.grid(four, "paper")}
    lines = {name: table.iloc[:-1, :-1] for name, table in shown.items()}
    title = study.title("Figure 10: dropout rate and accuracy")
    save(figures.dropout_effect(lines, majority, title), PLOTS / f"figure_10_{study.protocol}.png")
    by_rate = lines[ours].T.rename_axis("dropout_rate").reset_index().assign(majority=study.majority)
    write_table(by_rate.round(4), PLOTS / f"figure_10_{study.protocol}.csv")

    bars = {name: table[tables.AVERAGE].iloc[:-1] for name, table in shown.items()}
    title = study.title("Figure 11: pooling and average accuracy over the dropout rates")
    save(figures.pooling_effect(bars, majority, title), PLOTS / f"figure_11_{study.protocol}.png")
    by_architecture = pd.DataFrame({"average_accuracy": bars[ours], "paper": bars[PAPERS]}).rename_axis("architecture")
    write_table(by_architecture.round(4).reset_index(), PLOTS / f"figure_11_{study.protocol}.csv")


def plot_models(study: StudyResults) -> None:
    """Draw Figures 12, 13 and 14, and ROC and precision–recall curves of the models of both cells."""
    plot_confusion(study, "figure_12", "audio", "Figure 12: audio alone")
    plot_confusion(study, "figure_13", study.fused, f"Figure 13: audio and clinical ({study.fused})")
    plot_learning(study)
    for cell in CELLS:
        plot_curves(study, cell)


def plot_confusion(study: StudyResults, name: str, model: str, what: str) -> None:
    """Draw confusion matrices of one model, both cells, per recording and per subject; Figure 12 with the paper's."""
    with_paper = model == "audio" and study.by_recording
    panels: dict[str, tuple[int, int, int, int]] = {}
    for unit in tables.UNITS:
        for cell in CELLS:
            rows = study.reported(cell)[model]
            rows = metrics.per_subject(rows) if unit == "subject" else rows
            panel = f"{cell}: {study.cell_in_words(cell)}, {study.scope(cell)}\nper {unit}"
            panels[panel] = metrics.confusion(rows["label"], rows["probability"])
            write_table(tables.calls(rows, study.classes), PLOTS / f"{name}_{study.protocol}_{cell}_{unit}.csv")
        if with_paper and unit == "recording":
            panels[f"{PAPERS}: S1B at 0.3, one fold\nper recording"] = tables.figure_12(
                read_table(FIGURE_12), study.classes
            )
    title = study.title(what, model)
    figure = figures.confusion_matrices(panels, study.classes, title, columns=3 if with_paper else 2)
    save(figure, PLOTS / f"{name}_{study.protocol}.png")


def plot_learning(study: StudyResults) -> None:
    """Draw Figure 14: the selected cell's fused model on its reported fold, or on all folds (data: the first fold)."""
    curves, fold = study.histories["selected"][study.fused], study.fold_of["selected"]
    folds = [fold] if fold is not None else sorted(curves["fold"].unique())
    shown = {f"fold {one}": curves[curves["fold"] == one] for one in folds}
    title = study.title(f"Figure 14: learning curves, {study.fused}, selected cell", study.fused)
    save(figures.learning_curves(shown, title), PLOTS / f"figure_14_{study.protocol}.png")
    write_table(shown[f"fold {folds[0]}"].round(4), PLOTS / f"figure_14_{study.protocol}.csv")


def auc_in_words(study: StudyResults, table: pd.DataFrame) -> str:
    """AUC over all pairs with its interval, such as `0.72 (0.58 to 0.84)`."""
    low, high = intervals.intervals(table, **study.drawing)["roc_auc_pooled"]
    return with_interval(metrics.roc_auc(table["label"], table["probability"]), low, high)


def plot_curves(study: StudyResults, cell: str) -> None:
    """Draw ROC and precision–recall curves of one cell's five models, per recording and per subject."""
    reported = study.reported(cell)
    rows = {
        "per recording": reported,
        "per subject": {model: metrics.per_subject(table) for model, table in reported.items()},
    }
    for unit, models in rows.items():
        name = f"{study.protocol}_{cell}_{unit.removeprefix('per ')}"
        write_table(tables.roc_on_grid(models).round(4), PLOTS / f"roc_{name}.csv")
        write_table(tables.precision_recall_on_grid(models).round(4), PLOTS / f"precision_recall_{name}.csv")
    pooled = ", pairs of all folds" if study.fold_of[cell] is None else ""
    where = f"{cell} cell ({study.cell_in_words(cell)}), {study.scope(cell)}"
    figure = figures.score_curves(
        {
            unit: {
                model: (f"{model}: AUC {auc_in_words(study, table)}{pooled}", *tables.roc(table))
                for model, table in models.items()
            }
            for unit, models in rows.items()
        },
        study.title(f"ROC curves, {where}", *MODELS),
        x_label="False positive rate (1 − specificity)",
        y_label="True positive rate (sensitivity)",
        drawstyle="default",
        chance={unit: ((0.0, 0.0), (1.0, 1.0)) for unit in rows},
    )
    save(figure, PLOTS / f"roc_{study.protocol}_{cell}.png")
    positive = {unit: models["audio"]["label"].mean() for unit, models in rows.items()}
    figure = figures.score_curves(
        {
            unit: {model: (model, *tables.precision_recall(table)) for model, table in models.items()}
            for unit, models in rows.items()
        },
        study.title(f"Precision–recall curves, {where}", *MODELS),
        x_label="Recall",
        y_label="Precision",
        drawstyle="steps-pre",
        chance={unit: ((0.0, share), (1.0, share)) for unit, share in positive.items()},
    )
    save(figure, PLOTS / f"precision_recall_{study.protocol}_{cell}.png")

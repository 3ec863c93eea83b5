"""Tables 4 and 5 of the study and the data of its curves, ours compared with the paper's.

Accuracies are in percent, as in the paper. `paper` tables are those of reference/, where each has its source.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from bulbar.core.markdown import markdown_table
from bulbar.core.names import CELL_COLUMNS, Cell
from bulbar.scoring import intervals, metrics

AVERAGE = "average"
MAJORITY = "majority"
PAPER_MODALITY = {"audio": "audio", "fused_all": "audio+clinical"}

PATIENTS, CONTROLS = 816, 408
RECORDINGS = PATIENTS + CONTROLS
"""Number of recordings of patients, of controls and of both: section 4.A of the paper."""

PAPER_MAJORITY = 100 * PATIENTS / RECORDINGS
"""Accuracy in percent of predicting ALS for every recording."""

UNITS = ("recording", "subject")


def table_4(fits: pd.DataFrame, paper: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of every cell over its folds, and the paper's accuracy.

    Parameters
    ----------
    fits : DataFrame
        One row per fit: architecture, dropout_rate, fold, validation_loss, test_accuracy, epochs.
    paper : DataFrame
        code, dropout_0.5 and so on, in percent.

    Returns
    -------
    DataFrame
        One row per cell, in the order of the sweep, in percent: architecture, dropout_rate, highest_fold (accuracy of
        the best fold), lowest_loss_fold (accuracy of the fold with the lowest validation loss), mean, sd (over folds,
        with n − 1), paper (NaN for cells that the paper lacks), fewest_epochs and most_epochs.
    """
    by_cell = fits.assign(percent=100 * fits["test_accuracy"]).groupby(CELL_COLUMNS, sort=False)
    cells = by_cell["percent"].agg(highest_fold="max", lowest_loss_fold="first", mean="mean", sd="std")
    lowest = fits.sort_values("validation_loss", kind="stable").groupby(CELL_COLUMNS, sort=False)["test_accuracy"]
    cells["lowest_loss_fold"] = 100 * lowest.first()
    cells["paper"] = pd.Series(paper_by_cell(paper), dtype=float).reindex(cells.index)
    cells[["fewest_epochs", "most_epochs"]] = by_cell["epochs"].agg(["min", "max"])
    return cells.reset_index()


def paper_by_cell(table_4: pd.DataFrame) -> dict[Cell, float]:
    """The paper's Table 4 as cell -> percent, without averages. `table_4`: code, dropout_0.5 and so on, average."""
    rows = table_4[table_4["code"] != AVERAGE].melt("code", var_name="column", value_name="percent")
    rows = rows[rows["column"].str.startswith("dropout_")]
    rates = rows["column"].str.removeprefix("dropout_").astype(float)
    return dict(zip(map(Cell, rows["code"], rates), rows["percent"], strict=True))


def grid(cells: pd.DataFrame, column: str) -> pd.DataFrame:
    """One column of `table_4` in the layout of the paper: architecture × dropout rate, with averages at the edges."""
    table = cells.pivot_table(index="architecture", columns="dropout_rate", values=column, dropna=False)
    table = table.loc[cells["architecture"].unique(), cells["dropout_rate"].unique()]
    table.columns = [str(rate) for rate in table.columns]
    table[AVERAGE] = table.mean(axis="columns")
    table.loc[AVERAGE] = table.mean(axis="index")
    return table


def with_averages(cells: pd.DataFrame, majority: float) -> pd.DataFrame:
    """`table_4` in long form, with averages per architecture, per dropout rate and over all as rows named `average`.

    The majority baseline, in percent, is an additional column.
    """
    scores = ["highest_fold", "lowest_loss_fold", "mean", "paper"]
    named = cells.astype({"dropout_rate": str})
    averaged = [
        named.assign(**dict.fromkeys(over, AVERAGE)).groupby(CELL_COLUMNS, sort=False)[scores].mean().reset_index()
        for over in (["dropout_rate"], ["architecture"], CELL_COLUMNS)
    ]
    return pd.concat([named, *averaged])[[*CELL_COLUMNS, *scores[:3], "sd", "paper"]].assign(majority=majority)


def table_5(
    models: Mapping[str, pd.DataFrame],
    fold: int | None,
    classes: tuple[str, str],
    paper: pd.DataFrame,
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Scores of each model per recording and per subject, in percent, with the majority baseline and the paper's.

    Parameters
    ----------
    models : mapping
        name -> out-of-fold table.
    fold : int or None
        The reported fold, as in the paper. None: all rows, each out of fold.
    classes : (str, str)
        Names of the negative and the positive class.
    paper : DataFrame
        modality, precision, recall, f1, accuracy, in percent.
    draws, level, seed
        As for `intervals.intervals`.

    Returns
    -------
    DataFrame
        One row per model (the majority baseline first), unit (recording or subject) and scope. The scopes `fold N` and
        `out of fold` have an interval for every score (SCORE_low, SCORE_high); `mean of folds` and `sd of folds` are
        per recording.
    """
    rows: list[dict[str, Any]] = []
    first = next(iter(models.values()))
    for name, table in {MAJORITY: calling_all_the_majority(first), **models}.items():
        reported = table if fold is None else table[table["fold"] == fold]
        for unit, scored in zip(UNITS, (reported, metrics.per_subject(reported)), strict=True):
            found = all_scores(scored, draws=draws, level=level, seed=seed)
            rows.append({"model": name, "unit": unit, "scope": scope_of(fold), **found})
        of_folds = pd.DataFrame([metrics.scores(part) for _, part in table.groupby("fold")])
        spread = {"mean": of_folds.mean(skipna=False), "sd": of_folds.std(ddof=1, skipna=False)}
        for what, values in spread.items():
            rows.append({"model": name, "unit": "recording", "scope": f"{what} of folds", **values})
    table = _in_percent(pd.DataFrame(rows), classes).join(_printed(paper), on="model")
    others = (table["unit"] != "recording") | table["scope"].str.endswith("of folds")
    table.loc[others, list(_printed(paper).columns)] = np.nan  # the paper scores recordings, once
    return table


def all_scores(table: pd.DataFrame, *, draws: int, level: float, seed: int) -> dict[str, float]:
    """Every score of `metrics.scores`, then the limits of each interval: SCORE_low, SCORE_high."""
    bounds = intervals.intervals(table, draws=draws, level=level, seed=seed)
    ends = {
        f"{score}_{side}": bound
        for score, both in bounds.items()
        for side, bound in zip(("low", "high"), both, strict=True)
    }
    return metrics.scores(table) | ends


def scope_of(fold: int | None) -> str:
    """The reported rows in words; `fold` is as for `table_5`."""
    return "out of fold" if fold is None else f"fold {fold}"


def calling_all_the_majority(table: pd.DataFrame) -> pd.DataFrame:
    """The majority baseline: the same rows, with the more frequent class predicted for each."""
    return table.assign(probability=float(table["label"].mean() >= metrics.THRESHOLD))


def accuracy_of_folds(table: pd.DataFrame) -> pd.Series:
    """Accuracy of each fold of an out-of-fold table, indexed by fold."""
    return right(table).groupby(table["fold"].to_numpy()).mean()


def right(table: pd.DataFrame) -> pd.Series:
    """Whether each row of an out-of-fold table is classified correctly."""
    return pd.Series(metrics.called(table["probability"]) == table["label"].to_numpy())


def _in_percent(table: pd.DataFrame, classes: tuple[str, str]) -> pd.DataFrame:
    numbers = table.select_dtypes("number").columns
    shares = numbers[~numbers.str.startswith(("rows", *intervals.LOSSES))]
    table[shares] = 100 * table[shares]
    of_class = {
        f"{name}{kind}{side}": f"{name}_{of}{side}"
        for name in ("precision", "recall", "f1")
        for kind, of in zip(("_negative", ""), classes, strict=True)
        for side in ("", "_low", "_high")
    }
    return table.rename(columns=of_class)


def _printed(paper: pd.DataFrame) -> pd.DataFrame:
    model_of = {modality: model for model, modality in PAPER_MODALITY.items()}
    table = paper.assign(model=paper["modality"].map(model_of)).set_index("model")
    return table[["precision", "recall", "f1", "accuracy"]].add_prefix("paper_")


def calls(table: pd.DataFrame, classes: tuple[str, str]) -> pd.DataFrame:
    """Actual and predicted class of each row, for the confusion template of `dvc plots`, which counts rows.

    The rows are sorted, so that their order does not identify anyone.
    """
    names = np.asarray(classes)
    rows = {"actual": names[table["label"].to_numpy()], "predicted": names[metrics.called(table["probability"])]}
    return pd.DataFrame(rows).sort_values(["actual", "predicted"], ignore_index=True)


def figure_12(counts: pd.DataFrame, classes: tuple[str, str]) -> tuple[int, int, int, int]:
    """The paper's Figure 12 as TP, FN, FP, TN. `counts`: true, predicted, count; `classes`: negative, positive."""
    of = counts.set_index(["true", "predicted"])["count"]
    tp, fn, fp, tn = (int(of[true, predicted]) for true in classes[::-1] for predicted in classes[::-1])
    return tp, fn, fp, tn


def roc(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rate at every threshold, both ascending from 0 to 1; empty if a class is absent."""
    if table["label"].nunique() < 2:
        return np.array([]), np.array([])
    false_rate, true_rate, _ = roc_curve(table["label"], table["probability"], drop_intermediate=False)
    return false_rate, true_rate


def precision_recall(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Recall (ascending from 0 to 1) and precision at every threshold; empty if no row is positive."""
    if not table["label"].any():
        return np.array([]), np.array([])
    precision, recall, _ = precision_recall_curve(table["label"], table["probability"])
    return recall[::-1], precision[::-1]


def roc_on_grid(models: Mapping[str, pd.DataFrame], points: int = 101) -> pd.DataFrame:
    """ROC curves on a common axis: false_positive_rate, and one column of true positive rates per model."""
    axis = np.linspace(0, 1, points).round(4)
    curves = {}
    for name, table in models.items():
        false_rate, true_rate = roc(table)
        curves[name] = np.interp(axis, false_rate, true_rate) if len(true_rate) else np.full(points, np.nan)
    return pd.DataFrame({"false_positive_rate": axis, **curves})


def precision_recall_on_grid(models: Mapping[str, pd.DataFrame], points: int = 101) -> pd.DataFrame:
    """Precision–recall curves on a common axis: recall, and each model's precision at the threshold that reaches it."""
    axis = np.linspace(0, 1, points).round(4)
    curves = {}
    for name, table in models.items():
        recall, precision = precision_recall(table)
        reached = np.minimum(np.searchsorted(recall, axis - 1e-9, side="left"), max(len(recall) - 1, 0))
        reached = np.where(axis == 0, min(1, max(len(recall) - 1, 0)), reached)
        curves[name] = precision[reached] if len(precision) else np.full(points, np.nan)
    return pd.DataFrame({"recall": axis, **curves})


def table_4_markdown(cells: pd.DataFrame, majority: float) -> str:
    """Table 4 in Markdown, three times: highest fold and fold of lowest validation loss (with the paper's), mean ± sd.

    `majority` is the majority baseline in percent, shown in each caption.
    """
    ours_and_paper, last = "{:.2f} ({:.2f})", f"majority baseline {majority:.2f} ({PAPER_MAJORITY:.2f})"
    averages = "Mean ± standard deviation over the folds, accuracy in %; the edges show the averages of both"
    blocks = (
        ("Highest fold, accuracy in % (the paper's)", "highest_fold", "paper", ours_and_paper),
        ("Fold of lowest validation loss, accuracy in % (the paper's)", "lowest_loss_fold", "paper", ours_and_paper),
        (averages, "mean", "sd", "{:.2f} ± {:.2f}"),
    )
    return "\n".join(
        f"{caption}; {last}\n\n{markdown_table(_woven(cells, first, second, form.format))}"
        for caption, first, second, form in blocks
    )


def table_5_markdown(table: pd.DataFrame, *, level: float = 0.95) -> str:
    """Table 5 in Markdown: scores weighted by class (with the paper's in brackets), then the scores of each class.

    `level` is the level of the intervals in the table.
    """
    main = table[~table["scope"].str.endswith("of folds")].set_index(["cell", "model", "unit"])
    spread = {
        name: table[table["scope"] == f"{name} of folds"].set_index(["cell", "model", "unit"])["accuracy"]
        for name in ("mean", "sd")
    }
    shown = pd.DataFrame(index=main.index)
    shown["rows"] = main["scope"]
    for name, column in (("precision", "precision_weighted"), ("recall", "recall_weighted"), ("F1", "f1_weighted")):
        shown[name] = list(map(_with_paper, main[column], main[f"paper_{name.lower()}"]))
    shown["accuracy"] = list(map(_with_paper, main["accuracy"], main["paper_accuracy"]))
    interval = f"{100 * level:g} % interval"
    shown[interval] = _low_to_high(main, "accuracy")
    of_folds = map("{:.2f} ± {:.2f}".format, *(spread[name].reindex(main.index) for name in ("mean", "sd")))
    shown["accuracy, mean ± sd of folds"] = list(of_folds)
    for name, column in (
        ("balanced accuracy", "balanced_accuracy"),
        ("AUC", "roc_auc"),
        ("AUC, pooled", "roc_auc_pooled"),
        ("Brier", "brier"),
    ):
        shown[name] = main[column]
        shown[f"{name}, {interval}"] = _low_to_high(main, column, digits=3 if column in intervals.LOSSES else 1)
    kinds = ("precision", "recall", "f1")
    per_class = [name for name in main.columns if name.split("_")[0] in kinds and name.split("_")[-1] in ("ALS", "HC")]
    blocks = (shown.replace(r"^nan.*", "–", regex=True), main[["scope", *per_class]])
    return "\n".join(markdown_table(block.reset_index()) for block in blocks)


def _low_to_high(table: pd.DataFrame, score: str, digits: int = 1) -> list[str]:
    low_high = zip(table[f"{score}_low"], table[f"{score}_high"], strict=True)
    return [f"{low:.{digits}f} to {high:.{digits}f}" for low, high in low_high]


def _with_paper(ours: float, theirs: float) -> str:
    text = f"{ours:.2f}" if np.isfinite(ours) else "–"
    return f"{text} ({theirs:.2f})" if np.isfinite(theirs) else text


def _woven(cells: pd.DataFrame, first: str, second: str, text: Callable[[float, float], str]) -> pd.DataFrame:
    left, right = grid(cells, first), grid(cells, second)
    table = pd.DataFrame({f"dropout {rate}": map(text, left[rate], right[rate]) for rate in left.columns})
    table = table.replace("nan", "–", regex=True).rename(columns={f"dropout {AVERAGE}": AVERAGE})
    table.insert(0, "architecture", list(left.index))
    return table

"""Alternative texts of the figures of `paper.figures`, each with a number, for readers who cannot see them.

Each drawing function has a function of the same name here. They are in a separate module so that the report, which
prints them, does not import matplotlib.
"""

import pandas as pd

from bulbar.core.markdown import number_in_words
from bulbar.core.names import MODELS


def _percent(value: object) -> str:
    return number_in_words(value, "{:.1f}".format)


def _of_models(values: pd.Series) -> str:
    return ", ".join(f"{model.replace('_', ' ')} {number_in_words(values.get(model))}" for model in MODELS)


def heat_maps(table: pd.DataFrame) -> str:
    """Table 4. `table` has the columns architecture, dropout_rate, highest_fold, mean, paper (percent)."""
    cells = table[(table["architecture"] != "average") & (table["dropout_rate"].astype(str) != "average")]
    ours, mean, paper = (
        f"between {_percent(cells[name].min())} and {_percent(cells[name].max())} %"
        for name in ("highest_fold", "mean", "paper")
    )
    return (
        f"Four heat maps of accuracy by architecture and dropout rate. Our highest folds are {ours}, the means over "
        f"folds {mean}, the paper’s values {paper}."
    )


def dropout_effect(table: pd.DataFrame) -> str:
    """Figure 10. `table` has the columns dropout_rate, one per architecture, and majority (percent)."""
    lines = table.drop(columns=["dropout_rate", "majority"])
    return (
        f"Accuracy by dropout rate, one line for each of {lines.shape[1]} architectures, ours and the paper’s. Ours "
        f"are from {_percent(lines.min().min())} to {_percent(lines.max().max())} %; the majority baseline is at "
        f"{_percent(table['majority'].iloc[0])} %."
    )


def pooling_effect(table: pd.DataFrame) -> str:
    """Figure 11. `table` has the columns architecture, average_accuracy, paper (percent)."""
    columns = {"our highest": "average_accuracy", "the paper’s": "paper"}
    by_architecture = {whose: table.set_index("architecture")[name].dropna() for whose, name in columns.items()}
    best = [
        f"{whose} is {column.idxmax()} with {_percent(column.max())} %"
        for whose, column in by_architecture.items()
        if len(column)
    ]
    return f"Bars of each architecture’s accuracy, averaged over the dropout rates: {'; '.join(best)}."


def confusion_matrices(table: pd.DataFrame, of: str) -> str:
    """Figures 12 and 13. `table` has actual and predicted of each recording; `of` names the inputs and the protocol."""
    right = [
        f"{int((rows['predicted'] == actual).sum())} of {len(rows)} recordings of {actual}"
        for actual, rows in table.groupby("actual")
    ]
    return f"Confusion matrices of {of}. The selected cell is correct for {' and '.join(right)}."


def learning_curves(table: pd.DataFrame) -> str:
    """Figure 14. `table` has fold, loss and validation_loss, one row per epoch of one fold."""
    first, last = table.iloc[0], table.iloc[-1]
    training, validation = (
        f"from {number_in_words(first[name])} to {number_in_words(last[name])}" for name in ("loss", "validation_loss")
    )
    return (
        f"Learning curves. In fold {first['fold']:.0f}, over {len(table)} epochs, the training loss changes {training} "
        f"and the validation loss {validation}."
    )


def roc_curves(table: pd.DataFrame, protocol: str) -> str:
    """ROC curves. `table` has the columns protocol, cell, unit, model, roc_auc_pooled (percent)."""
    shown = table[(table["protocol"] == protocol) & (table["cell"] == "selected") & (table["unit"] == "subject")]
    aucs = _of_models(shown.set_index("model")["roc_auc_pooled"] / 100)
    return f"ROC curves per recording and per subject. AUC per subject, all pairs: {aucs}; chance is 0.50."


def precision_recall_curves(table: pd.DataFrame) -> str:
    """Precision–recall curves. `table` has recall and one column per model."""
    half = _of_models(table[table["recall"] >= 0.5 - 1e-9].iloc[0])
    return f"Precision–recall curves per recording and per subject. Precision per subject at a recall of 0.5: {half}."


def folds_of_table_4(share: float | None) -> str:
    """Table 4 as fractions. `share` is the share of the accuracies that are k of the recordings of one fold."""
    percent = number_in_words(share, lambda value: f"{100 * value:.0f}")
    return f"The paper’s 60 accuracies as k of 244 or 245 recordings: {percent} % of them come from a single fold."

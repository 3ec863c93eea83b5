"""What each figure of `paper.figures` shows, in words and with a number, for whoever does not see it.

One function for each drawing function, of the same name. They are apart from the drawing, so that the report, which
quotes them, loads none of it.
"""

import pandas as pd

from bulbar.core.markdown import number_in_words
from bulbar.core.names import MODELS


def _percent(value: object) -> str:
    return number_in_words(value, "{:.1f}".format)


def _of_models(values: pd.Series) -> str:
    return ", ".join(f"{model.replace('_', ' ')} {number_in_words(values.get(model))}" for model in MODELS)


def heat_maps(table: pd.DataFrame) -> str:
    """table: architecture, dropout_rate, highest_fold, mean, paper (percent)."""
    cells = table[(table["architecture"] != "average") & (table["dropout_rate"].astype(str) != "average")]
    ours, mean, paper = (
        f"between {_percent(cells[name].min())} and {_percent(cells[name].max())} %"
        for name in ("highest_fold", "mean", "paper")
    )
    return (
        f"Four heat maps of accuracy by architecture and dropout rate. Our highest folds lie {ours}, the means of the "
        f"folds {mean}, the paper’s values {paper}."
    )


def dropout_effect(table: pd.DataFrame) -> str:
    """table: dropout_rate, a column for each architecture (percent), majority (percent)."""
    lines = table.drop(columns=["dropout_rate", "majority"])
    return (
        f"Lines of accuracy over the dropout rate, one for each of {lines.shape[1]} architectures, ours beside the "
        f"paper’s: ours from {_percent(lines.min().min())} to {_percent(lines.max().max())} %, the majority baseline "
        f"at {_percent(table['majority'].iloc[0])} %."
    )


def pooling_effect(table: pd.DataFrame) -> str:
    """table: architecture, average_accuracy, paper (percent)."""
    columns = {"our highest": "average_accuracy", "the paper’s": "paper"}
    by_architecture = {whose: table.set_index("architecture")[name].dropna() for whose, name in columns.items()}
    best = [
        f"{whose} is {column.idxmax()} with {_percent(column.max())} %"
        for whose, column in by_architecture.items()
        if len(column)
    ]
    return f"Bars of each architecture’s accuracy, averaged over the dropout rates: {'; '.join(best)}."


def confusion_matrices(table: pd.DataFrame, of: str) -> str:
    """table: actual, predicted, a row for each recording. of: what the model sees, and the protocol."""
    right = [
        f"{int((rows['predicted'] == actual).sum())} of {len(rows)} recordings of {actual}"
        for actual, rows in table.groupby("actual")
    ]
    return f"Confusion matrices of {of}. The selected cell calls {' and '.join(right)} what they are."


def learning_curves(table: pd.DataFrame) -> str:
    """table: fold, loss, validation_loss, a row for each epoch of one fold."""
    first, last = table.iloc[0], table.iloc[-1]
    training, validation = (
        f"from {number_in_words(first[name])} to {number_in_words(last[name])}" for name in ("loss", "validation_loss")
    )
    return (
        f"Learning curves. In fold {first['fold']:.0f}, over {len(table)} epochs, the training loss goes {training} "
        f"and the validation loss {validation}."
    )


def roc_curves(table: pd.DataFrame, protocol: str) -> str:
    """table: protocol, cell, unit, model, roc_auc_pooled (percent)."""
    shown = table[(table["protocol"] == protocol) & (table["cell"] == "selected") & (table["unit"] == "subject")]
    aucs = _of_models(shown.set_index("model")["roc_auc_pooled"] / 100)
    return f"ROC curves per recording and per subject. AUC per subject, all pairs: {aucs}; chance is 0.50."


def precision_recall_curves(table: pd.DataFrame) -> str:
    """table: recall, a column for each model."""
    half = _of_models(table[table["recall"] >= 0.5 - 1e-9].iloc[0])
    return f"Precision–recall curves per recording and per subject. Precision per subject at a recall of 0.5: {half}."


def folds_of_table_4(share: float | None) -> str:
    """share: of the paper's accuracies, that are k of the recordings of one fold."""
    percent = number_in_words(share, lambda value: f"{100 * value:.0f}")
    return f"The paper’s 60 accuracies as k of 244 and of 245 recordings: {percent} % of them are of one fold."

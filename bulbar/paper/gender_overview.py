"""The overview of the gender study: accuracy of every model beside the threshold on mean F0, under both protocols."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from bulbar.appraisal.overview import LOOKS, forest
from bulbar.style.figure_style import styled

MAJORITY, F0 = "majority", "mean_f0_threshold"
WORDS: Mapping[str, str] = {
    MAJORITY: "majority class for everyone",
    F0: "threshold on mean F0",
    "formants": "regression on formants",
    "mfcc": "regression on mean MFCCs",
    "cnn": "CNN",
    "lstm": "LSTM",
    "cnn_lstm": "CNN-LSTM",
    "cnn_lstm_tuned": "CNN-LSTM tuned",
}
"""Models in words, as `gender_table.IN_WORDS` has them; this module does not import the code that fits them."""

LABELS = {"record_wise": "split by recording", "subject_wise": "split by speaker"}


def table_of(table_1: pd.DataFrame, majority: Mapping[str, float]) -> pd.DataFrame:
    """The rows of the picture.

    Parameters
    ----------
    table_1 : DataFrame
        protocol, model, unit, accuracy, accuracy_low, accuracy_high in percent, of both protocols.
    majority : mapping
        Protocol -> accuracy of the majority class, as a share.

    Returns
    -------
    DataFrame
        model, words, protocol, accuracy, low, high in percent per clip: a row for each model and protocol, the
        majority class first.
    """
    found = table_1[table_1["unit"] == "clip"]
    found = found.rename(columns={"accuracy_low": "low", "accuracy_high": "high"})
    nobody = pd.DataFrame(
        [
            {"model": MAJORITY, "protocol": protocol, **dict.fromkeys(("accuracy", "low", "high"), 100 * share)}
            for protocol, share in majority.items()
        ]
    )
    rows = pd.concat([nobody, found], ignore_index=True)
    rows.insert(1, "words", rows["model"].map(WORDS))
    return rows[["model", "words", "protocol", "accuracy", "low", "high"]]


@styled
def figure(table: pd.DataFrame, cohort: str) -> Figure:
    """Draw the rows of `table_of`; the accuracy of the threshold on mean F0 as a dotted line of each protocol."""
    drawn, axes = forest(table, WORDS, "accuracy", LABELS)
    drawn.suptitle(f"What each model adds to a threshold on mean F0\n{cohort}, accuracy per clip with intervals")
    for protocol, (colour, _) in LOOKS.items():
        of_f0 = table.loc[(table["model"] == F0) & (table["protocol"] == protocol), "accuracy"]
        for accuracy in of_f0:
            axes.axvline(accuracy, color=colour, linestyle=":", linewidth=2, zorder=1)
    lowest = min(50.0, float(table["low"].min()))
    axes.set_xlim(lowest - 2, 102)
    axes.set_xlabel("Accuracy per clip (%); dotted: the threshold on mean F0")
    return drawn

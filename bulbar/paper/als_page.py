"""Tables 4 and 5 of the ALS paper, ours compared with its own, as a Markdown page; the headline numbers of both."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bulbar.paper import tables

BIASED = (
    "**These scores are biased.** A speaker's recordings are in both the training and the test set, the test fold was "
    "used for early stopping, and the reported cell and fold were selected on it. The intervals do not include this "
    "bias: they show how the scores vary with the subjects, around a value that is too high.\n\n"
)


HEADLINE = {
    "audio_accuracy": ("audio", "accuracy"),
    "audio_auc": ("audio", "roc_auc"),
    "audio_subject_auc": ("audio", "roc_auc", "subject"),
    "audio_subject_auc_low": ("audio", "roc_auc_low", "subject"),
    "audio_subject_auc_high": ("audio", "roc_auc_high", "subject"),
    "clinical_common_subject_auc": ("clinical_common", "roc_auc", "subject"),
    "fused_common_accuracy": ("fused_common", "accuracy"),
    "fused_common_subject_auc": ("fused_common", "roc_auc", "subject"),
    "fused_all_leaking_accuracy": ("fused_all", "accuracy"),
}
"""Numbers of the selected cell, split by subject: model, score and unit (default: recording)."""

IN_BOTH = ("audio_accuracy", "audio_subject_auc", "fused_common_subject_auc")
"""Those that are also reported for the published cell."""


def headline(five: pd.DataFrame, fold_of: Mapping[str, int | None], *, biased: bool) -> dict[str, Any]:
    """The headline numbers that `dvc metrics diff` shows, as shares: at most twelve per protocol.

    `five` is `tables.table_5` of each cell, with the column cell. `fold_of` maps each cell to the reported fold (None:
    all rows). `biased` is true for a split by recording.
    """
    percent = five.set_index(["cell", "model", "unit", "scope"]).to_dict("index")

    def share(cell: str, model: str, score: str, unit: str = "recording", scope: str | None = None) -> float:
        return percent[(cell, model, unit, scope or tables.scope_of(fold_of[cell]))][score] / 100

    majority = share("selected", "majority", "accuracy")
    if not biased:
        return {
            "majority_accuracy": majority,
            **{
                cell: {name: share(cell, *of) for name, of in HEADLINE.items() if cell == "selected" or name in IN_BOTH}
                for cell in ("selected", "published")
            },
        }
    return {
        "biased": True,
        "majority_accuracy": majority,
        "reported_fold": fold_of["selected"],
        **{
            cell: {
                "audio_accuracy": share(cell, "audio", "accuracy"),
                "audio_mean_accuracy": share(cell, "audio", "accuracy", scope="mean of folds"),
                **{f"{model}_accuracy": share(cell, model, "accuracy") for model in ("clinical_all", "fused_all")},
            }
            for cell in fold_of
        },
    }


def page(
    four: pd.DataFrame,
    five: pd.DataFrame,
    *,
    title: str,
    biased: bool,
    majority: float,
    epochs_of_sweep: str,
    epochs_of_models: str,
    draws: int,
    level: float,
) -> str:
    """Tables 4 and 5 of one protocol in Markdown.

    Parameters
    ----------
    four : DataFrame
        `tables.table_4`.
    five, biased
        As for `headline`.
    title : str
        Heading of the page.
    majority : float
        Majority baseline, in percent.
    epochs_of_sweep, epochs_of_models : str
        How many epochs the fits ran, in words.
    draws, level
        Number of bootstrap draws and level of the intervals.
    """
    return (
        f"## {title}\n\n{BIASED if biased else ''}"
        f"### Table 4\n\nThe sweep ran {epochs_of_sweep}.\n\n{tables.table_4_markdown(four, majority)}\n"
        f"### Table 5\n\nThe models ran {epochs_of_models}. All scores are in percent, except the Brier score; the "
        "paper's scores are in brackets. Precision, recall and F1 are weighted by class as in the paper, then shown "
        f"for each class. Intervals: bootstrap over subjects, {draws} draws within each class; an interval has no "
        "width if a model predicts the same class for everyone. AUC: pairs within a fold. – means not defined, such as "
        "the precision of a class that is never predicted. Models on `all` clinical features see columns that a "
        "release may fill in for patients only: such models read the label.\n\n"
        f"{tables.table_5_markdown(five, level=level)}"
    )


def clinical_features(columns: Mapping[str, Any], subjects: pd.DataFrame) -> dict[str, Any]:
    """The clinical features in the paper, in the release and in this cohort.

    `columns` has the names of `all` and of the `common` columns; `subjects` has one row per subject with these columns.
    """
    genes = subjects["genetic_test"].dropna().astype(str) if "genetic_test" in subjects else pd.Series(dtype=str)
    return {
        "paper": {"features": 35, "genes": ["SOD1", "TARDBP", "C9ORF72", "FUS"], "source": "section 4.A"},
        "voc_als_release": {
            "columns_beside_the_acoustic_ones": 34,
            "of_them_id_and_category": 2,
            "genetic_test_values": ["negative", "C9ORF72 expansion", "SOD1", "TARDBP"],
        },
        "this_cohort": {
            "clinical_columns": len(columns["all"]),
            "with_id_and_category": len(columns["all"]) + 2,
            "common_to_both_groups": columns["common"],
            "any_fus_case": bool(genes.str.contains("FUS").any()),
        },
    }

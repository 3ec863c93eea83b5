"""The ALS paper's Tables 4 and 5, ours beside its own, as a page of Markdown; the headline numbers of both."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bulbar.paper import tables

BIASED = (
    "**These scores are biased.** A speaker's recordings are both in training and in test, training was stopped by "
    "the test fold, and the cell and the fold shown were picked on it. The intervals hold none of that: they show how "
    "the scores would vary with the subjects, around a value that is too high.\n\n"
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
"""Split by subject, the selected cell's numbers: model, score and, where it is not the recording, unit."""

IN_BOTH = ("audio_accuracy", "audio_subject_auc", "fused_common_subject_auc")
"""Those that the published cell has too."""


def headline(five: pd.DataFrame, fold_of: Mapping[str, int | None], *, biased: bool) -> dict[str, Any]:
    """The few numbers that `dvc metrics diff` shows, as shares: twelve at most for a protocol.

    five: `tables.table_5` of each cell, with the column cell. fold_of: cell -> the fold reported, None: all rows.
    biased: whether it is split by recording.
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

    four: `tables.table_4`. five, biased: as for `headline`. majority: the majority baseline in percent.
    epochs_of_sweep, epochs_of_models: how many the fits ran, in words. draws, level: of the intervals.
    """
    return (
        f"## {title}\n\n{BIASED if biased else ''}"
        f"### Table 4\n\nThe sweep ran {epochs_of_sweep}.\n\n{tables.table_4_markdown(four, majority)}\n"
        f"### Table 5\n\nThe models ran {epochs_of_models}. In percent but for the Brier score, the paper's in "
        "brackets; precision, recall and F1 weighted by class as there, then of each class. Intervals: subjects drawn "
        f"again and again, {draws} times; one of no width is that of a model which calls everyone the "
        "same, the classes' shares being taken as given. AUC: pairs within a fold. – is not defined, such as the "
        "precision of a class that is never called. Models on `all` clinical features see columns that a release may "
        "fill for patients alone: then they read the label.\n\n"
        f"{tables.table_5_markdown(five, level=level)}"
    )


def clinical_features(columns: Mapping[str, Any], subjects: pd.DataFrame) -> dict[str, Any]:
    """The clinical features in the paper, in the release and in this cohort.

    columns: the names of `all` columns and of the `common` ones. subjects: a row for each, with the columns.
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

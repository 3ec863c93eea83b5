"""Alternative texts of the figures of the appraisal and the external validation: what each shows, with a number.

`comparisons`, `groups` and `external` are forest plots of `appraisal.figures`. This module does not import the drawing
code, so that the report, which quotes the texts, does not load it.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bulbar.core.markdown import number_in_words


def reliability(models: Mapping[str, Mapping[str, Any]]) -> str:
    """models: name -> calibration scores by scaling."""
    errors = ", ".join(
        f"{model.replace('_', ' ')} {number_in_words((scores['uncalibrated'].get('ece') or {}).get('value'))}"
        for model, scores in models.items()
    )
    return f"Reliability curves: share of patients against mean probability. Calibration error, unscaled: {errors}."


def comparisons(table: pd.DataFrame) -> str:
    """table: comparison, difference, low, high; one row per pair of models."""
    above, below = int((table["low"] > 0).sum()), int((table["high"] < 0).sum())
    lowest = [
        f" The lowest is {pair['comparison'].replace('_', ' ')} with {number_in_words(pair['difference'])}."
        for pair in table.dropna(subset=["difference"]).nsmallest(1, "difference").to_dict("records")
    ]
    return (
        f"Differences of AUC with intervals for {len(table)} pairs of models, per subject. Intervals above 0: {above}; "
        f"below 0: {below}; the others contain 0.{''.join(lowest)}"
    )


def groups(table: pd.DataFrame) -> str:
    """table: group, auc; one row per group."""
    table = table.dropna(subset=["auc"]).sort_values("auc", kind="stable")
    if table.empty:
        return "AUC by group: no group is large enough."
    low, high = (f"{row['group']} with {number_in_words(row['auc'])}" for _, row in table.iloc[[0, -1]].iterrows())
    return (
        f"AUC by group with intervals, for the model of voice alone. Of {len(table)} groups, the lowest is {low} and "
        f"the highest is {high}; chance is 0.50."
    )


def overview(table: pd.DataFrame) -> str:
    """table: of `overview.table_of`."""
    rows = table[table["model"].isin(["voice", "published audio", "fused_all"])].dropna(subset=["auc"])
    words = {
        "voice": "the voice model",
        "published audio": "the published network",
        "fused_all": "network and all columns",
    }
    listed = "; ".join(
        f"{words[str(name)]} {' and '.join(number_in_words(auc) for auc in of_model['auc'])}"
        for name, of_model in rows.groupby("model", sort=False)
    )
    return (
        "AUC per subject of every model with its interval, split by recording and by subject; chance is 0.50. By "
        f"recording and by subject: {listed}."
    )


def external(table: pd.DataFrame) -> str:
    """table: from `external.scores`, with trained_on, tested_on, band and model."""
    aucs = table.query("unit == 'per_subject' and score == 'roc_auc' and band == 'as_recorded'").dropna(subset="value")
    listed = ", ".join(f"{row.model} {row.trained_on} on {row.tested_on} {row.value:.2f}" for row in aucs.itertuples())
    return f"AUC with interval within each cohort and on the other one. Per subject, as recorded: {listed}."

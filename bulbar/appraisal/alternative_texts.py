"""What each figure of the appraisal and of the external validation shows, in words and with a number.

For whoever does not see it. `comparisons`, `groups` and `external` are forest plots of `appraisal.figures`. They are
apart from the drawing, so that the report, which quotes them, loads none of it.
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
    return f"Reliability curves: mean probability against the share of patients. Calibration error as it is: {errors}."


def comparisons(table: pd.DataFrame) -> str:
    """table: comparison, difference, low, high, a row for each pair of models."""
    above, below = int((table["low"] > 0).sum()), int((table["high"] < 0).sum())
    lowest = [
        f" The lowest is {pair['comparison'].replace('_', ' ')} with {number_in_words(pair['difference'])}."
        for pair in table.dropna(subset=["difference"]).nsmallest(1, "difference").to_dict("records")
    ]
    return (
        f"Differences of AUC with intervals for {len(table)} pairs of models: per subject, {above} lie above 0 and "
        f"{below} below, the others hold 0.{''.join(lowest)}"
    )


def groups(table: pd.DataFrame) -> str:
    """table: group, auc, a row for each group."""
    table = table.dropna(subset=["auc"]).sort_values("auc", kind="stable")
    if table.empty:
        return "AUC by group: no group is large enough to have one."
    low, high = (f"{row['group']} with {number_in_words(row['auc'])}" for _, row in table.iloc[[0, -1]].iterrows())
    return (
        f"AUC by group with intervals. Of {len(table)} groups of voice alone the lowest is {low}, the highest {high}; "
        "chance is 0.50."
    )


def external(table: pd.DataFrame) -> str:
    """table: of `external.scores`."""
    aucs = table.query("unit == 'per_subject' and score == 'roc_auc' and band == 'as_recorded'").dropna(subset="value")
    listed = ", ".join(f"{row.trained_on} on {row.tested_on} {row.value:.2f}" for row in aucs.itertuples())
    return f"Scores with intervals within each cohort and on the other one. AUC per subject, as recorded: {listed}."

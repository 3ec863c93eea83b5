"""What each figure of the voice model shows, in words and with a number, for readers who do not see it."""

import pandas as pd

from bulbar.core.markdown import number_in_words


def weights(table: pd.DataFrame, protocol: str) -> str:
    """table: column, mean, lowest, highest."""
    first = table.iloc[0]
    return (
        f"The {len(table)} largest weights, {protocol}, with their range over the folds. The largest is "
        f"{_in_words(first['column'])} with {number_in_words(first['mean'])}."
    )


def importance(table: pd.DataFrame, protocol: str) -> str:
    """table: family, auc_lost."""
    first = table.iloc[0]
    return (
        f"AUC lost when a family of measures is exchanged between held-out people, {protocol}. The largest loss is "
        f"{number_in_words(first['auc_lost'])}, of {first['family']}."
    )


def learning_curve(table: pd.DataFrame) -> str:
    """table: model, subjects, mean, lowest, highest."""
    rows = table[table["model"] == "voice"]
    ends = " to ".join(
        f"{number_in_words(row['mean'])} with {number_in_words(row['subjects'], '{:.0f}'.format)} subjects"
        for row in rows.iloc[[0, -1]].to_dict("records")
    )
    return f"AUC by the number of training subjects, a line for each model. The voice model goes from {ends}."


def _in_words(column: object) -> str:
    task, _, measure = str(column).partition(":")
    return f"{measure.replace('_', ' ')}, {task}"

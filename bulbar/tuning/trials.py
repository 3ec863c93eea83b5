"""The trials of a search: as a table, the best one, and the importances of the settings."""

import math
from collections.abc import Mapping
from typing import Any

import optuna
import pandas as pd
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from bulbar.core.errors import BadInput, Problem
from bulbar.tuning.search import SAMPLERS, Point, Sampler, Settings, Space

STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def table_of(study: optuna.Study, sampler: Sampler, settings: Settings) -> pd.DataFrame:
    """The trials of a study as a table.

    Parameters
    ----------
    study : optuna.Study
        From `search.search`.
    sampler : str
        Its sampler.
    settings : Settings
        Its settings.

    Returns
    -------
    DataFrame
        One row per trial, in order: sampler, trial (from 1), state (of STATES), the settings of the space,
        validation_loss, validation_accuracy, epochs, best_so_far (lowest validation loss of complete trials so far, NaN
        before the first), fit (digest of the cached fit). Results of a failed trial are empty.
    """
    rows = [
        {
            "sampler": sampler,
            "trial": trial.number + 1,
            "state": STATES[trial.state],
            **settings.space.complete(trial.params),
            "validation_loss": trial.value if trial.value is not None else math.nan,
            **{name: trial.user_attrs[name] for name in ("validation_accuracy", "epochs", "fit")},
        }
        for trial in study.get_trials(deepcopy=False, states=tuple(STATES))
    ]
    table = pd.DataFrame(rows).astype({"validation_accuracy": float, "epochs": "Int64"})
    best = table["validation_loss"].where(table["state"] == "complete").cummin().ffill()
    table.insert(len(table.columns) - 1, "best_so_far", best)
    return table


def best_point(table: pd.DataFrame, space: Space) -> Point:
    """The point with the lowest validation loss; the first one of equals.

    Parameters
    ----------
    table : DataFrame
        From `table_of`. Only complete trials count.
    space : Space
        Its space.

    Returns
    -------
    dict of str to int or float
        Setting -> value.

    Raises
    ------
    BadInput
        If no trial is complete.
    """
    complete = table[table["state"] == "complete"].to_dict("records")
    if not complete:
        counts = ", ".join(f"{count} {state}" for state, count in table["state"].value_counts().items())
        remedy = "lower tune.space.learning_rate: a failed trial's validation loss was never finite"
        found = f"{table['sampler'].iloc[0]}: {counts}"
        raise BadInput([Problem("params.yaml: tune.space", "at least one complete trial", found, remedy)])
    row = min(complete, key=lambda trial: trial["validation_loss"])
    return {name: type(values[0])(row[name]) for name, values in space}


def importances(study: optuna.Study, seed: int) -> dict[str, float]:
    """Share of the variance of the losses that each varied setting explains, largest first; empty if all are equal.

    fANOVA with a random forest over the complete trials: Hutter, Hoos and Leyton-Brown 2014.
    """
    losses = {trial.value for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))}
    if len(losses) < 2:
        return {}
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed))


def best_by_trial(trials: pd.DataFrame) -> pd.DataFrame:
    """For `dvc plots`: trial, and best_so_far of each sampler in its own column, empty if it was not compared.

    trials: tables of `table_of`, concatenated.
    """
    wide = trials.pivot_table(index="trial", columns="sampler", values="best_so_far")
    return wide.reindex(columns=SAMPLERS).reset_index()


def summary(table: pd.DataFrame, importances: Mapping[str, float], space: Space) -> dict[str, Any]:
    """The main numbers of a search, for metrics. table: from `table_of`; importances: from `importances`."""
    return {
        "point": space.in_words(best_point(table, space)),
        "trials": len(table),
        **{state: int((table["state"] == state).sum()) for state in ("pruned", "failed")},
        "distinct_points": len(table[list(dict(space))].drop_duplicates()),
        "best_validation_loss": table["best_so_far"].iloc[-1],
        "importances": importances,
    }


def is_whole_grid(table: pd.DataFrame, space: Space) -> bool:
    """Whether the trials of `grid` are all points of the space, none pruned. table: from `table_of`."""
    return len(table) == len(space.points) and not (table["state"] == "pruned").any()

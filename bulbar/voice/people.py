"""One row per person: the measures of each task side by side, and the covariates."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from bulbar.core.names import TASKS, VOWELS
from bulbar.features.conditions import Conditions

CovariateName = Literal["age_years", "sex"]
COVARIATES: tuple[CovariateName, ...] = get_args(CovariateName)

MALE = "sex_male"
"""How sex enters a regression: 1 for M, 0 for F, NaN where it is not recorded."""

SEPARATOR = ":"

FORMAT = "format="
"""How the column of a file format begins."""


def column_of(task: str, measure: str) -> str:
    """The column of a person's row that holds a measure of a task, such as `A:f0_mad_semitones`."""
    return f"{task}{SEPARATOR}{measure}"


def task_of(column: str) -> str:
    """The task of a column."""
    return column.partition(SEPARATOR)[0]


def measure_of(column: str) -> str:
    """The measure of a column."""
    return column.partition(SEPARATOR)[2]


def columns_of(tasks: Iterable[str], measures: Mapping[str, str]) -> list[str]:
    """Every column of a row, task by task.

    Parameters
    ----------
    tasks : iterable of str
        Tasks of the cohort.
    measures : dict
        Name of each measure -> which tasks have it: `all`, `vowels` or `trains`.
    """
    present = set(tasks)
    return [
        column_of(task, name)
        for task in TASKS
        if task in present
        for name, on in measures.items()
        if on == "all" or (on == "vowels") == (task in VOWELS)
    ]


def rows_of_people(recordings: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Average a person's recordings of each task, and put the tasks side by side.

    Parameters
    ----------
    recordings : DataFrame
        One row per recording: subject_id, task and a column for each measure; NaN where a measure is undefined.
    columns : sequence of str
        The columns to return, from `columns_of`.

    Returns
    -------
    DataFrame, shape (people, columns)
        Indexed by subject_id, sorted; NaN where a person has no recording of the task.
    """
    names = list(dict.fromkeys(map(measure_of, columns)))
    means = recordings.pivot_table(index="subject_id", columns="task", values=names, aggfunc="mean", dropna=False)
    pairs = zip(means.columns.get_level_values(1), means.columns.get_level_values(0), strict=True)
    means.columns = pd.Index([column_of(str(task), str(name)) for task, name in pairs])
    return means.reindex(columns=list(columns)).astype(float)


def covariates(subjects: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The covariates of each person as numbers: age in years, and `MALE`.

    Parameters
    ----------
    subjects : DataFrame
        subject_id, age_years and sex (`F` or `M`), one row per person; both may be missing.
    names : sequence of str
        Which of `COVARIATES` are wanted.

    Returns
    -------
    DataFrame, shape (people, len(names))
        Indexed by subject_id.
    """
    found = {}
    if "age_years" in names:
        found["age_years"] = subjects["age_years"].astype(float).to_numpy()
    if "sex" in names:
        found[MALE] = subjects["sex"].map({"M": 1.0, "F": 0.0}).astype(float).to_numpy()
    return pd.DataFrame(found, index=pd.Index(subjects["subject_id"], name="subject_id"))


def log_odds(probability: npt.ArrayLike) -> np.ndarray:
    """ln(p / (1 - p)), with p kept a millionth away from 0 and 1: tables hold six digits."""
    kept = np.clip(np.asarray(probability, dtype=float), 1e-6, 1 - 1e-6)
    return np.log(kept / (1 - kept))


def probability(log_odds: npt.ArrayLike) -> np.ndarray:
    """The probability of given log-odds: 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-np.asarray(log_odds, dtype=float)))


def rows_of_conditions(recordings: pd.DataFrame, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Average how a person's recordings were made; each file format is a share of the recordings.

    recordings: one row per recording, subject_id and the columns of `conditions.Conditions`. columns: of a fitted
    regression; a format among them that no recording has is 0, and not missing. Returns a row per person, indexed by
    subject_id, sorted.
    """
    names = [field.name for field in fields(Conditions) if field.name in recordings]
    formats = pd.get_dummies(recordings["format"], prefix=FORMAT, prefix_sep="", dtype=float)
    numeric = recordings[[name for name in names if name != "format"]].astype(float)
    absent = [name for name in columns if name.startswith(FORMAT) and name not in formats]
    formats = formats.assign(**dict.fromkeys(absent, 0.0))
    return pd.concat([recordings["subject_id"], numeric, formats], axis=1).groupby("subject_id", sort=True).mean()

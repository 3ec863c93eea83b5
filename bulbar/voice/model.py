"""The voice model: the mean log-odds of a fixed set of regressions on one row of measures for each person."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, model_validator

from bulbar.core.names import TASKS, Task
from bulbar.core.settings import Count, Strict
from bulbar.features.voice_measures import F0_SPREAD, MEASURES
from bulbar.voice import people
from bulbar.voice.people import CovariateName
from bulbar.voice.regression import StoredRegression

MeasureSet = Literal["all", "f0_spread"]


class Member(Strict):
    """One regression of the model.

    measures: `all` of the voice measures, or `f0_spread`. tasks: on which of the tasks; empty: all of the cohort.
    strongest: how many columns are selected inside each fold; None: all. c: inverse of the strength of the L2 penalty.
    """

    measures: MeasureSet = "all"
    tasks: tuple[Task, ...] = ()
    strongest: Count | None = None
    c: PositiveFloat


class Settings(Strict):
    """The `voice` block of params.yaml.

    adjust: covariates that are regressed out of each measure. members: the regressions whose log-odds are averaged.
    select: `nested` chooses one of `recipes` inside the training folds in place of the members.
    """

    adjust: tuple[CovariateName, ...] = people.COVARIATES
    members: dict[str, Member] = Field(min_length=1)
    select: Literal["none", "nested"] = "none"
    recipes: dict[str, Member] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _something_to_choose(self) -> Self:
        if self.select == "nested" and len(self.recipes) < 2:
            raise ValueError("at least two recipes where select is nested")
        return self


def columns(member: Member, tasks: Sequence[str]) -> list[str]:
    """The columns that a member reads on a cohort of these tasks; on all of them if it has none of its own tasks."""
    mine: set[str] = set(member.tasks)
    wanted = [task for task in tasks if task in mine] or list(tasks)
    names = F0_SPREAD if member.measures == "f0_spread" else tuple(MEASURES)
    return people.columns_of(wanted, {name: MEASURES[name].tasks for name in names})


def tasks_of(recordings: pd.DataFrame) -> list[str]:
    """The tasks of a cohort, in the order of `TASKS`."""
    present = set(recordings["task"])
    return [task for task in TASKS if task in present]


class VoiceModel(Strict):
    """A fitted voice model: its regressions by name."""

    members: dict[str, StoredRegression]

    def log_odds_of_members(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Log-odds of each person by each member, shape (people, members).

        rows: one row per person with the columns of measures and covariates, as `people` makes them; what is missing
        is filled in as in training.
        """
        return pd.DataFrame({name: one.log_odds(rows) for name, one in self.members.items()}, index=rows.index)

    def log_odds(self, rows: pd.DataFrame) -> pd.Series:
        """The mean log-odds of the members, by subject_id."""
        return self.log_odds_of_members(rows).mean(axis=1)

    def contributions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What each column adds to the mean log-odds of each person, shape (people, columns)."""
        parts = [one.contributions(rows) for one in self.members.values()]
        return pd.concat(parts, axis=1).T.groupby(level=0).sum().T / len(self.members)

    def weights(self) -> pd.Series:
        """The weight of each column in the mean log-odds: log-odds for one standard deviation more."""
        parts = [pd.Series({f.name: f.weight for f in one.features}) for one in self.members.values()]
        return pd.concat(parts).groupby(level=0).sum() / len(self.members)


class StoredFold(Strict):
    """The models of one fold, as a prediction needs them."""

    voice: VoiceModel
    unadjusted: VoiceModel
    conditions: StoredRegression


def fit(
    recordings: pd.DataFrame,
    subjects: pd.DataFrame,
    members: Mapping[str, Member],
    adjust: Sequence[str],
    tasks: Sequence[str],
) -> VoiceModel:
    """Fit every member on the people of these recordings.

    Parameters
    ----------
    recordings : DataFrame
        The training recordings: subject_id, label, task and a column for each measure.
    subjects : DataFrame
        subject_id, age_years, sex.
    members : mapping of str to Member
        The regressions.
    adjust : sequence of str
        Covariates to regress out.
    tasks : sequence of str
        Tasks of the cohort, from `tasks_of`.
    """
    from bulbar.voice import fitting

    labels = recordings.groupby("subject_id", sort=True)["label"].first()
    covariates = people.covariates(subjects, adjust).reindex(labels.index)
    rows = _measures(recordings, tasks)
    fitted = {}
    for name, member in members.items():
        recipe = fitting.Recipe(strongest=member.strongest, c=member.c)
        fitted[name] = fitting.fit(rows[columns(member, tasks)], covariates, labels.tolist(), recipe)
    return VoiceModel(members=fitted)


def rows_for(recordings: pd.DataFrame, subjects: pd.DataFrame, tasks: Sequence[str]) -> pd.DataFrame:
    """What a model predicts from: every measure and covariate of the people of these recordings, a row each."""
    return _measures(recordings, tasks).join(people.covariates(subjects, people.COVARIATES))


def _measures(recordings: pd.DataFrame, tasks: Sequence[str]) -> pd.DataFrame:
    return people.rows_of_people(recordings, people.columns_of(tasks, {n: m.tasks for n, m in MEASURES.items()}))


def of_recordings(recordings: pd.DataFrame, log_odds: pd.Series) -> pd.DataFrame:
    """The out-of-fold table of people's log-odds: each recording has the probability of its person.

    recordings: the tested ones, recording_id, subject_id, fold, label. log_odds: by subject_id.
    """
    table = recordings[["recording_id", "subject_id", "fold", "label"]].copy()
    table["probability"] = people.probability(table["subject_id"].map(log_odds).to_numpy()).round(6)
    return table


def mean_log_odds(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The out-of-fold table of two models together: the mean of their log-odds for each recording.

    first, second: recording_id, subject_id, fold, label, probability, of the same recordings.
    """
    rows = first.merge(second[["recording_id", "probability"]], on="recording_id", suffixes=("", "_2"), validate="1:1")
    mean = (people.log_odds(rows["probability"]) + people.log_odds(rows.pop("probability_2"))) / 2
    return rows.assign(probability=people.probability(mean).round(6))


def f0_spread_rank(train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    """The mean percentile of a person's F0 spread among the training people; no label is used.

    Parameters
    ----------
    train, test : DataFrame
        Rows of people with the columns of `F0_SPREAD` in each task.

    Returns
    -------
    array, shape (people of test,)
        In [0, 1]; 0.5 if nothing is measured.
    """
    names = [name for name in train.columns if people.measure_of(str(name)) in F0_SPREAD]
    ranks = np.full((len(test), len(names)), np.nan)
    for place, name in enumerate(names):
        known = np.sort(train[name].dropna().to_numpy())
        values = test[name].to_numpy(dtype=float)
        if known.size:
            below, upto = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
            ranks[:, place] = np.where(np.isnan(values), np.nan, (below + upto) / 2 / known.size)
    measured = ~np.isnan(ranks)
    return np.where(measured.any(axis=1), np.nansum(ranks, axis=1) / np.maximum(measured.sum(axis=1), 1), 0.5)

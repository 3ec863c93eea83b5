"""The voice model and its baselines under the folds of a protocol: fitted, scored, and what missing tasks cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bulbar.core.names import SYLLABLES, VOWELS
from bulbar.scoring import metrics
from bulbar.voice import fitting, model, people
from bulbar.voice.model import Settings, StoredFold, VoiceModel
from bulbar.voice.regression import StoredRegression

MODELS = ("voice", "voice_unadjusted", "conditions", "f0_spread_rank")
"""What is scored beside the single members, which are called `voice_NAME`."""

CONDITIONS = fitting.Recipe(c=1.0)
"""How the regression on recording conditions is fitted."""


@dataclass(frozen=True)
class FittedFold:
    """What one fold's training recordings taught.

    voice, unadjusted: the model with and without adjustment for covariates. conditions: a regression on how the
    recordings were made. train: the training people's rows. chosen: the recipe that nested selection chose, and its
    AUC inside the training folds; None without it.
    """

    number: int
    voice: VoiceModel
    unadjusted: VoiceModel
    conditions: StoredRegression
    train: pd.DataFrame
    chosen: tuple[str, float] | None

    def stored(self) -> StoredFold:
        """The fold's models as plain numbers."""
        return StoredFold(voice=self.voice, unadjusted=self.unadjusted, conditions=self.conditions)


def fit_fold(number: int, recordings: pd.DataFrame, subjects: pd.DataFrame, settings: Settings) -> FittedFold:
    """Fit on the recordings outside a fold.

    Parameters
    ----------
    number : int
        The fold that is left out.
    recordings : DataFrame
        recording_id, subject_id, fold, label (1 = patient), task, the voice measures and the recording conditions.
    subjects : DataFrame
        subject_id, age_years, sex.
    settings : Settings
        The `voice` block.
    """
    train, tasks = recordings[recordings["fold"] != number], model.tasks_of(recordings)
    members, chosen = settings.members, None
    if settings.select == "nested":
        chosen = choose(train, subjects, settings, tasks)
        members = {chosen[0]: settings.recipes[chosen[0]]}
    labels = train.groupby("subject_id", sort=True)["label"].first()
    made = people.rows_of_conditions(train)
    return FittedFold(
        number=number,
        voice=model.fit(train, subjects, members, settings.adjust, tasks),
        unadjusted=model.fit(train, subjects, members, (), tasks),
        conditions=fitting.fit(made, made[[]], labels.tolist(), CONDITIONS),
        train=model.rows_for(train, subjects, tasks),
        chosen=chosen,
    )


def choose(train: pd.DataFrame, subjects: pd.DataFrame, settings: Settings, tasks: Sequence[str]) -> tuple[str, float]:
    """The recipe with the highest AUC on the training folds, each tested in turn; and that AUC, which is optimistic."""
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in settings.recipes}
    for number in sorted(set(train["fold"])):
        inner, tested = train[train["fold"] != number], train[train["fold"] == number]
        fitted = model.fit(inner, subjects, settings.recipes, settings.adjust, tasks)
        for name, log_odds in fitted.log_odds_of_members(model.rows_for(tested, subjects, tasks)).items():
            tables[str(name)].append(model.of_recordings(tested, log_odds))
    aucs = {name: auc_of(pd.concat(of_folds)) for name, of_folds in tables.items()}
    best = max(aucs, key=aucs.__getitem__)
    return best, aucs[best]


def auc_of(table: pd.DataFrame) -> float:
    """AUC per subject: over pairs within a fold, or over all pairs where a subject has recordings in several folds."""
    subjects = metrics.per_subject(table)
    within = metrics.auc_within_folds(subjects)
    return metrics.roc_auc(subjects["label"], subjects["probability"]) if np.isnan(within) else within


def score_fold(fold: FittedFold, recordings: pd.DataFrame, subjects: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The out-of-fold table of every model on the recordings of a fold, as `model.of_recordings` makes it."""
    tested, tasks = recordings[recordings["fold"] == fold.number], model.tasks_of(recordings)
    rows = model.rows_for(tested, subjects, tasks)
    made = people.rows_of_conditions(tested, [one.name for one in fold.conditions.features])
    members = fold.voice.log_odds_of_members(rows)
    log_odds = {
        "voice": fold.voice.log_odds(rows),
        "voice_unadjusted": fold.unadjusted.log_odds(rows),
        **({} if fold.chosen else {f"voice_{name}": column for name, column in members.items()}),
        "conditions": pd.Series(fold.conditions.log_odds(made), index=made.index),
    }
    tables = {str(name): model.of_recordings(tested, values) for name, values in log_odds.items()}
    rank = pd.Series(people.log_odds(model.f0_spread_rank(fold.train, rows)), index=rows.index)
    return tables | {"f0_spread_rank": model.of_recordings(tested, rank)}


def subsets(tasks: Sequence[str]) -> dict[str, list[str]]:
    """The sets of tasks whose scores are stored: each alone, each left out, vowels alone, syllable trains alone."""
    found = {f"{task} only": [task] for task in tasks}
    found |= {f"without {task}": [other for other in tasks if other != task] for task in tasks}
    found |= {
        "vowels only": [t for t in tasks if t in VOWELS],
        "syllable trains only": [t for t in tasks if t in SYLLABLES],
    }
    return {name: kept for name, kept in found.items() if 0 < len(kept) < len(tasks)}


def auc_by_subset(
    folds: Sequence[FittedFold], recordings: pd.DataFrame, subjects: pd.DataFrame, *, adjusted: bool = True
) -> dict[str, float]:
    """Out-of-fold AUC per subject where only some of the tasks are known, by the models that were trained on all.

    A task that is left out counts as missing: each fold's training medians stand in for it, as in a prediction.
    """
    tasks, found = model.tasks_of(recordings), {}
    for name, kept in subsets(tasks).items():
        tables = []
        for fold in folds:
            tested = recordings[(recordings["fold"] == fold.number) & recordings["task"].isin(kept)]
            fitted = fold.voice if adjusted else fold.unadjusted
            tables.append(model.of_recordings(tested, fitted.log_odds(model.rows_for(tested, subjects, tasks))))
        found[name] = auc_of(pd.concat(tables))
    return found


def weights_of_folds(folds: Sequence[FittedFold]) -> pd.DataFrame:
    """Weight of each column in the mean log-odds, one column per fold; 0 where a fold did not select it.

    Returns shape (columns, folds), the largest mean weight first.
    """
    table = pd.DataFrame({fold.number: fold.voice.weights() for fold in folds}).fillna(0.0)
    return table.reindex(table.mean(axis=1).abs().sort_values(ascending=False, kind="stable").index)


def importance(
    folds: Sequence[FittedFold],
    recordings: pd.DataFrame,
    subjects: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    *,
    shuffles: int,
    seed: int,
) -> dict[str, float]:
    """AUC lost per group of measures when their values are exchanged between the held-out people of a fold.

    Parameters
    ----------
    groups : mapping of str to sequence of str
        Name of a group -> its measures, on all tasks.
    shuffles : int
        Random exchanges, over which the loss is averaged.

    Returns
    -------
    dict
        Group -> mean AUC lost, the largest first.
    """
    tasks = model.tasks_of(recordings)
    tested = {fold.number: recordings[recordings["fold"] == fold.number] for fold in folds}
    rows = {number: model.rows_for(table, subjects, tasks) for number, table in tested.items()}

    def auc(of: Mapping[int, pd.DataFrame]) -> float:
        return auc_of(pd.concat(model.of_recordings(tested[f.number], f.voice.log_odds(of[f.number])) for f in folds))

    generator, own, lost = np.random.default_rng(seed), auc(rows), {}
    for name, measures in groups.items():
        losses = []
        for _ in range(shuffles):
            exchanged = {}
            for number, table in rows.items():
                columns = [column for column in map(str, table) if people.measure_of(column) in measures]
                exchanged[number] = table.copy()
                exchanged[number][columns] = table[columns].to_numpy()[generator.permutation(len(table))]
            losses.append(own - auc(exchanged))
        lost[name] = float(np.mean(losses))
    return dict(sorted(lost.items(), key=lambda one: -one[1]))


def optimism(folds: Sequence[FittedFold], voice: pd.DataFrame) -> dict[str, Any]:
    """How optimistic nested selection was: the chosen recipes' AUC inside the training folds, less that outside.

    voice: the out-of-fold table of the chosen recipes.
    """
    chosen = [fold.chosen for fold in folds if fold.chosen]
    inside, outside = float(np.mean([auc for _, auc in chosen])), auc_of(voice)
    return {
        "chosen": {str(fold.number): fold.chosen[0] for fold in folds if fold.chosen},
        "auc_inside": inside,
        "auc_outside": outside,
        "optimism": inside - outside,
    }

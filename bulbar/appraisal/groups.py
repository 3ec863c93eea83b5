"""Scores of a model by group (sex, age, task, severity of speech), and detection of patients with normal speech.

A grouping is one line of `groupings`; for a cohort with another column, add a line. Tables are out-of-fold predictions
per recording: recording_id, subject_id, fold, label (1 = patient), probability. Scores are per subject, from the mean
probability over a subject's recordings in the group.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from bulbar.appraisal import operating_points
from bulbar.appraisal.calibration import UNDEFINED, Estimate, exact_share
from bulbar.core.disclosure import FEWEST_SHOWN, shown, shown_apart, withheld
from bulbar.scoring import intervals, metrics

SCORES = ("roc_auc", "accuracy", "sensitivity", "specificity")


@dataclass(frozen=True)
class Grouping:
    """One way to divide a cohort into groups.

    Attributes
    ----------
    name : str
        Name in tables and figures.
    column : str
        Column of the recordings or of the subjects.
    of : str
        Who has a value in the column: `everyone` or `patients`. With `patients`, each group of patients is scored
        against all controls.
    edges : tuple of float
        Lower ends of the second and later bands, in increasing order. Empty: each value is a group.
    names : tuple of str
        Names of the bands, one more than edges. Empty: made from the edges.
    """

    name: str
    column: str
    of: Literal["everyone", "patients"] = "everyone"
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    def bands(self, values: pd.Series) -> pd.Series:
        """The group of each value, missing if the value is. Ordered categories, including empty ones."""
        if not self.edges:
            return pd.Series(pd.Categorical(values, ordered=True), index=values.index)
        names = self.names or _names_between(self.edges)
        return pd.cut(values.astype(float), [-np.inf, *self.edges, np.inf], right=False, labels=list(names))


def _names_between(edges: Sequence[float]) -> list[str]:
    """Names of bands of whole numbers, such as `under 50`, `50–59`, `60 and over`."""
    between = [f"{low:g}–{high - 1:g}" for low, high in itertools.pairwise(edges)]
    return [f"under {edges[0]:g}", *between, f"{edges[-1]:g} and over"]


def groupings(age_bands: tuple[float, ...]) -> tuple[Grouping, ...]:
    """All groupings; `by_group` skips those whose column a release lacks.

    age_bands: lower ends of the age groups, in years. Cantagallo's questionnaire (0 to 140) has no published cut-offs:
    its bands begin at an eighth, a quarter and half of its range, because most people score low.
    """
    return (
        Grouping("sex", "sex"),
        Grouping("age", "age_years", edges=age_bands),
        Grouping("task", "task"),
        Grouping("ALSFRS-R speech", "alsfrs_r_speech", of="patients", edges=(2, 3, 4),
                 names=("0 or 1", "2", "3", "4 (normal)")),
        Grouping("Cantagallo", "cantagallo_questionnaire", edges=(18, 35, 70)),
        Grouping("bulbar signs", "bulbar_signs", of="patients"),
        Grouping("onset", "onset_region", of="patients"),
    )  # fmt: skip


CONDITIONS_THIRD = "conditions_third"
BY_CONDITIONS = Grouping(
    "conditions score", CONDITIONS_THIRD, edges=(2, 3), names=("lowest third", "middle third", "highest third")
)
"""People by what a model of the recording conditions alone scores them: within a third, conditions differ less."""


def with_conditions_third(subjects: pd.DataFrame, conditions: pd.DataFrame) -> pd.DataFrame:
    """Subjects with the third, 1 to 3, in which each one's score by recording conditions lies.

    conditions: out-of-fold table of the model `conditions`.
    """
    people = metrics.per_subject(conditions)
    rank = people["probability"].rank(method="first")
    third = pd.Series(np.ceil(3 * rank.to_numpy() / len(people)), index=people["subject_id"])
    return subjects.assign(**{CONDITIONS_THIRD: subjects["subject_id"].map(third)})


NORMAL_SPEECH: Mapping[str, float | str] = {"alsfrs_r_speech": 4.0, "bulbar_signs": "no"}
"""Column -> the value that rates a patient's speech as normal. The first column that a release has is used."""


@dataclass(frozen=True)
class Group:
    """One group's scores. Counts as `shown_apart` prints them; scores are NaN if the group is too small."""

    grouping: str
    group: str
    of: Literal["everyone", "patients"]
    patients: int | str
    controls: int | str
    scores: Mapping[str, Estimate]


def _with_columns(table: pd.DataFrame, subjects: pd.DataFrame, recordings: pd.DataFrame) -> pd.DataFrame:
    """The rows of a prediction table with the columns of their recording and subject."""
    of_recordings = recordings[["recording_id", "task"]]
    of_subjects = subjects.drop(columns=["label"])
    return table.merge(of_recordings, on="recording_id", how="left").merge(of_subjects, on="subject_id", how="left")


def by_group(
    table: pd.DataFrame,
    subjects: pd.DataFrame,
    recordings: pd.DataFrame,
    divided: Sequence[Grouping],
    *,
    auc: Literal["roc_auc", "roc_auc_pooled"] = "roc_auc",
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Group]:
    """Scores of every group, with intervals: a bootstrap over subjects for AUC, exact binomial for shares of subjects.

    Parameters
    ----------
    table : DataFrame
        Out-of-fold predictions per recording.
    subjects : DataFrame
        subject_id, label and clinical columns.
    recordings : DataFrame
        recording_id and task.
    divided : sequence of Grouping
        Groupings without a column in the tables are skipped.
    auc : str
        `roc_auc`: over pairs within a fold. `roc_auc_pooled`: over all pairs, if subjects lie in several folds.
    draws, seed : int
        Number of bootstrap draws, and their seed.
    level : float in (0, 1)
        Level of the intervals.

    Returns
    -------
    list of Group
        A group of patients only has the AUC against all controls and its sensitivity. A group with fewer than 5
        patients or controls has no score. If a count is `withheld`, scores that would reveal it are left out, because
        an exact interval shows how many people it is from.
    """
    rows = _with_columns(table, subjects, recordings)
    total = _people(rows)
    found = []
    for grouping in divided:
        if grouping.column not in rows or rows[grouping.column].isna().all():
            continue
        named = list(_groups_of(rows, grouping))
        of_label = list(zip(*(_people(members) for _, members in named), strict=True))
        printed = [[shown(count, total[label]) for count in of_label[label]] for label in (0, 1)]
        hidden = [[False] * len(named) for _ in (0, 1)]
        for label in (0, 1):
            # otherwise a person is in every group
            if grouping.column in subjects and (label or grouping.of == "everyone"):
                printed[label] = shown_apart(of_label[label], total[label])
                hidden[label] = withheld(of_label[label], total[label])
        for place, (name, members) in enumerate(named):
            scores = _scores(metrics.per_subject(members), grouping.of, auc, draws=draws, level=level, seed=seed)
            found.append(
                Group(
                    grouping=grouping.name,
                    group=name,
                    of=grouping.of,
                    patients=printed[1][place],
                    controls=printed[0][place],
                    scores=_without_counts(scores, controls=hidden[0][place], patients=hidden[1][place]),
                )
            )
    return found


def _without_counts(scores: Mapping[str, Estimate], *, controls: bool, patients: bool) -> dict[str, Estimate]:
    """Remove the scores that reveal a hidden number of controls or patients, which are the shares of them.

    An AUC is a share of pairs, controls times patients. It stays, with two digits, which fit many numbers of pairs.
    """
    auc = scores["roc_auc"]
    hidden = {"accuracy": controls or patients, "sensitivity": patients, "specificity": controls}
    hidden["roc_auc"] = hidden["accuracy"] and auc.value in (0, 1)  # at 0 or 1 its bound is exact
    rounded = {"roc_auc": Estimate(*np.round(auc, 2))} if hidden["accuracy"] else {}
    return {name: UNDEFINED if hidden[name] else score for name, score in {**scores, **rounded}.items()}


def _groups_of(rows: pd.DataFrame, grouping: Grouping) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each group with at least one person, and its rows; a group of patients gets the rows of all controls."""
    band = grouping.bands(rows[grouping.column])
    divided = (rows["label"] == 1).to_numpy() | (grouping.of == "everyone")
    for name in band.cat.categories:
        inside = (band == name).to_numpy() & divided
        if inside.any():
            yield str(name), rows[inside | ~divided]


def _people(rows: pd.DataFrame) -> tuple[int, int]:
    """Number of controls and number of patients."""
    label_of = intervals.subjects_of(rows)
    return int((label_of == 0).sum()), int((label_of == 1).sum())


def _scores(
    of_group: pd.DataFrame, of: Literal["everyone", "patients"], auc: str, *, draws: int, level: float, seed: int
) -> dict[str, Estimate]:
    found = dict.fromkeys(SCORES, UNDEFINED)
    label = of_group["label"].to_numpy()
    if min(np.sum(label == 0), np.sum(label == 1)) < FEWEST_SHOWN:
        return found
    bounds = intervals.intervals(of_group, draws=draws, level=level, seed=seed)
    calls = operating_points.called(of_group, metrics.THRESHOLD)
    found["roc_auc"] = Estimate(metrics.scores(of_group)[auc], *bounds[auc])
    found |= operating_points.reached(label, calls, level=level)
    if of == "patients":
        return found | {"specificity": UNDEFINED}
    return found | {"accuracy": exact_share(int((calls == (label == 1)).sum()), len(label), level=level)}


def normal_speech_found(
    people: pd.DataFrame,
    subjects: pd.DataFrame,
    thresholds: Mapping[str, float | Mapping[int, float]],
    *,
    level: float = 0.95,
) -> dict[str, Any] | None:
    """The share of patients with normal speech that each threshold calls patients.

    Parameters
    ----------
    people : DataFrame
        One row per subject, from `metrics.per_subject`.
    subjects : DataFrame
        subject_id and clinical columns.
    thresholds : mapping
        Name -> one threshold, or fold -> threshold.
    level : float in (0, 1)
        Level of the exact binomial intervals.

    Returns
    -------
    dict or None
        `column`: the one that rates speech. `patients`: their number, as `by_group` shows it. `found`: name ->
        Estimate, NaN if they are fewer than 5 or their number is `withheld`. None if no column rates speech.
    """
    column = next((name for name in NORMAL_SPEECH if name in subjects), None)
    if column is None:
        return None
    everyone = people[people["label"] == 1].merge(subjects[["subject_id", column]], on="subject_id", how="left")
    patients = everyone[everyone[column] == NORMAL_SPEECH[column]]
    band = next(one for one in groupings(()) if one.column == column).bands(everyone[column])
    counts = [len(patients), *(int(n) for n in band[everyone[column] != NORMAL_SPEECH[column]].value_counts() if n)]
    enough = len(patients) >= FEWEST_SHOWN and not withheld(counts, len(everyone))[0]
    found = {}
    for name, threshold in thresholds.items():
        calls = operating_points.called(patients, threshold)
        share = exact_share(int(calls.sum()), len(calls), level=level)
        found[name] = share if enough else UNDEFINED
    return {"column": column, "patients": shown_apart(counts, len(everyone))[0], "found": found}

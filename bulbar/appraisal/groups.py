"""How well a model does by group: sex, age, task, how bad the speech is; and whom of the well-spoken patients it finds.

A grouping is one line of `GROUPINGS`; a cohort with another column adds its line. Tables are out-of-fold
predictions per recording (recording_id, subject_id, fold, label, probability; label 1 = patient); scores are per
subject: the mean probability over a subject's recordings in the group.
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
    """One way to divide a cohort. `column`: of the recordings or of the subjects.

    edges: the numbers at which bands begin, rising; none: each value is a group. names: of the bands, one more than
    edges; none: made from the edges. of: whose column it is: `patients` alone (then each group of patients
    is scored against all controls) or `everyone`.
    """

    name: str
    column: str
    of: Literal["everyone", "patients"] = "everyone"
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    def bands(self, values: pd.Series) -> pd.Series:
        """The group of each value, missing where the value is; ordered categories, those with nobody among them."""
        if not self.edges:
            return pd.Series(pd.Categorical(values, ordered=True), index=values.index)
        names = self.names or _names_between(self.edges)
        return pd.cut(values.astype(float), [-np.inf, *self.edges, np.inf], right=False, labels=list(names))


def _names_between(edges: Sequence[float]) -> list[str]:
    """`under 50`, `50–59`, `60 and over`: of whole numbers."""
    between = [f"{low:g}–{high - 1:g}" for low, high in itertools.pairwise(edges)]
    return [f"under {edges[0]:g}", *between, f"{edges[-1]:g} and over"]


def groupings(age_bands: tuple[float, ...]) -> tuple[Grouping, ...]:
    """All groupings; those whose column a release lacks are passed over.

    age_bands: years at which age groups begin. Cantagallo's questionnaire (0 to 140) comes without cut-offs: its bands
    begin at an eighth, a quarter and half of its range, as most people score low.
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
    third = pd.Series(np.ceil(3 * rank / len(people)).to_numpy(), index=people["subject_id"])
    return subjects.assign(**{CONDITIONS_THIRD: subjects["subject_id"].map(third)})


NORMAL_SPEECH: Mapping[str, float | str] = {"alsfrs_r_speech": 4.0, "bulbar_signs": "no"}
"""The value by which a column rates a patient's speech as normal: the first column that a release has is used."""


@dataclass(frozen=True)
class Group:
    """One group's scores; n as `shown_apart` prints them, scores NaN where there are too few to show any."""

    grouping: str
    group: str
    of: Literal["everyone", "patients"]
    patients: int | str
    controls: int | str
    scores: Mapping[str, Estimate]


def _with_columns(table: pd.DataFrame, subjects: pd.DataFrame, recordings: pd.DataFrame) -> pd.DataFrame:
    """The rows of a prediction table with what is known of their recording and subject."""
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
    """Scores of every group of every grouping whose column is there, with intervals.

    The AUC's come from drawing subjects; the others are shares of subjects, with exact binomial ones.

    subjects: subject_id, label and clinical columns. recordings: recording_id, task. auc: over pairs within a fold,
    or over all pairs where subjects have no fold of their own. A group of patients alone has the AUC against all
    controls and its sensitivity, and no other score. A group with fewer than 5 patients or controls has none; one whose
    count is `withheld` has no score that reveals it: an exact interval does.
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
            if grouping.column in subjects and (label or grouping.of == "everyone"):  # else a person is in each group
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
    """The scores that do not reveal the number of controls, or of patients: no share of them.

    An AUC is a share of pairs, controls times patients: it stays, to two digits, which many numbers of pairs give.
    """
    auc = scores["roc_auc"]
    hidden = {"accuracy": controls or patients, "sensitivity": patients, "specificity": controls}
    hidden["roc_auc"] = hidden["accuracy"] and auc.value in (0, 1)  # at an end its bound is exact
    rounded = {"roc_auc": Estimate(*np.round(auc, 2))} if hidden["accuracy"] else {}
    return {name: UNDEFINED if hidden[name] else score for name, score in {**scores, **rounded}.items()}


def _groups_of(rows: pd.DataFrame, grouping: Grouping) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each group that somebody is in, with its rows; to a group of patients all controls are added."""
    band = grouping.bands(rows[grouping.column])
    divided = (rows["label"] == 1).to_numpy() | (grouping.of == "everyone")
    for name in band.cat.categories:
        inside = (band == name).to_numpy() & divided
        if inside.any():
            yield str(name), rows[inside | ~divided]


def _people(rows: pd.DataFrame) -> tuple[int, int]:
    """How many controls, how many patients."""
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
    """Of the patients whose speech is rated normal, the share that is called a patient at each threshold.

    people: a row per subject, as `metrics.per_subject`. thresholds: name -> one threshold, or each fold's own. Returns
    `column` (by which speech is normal), `patients` (how many, as `by_group` shows it) and `found`: name ->
    Estimate with the exact binomial interval, NaN for fewer than 5 patients and where the count is `withheld`; None
    where there is no such column.
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

"""Why the voice model says what it says of one person: which measures push where, and what controls have there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from bulbar.deployment.training_range import listed
from bulbar.deployment.voice_models import TaskScore, VoiceFolds, VoiceScores, VoiceSettings
from bulbar.features.voice_measures import MEASURES
from bulbar.voice import people
from bulbar.voice.controls import ControlRanges, Expected

SHOWN = 5
"""Measures that the text names on either side; JSON holds all."""

PLAIN = ("share", "ratio")
"""Units that a number goes without."""

NEVER_NEGATIVE = ("share", "ratio", "Hz", "1/s", "semitones")
"""Units of which no value is below 0, and so no range."""


@dataclass(frozen=True)
class Contribution:
    """What one measure of one task adds to the log-odds of ALS: the mean over members and fold models.

    value: the person's, the mean over the recordings of the task. expected: the range that holds 95 % of controls.
    """

    measure: str
    task: str
    unit: str
    value: float
    log_odds: float
    expected: Expected | None


@dataclass(frozen=True)
class VoiceExplanation:
    """What one person's prediction by voice rests on.

    contributions: of what was measured, the strongest push towards ALS first. filled_in: log-odds that columns add
    whose value stands in for one that is missing. start: the log-odds that all start from. like_whom: whose range is
    shown. tasks: those that are known. unknown: covariates whose absence made the unadjusted model answer. scores: the
    model's. adjusted: the scores of the adjusted model. conditions: log-odds by recording conditions alone, and the
    threshold.
    """

    contributions: Sequence[Contribution]
    filled_in: float
    start: float
    like_whom: str
    tasks: Sequence[str]
    all_tasks: Sequence[str]
    unknown: Sequence[str]
    scores: VoiceScores
    adjusted: VoiceScores
    conditions: float
    conditions_threshold: float

    @classmethod
    def of(
        cls,
        folds: VoiceFolds,
        settings: VoiceSettings,
        name: str,
        row: pd.DataFrame,
        unknown: Sequence[str],
        conditions: float,
    ) -> Self:
        """The explanation of the prediction by the model `name`. row: of `voice_models.row_of`."""
        pushes, person = folds.contributions(name, row), row.iloc[0]
        measured = person[pushes.index].notna()
        found = [
            Contribution(
                people.measure_of(str(column)),
                people.task_of(str(column)),
                MEASURES[people.measure_of(str(column))].unit,
                float(person[str(column)]),
                float(log_odds),
                expected_of(settings.controls, str(column), person),
            )
            for column, log_odds in pushes[measured].sort_values(ascending=False, kind="stable").items()
        ]
        members = [list(one.members.values()) for one in folds.models(name)]
        known = {people.task_of(str(column)) for column in person.index[person.notna()] if people.SEPARATOR in column}
        return cls(
            contributions=found,
            filled_in=float(pushes[~measured].sum()),
            start=float(np.mean([np.mean([one.intercept for one in of_fold]) for of_fold in members])),
            like_whom=like_whom(settings.controls, person),
            tasks=[task for task in settings.tasks if task in known],
            all_tasks=list(settings.tasks),
            unknown=list(unknown),
            scores=settings.scores[name],
            adjusted=settings.scores["voice"],
            conditions=conditions,
            conditions_threshold=settings.conditions_threshold,
        )

    @property
    def towards(self) -> list[Contribution]:
        """The measures that push most towards ALS."""
        return [one for one in self.contributions if one.log_odds > 0][:SHOWN]

    @property
    def away(self) -> list[Contribution]:
        """The measures that push most away from ALS."""
        return [one for one in reversed(self.contributions) if one.log_odds < 0][:SHOWN]

    @property
    def known(self) -> list[TaskScore]:
        """What is known of the AUC on these tasks; empty where all are there."""
        return self.scores.on(self.tasks) if set(self.tasks) != set(self.all_tasks) else []

    @property
    def warnings(self) -> list[str]:
        """What must be read before any number."""
        if self.conditions <= self.conditions_threshold:
            return []
        return [
            "The recording conditions alone (level, noise, length, band limit …) would call this person a patient: the "
            "answer may reflect the recorder, not the voice."
        ]

    @property
    def lacking(self) -> list[str]:
        """Tasks that the model was trained on and of which nothing is known here."""
        return [task for task in self.all_tasks if task not in self.tasks]

    def in_words(self) -> list[tuple[str, str]]:
        """How well the model did on what is known here: the name of each line and its text."""
        lines = [("Tasks", listed(self.tasks) + (f"; {listed(self.lacking)} missing" if self.lacking else ", all"))]
        lines.append(("AUC out of fold", self._auc_in_words()))
        if self.filled_in:
            lines.append(("Filled in", f"what is not measured, by training medians: {self.filled_in:+.3f} of log-odds"))
        if self.unknown:
            names = listed([name.replace("_years", "") for name in self.unknown])
            lines.append(("Not adjusted", f"{names} not known (--clinical), so voice_unadjusted answers;"))
            lines.append(("", f"voice, which adjusts for them, has AUC {auc(self.adjusted)} on all tasks"))
        return lines

    def _auc_in_words(self) -> str:
        if not self.known:
            return f"{auc(self.scores)}, per subject"
        nearest = ", ".join(f"{number(one.auc)} ({one.name})" for one in self.known)
        if not self._exact:
            nearest = f"not computed for these tasks; nearest: {nearest}"
        return f"{nearest}; with all tasks {auc(self.scores)}"

    @property
    def _exact(self) -> bool:
        return len(self.known) == 1 and set(self.known[0].tasks) == set(self.tasks)

    def tables(self) -> list[tuple[str, list[list[str]]]]:
        """Title and rows of what pushes towards ALS, and of what pushes away."""
        return [
            (title, [self._row(one) for one in shown])
            for title, shown in (("TOWARDS ALS", self.towards), ("AWAY FROM ALS", self.away))
        ]

    def _row(self, one: Contribution) -> list[str]:
        unit = "" if one.unit in PLAIN else f" {one.unit}"
        range_ = "–" if one.expected is None else f"{short(one.expected.low)} to {short(one.expected.high)}{unit}"
        cells = [one.measure, one.task, f"{short(one.value)}{unit}", range_, f"{one.log_odds:+.3f}"]
        return [*cells, in_words(one.measure)]

    def as_json(self) -> Mapping[str, Any]:
        """All of it as nested values."""
        return {
            "tasks": {
                "used": list(self.tasks),
                "missing": self.lacking,
                "auc_on_all_tasks": self.scores.interval(),
                "auc_on_these_tasks": self.known[0].auc if self._exact else None,
                "nearest_auc": [] if self._exact else [one.model_dump() for one in self.known],
            },
            "not_adjusted_because_unknown": list(self.unknown),
            "auc_of_adjusted_model_on_all_tasks": self.adjusted.interval(),
            "recording_conditions": {"log_odds": self.conditions, "called_a_patient_above": self.conditions_threshold},
            "log_odds_before_any_measure": self.start,
            "log_odds_of_filled_in_measures": self.filled_in,
            "expected_of_controls": self.like_whom,
            "contributions": [
                {
                    "measure": one.measure,
                    "task": one.task,
                    "unit": one.unit,
                    "definition": MEASURES[one.measure].definition,
                    "value": one.value,
                    "expected": one.expected and one.expected._asdict(),
                    "log_odds": one.log_odds,
                }
                for one in self.contributions
            ],
        }


def expected_of(controls: ControlRanges, column: str, person: pd.Series) -> Expected | None:
    """The range of a control like this person; where the sex is not known, of both sexes together."""
    sexes = [person.get(people.MALE, np.nan)]
    if np.isnan(sexes[0]) and people.MALE in controls.covariates:
        sexes = [0.0, 1.0]
    ranges = [controls.expected(column, pd.Series({**person, people.MALE: sex})) for sex in sexes]
    found = [one for one in ranges if one is not None]
    if not found:
        return None
    low, high = min(one.low for one in found), max(one.high for one in found)
    return Expected(max(low, 0.0) if MEASURES[people.measure_of(column)].unit in NEVER_NEGATIVE else low, high)


def like_whom(controls: ControlRanges, person: pd.Series) -> str:
    """Of whom the ranges hold, such as `61 years, female`."""
    age, male = person.get("age_years", np.nan), person.get(people.MALE, np.nan)
    years = f"{age:.0f} years"
    if np.isnan(age):
        years = f"{controls.covariates.get('age_years', np.nan):.0f} years (the controls' mean; the age is not known)"
    sex = "either sex (it is not known)" if np.isnan(male) else ("male" if male else "female")
    return f"{years}, {sex}"


def in_words(measure: str) -> str:
    """A measure's definition without the command of Praat that stands behind it."""
    return re.sub(r" \(`.*`\)", "", MEASURES[measure].definition) or measure.replace("_", " ")


def short(value: float) -> str:
    """Three significant digits, without an exponent where it can be."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def number(value: float | None) -> str:
    """An AUC in words."""
    return "not defined" if value is None else f"{value:.2f}"


def auc(scores: VoiceScores) -> str:
    """The AUC on all tasks with its interval."""
    if scores.auc is None or scores.low is None or scores.high is None:
        return number(scores.auc)
    return f"{scores.auc:.2f} ({scores.low:.2f} to {scores.high:.2f})"

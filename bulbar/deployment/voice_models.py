"""The voice model as deployed: its fold models, what missing tasks cost it, and how it predicts one person."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from bulbar.core.settings import Strict
from bulbar.features import praat
from bulbar.features.conditions import Conditions
from bulbar.features.voice_measures import MEASURES
from bulbar.voice import model, people
from bulbar.voice.controls import ControlRanges
from bulbar.voice.model import StoredFold, VoiceModel

VOICE_MODELS = ("voice", "voice_unadjusted")
"""The voice model adjusted for covariates, and the one that answers where they are not known."""

PERSON = "person"


class TaskScore(Strict):
    """Out-of-fold AUC per subject where only these tasks are known; None where it is not defined."""

    name: str
    tasks: tuple[str, ...]
    auc: float | None


class VoiceScores(Strict):
    """Out-of-fold AUC per subject: on all tasks with its interval, and on some of them."""

    auc: float | None
    low: float | None
    high: float | None
    on_some_tasks: tuple[TaskScore, ...]

    def interval(self) -> dict[str, float | None]:
        """The AUC on all tasks with the ends of its interval."""
        return {"value": self.auc, "low": self.low, "high": self.high}

    def on(self, tasks: Sequence[str]) -> list[TaskScore]:
        """The score on exactly these tasks; where it is not stored, the nearest ones.

        Nearest: of the sets of tasks inside these the largest, of those around these the smallest.
        """
        known = set(tasks)
        exact = [one for one in self.on_some_tasks if set(one.tasks) == known]
        if exact:
            return exact[:1]
        inside = [one for one in self.on_some_tasks if set(one.tasks) < known]
        around = [one for one in self.on_some_tasks if set(one.tasks) > known]
        most = max((len(one.tasks) for one in inside), default=0)
        fewest = min((len(one.tasks) for one in around), default=0)
        near = [one for one in inside if len(one.tasks) == most] + [one for one in around if len(one.tasks) == fewest]
        return [one for place, one in enumerate(near) if one.tasks not in [other.tasks for other in near[:place]]]


class VoiceSettings(Strict):
    """What a prediction by voice needs beside the fold models.

    tasks: of the cohort. measuring: Praat's settings. scores: of each of `VOICE_MODELS`. controls: what is expected of
    a control. conditions_threshold: log-odds above which recording conditions alone would call a person a patient.
    """

    tasks: tuple[str, ...] = Field(min_length=1)
    measuring: praat.Settings
    scores: dict[str, VoiceScores]
    controls: ControlRanges
    conditions_threshold: float = 0.0


class VoiceFolds(Strict):
    """The content of voice.json: the models of each fold, as trained and scored."""

    folds: dict[int, StoredFold] = Field(min_length=1)

    @model_validator(mode="after")
    def _of_this_version(self) -> "VoiceFolds":
        names = {people.measure_of(name) for name in self._columns()}
        if unknown := sorted(names - set(MEASURES)):
            raise ValueError(f"measures that this version does not know: {', '.join(unknown[:5])}")
        return self

    def _columns(self) -> set[str]:
        models = [one for fold in self.folds.values() for one in (fold.voice, fold.unadjusted)]
        return {f.name for one in models for member in one.members.values() for f in member.features}

    @property
    def covariates(self) -> list[str]:
        """What the adjusted models have to know of a person: any of `age_years`, `sex`."""
        members = [member for fold in self.folds.values() for member in fold.voice.members.values()]
        names = {one.name for member in members for one in member.covariates}
        return [name for name in people.COVARIATES if (people.MALE if name == "sex" else name) in names]

    def models(self, name: str) -> list[VoiceModel]:
        """The fold models of one of `VOICE_MODELS`, in the order of the folds."""
        return [fold.voice if name == "voice" else fold.unadjusted for _, fold in sorted(self.folds.items())]

    def scores(self, name: str, rows: pd.DataFrame) -> np.ndarray:
        """Each fold model's probability before calibration, shape (folds,). rows: one person, from `row_of`."""
        return np.array([float(people.probability(one.log_odds(rows).to_numpy())[0]) for one in self.models(name)])

    def contributions(self, name: str, rows: pd.DataFrame) -> pd.Series:
        """What each column adds to the log-odds, the mean over the folds: 0 for a fold that did not select it."""
        table = pd.DataFrame([one.contributions(rows).iloc[0] for one in self.models(name)])
        return table.fillna(0.0).mean()

    def conditions_log_odds(self, made: Sequence[Conditions]) -> float:
        """Log-odds of a patient by how a person's recordings were made, the mean over the folds."""
        rounded = [{name: _six_digits(value) for name, value in asdict(one).items()} for one in made]
        recordings = pd.DataFrame(rounded).assign(subject_id=PERSON)
        regressions = [fold.conditions for fold in self.folds.values()]
        rows = [people.rows_of_conditions(recordings, [f.name for f in one.features]) for one in regressions]
        return float(np.mean([one.log_odds(row)[0] for one, row in zip(regressions, rows, strict=True)]))


def row_of(
    measured: Sequence[Mapping[str, float]], tasks: Sequence[str], person: Mapping[str, Any], known_tasks: Sequence[str]
) -> pd.DataFrame:
    """One person's row, as training makes it: measures of each task side by side, to six digits, and the covariates.

    measured: the measures of each recording. tasks: of each recording. person: age_years and sex, as far as known.
    known_tasks: those of the cohort that the models were trained on.
    """
    recordings = pd.DataFrame(list(measured)).reindex(columns=list(MEASURES)).astype(float).round(6)
    recordings = recordings.assign(subject_id=PERSON, task=list(tasks))
    subject = {"subject_id": PERSON, "age_years": person.get("age_years", np.nan), "sex": person.get("sex", None)}
    return model.rows_for(recordings, pd.DataFrame([subject]), known_tasks)


def _six_digits(value: Any) -> Any:
    """A condition as the training table holds it."""
    return float(f"{value:.6g}") if isinstance(value, float) else value

"""The voice model and its baselines trained on one cohort and scored on another, where nothing is learned.

Each fold of subjects of the cohort trained on has its models, as in `folds`. Their log-odds for the fold's held-out
subjects give the score within that cohort, the mean log-odds of all of them for the other cohort the score outside.
What fills in, adjusts, scales and selects comes from the training fold alone; the threshold is a probability of 0.5.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bulbar.cohort import folds as splits
from bulbar.core.names import SYLLABLES
from bulbar.features import audio, conditions, praat, voice_measures
from bulbar.voice import folds, model, people
from bulbar.voice.model import Settings


@dataclass(frozen=True, eq=False)
class MeasuredCohort:
    """What the models see of one cohort.

    recordings: recording_id, subject_id, fold (by subject), label, task, voice measures and recording conditions.
    subjects: subject_id, age_years, sex.
    """

    recordings: pd.DataFrame
    subjects: pd.DataFrame

    def lacks_a_covariate(self, adjust: tuple[people.CovariateName, ...]) -> bool:
        """Whether one of the covariates is known of nobody here."""
        known = people.covariates(self.subjects, adjust).reindex(self.recordings["subject_id"].unique())
        return bool(known.isna().all().any())


def measure_recording(
    path: Path, task: str, low_pass_hz: float | None, measuring: praat.Settings, cleaning: audio.Settings
) -> dict[str, Any]:
    """Voice measures and recording conditions of one released recording, low-passed first.

    Parameters
    ----------
    path : Path
        The released file.
    task : str
        The recording's task.
    low_pass_hz : float or None
        Where the low-pass falls, hertz. None, or where half the recording's own rate lies below the filter's slope:
        the recording is measured as it is.
    measuring, cleaning : Settings
        The blocks `acoustic` and `audio` of params.yaml.

    Returns
    -------
    dict
        By the names of `voice_measures.MEASURES` and of `conditions.Conditions`.
    """
    samples, rate = audio.read(path)
    if low_pass_hz is not None and audio.SLOPE[1] * low_pass_hz < rate / 2:
        samples = np.column_stack([audio.low_pass(channel, rate, low_pass_hz) for channel in samples.T])
    measured = voice_measures.measure(audio.to_mono(samples), rate, measuring, train=task in SYLLABLES)
    return measured | asdict(conditions.measure(path, samples, rate, cleaning))


def within_and_outside(
    own: MeasuredCohort, other: MeasuredCohort, settings: Settings
) -> Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Train on the folds of one cohort, and predict for it out of fold and for the other cohort.

    Parameters
    ----------
    own, other : MeasuredCohort
        The cohort trained on and the cohort tested, of the same tasks.
    settings : Settings
        The `voice` block of params.yaml.

    Returns
    -------
    dict
        Model (`voice`, `voice_unadjusted` where a cohort lacks a covariate, `conditions`) -> its table within and its
        table outside: recording_id, subject_id, fold, label, probability. Outside, the probability is that of the
        mean log-odds of the folds' models; `lowest` and `highest` are the ends of the folds' range, and `fold` is 1.
    """
    fitted = [
        folds.fit_fold(number, own.recordings, own.subjects, settings) for number in splits.numbers(own.recordings)
    ]
    within = [folds.score_fold(fold, own.recordings, own.subjects) for fold in fitted]
    tasks = model.tasks_of(own.recordings)
    rows, made = model.rows_for(other.recordings, other.subjects, tasks), people.rows_of_conditions(other.recordings)
    outside = {
        "voice": [fold.voice.log_odds(rows).to_numpy() for fold in fitted],
        "voice_unadjusted": [fold.unadjusted.log_odds(rows).to_numpy() for fold in fitted],
        "conditions": [fold.conditions.log_odds(made) for fold in fitted],
    }
    if not any(cohort.lacks_a_covariate(settings.adjust) for cohort in (own, other)):
        del outside["voice_unadjusted"]
    return {
        name: (
            pd.concat(tables[name] for tables in within).sort_values("recording_id", ignore_index=True),
            _outside(other.recordings, rows.index, np.array(log_odds)),
        )
        for name, log_odds in outside.items()
    }


def _outside(recordings: pd.DataFrame, subjects: pd.Index, log_odds: np.ndarray) -> pd.DataFrame:
    """The table of a cohort that every fold's model was tested on. log_odds: shape (folds, subjects)."""
    middle, *ends = (
        model.of_recordings(recordings.assign(fold=1), pd.Series(of, index=subjects))
        for of in (log_odds.mean(axis=0), log_odds.min(axis=0), log_odds.max(axis=0))
    )
    lowest, highest = (table["probability"] for table in ends)
    return middle.assign(lowest=lowest, highest=highest).reset_index(drop=True)

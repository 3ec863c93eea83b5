"""The phantom's planted level difference: the audit reports it, and recording conditions alone reach a score."""

from dataclasses import asdict
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import soundfile

from bulbar.audit import recording_conditions
from bulbar.audit.finding import Finding
from bulbar.cohort import folds as splits
from bulbar.features import audio, conditions
from bulbar.phantom import voc_als
from bulbar.scoring import intervals, metrics
from bulbar.voice import fitting, folds, model, people

SETTINGS = voc_als.Settings(
    subjects=45, tasks=("A",), effect=0.0, missingness="none", median_duration_s=1.5, max_epochs=1
)


@cache
def cohort(level_db: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Recordings with folds and conditions, and people, of the phantom without an effect."""
    settings = SETTINGS.model_copy(update={"level_db_patients": level_db})
    subjects = voc_als.cohort(settings, 11)
    cleaning, rows = audio.Settings(min_duration_s=0.5), []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "one.wav"
        for one in subjects:
            samples, _ = voc_als.record(one, "A", 11, settings.recorder_of(one, voc_als.Recorder()))
            soundfile.write(path, samples, 8000, subtype="PCM_16")
            named = {"recording_id": f"{one.subject_id}_A", "subject_id": one.subject_id, "task": "A"}
            made = asdict(conditions.measure(path, *audio.read(path), cleaning))
            rows.append(named | {"label": int(one.label == "ALS")} | made)
    table = pd.DataFrame(rows)
    assigned = splits.assign(table[["recording_id", "subject_id", "label"]], "subject_wise", splits.Settings(), 1)
    known = [{"subject_id": one.subject_id, "age_years": one.age_years, "sex": one.sex} for one in subjects]
    return table.merge(assigned[["recording_id", "fold"]], on="recording_id"), pd.DataFrame(known)


def found_by_the_audit(level_db: float) -> dict[str, Finding]:
    table, subjects = cohort(level_db)
    named = ["recording_id", "subject_id", "label", "fold"]
    guessed = table[named].assign(probability=np.random.default_rng(0).random(len(table)))
    made = table.drop(columns=["label", "fold"])
    found = recording_conditions.probe(made, subjects, table[named], guessed, shuffles=199, draws=500, seed=1)
    return {finding.of: finding for finding in found}


def interval_of_conditions(level_db: float) -> tuple[float, float]:
    """Of the AUC per subject of a regression on recording conditions, split by subject."""
    table, _ = cohort(level_db)
    parts = []
    for number in splits.numbers(table):
        train, tested = table[table["fold"] != number], table[table["fold"] == number]
        rows, made = people.rows_of_conditions(train), people.rows_of_conditions(tested)
        labels = train.groupby("subject_id", sort=True)["label"].first().tolist()
        fitted = fitting.fit(rows, rows[[]], labels, folds.CONDITIONS)
        parts.append(model.of_recordings(tested, pd.Series(fitted.log_odds(made), index=made.index)))
    people_of = metrics.per_subject(pd.concat(parts))
    return intervals.intervals(people_of, draws=500, seed=1)["roc_auc"]


def test_the_audit_reports_the_level_and_conditions_alone_reach_a_score():
    found = found_by_the_audit(8.0)
    assert found["level"].verdict == "sign"
    assert found["level"].low > 0.6
    assert interval_of_conditions(8.0)[0] > 0.5


def test_without_a_planted_level_neither_finds_one():
    assert found_by_the_audit(0.0)["level"].verdict == "clear"
    low, high = interval_of_conditions(0.0)
    assert low < 0.5 < high

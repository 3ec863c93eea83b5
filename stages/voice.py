"""Fit and score the voice model and its baselines under one protocol's folds: one row of measures for each person."""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from bulbar.appraisal.appraiser import of_patients
from bulbar.cohort import folds as splits
from bulbar.core.atomic_write import write_text
from bulbar.core.files import write_json, write_table
from bulbar.core.names import Protocol
from bulbar.features.voice_measures import FAMILIES
from bulbar.scoring import intervals
from bulbar.voice import figures, folds, model
from stages.parts.bootstrap import drawing
from stages.parts.params import settings, study_settings
from stages.parts.places import cohort_in_words, is_synthetic, metrics_file, stage_folder
from stages.parts.run import run
from stages.parts.voice_data import read_recordings, read_subjects
from stages.parts.workers import map_ordered

MODELS = Path("models/voice")
SHUFFLES = 20
"""Exchanges of each group of measures between held-out people."""


def main(protocol: Protocol) -> None:
    """Read data/acoustic/, conditions/, cohort/ and folds/; write data/, models/, metrics/ and plots/ of voice/P."""
    recordings, subjects = read_recordings(protocol), read_subjects()
    wanted, numbers = settings("voice", model.Settings), splits.numbers(recordings)
    fit = partial(folds.fit_fold, recordings=recordings, subjects=subjects, settings=wanted)
    fitted = list(map_ordered(fit, numbers, label=f"voice, {protocol}", total=len(numbers)))
    by_fold = [folds.score_fold(fold, recordings, subjects) for fold in fitted]
    tables = {name: pd.concat(tables[name] for tables in by_fold).sort_values("recording_id") for name in by_fold[0]}

    drawn, positive = drawing(f"voice/{protocol}", "intervals"), study_settings().positive_class
    models = {name: intervals.both_ways(table, **drawn) for name, table in tables.items()}
    content: dict[str, Any] = {
        "synthetic": is_synthetic(),
        "protocol": protocol,
        "biased": protocol == "record_wise",  # a subject's recordings are trained on and tested on
        "models": models,
        "auc_by_tasks": {
            "voice": folds.auc_by_subset(fitted, recordings, subjects),
            "voice_unadjusted": folds.auc_by_subset(fitted, recordings, subjects, adjusted=False),
        },
        "importance": folds.importance(
            fitted, recordings, subjects, FAMILIES, shuffles=SHUFFLES, seed=drawing(f"voice/{protocol}")["seed"]
        ),
        "weights": figures.summary(weights := folds.weights_of_folds(fitted)),
    }
    if wanted.select == "nested":
        content["nested"] = folds.optimism(fitted, tables["voice"])
    write_json(content, metrics_file(f"voice/{protocol}"))
    for name, table in tables.items():
        write_table(of_patients(table, positive), stage_folder("voice") / protocol / f"{name}.csv")
    for fold in fitted:
        write_text(fold.stored().model_dump_json(indent=1), MODELS / protocol / f"fold_{fold.number}.json")
    figures.draw(weights, content["importance"], Path("plots/voice") / protocol, f"{protocol} · {cohort_in_words()}")
    unit = models["voice"]["per_subject"]
    auc = "roc_auc_pooled" if protocol == "record_wise" else "roc_auc"
    low, high = unit["intervals"][auc]
    print(f"{protocol}: voice, AUC per subject {unit[auc]:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    run(main)

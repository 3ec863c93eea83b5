"""Appraise the scores: calibration, operating points, comparisons between models, scores by group.

Scores are always those of ALS: if the positive class is HC, labels and probabilities are inverted.
"""

from pathlib import Path

import pandas as pd

from bulbar.appraisal import comparisons, page
from bulbar.appraisal.appraiser import appraise
from bulbar.core.atomic_write import write_text
from bulbar.core.files import write_json, write_table
from bulbar.core.names import MODELS
from bulbar.voice.model import mean_log_odds
from stages.parts.appraisal import appraiser_of, patients_table
from stages.parts.appraisal_plots import plot
from stages.parts.places import cohort_in_words, is_synthetic, metrics_file, stage_folder, stage_table
from stages.parts.run import run


def main(protocol: str) -> None:
    """Read data/cohort/, fusion/ and baselines/ of protocol P; write metrics, data and plots to appraise/P."""
    subjects, recordings = stage_table("cohort", "subjects.csv"), stage_table("cohort", "recordings.csv")
    found = appraise(read_models(protocol), subjects, recordings, appraiser_of(protocol))

    metrics = {"synthetic": is_synthetic(), "protocol": protocol, **found.metrics()}
    write_json(metrics, metrics_file(f"appraise/{protocol}"))
    long = stage_folder("appraise") / protocol
    for model, people in found.people.items():
        write_table(found.appraiser.by_subject(people).round(6), long / f"{model}.csv")
    write_table(found.compared.round(4), long / "comparisons.csv")
    words = f"{protocol}, {cohort_in_words()}"
    write_text(page.page(found, words), long / "tables.md")
    plot(found, Path("plots/appraise") / protocol, words.replace(", ", " · "))
    print(f"{protocol}: {found.earns_its_place}")


def read_models(protocol: str) -> dict[str, pd.DataFrame]:
    """Out-of-fold tables, label 1 = patient: voice model, models of the selected cell, `published audio`, baselines.

    What does not exist is left out. `voice_audio` is the mean log-odds of voice model and network.
    """
    files = {
        comparisons.VOICE: ("voice", f"{protocol}/voice.csv"),
        **{model: ("fusion", f"{protocol}/selected/{model}.csv") for model in MODELS},
        "published audio": ("fusion", f"{protocol}/published/audio.csv"),
        **{
            name: (stage, f"{protocol}/{name}.csv")
            for name in comparisons.BASELINES
            for stage in ("baselines", "voice")
            if (stage_folder(stage) / protocol / f"{name}.csv").exists()
        },
    }
    models = {name: patients_table(*file) for name, file in files.items() if (stage_folder(file[0]) / file[1]).exists()}
    if comparisons.VOICE in models:
        models[comparisons.VOICE_AND_NETWORK] = mean_log_odds(models[comparisons.VOICE], models[comparisons.NETWORK])
    return models


if __name__ == "__main__":
    run(main)

"""How good the scores are: calibration, operating points, comparisons between models, scores by group.

Everything is about patients: where the positive class is HC, the tables are turned round.
"""

from pathlib import Path

import pandas as pd

from bulbar.appraisal import comparisons, page
from bulbar.appraisal.appraiser import appraise
from bulbar.core.atomic_write import write_text
from bulbar.core.files import write_json, write_table
from bulbar.core.names import MODELS
from stages.parts.appraisal import appraiser_of, patients_table
from stages.parts.appraisal_plots import plot
from stages.parts.places import cohort_in_words, is_synthetic, metrics_file, stage_folder, stage_table
from stages.parts.run import run


def main(protocol: str) -> None:
    """Read data/cohort/, fusion/ and baselines/ of protocol P; write metrics, data and plots of appraise/P."""
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
    """Out-of-fold tables, label 1 = patient: the selected cell's models, `published audio`, each baseline there is."""
    baselines = [
        name for name in comparisons.BASELINES if (stage_folder("baselines") / protocol / f"{name}.csv").exists()
    ]
    files = {
        **{model: ("fusion", f"{protocol}/selected/{model}.csv") for model in MODELS},
        "published audio": ("fusion", f"{protocol}/published/audio.csv"),
        **{name: ("baselines", f"{protocol}/{name}.csv") for name in baselines},
    }
    return {name: patients_table(*file) for name, file in files.items()}


if __name__ == "__main__":
    run(main)

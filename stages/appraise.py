"""What the scores are worth: calibration, operating points, comparisons between models, scores by group.

All speaks of patients: where the positive class is HC, the tables are turned round.
"""

from pathlib import Path

import pandas as pd

from bulbar.appraisal import calibration, comparisons, page
from bulbar.appraisal.appraiser import Appraiser, appraise, of_patients
from bulbar.core.atomic_write import write_text
from bulbar.core.digests import seed_of
from bulbar.core.files import read_json, read_table, write_json, write_table
from bulbar.core.names import MODELS
from bulbar.scoring import intervals
from stages.parts.appraisal_plots import plot
from stages.parts.params import settings, study_settings
from stages.parts.places import cohort_in_words, metrics_file, stage_folder
from stages.parts.run import run


def main(protocol: str, role: str = "main") -> None:
    """Write metrics/appraise/PROTOCOL.json, data/appraise/PROTOCOL/ and plots/appraise/PROTOCOL/."""
    appraiser = Appraiser(
        settings=settings("appraise", calibration.Settings),
        bootstrap=settings("bootstrap", intervals.Settings),
        seed=seed_of(study_settings().seed, f"appraise/{protocol}"),
        cross_fits=protocol == "subject_wise",
    )
    cohort = stage_folder("cohort", role)
    subjects = read_table(cohort / "subjects.csv", subject_id=str)
    recordings = read_table(cohort / "recordings.csv", recording_id=str)
    found = appraise(read_models(protocol, role), subjects, recordings, appraiser)

    synthetic = read_json(cohort / "cohort.json")["synthetic"]
    told = {"synthetic": synthetic, "protocol": protocol, **found.metrics()}
    write_json(told, metrics_file(f"appraise/{protocol}", role))
    long = stage_folder("appraise", role) / protocol
    for model, people in found.people.items():
        write_table(appraiser.by_subject(people).round(6), long / f"{model}.csv")
    write_table(found.compared.round(4), long / "comparisons.csv")
    words = f"{protocol}, {cohort_in_words(role)}"
    write_text(page.page(found, words), long / "tables.md")
    plots = (Path("plots") if role == "main" else Path("plots") / role) / "appraise" / protocol
    plot(found, plots, words.replace(", ", " · "))
    print(f"{protocol}: {found.earns_its_place}")


def read_models(protocol: str, role: str) -> dict[str, pd.DataFrame]:
    """Out-of-fold tables, label 1 = patient: the selected cell's models, `published audio`, each baseline there is."""
    fusion, baselines = stage_folder("fusion", role) / protocol, stage_folder("baselines", role) / protocol
    paths = {
        **{model: fusion / "selected" / f"{model}.csv" for model in MODELS},
        "published audio": fusion / "published" / "audio.csv",
        **{name: path for name in comparisons.BASELINES if (path := baselines / f"{name}.csv").exists()},
    }
    models = {name: read_table(path, recording_id=str, subject_id=str) for name, path in paths.items()}
    positive = study_settings().positive_class
    return {name: of_patients(table, positive) for name, table in models.items()}


if __name__ == "__main__":
    run(main)

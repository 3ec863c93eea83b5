"""Put what a prediction on a new recording needs into one folder: the subject-wise fold models, none fitted again."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from bulbar.appraisal import calibration
from bulbar.appraisal.appraiser import Appraiser, of_patients
from bulbar.cohort import clinical, folds
from bulbar.core.atomic_write import copy_file, write_text
from bulbar.core.digests import seed_of
from bulbar.core.files import read_json, read_table, write_json
from bulbar.deployment.deployed import DEPLOYED_MODELS, Deployed, DeployedModel
from bulbar.deployment.encoding import StoredEncoder
from bulbar.deployment.training_range import CONDITIONS, TrainingData
from bulbar.features import audio, spectrogram
from bulbar.scoring import intervals, metrics
from stages.parts.params import settings, study_settings
from stages.parts.places import metrics_file, stage_folder
from stages.parts.run import run

PROTOCOL: folds.Protocol = "subject_wise"
OUT = Path("models/deployed")


def main(role: str = "main") -> None:
    """Write models/deployed/ (networks and settings.json) and metrics/deployed.json."""
    study, cohort = study_settings(), read_json(stage_folder("cohort", role) / "cohort.json")
    bootstrap = settings("bootstrap", intervals.Settings)
    appraiser = Appraiser(
        settings=settings("appraise", calibration.Settings),
        bootstrap=bootstrap,
        seed=seed_of(study.seed, f"appraise/{PROTOCOL}"),
        cross_fits=True,
    )
    encoders = {"audio": {}, "fused_common": fold_encoders(role)}
    deployed = Deployed(
        source=cohort["source"],
        synthetic=cohort["synthetic"],
        positive_class=study.positive_class,
        networks={int(fold): " at ".join(map(str, cell.values())) for fold, cell in selected_cells(role).items()},
        audio=settings("audio", audio.Settings),
        spectrogram=settings("spectrogram", spectrogram.Settings),
        models={
            name: DeployedModel.of(out_of_fold(name, study.positive_class, role), encoders[name], appraiser)
            for name in DEPLOYED_MODELS
        },
        training=training_data(role, settings("audio", audio.Settings).bandwidth_hz),
        draws=bootstrap.draws,
        level=bootstrap.level,
        seed=appraiser.seed,
    )
    for name in DEPLOYED_MODELS:
        for fold in deployed.folds:
            copy_file(Path("models") / PROTOCOL / name / f"fold_{fold}.keras", OUT / name / f"fold_{fold}.keras")
    written = json.dumps(deployed.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(written + "\n", OUT / "settings.json")  # unrounded: the encoders' bits count
    write_json(deployed.metrics(), metrics_file("deployed", role))
    print(f"{len(deployed.folds)} fold models of {' and '.join(DEPLOYED_MODELS)}, as trained")


def selected_cells(role: str) -> Mapping[str, Mapping[str, str | float]]:
    """Fold -> the cell that it was trained with."""
    return read_json(metrics_file(f"selection/{PROTOCOL}", role))["cells"]


def out_of_fold(model: str, positive_class: str, role: str) -> pd.DataFrame:
    """Each subject's score by the network that did not know the subject; label 1 = patient."""
    path = stage_folder("fusion", role) / PROTOCOL / "selected" / f"{model}.csv"
    table = read_table(path, recording_id=str, subject_id=str)
    return metrics.per_subject(of_patients(table, positive_class))


def fold_encoders(role: str) -> dict[int, StoredEncoder]:
    """Each fold's encoding of the `common` columns, learned again from its training subjects alone, as fusion did."""
    source = stage_folder("clinical", role)
    described = read_json(source / "columns.json")
    kinds = {name: described["all"][name] for name in described["common"]}
    subjects = read_table(source / "subjects.csv", **clinical.dtypes(kinds)).set_index("subject_id")
    typed = clinical.typed(subjects, kinds)
    split = read_table(stage_folder("folds", role) / f"{PROTOCOL}.csv", recording_id=str, subject_id=str)
    encoders = {}
    for fold in folds.numbers(split):
        trained, _, _ = folds.parts(split, fold)
        learned_from = typed.loc[split["subject_id"].iloc[trained].unique()]
        encoders[fold] = StoredEncoder.of(clinical.encoder(kinds, PROTOCOL).fit(learned_from))
    return encoders


def training_data(role: str, low_pass_hz: float | None) -> TrainingData:
    """How the cohort's recordings were made and who its subjects are, in ranges. low_pass_hz: `audio.bandwidth_hz`."""
    contract = read_json(stage_folder("cohort", role) / "cohort.json")["clinical"]
    kinds = {name: contract["all"][name] for name in contract["common"]}
    measured = read_table(stage_folder("conditions", role) / "recordings.csv", recording_id=str, subject_id=str)
    people = read_table(stage_folder("cohort", role) / "subjects.csv", **clinical.dtypes(kinds))
    return TrainingData.of(measured[["task", *CONDITIONS]], people, kinds, low_pass_hz=low_pass_hz)


if __name__ == "__main__":
    run(main)

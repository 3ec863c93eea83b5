"""Collect in one folder what a prediction for a new recording needs: the subject-wise fold models, as trained."""

import json
from pathlib import Path
from typing import Any

from bulbar.cohort import clinical
from bulbar.core.atomic_write import copy_file, write_text
from bulbar.core.files import read_json, write_json
from bulbar.core.names import Protocol
from bulbar.deployment.deployed import DEPLOYED_MODELS, NETWORKS, Deployed, DeployedModel
from bulbar.deployment.encoding import StoredEncoder
from bulbar.deployment.training_range import CONDITIONS, TrainingData
from bulbar.deployment.voice_models import VOICE_MODELS, TaskScore, VoiceFolds, VoiceScores, VoiceSettings
from bulbar.features import audio, praat, spectrogram
from bulbar.scoring import metrics
from bulbar.voice import folds, model
from bulbar.voice.controls import ControlRanges
from stages.parts.appraisal import appraiser_of, patients_table
from stages.parts.clinical_data import learned
from stages.parts.params import settings, study_settings
from stages.parts.places import cohort_contract, metrics_file, stage_table
from stages.parts.run import run
from stages.parts.voice_data import read_recordings, read_subjects

PROTOCOL: Protocol = "subject_wise"
OUT = Path("models/deployed")


def main() -> None:
    """Read models/, data/ and metrics/selection/; write models/deployed/ and metrics/deployed.json.

    Each fold's encoder of the `common` columns is learned again from its training subjects only, as in fusion.
    """
    cohort, appraiser = cohort_contract(), appraiser_of(PROTOCOL)
    known = learned(stage_table("folds", f"{PROTOCOL}.csv"), "common")
    encoders = {"fused_common": {fold: StoredEncoder.of(encoder) for fold, encoder in known.encoders.items()}}
    scores = {name: patients_table("voice", f"{PROTOCOL}/{name}.csv") for name in VOICE_MODELS}
    scores |= {name: patients_table("fusion", f"{PROTOCOL}/selected/{name}.csv") for name in NETWORKS}
    cells = read_json(metrics_file(f"selection/{PROTOCOL}"))["cells"]
    cleaning = settings("audio", audio.Settings)
    deployed = Deployed(
        source=cohort["source"],
        synthetic=cohort["synthetic"],
        positive_class=study_settings().positive_class,
        networks={int(fold): " at ".join(map(str, cell.values())) for fold, cell in cells.items()},
        audio=cleaning,
        spectrogram=settings("spectrogram", spectrogram.Settings),
        models={
            name: DeployedModel.of(metrics.per_subject(scores[name]), encoders.get(name, {}), appraiser)
            for name in DEPLOYED_MODELS
        },
        voice=voice_settings(),
        training=training_data(cohort, cleaning.bandwidth_hz),
        draws=appraiser.bootstrap.draws,
        level=appraiser.bootstrap.level,
        seed=appraiser.seed,
    )
    for name in NETWORKS:
        for fold in deployed.folds:
            copy_file(Path("models") / PROTOCOL / name / f"fold_{fold}.keras", OUT / name / f"fold_{fold}.keras")
    read = {fold: read_json(Path("models/voice") / PROTOCOL / f"fold_{fold}.json") for fold in deployed.folds}
    write_text(VoiceFolds.model_validate({"folds": read}).model_dump_json(), OUT / "voice.json")
    written = json.dumps(deployed.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(written + "\n", OUT / "settings.json")  # not rounded, so that encoders stay equal bit for bit
    write_json(deployed.metrics(), metrics_file("deployed"))
    print(f"Deployed {len(deployed.folds)} fold models of each of {' and '.join(DEPLOYED_MODELS)}, as trained")


def voice_settings() -> VoiceSettings:
    """What a prediction by voice needs beside the fold models: scores with and without tasks, ranges of controls."""
    recordings, subjects = read_recordings(PROTOCOL), read_subjects()
    found = read_json(metrics_file(f"voice/{PROTOCOL}"))
    tasks = model.tasks_of(recordings)
    controls = sorted(set(recordings.loc[recordings["label"] == 0, "subject_id"]))
    scores = {}
    for name in VOICE_MODELS:
        unit, known = found["models"][name]["per_subject"], folds.subsets(tasks)
        low, high = unit["intervals"]["roc_auc"]
        some = tuple(
            TaskScore(name=words, tasks=tuple(known[words]), auc=auc)
            for words, auc in found["auc_by_tasks"][name].items()
        )
        scores[name] = VoiceScores(auc=unit["roc_auc"], low=low, high=high, on_some_tasks=some)
    return VoiceSettings(
        tasks=tuple(tasks),
        measuring=settings("acoustic", praat.Settings),
        scores=scores,
        controls=ControlRanges.of(model.rows_for(recordings, subjects, tasks), subjects, controls),
    )


def training_data(cohort: dict[str, Any], low_pass_hz: float | None) -> TrainingData:
    """The training range: recording conditions and subjects of the cohort. low_pass_hz: `audio.bandwidth_hz`."""
    kinds = {name: cohort["clinical"]["all"][name] for name in cohort["clinical"]["common"]}
    measured = stage_table("conditions", "recordings.csv")
    people = stage_table("cohort", "subjects.csv", dtypes=clinical.dtypes(kinds))
    return TrainingData.of(measured[["task", *CONDITIONS]], people, kinds, low_pass_hz=low_pass_hz)


if __name__ == "__main__":
    run(main)

"""A small run made by hand for the checklists: metrics files by name, cohort, folds."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bulbar.audit.finding import Finding, Verdict
from bulbar.audit.page import metrics as audit_metrics
from bulbar.core.files import write_json
from bulbar.core.names import MODELS, PROTOCOLS
from tests.projects import ROOT, write_csv, write_params
from tests.sweeps import subjects_and_recordings, with_folds

COLUMNS = {"age_years": "numeric", "sex": "categorical", "fvc_percent": "numeric"}


def estimate(value: float | None) -> dict[str, float | None]:
    """A score with its interval, as metrics files have it."""
    ends = (None, None) if value is None else (value - 0.1, value + 0.1)
    return {"value": value, "low": ends[0], "high": ends[1]}


def scored(auc: float) -> dict[str, Any]:
    """Scores per subject and per recording."""
    intervals = {name: [auc - 0.1, auc + 0.1] for name in ("roc_auc", "roc_auc_pooled")}
    scores = {"accuracy": 0.7, "roc_auc": auc, "roc_auc_pooled": auc, "intervals": intervals}
    return {"per_recording": scores, "per_subject": scores}


def _selection(protocol: str) -> dict[str, Any]:
    cell = {"architecture": "S1B", "dropout_rate": 0.3}
    if protocol == "record_wise":
        return {"rule": "highest_fold_accuracy", "cells": {"1": cell, "2": cell}, "reported_fold": 2}
    winner = {
        "architecture": "S2A", "dropout_rate": 0.1, "accuracy_optimistic": 0.712, "accuracy_corrected": 0.634,
        "intervals": {"accuracy": [0.512, 0.741]},
    }  # fmt: skip
    rule = "lowest_validation_log_loss_in_each_fold"
    return {"rule": rule, "cells": {"1": cell, "2": cell}, "reported_fold": None, "pooled_winner": winner}


def _appraise(protocol: str) -> dict[str, Any]:
    own = {"brier": estimate(0.217), "ece": estimate(0.113), "ece_by_chance": 0.091}
    platt = {"brier": estimate(0.203)} if protocol == "subject_wise" else {"absent": "no scaler can be fitted"}
    group = {"patients": 17, "controls": 9, "roc_auc": estimate(0.643)}
    few = {"patients": "<5", "controls": 6, "roc_auc": estimate(None)}
    return {
        "calibration": {"audio": {"base_rate_brier": 0.222, "uncalibrated": own, "platt": platt}},
        "operating_points": {
            "audio": {"threshold_0.5": {"sensitivity": estimate(0.812), "specificity": estimate(0.531)}}
        },
        "earns_its_place": "The network has not earned its place.",
        "groups": {"audio": {"sex": {"F": few, "M": group}, "age": {"under 50": group}}},
    }


def finding(probe: str, of: str, verdict: Verdict, sentence: str) -> Finding:
    """A row of the audit."""
    return Finding(probe, of, "AUC", 0.9, verdict, sentence, 0.8, 1.0, 0.001)


def metrics(*, synthetic: bool = True) -> dict[str, Any]:
    """Every metrics file that the checklists read, by the name in which it lies below metrics/."""
    alone: dict[str, Any] = {
        "ingest": {
            "source": "voc_als", "synthetic": synthetic, "subjects": 45, "patients": 30, "controls": 15,
            "tasks": "A PA", "recordings": 90, "expected_recordings": 97, "missing_recordings": 7,
            "quarantined_recordings": 3, "quarantined_subjects": "<5", "hours": 0.357,
        },
        "clinical": {"clinical_columns": {"all": 3, "common": 2}, "features": {"all": 4, "common": 3}},
        "audio": {"recordings": 90, "mean_source_duration_s": 14.28, "mean_duration_s": 13.74},
        "acoustic": {"compared_with": "the release's own values"},
        "evaluate": {"synthetic": synthetic},
        "audit": {
            "findings": audit_metrics(
                [
                    finding("missingness", "clinical all", "leak", "Empty cells alone tell the label."),
                    finding("duplicates", "recordings", "clear", "No recording lies there twice."),
                ]
            )
        },
    }  # fmt: skip
    for protocol in PROTOCOLS:
        alone[f"selection/{protocol}"] = _selection(protocol)
        alone[f"fusion/{protocol}"] = {"selected": {model: scored(0.618) for model in MODELS}}
        alone[f"baselines/{protocol}"] = {"synthetic": synthetic, "majority": scored(0.5), "age_sex": scored(0.571)}
        alone[f"appraise/{protocol}"] = _appraise(protocol)
        alone[f"spread/{protocol}"] = {"sentence": f"S1B at dropout 0.3 on 1 split from 1 start, {protocol}."}
    return alone


def cohort() -> tuple[pd.DataFrame, pd.DataFrame]:
    """45 subjects, two patients for each control, with two recordings each; three women among the controls."""
    rows = subjects_and_recordings()
    subjects = rows.drop_duplicates("subject_id")[["subject_id", "label"]].reset_index(drop=True)
    subjects["label"] = np.where(subjects["label"] == 1, "ALS", "HC")
    place = subjects.groupby("label").cumcount()
    subjects["sex"] = np.where((subjects["label"] == "HC") & (place < 3) | (place >= 20), "F", "M")
    subjects["age_years"] = 50.0 + place
    subjects["fvc_percent"] = np.where(subjects["label"] == "ALS", 88.0, np.nan)
    recordings = rows[["recording_id", "subject_id"]].assign(
        task=rows["recording_id"].str.split("_").str[1], duration_s=13.0
    )
    return subjects, recordings


def write_run(root: Path, *, synthetic: bool = True) -> None:
    """The files of such a run, below `root`."""
    write_params(root)
    shutil.copy(ROOT / "requirements.txt", root / "requirements.txt")
    subjects, recordings = cohort()
    write_csv(root / "data/cohort/subjects.csv", subjects)
    write_csv(root / "data/cohort/recordings.csv", recordings)
    clinical = {"all": COLUMNS, "common": ["age_years", "sex"]}
    described = {"source": "voc_als", "synthetic": synthetic, "clinical": clinical}
    write_json(described, root / "data/cohort/cohort.json")
    for protocol in PROTOCOLS:
        write_csv(root / f"data/folds/{protocol}.csv", with_folds(subjects_and_recordings(), protocol))
    for name, content in metrics(synthetic=synthetic).items():
        write_json(content, root / f"metrics/{name}.json")

"""What the voice model reads: recordings with measures, conditions and folds, and the people."""

import pandas as pd

from stages.parts.params import study_settings
from stages.parts.places import stage_table


def read_recordings(protocol: str, role: str = "main") -> pd.DataFrame:
    """One row per recording: fold, label (1 = patient), task, voice measures and how it was made."""
    folds = stage_table("folds", f"{protocol}.csv", role)[["recording_id", "subject_id", "label", "fold"]]
    if study_settings().positive_class == "HC":
        folds["label"] = 1 - folds["label"]
    measures = stage_table("acoustic", "features.csv", role).drop(columns="subject_id")
    made = stage_table("conditions", "recordings.csv", role).drop(columns=["subject_id", "task"])
    rows = folds.merge(measures, on="recording_id", validate="1:1").merge(made, on="recording_id", validate="1:1")
    return rows.sort_values("recording_id", ignore_index=True)


def read_subjects(role: str = "main") -> pd.DataFrame:
    """Age and sex of each subject."""
    return stage_table("cohort", "subjects.csv", role)[["subject_id", "age_years", "sex"]]

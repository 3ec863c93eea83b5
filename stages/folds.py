"""Split the cleaned recordings into folds, each with a training, validation and test part, for each protocol."""

import pandas as pd

from bulbar.cohort import folds
from bulbar.core.errors import BadInput
from bulbar.core.files import write_table
from bulbar.core.names import PROTOCOLS
from stages.parts.params import settings, study_settings
from stages.parts.places import stage_folder, stage_table
from stages.parts.run import run


def main(role: str = "main") -> None:
    """Read data/cohort/ and data/audio/; write one table per protocol to data/folds/.

    If a second cohort is too small for the folds, its tables are empty.
    """
    splitting = settings("folds", folds.Settings)
    subjects = stage_table("cohort", "subjects.csv", role)[["subject_id", "label"]]
    recordings = stage_table("audio", "recordings.csv", role).merge(subjects, on="subject_id")
    study = study_settings()
    recordings["label"] = (recordings["label"] == study.positive_class).astype(int)
    recordings = recordings.sort_values("recording_id")
    try:
        tables = [folds.assign(recordings, protocol, splitting, study.seed, study.classes) for protocol in PROTOCOLS]
    except BadInput as error:
        if role == "main":
            raise
        # The study works without a second cohort, so one that is too small is left out of the comparison.
        tables = [pd.DataFrame(columns=["recording_id", "subject_id", "label", "fold"]) for _ in PROTOCOLS]
        recordings = recordings[:0]
        print(f"The {role} cohort is left out.\n{error}")
    for protocol, table in zip(PROTOCOLS, tables, strict=True):
        write_table(table, stage_folder("folds", role) / f"{protocol}.csv")
    print(
        f"{splitting.n_splits} folds of {len(recordings)} recordings, {recordings['subject_id'].nunique()} subjects:"
        f" {' and '.join(PROTOCOLS)}"
    )


if __name__ == "__main__":
    run(main)

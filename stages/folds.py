"""Say who is trained, watched and tested on what, per protocol, over the recordings that came through."""

from bulbar import folds
from stages.io import read_table, room, run, settings, study_settings, write_table


def main(role: str = "main") -> None:
    """Write data/folds/record_wise.csv and subject_wise.csv."""
    splitting = settings("folds", folds.Settings)
    subjects = read_table(room("cohort", role) / "subjects.csv")[["subject_id", "label"]]
    recordings = read_table(room("audio", role) / "recordings.csv").merge(subjects, on="subject_id")
    study = study_settings()
    recordings["label"] = (recordings["label"] == study.positive_class).astype(int)
    recordings = recordings.sort_values("recording_id")
    for protocol in folds.PROTOCOLS:
        write_table(folds.assign(recordings, protocol, splitting, study.seed), room("folds", role) / f"{protocol}.csv")
    print(
        f"{splitting.n_splits} folds of {len(recordings)} recordings, {recordings['subject_id'].nunique()} subjects:"
        f" {' and '.join(folds.PROTOCOLS)}"
    )


if __name__ == "__main__":
    run(main)

"""Say which recordings are trained on, watched and tested on, once per protocol, and what is to be told apart."""

from typing import Any

from bulbar.cohort import split
from bulbar.core.files import read_json, read_table, write_json, write_table
from bulbar.core.names import PROTOCOLS
from stages.parts.params import settings, study_seed
from stages.parts.places import metrics_file, stage_folder
from stages.parts.run import run


def main(role: str = "main") -> None:
    """Write data/split/: record_wise.csv, subject_wise.csv and classes.json; and metrics/split.json."""
    splitting = settings("split", split.Settings)
    split.check_bands(splitting, read_json(stage_folder("cohort", role) / "cohort.json")["source"])
    subjects = read_table(stage_folder("cohort", role) / "subjects.csv", subject_id=str)
    recordings = read_table(stage_folder("audio", role) / "recordings.csv", recording_id=str, subject_id=str)
    labelled = recordings.merge(split.labels(subjects, splitting).reset_index(), on="subject_id")
    labelled = labelled.sort_values("recording_id")
    seed, out = study_seed(), stage_folder("split", role)
    tables = {protocol: split.assign(labelled, protocol, splitting, seed) for protocol in PROTOCOLS}
    for protocol, table in tables.items():
        write_table(table, out / f"{protocol}.csv")
    write_json({"target": splitting.target, "classes": list(splitting.classes)}, out / "classes.json")
    counts: dict[str, Any] = {"without_a_label": len(recordings) - len(labelled)}
    counts |= {protocol: split.sizes(table, splitting.classes) for protocol, table in tables.items()}
    write_json(counts, metrics_file("split", role))
    print(
        f"{len(labelled)} recordings of {labelled['subject_id'].nunique()} speakers: {' and '.join(splitting.classes)};"
        f" {len(recordings) - len(labelled)} without a label left out"
    )


if __name__ == "__main__":
    run(main)

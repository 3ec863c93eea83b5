"""Choose the recordings to train on, to validate on and to test on, once per protocol, and the classes."""

from typing import Any

from bulbar.cohort import split
from bulbar.core.files import write_json, write_table
from bulbar.core.names import PROTOCOLS
from stages.parts.params import settings, study_seed
from stages.parts.places import cohort_contract, metrics_file, stage_folder, stage_table
from stages.parts.run import run


def main() -> None:
    """Read data/audio/ and data/cohort/; write tables and classes.json of data/split/, and metrics/split.json."""
    splitting = settings("split", split.Settings)
    split.check_bands(splitting, cohort_contract()["source"])
    subjects = stage_table("cohort", "subjects.csv")
    recordings = stage_table("audio", "recordings.csv")
    labelled = recordings.merge(split.labels(subjects, splitting).reset_index(), on="subject_id")
    labelled = labelled.sort_values("recording_id")
    seed, out = study_seed(), stage_folder("split")
    tables = {protocol: split.assign(labelled, protocol, splitting, seed) for protocol in PROTOCOLS}
    for protocol, table in tables.items():
        write_table(table, out / f"{protocol}.csv")
    write_json({"target": splitting.target, "classes": list(splitting.classes)}, out / "classes.json")
    counts: dict[str, Any] = {"without_a_label": len(recordings) - len(labelled)}
    counts |= {protocol: split.sizes(table, splitting.classes) for protocol, table in tables.items()}
    write_json(counts, metrics_file("split"))
    print(
        f"{len(labelled)} recordings of {labelled['subject_id'].nunique()} speakers: {' and '.join(splitting.classes)};"
        f" {len(recordings) - len(labelled)} without a label left out"
    )


if __name__ == "__main__":
    run(main)

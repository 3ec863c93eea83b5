"""Measure what each clip's voice carries beside its pitch: formants and mean mel cepstral coefficients."""

from functools import partial
from pathlib import Path

import pandas as pd

from bulbar.cohort import readers
from bulbar.core.files import count_rows, read_rows, write_table
from bulbar.features import voice_measures
from stages.parts.params import settings
from stages.parts.places import stage_folder
from stages.parts.run import run
from stages.parts.workers import map_ordered


def main() -> None:
    """Read data/cohort/ and its release; write data/timbre/features.csv."""
    root = Path(settings("cohort", readers.Settings).root).resolve()
    recordings = stage_folder("cohort") / "recordings.csv"
    total = count_rows(recordings)
    rows = map_ordered(partial(measure_one, root=root), read_rows(recordings), label="timbre", total=total)
    write_table(pd.DataFrame(list(rows)).round(6), stage_folder("timbre") / "features.csv")
    print(f"formants and mean MFCCs of {total} recordings")


def measure_one(row: dict[str, str], root: Path) -> dict[str, str | float]:
    """The row of features.csv of one row of recordings.csv."""
    named = {key: row[key] for key in ("recording_id", "subject_id", "task")}
    return named | voice_measures.timbre_file(root / row["path"], row["task"])


if __name__ == "__main__":
    run(main)

"""Measure the classic voice features of every recording as released, and compare them with the release's own."""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from bulbar.cohort import readers
from bulbar.core import disclosure
from bulbar.core.files import count_rows, read_rows, read_table, write_json, write_table
from bulbar.core.names import SYLLABLES
from bulbar.features import praat, voice_measures
from stages.parts.params import settings
from stages.parts.places import is_synthetic, metrics_file, stage_folder
from stages.parts.run import run
from stages.parts.workers import map_ordered


def main() -> None:
    """Read data/cohort/ and its release; write data/acoustic/features.csv and metrics/acoustic.json."""
    release = settings("cohort", readers.Settings)
    measuring = settings("acoustic", praat.Settings)
    measure = partial(measure_one, root=Path(release.root).resolve(), measuring=measuring)
    recordings, released = (stage_folder("cohort") / f"{name}.csv" for name in ("recordings", "acoustic"))
    total = count_rows(recordings)
    rows = map_ordered(measure, read_rows(recordings), label="voice features", total=total)
    features = pd.DataFrame(list(rows)).round(6)
    write_table(features, stage_folder("acoustic") / "features.csv")
    compared = praat.agreement(features, read_table(released, subject_id=str)) if released.exists() else None
    write_json(metrics(features, compared, synthetic=is_synthetic()), metrics_file("acoustic"))
    beside = "nothing of the release's to compare with" if compared is None else f"{len(compared)} columns compared"
    print(f"{in_words(measuring)} of {total} recordings, {beside}")


def measure_one(row: dict[str, str], root: Path, measuring: praat.Settings) -> dict[str, Any]:
    """The row of features.csv of one row of recordings.csv."""
    named = {key: row[key] for key in ("recording_id", "subject_id", "task")}
    measure_file = praat.measure_file if has_subset(measuring) else voice_measures.measure_file
    return named | measure_file(root / row["path"], row["task"], measuring)


def has_subset(measuring: praat.Settings) -> bool:
    """Whether params.yaml names the measures it wants: then no time is spent on another."""
    return "measures" in measuring.model_fields_set


def in_words(measuring: praat.Settings) -> str:
    """What was measured, for the stage's line."""
    measures = measuring.measures if has_subset(measuring) else tuple(voice_measures.MEASURES)
    return measures[0] if len(measures) == 1 else f"{len(measures)} voice features"


def metrics(features: pd.DataFrame, compared: pd.DataFrame | None, *, synthetic: bool) -> dict[str, Any]:
    """What metrics/acoustic.json holds: how often a feature is undefined, and the comparison; counts as `shown`.

    compared: from `praat.agreement`; None where the release has no such values.
    """
    trains = features[features["task"].isin(SYLLABLES)]
    of_task = features["task"].value_counts()
    undefined = {
        name: (trains if name in praat.TRAIN_MEASURES else features)[name].isna()
        for name in praat.MEASURES
        if name in features
    }
    content: dict[str, Any] = {
        "synthetic": synthetic,
        "recordings": len(features),
        "syllable_trains": len(trains),
        "undefined_in": {name: disclosure.shown(int(cells.sum()), len(cells)) for name, cells in undefined.items()},
    }
    if compared is None:
        return content | {"compared_with": "nothing: the reader finds no acoustic values in the release"}
    truth = "the generated truth, known to the synthesiser: no measurement of another's"
    kinds = compared["task"].isin(SYLLABLES).map({True: "trains", False: "vowels"})
    by_kind = compared.groupby([compared["measure"], kinds], sort=False)
    return content | {
        "compared_with": truth if synthetic else "the release's own values",
        "median_over_columns": {
            name: {
                kind: {"columns": len(columns), **columns[list(praat.AGREEMENT)].median().to_dict()}
                for (measure, kind), columns in by_kind
                if measure == name
            }
            for name in praat.VOICE_MEASURES
            if name in features
        },
        "columns": {
            row["column"]: {
                "n": disclosure.shown(row["n"], int(of_task[row["task"]])),
                **{name: row[name] for name in praat.AGREEMENT},
            }
            for row in compared.to_dict("records")
        },
    }


if __name__ == "__main__":
    run(main)

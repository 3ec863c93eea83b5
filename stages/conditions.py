"""Measure the recording conditions of every released file, and find recordings that occur under two names."""

import dataclasses
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bulbar.cohort import readers
from bulbar.core.errors import Problem, SilentRecording
from bulbar.core.files import count_rows, read_rows, rows_writer
from bulbar.features import audio, conditions, near_duplicates
from stages.parts.params import settings
from stages.parts.places import stage_folder
from stages.parts.run import run
from stages.parts.workers import map_ordered, without_problems

WHOSE = ["recording_id", "subject_id", "task"]
MEASURED = [field.name for field in dataclasses.fields(conditions.Conditions)]


def main() -> None:
    """Read data/cohort/ and the unchanged release; write recordings.csv and duplicates.csv of data/conditions/."""
    release = settings("cohort", readers.Settings)
    recordings, out, root = (
        stage_folder("cohort") / "recordings.csv",
        stage_folder("conditions"),
        release.root.resolve(),
    )
    total = count_rows(recordings)
    measure = partial(measure_one, root=root, cleaning=settings("audio", audio.Settings))
    measured = map_ordered(measure, read_rows(recordings), label="conditions", total=total)
    rows, fingerprints = zip(*without_problems(measured), strict=True)
    with rows_writer(out / "recordings.csv", WHOSE + MEASURED) as table:
        table.writerows(rows)
    pairs = find_pairs(fingerprints, [root / row["path"] for row in read_rows(recordings)])
    with rows_writer(out / "duplicates.csv", ["first", "second", "kind", "correlation", "lag_s"]) as table:
        for pair, kind in pairs:
            named = {"first": rows[pair.first]["recording_id"], "second": rows[pair.second]["recording_id"]}
            table.writerow({**named, "kind": kind, "correlation": f"{pair.score:.4f}", "lag_s": f"{pair.lag_s:.4f}"})
    exact = sum(kind == "exact" for _, kind in pairs)
    print(f"{total} released recordings measured; pairs of duplicates: {exact} exact, {len(pairs) - exact} near")


def measure_one(
    row: dict[str, str], root: Path, cleaning: audio.Settings
) -> tuple[dict[str, str], near_duplicates.Fingerprint] | Problem:
    """Row and fingerprint of a recording, which is read once; a silent recording is a problem."""
    path = root / row["path"]
    samples, rate = audio.read(path)
    try:
        found = conditions.measure(path, samples, rate, cleaning)
    except SilentRecording as error:
        return Problem(
            where=str(path),
            expected="a recording that contains sound",
            found=str(error),
            remedy="replace the file, or set cohort.on_bad_recording to quarantine",
        )
    measured = {name: in_cell(value) for name, value in dataclasses.asdict(found).items()}
    return {**{name: row[name] for name in WHOSE}, **measured}, near_duplicates.fingerprint(samples, rate)


def in_cell(value: str | float) -> str:
    """A value as text for the table: six digits, empty if it could not be measured."""
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.6g}"


def find_pairs(
    fingerprints: Sequence[near_duplicates.Fingerprint], paths: Sequence[Path]
) -> list[tuple[near_duplicates.NearDuplicates, near_duplicates.Likeness]]:
    """All pairs of duplicates with their kind, in the order of the recordings. Only candidates are read again."""
    exact = {(pair.first, pair.second): pair for pair in near_duplicates.exact_pairs(fingerprints)}
    likely = [pair for pair in near_duplicates.candidates(fingerprints) if (pair.first, pair.second) not in exact]
    compared = map_ordered(partial(compare_one, paths=paths), likely, label="duplicates", total=len(likely))
    near = {(pair.first, pair.second): pair for pair in compared if pair.score >= near_duplicates.NEAR}
    return [(pair, "exact" if places in exact else "near") for places, pair in sorted({**exact, **near}.items())]


def compare_one(pair: near_duplicates.NearDuplicates, paths: Sequence[Path]) -> near_duplicates.NearDuplicates:
    """The pair with the correlation of its waveforms as score, and the lag to a fraction of a sample."""
    first, second = (near_duplicates.low_rate(*audio.read(paths[place])) for place in (pair.first, pair.second))
    correlation, lag_s = near_duplicates.compare(first, second, pair.lag_s)
    return dataclasses.replace(pair, score=correlation, lag_s=lag_s)


if __name__ == "__main__":
    run(main)

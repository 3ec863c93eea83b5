"""Read a release, check all of it, and write it in the common format that every later stage reads.

If params.yaml has a block `subset`, as in gender/, a subset is drawn first and only this subset is checked. The cohort
must then have both sexes, otherwise both labels.
"""

import hashlib
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from bulbar.cohort import check, readers, subset
from bulbar.core import disclosure
from bulbar.core.errors import printable
from bulbar.core.files import write_json, write_table
from bulbar.features import audio, inspection
from stages.parts.params import params, settings, study_seed
from stages.parts.places import cohort_block, metrics_file, stage_folder
from stages.parts.run import run
from stages.parts.workers import map_ordered


def main(role: str = "main") -> None:
    """Read the release of the params block `cohort`, or `ROLE.cohort`; write data/cohort/ and metrics/ingest.json."""
    chosen = settings(cohort_block(role), readers.Settings)
    by: check.By = "sex" if "subset" in params() else "label"
    if by == "sex":
        release = readers.read(chosen, settings("subset", subset.Settings), study_seed())
    else:
        release = readers.read(chosen)
    inspect = partial(inspection.inspect, root=chosen.root.resolve(), settings=settings("audio", audio.Settings))
    paths = [file.path for file in release.files]
    found = list(map_ordered(inspect, paths, label="recordings checked", total=len(paths)))
    cohort = check.cohort_of(
        release,
        found,
        quarantine=chosen.on_bad_recording == "quarantine",
        duplicates=chosen.duplicates,
        by=by,
        block=cohort_block(role),
    )

    out = stage_folder("cohort", role)
    shutil.rmtree(out, ignore_errors=True)
    for name in ("recordings", "subjects", "quarantine", "acoustic"):
        if (table := getattr(cohort, name)) is not None:
            write_table(table, out / f"{name}.csv")
    write_json(release.contract(), out / "cohort.json")
    counts = check.summary(release, cohort, by) | {"digest": digest(out / "recordings.csv", out / "subjects.csv")}
    write_json(counts_in_metrics(counts), metrics_file("ingest", role))
    if by == "sex":
        write_table(pd.DataFrame({"path": release.missing}), out / "missing_clips.csv")
        write_json(choice_in_metrics(release.choice), metrics_file("subset", role))
    missing = counts.get("missing_recordings", release.choice.get("missing_clips", 0))
    print(
        f"{'synthetic ' if release.synthetic else ''}{release.source}: {counts['subjects']} subjects"
        f" ({in_classes(counts)}), {counts['recordings']} recordings"
        f" ({missing} missing, {counts['quarantined_recordings']} in quarantine{of_duplicates(counts)}),"
        f" {counts['hours']:.2f} h, unused columns: {printable(', '.join(release.unused_columns)) or 'none'}"
    )


def of_duplicates(counts: dict[str, Any]) -> str:
    """What happened to recordings with the same samples, if there are any."""
    left_out, kept = counts["quarantined_duplicates"], counts["kept_duplicates"]
    of_left_out = f", {left_out} of them with the same samples as another recording" if left_out else ""
    return of_left_out + (f", {kept} kept with the same samples as another recording" if kept else "")


def digest(*tables: Path) -> str:
    """16 digits of the SHA-256 of the tables of recordings, which contain each file's digest, and of subjects."""
    return hashlib.sha256(b"".join(table.read_bytes() for table in tables)).hexdigest()[:16]


def in_classes(counts: dict[str, Any]) -> str:
    """The number of subjects of each class, in words."""
    if "patients" in counts:
        return f"{counts['patients']} ALS, {counts['controls']} HC"
    return f"{counts['male_speakers']} men, {counts['female_speakers']} women"


def counts_in_metrics(counts: dict[str, Any]) -> dict[str, Any]:
    """Counts of a cohort for metrics; small numbers of people, of a class or in quarantine, are hidden."""
    classes = ("patients", "controls") if "patients" in counts else ("male_speakers", "female_speakers")
    shown = disclosure.shown_apart([counts[name] for name in classes], counts["subjects"])
    few = counts["quarantined_subjects"]
    return counts | dict(zip(classes, shown, strict=True)) | {"quarantined_subjects": few and disclosure.shown(few)}


def choice_in_metrics(choice: dict[str, Any]) -> dict[str, Any]:
    """Counts of each step of drawing the subset; genders stated by few people are hidden.

    More counts are hidden where the total, which the steps state, would reveal them.
    """
    if "left_out_by_gender" not in choice:
        return choice
    others, two = choice["left_out_by_gender"], choice["speakers_of_two_genders"]
    shown = disclosure.shown_apart(list(others.values()), sum(others.values()))
    return choice | {
        "left_out_by_gender": dict(zip(others, shown, strict=True)),
        "speakers_of_two_genders": two and disclosure.shown(two),
    }


if __name__ == "__main__":
    run(main)

"""Read a release, check all of it, and write the one contract that every later stage reads."""

import shutil
from functools import partial

from bulbar import cohort, compute
from bulbar.cohort import check, wav
from stages.io import metrics_file, room, run, settings, write_json, write_table


def main(role: str = "main") -> None:
    """Read the release of params block `cohort` (or of the block named like `role`); write its cohort room."""
    chosen = settings("cohort" if role == "main" else role, cohort.Settings)
    recording = settings("audio", cohort.RecordingSettings)
    workers = settings("compute", compute.Settings).n_workers

    release = cohort.READERS[chosen.source](chosen.root)
    inspect = partial(wav.inspect, root=chosen.root.resolve(), min_duration_s=recording.min_duration_s)
    paths = [file.path for file in release.files]
    found = list(compute.map_ordered(inspect, paths, label="recordings checked", total=len(paths), workers=workers))
    kept = check.cohort_of(release, found, quarantine=chosen.on_bad_recording == "quarantine")

    out = room("cohort", role)
    shutil.rmtree(out, ignore_errors=True)
    write_table(kept.recordings, out / "recordings.csv")
    write_table(kept.subjects, out / "subjects.csv")
    write_table(kept.quarantine, out / "quarantine.csv")
    if kept.acoustic is not None:
        write_table(kept.acoustic, out / "acoustic.csv")
    write_json(release.contract(), out / "cohort.json")
    counts = check.summary(release, kept)
    write_json(counts, metrics_file("ingest", role))
    print(
        f"{'synthetic ' if release.synthetic else ''}{release.source}: {counts['subjects']} subjects"
        f" ({counts['patients']} ALS, {counts['controls']} HC), {counts['recordings']} recordings"
        f" ({counts['missing_recordings']} missing, {counts['quarantined_recordings']} set aside),"
        f" {counts['hours']:.2f} h, columns not used: {', '.join(release.unused_columns) or 'none'}"
    )


if __name__ == "__main__":
    run(main)

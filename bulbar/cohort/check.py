"""Recordings against rows, and recordings against each other: everything wrong with a release at once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bulbar.cohort.recording import Inspection
from bulbar.cohort.release import LABELS, SEXES, Fault, RecordingFile, Release
from bulbar.core.errors import BadInput, Problem, printable

RECORDING_COLUMNS = [
    *("recording_id", "subject_id", "task", "path"),
    *("sample_rate_hz", "channels", "duration_s", "sha256"),
]

_NAMED = 5  # of the recordings that are the same as one

Duplicates = Literal["fail", "quarantine", "keep"]
"""What happens to recordings with the same samples: they stop the run, are left out, or stay."""

By = Literal["label", "sex"]
CLASSES: dict[By, tuple[str, ...]] = {"label": LABELS, "sex": SEXES}
"""The classes of a cohort: the column of its subjects, and the two values that both must occur."""


@dataclass(frozen=True)
class Cohort:
    """What of a release goes on: its recordings, the subjects they belong to, and what is quarantined.

    recordings: recording_id, subject_id, task, path, sample_rate_hz, channels, duration_s, sha256; sorted.
    subjects, acoustic: sorted by subject_id. quarantine: file, subject_id, expected, found, remedy.
    duplicates_quarantined: of quarantined_recordings, those left out because another one has the same samples.
    duplicates_kept: of `recordings`, those with the same samples as another of them.
    """

    recordings: pd.DataFrame
    subjects: pd.DataFrame
    acoustic: pd.DataFrame | None
    quarantine: pd.DataFrame
    quarantined_recordings: int
    quarantined_subjects: int
    duplicates_quarantined: int
    duplicates_kept: int


def faults_of(release: Release, inspections: Sequence[Inspection]) -> list[Fault]:
    """Every fault of single files and rows: the reader's, the recordings' own, and those of files without a row.

    inspections: one for each of release.files, in that order. Where the workbook cannot be read, files are not
    compared with rows. Recordings with the same samples are not among them: `equal_recordings`.
    """
    faults = list(release.faults)
    for file, found in zip(release.files, inspections, strict=True):
        faults += [Fault(problem, file.subject_id, file.path) for problem in found.problems]
    if not release.structural:
        faults += _without_partner(release)
    return faults


def equal_recordings(files: Sequence[RecordingFile], inspections: Sequence[Inspection]) -> list[list[RecordingFile]]:
    """Each set of two or more recordings with the same samples, in the order of the files.

    inspections: one for each of the files. Bad recordings are in no set: all-zero files are equal.
    """
    by_digest = defaultdict(list)
    for file, found in zip(files, inspections, strict=True):
        if not found.problems:
            by_digest[found.samples_digest].append(file)
    return [same for same in by_digest.values() if len(same) > 1]


def cohort_of(
    release: Release,
    inspections: Sequence[Inspection],
    *,
    quarantine: bool,
    duplicates: Duplicates = "fail",
    by: By = "label",
    block: str = "cohort",
) -> Cohort:
    """The cohort that a release makes.

    quarantine: leave bad files out, and the whole subject where its row is bad; else any fault is an error.
    duplicates: what happens to recordings with the same samples. Where they stand under two subjects or two tasks, some
    of these names are wrong and no one knows which: `quarantine` leaves out the whole set. Under one subject and
    task, as with clips of Common Voice, they do not contradict each other: it keeps the first.
    by: the classes; subjects of both classes must be left. block: of params.yaml, for the messages.
    Raises BadInput with every problem: structural ones always, any fault unless `quarantine`, a problem for each set of
    equal recordings where `duplicates` is `fail`.
    """
    faults = faults_of(release, inspections)
    equal = equal_recordings(release.files, inspections)
    problems = list(release.structural)
    if not release.files:
        unknown = [fault for fault in faults if _of_no_subject(fault)]
        problems.append(_no_recordings(release, unknown))
        faults = faults if release.choice else [fault for fault in faults if not _of_no_subject(fault)]
    of_faults = [fault.problem for fault in faults] if problems or not quarantine else []
    of_equal = [_one_set(same, block) for same in equal] if duplicates == "fail" else []
    if problems or of_faults or of_equal:
        raise BadInput(problems + of_faults + of_equal)

    left_out = [fault for same in equal for fault in _left_out(same)] if duplicates == "quarantine" else []
    faults = faults + left_out
    bad_paths = {fault.path for fault in faults if fault.path is not None}
    bad_subjects = {fault.subject_id for fault in faults if fault.path is None}
    recordings = []
    for file, found in zip(release.files, inspections, strict=True):
        if file.path in bad_paths:
            continue
        if file.subject_id in bad_subjects:
            faults.append(_with_its_subject(file))
        else:
            recordings.append((file, found))
    ids = set(release.subjects["subject_id"]) - bad_subjects - {""}
    left = {file.subject_id for file, _ in recordings}
    faults += [_nothing_left(subject_id) for subject_id in sorted(ids - left)]
    subjects = _rows(release.subjects, left)
    _require_both_classes(subjects, faults, by)
    paths = {file.path for file, _ in recordings}

    def staying(same: Sequence[RecordingFile]) -> int:
        return sum(file.path in paths for file in same)

    return Cohort(
        recordings=_recordings_table(recordings),
        subjects=subjects,
        acoustic=None if release.acoustic is None else _rows(release.acoustic, left),
        quarantine=_quarantine_table(faults),
        quarantined_recordings=len({fault.path for fault in faults if fault.path is not None}),
        quarantined_subjects=release.subjects["subject_id"].nunique() - len(subjects),
        duplicates_quarantined=len(left_out),
        duplicates_kept=sum(count for count in map(staying, equal) if count > 1),
    )


def summary(release: Release, cohort: Cohort, by: By = "label") -> dict[str, str | int | float]:
    """What a cohort holds, as totals: it reveals no subject."""
    return {
        "source": release.source,
        "synthetic": release.synthetic,
        "subjects": len(cohort.subjects),
        **(_of_labels(release, cohort) if by == "label" else _of_sexes(cohort)),
        "quarantined_recordings": cohort.quarantined_recordings,
        "quarantined_duplicates": cohort.duplicates_quarantined,
        "kept_duplicates": cohort.duplicates_kept,
        "quarantined_subjects": cohort.quarantined_subjects,
        "hours": float(cohort.recordings["duration_s"].sum() / 3600),
        "sample_rates_hz": " ".join(str(rate) for rate in sorted(cohort.recordings["sample_rate_hz"].unique())),
        "unused_columns": len(release.unused_columns),
    }


def _of_labels(release: Release, cohort: Cohort) -> dict[str, str | int | float]:
    patients = int((cohort.subjects["label"] == "ALS").sum())
    kept = set(cohort.subjects["subject_id"])
    expected = len(kept) * len(release.tasks)
    return {
        "patients": patients,
        "controls": len(cohort.subjects) - patients,
        "tasks": " ".join(release.tasks),
        "recordings": len(cohort.recordings),
        "expected_recordings": expected,
        "missing_recordings": expected - sum(file.subject_id in kept for file in release.files),
    }


def _of_sexes(cohort: Cohort) -> dict[str, str | int | float]:
    """No recordings are missing from a choice: what it was made from is counted in `Release.choice`."""
    sex_of = cohort.subjects.set_index("subject_id")["sex"]
    of_recordings = cohort.recordings["subject_id"].map(sex_of)
    return {
        "male_speakers": int((sex_of == "M").sum()),
        "female_speakers": int((sex_of == "F").sum()),
        "recordings": len(cohort.recordings),
        "male_recordings": int((of_recordings == "M").sum()),
        "female_recordings": int((of_recordings == "F").sum()),
    }


def _one_set(same: Sequence[RecordingFile], block: str) -> Problem:
    """That some recordings have the same samples, in one problem."""
    remedy = f"find out whose recording it is; {block}.duplicates=quarantine leaves them out, keep keeps them"
    return Problem(same[0].path, "a recording of its own", _same_as(same[0], same), remedy)


def _left_out(same: Sequence[RecordingFile]) -> list[Fault]:
    """A fault for each recording of a set that is left out: all, or all but the first where their names agree."""
    contradictory = len({(file.subject_id, file.task) for file in same}) > 1
    remedy = "find out whose recording it is" if contradictory else f"none needed: {same[0].path} stays"
    return [
        Fault(Problem(file.path, "a recording of its own", _same_as(file, same), remedy), file.subject_id, file.path)
        for file in (same if contradictory else same[1:])
    ]


def _same_as(file: RecordingFile, same: Sequence[RecordingFile]) -> str:
    """The others of a set, the first of them by name: all in each row of thousands would fill the memory."""
    others = [other.path for other in same[: _NAMED + 1] if other is not file][:_NAMED]
    more = len(same) - 1 - len(others)
    return f"the same samples as {', '.join(others)}{f' and {more} more' if more else ''}"


def _of_no_subject(fault: Fault) -> bool:
    """Whether a fault is of a file that might be a recording by another name."""
    return fault.path is not None and not fault.subject_id


def _without_partner(release: Release) -> list[Fault]:
    """Recordings whose subject has no row, and rows that no recording belongs to."""
    rows = set(release.subjects["subject_id"])
    faults = []
    for file in release.files:
        if file.subject_id not in rows:
            found = f"no row for {file.subject_id}"
            problem = Problem(file.path, "a row for its subject in the workbook", found, "add the row, or take it out")
            faults.append(Fault(problem, file.subject_id, file.path))
    named = {file.subject_id for file in release.files} | {fault.subject_id for fault in release.faults if fault.path}
    if release.files:
        for subject_id in sorted(rows - named - {""}):
            where, remedy = f"subject {subject_id}", "fetch its files, or take the row out"
            faults.append(Fault(Problem(where, "at least one recording", "no recording", remedy), subject_id))
    return faults


def _no_recordings(release: Release, unknown: Sequence[Fault]) -> Problem:
    """That nothing is there, in one problem. unknown: what might be recordings by another name: of another release."""
    expected = f"recordings of a {release.source} release"
    if release.choice:
        rows = [("rows", {"clips": release.choice["rows"]})] if "rows" in release.choice else []
        steps = [*rows, *release.choice.items()]
        counts = [f"{count['clips']} {step}" for step, count in steps if isinstance(count, dict) and "clips" in count]
        found = f"none is left: {', '.join(counts)}"
        return Problem("cohort.root", expected, found, "look which step leaves none, and why")
    found = "no WAV file"
    if unknown:
        first = unknown[0].problem
        expected = f"{expected}, each with {first.expected}"
        found = f"none among {len(unknown)} WAV file(s), such as {first.found}"
    return Problem("cohort.root", expected, found, "check cohort.root and cohort.source")


def _with_its_subject(file: RecordingFile) -> Fault:
    problem = Problem(file.path, "a subject with a sound row", "the subject is set aside", "correct the subject's row")
    return Fault(problem, file.subject_id, file.path)


def _nothing_left(subject_id: str) -> Fault:
    where, remedy = f"subject {subject_id}", "see why its recordings are set aside"
    return Fault(Problem(where, "at least one sound recording", "none", remedy), subject_id)


def _recordings_table(recordings: Sequence[tuple[RecordingFile, Inspection]]) -> pd.DataFrame:
    rows = [
        (
            *(file.recording_id, file.subject_id, file.task, file.path),
            *(found.sample_rate_hz, found.channels, round(found.duration_s, 4), found.sha256),
        )
        for file, found in sorted(recordings, key=lambda one: one[0].recording_id)
    ]
    return pd.DataFrame(rows, columns=RECORDING_COLUMNS)


def _rows(table: pd.DataFrame, subject_ids: set[str]) -> pd.DataFrame:
    kept = table[table["subject_id"].isin(subject_ids)]
    return kept.sort_values("subject_id", ignore_index=True)


def _require_both_classes(subjects: pd.DataFrame, faults: Sequence[Fault], by: By) -> None:
    """Raises BadInput, with what is quarantined, where fewer than two classes are left."""
    left = set(subjects[by].dropna()) if len(subjects) else set()
    if left == set(CLASSES[by]):
        return
    found = f"only {', '.join(sorted(left))}" if left else "no subject with a sound recording"
    expected = f"subjects of both classes, {' and '.join(CLASSES[by])}"
    problem = Problem("the cohort", expected, found, "complete the release")
    raise BadInput([problem, *(fault.problem for fault in faults)])


def _quarantine_table(faults: Sequence[Fault]) -> pd.DataFrame:
    """One row a fault: the file, or where in the workbook; sorted."""
    rows = [
        tuple(map(printable, (found.where, fault.subject_id, found.expected, found.found, found.remedy)))
        for fault in faults
        for found in [fault.problem]
    ]
    return pd.DataFrame(sorted(rows), columns=["file", "subject_id", "expected", "found", "remedy"])

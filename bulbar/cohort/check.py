"""Compare recordings with rows, and recordings with each other, and list all problems of a release at once."""

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

_NAMED = 5  # this many equal recordings are named in a message

Duplicates = Literal["fail", "quarantine", "keep"]
"""What happens to recordings with the same samples: stop the run, leave them out, or keep them."""

By = Literal["label", "sex"]
CLASSES: dict[By, tuple[str, ...]] = {"label": LABELS, "sex": SEXES}
"""Column of the subjects -> the two classes; subjects of both must exist."""


@dataclass(frozen=True)
class Cohort:
    """The accepted part of a release: recordings and their subjects; and the quarantine.

    Attributes
    ----------
    recordings : DataFrame
        recording_id, subject_id, task, path, sample_rate_hz, channels, duration_s, sha256; sorted.
    subjects, acoustic : DataFrame
        Sorted by subject_id.
    quarantine : DataFrame
        file, subject_id, expected, found, remedy.
    duplicates_quarantined : int
        How many of `quarantined_recordings` are left out because another recording has the same samples.
    duplicates_kept : int
        How many of `recordings` have the same samples as another one.
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
    """All faults of single files and rows: from the reader, from the recordings, and files or rows without a partner.

    inspections: one for each of release.files, in the same order. If the workbook cannot be read, files are not
    compared with rows. Recordings with the same samples are not included: see `equal_recordings`.
    """
    faults = list(release.faults)
    for file, found in zip(release.files, inspections, strict=True):
        faults += [Fault(problem, file.subject_id, file.path) for problem in found.problems]
    if not release.structural:
        faults += _without_partner(release)
    return faults


def equal_recordings(files: Sequence[RecordingFile], inspections: Sequence[Inspection]) -> list[list[RecordingFile]]:
    """Each set of two or more recordings with the same samples, in the order of the files.

    inspections: one for each of the files. Bad recordings are left out, because all-zero files are equal.
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
    """Build the cohort of a release.

    Parameters
    ----------
    release : Release
        From a reader.
    inspections : sequence of Inspection
        One for each of `release.files`, in the same order.
    quarantine : bool
        Leave out bad files, and the whole subject if its row is bad. If False, any fault is an error.
    duplicates : str
        What happens to recordings with the same samples. `quarantine` leaves out the whole set if the recordings belong
        to several subjects or tasks, because at least one name is wrong and it is unknown which. If they belong to one
        subject and task, as clips of Common Voice, it keeps the first.
    by : str
        Column with the classes. Subjects of both classes must be left.
    block : str
        Block of params.yaml, for messages.

    Returns
    -------
    Cohort
        Recordings, subjects and quarantine.

    Raises
    ------
    BadInput
        Lists every problem: structural ones; all faults, unless `quarantine`; one for each set of equal recordings, if
        `duplicates` is `fail`.
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
    """Totals of a cohort, which reveal no subject."""
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
    """Counts by sex. A subset has no missing recordings: `Release.choice` counts those it was drawn from."""
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
    """One problem for a set of recordings with the same samples."""
    remedy = f"find out whose recording it is; {block}.duplicates=quarantine leaves them out, keep keeps them"
    return Problem(same[0].path, "a recording with its own samples", _same_as(same[0], same), remedy)


def _left_out(same: Sequence[RecordingFile]) -> list[Fault]:
    """A fault for each recording of a set that is left out: all, or all but the first if subject and task agree."""
    contradictory = len({(file.subject_id, file.task) for file in same}) > 1
    remedy = "find out whose recording it is" if contradictory else f"none needed: {same[0].path} stays"
    return [
        Fault(
            Problem(file.path, "a recording with its own samples", _same_as(file, same), remedy),
            file.subject_id,
            file.path,
        )
        for file in (same if contradictory else same[1:])
    ]


def _same_as(file: RecordingFile, same: Sequence[RecordingFile]) -> str:
    """The other recordings of a set. Only the first are named: all names, in thousands of rows, would fill memory."""
    others = [other.path for other in same[: _NAMED + 1] if other is not file][:_NAMED]
    more = len(same) - 1 - len(others)
    return f"the same samples as {', '.join(others)}{f' and {more} more' if more else ''}"


def _of_no_subject(fault: Fault) -> bool:
    """Whether a fault is of a file that may be a recording with another name."""
    return fault.path is not None and not fault.subject_id


def _without_partner(release: Release) -> list[Fault]:
    """Recordings whose subject has no row, and rows without a recording."""
    rows = set(release.subjects["subject_id"])
    faults = []
    for file in release.files:
        if file.subject_id not in rows:
            found = f"no row for {file.subject_id}"
            problem = Problem(
                file.path, "a row for its subject in the workbook", found, "add the row, or remove the file"
            )
            faults.append(Fault(problem, file.subject_id, file.path))
    named = {file.subject_id for file in release.files} | {fault.subject_id for fault in release.faults if fault.path}
    if release.files:
        for subject_id in sorted(rows - named - {""}):
            where, remedy = f"subject {subject_id}", "download its files, or remove the row"
            faults.append(Fault(Problem(where, "at least one recording", "no recording", remedy), subject_id))
    return faults


def _no_recordings(release: Release, unknown: Sequence[Fault]) -> Problem:
    """One problem for a release without recordings. unknown: files that may be recordings of another release."""
    expected = f"recordings of a {release.source} release"
    if release.choice:
        rows = [("rows", {"clips": release.choice["rows"]})] if "rows" in release.choice else []
        steps = [*rows, *release.choice.items()]
        counts = [f"{count['clips']} {step}" for step, count in steps if isinstance(count, dict) and "clips" in count]
        found = f"none is left: {', '.join(counts)}"
        return Problem("cohort.root", expected, found, "find the step that leaves none, and its reason")
    found = "no WAV file"
    if unknown:
        first = unknown[0].problem
        expected = f"{expected}, each with {first.expected}"
        found = f"none among {len(unknown)} WAV file(s), such as {first.found}"
    return Problem("cohort.root", expected, found, "check cohort.root and cohort.source")


def _with_its_subject(file: RecordingFile) -> Fault:
    problem = Problem(file.path, "a subject with a valid row", "a subject in quarantine", "correct the subject's row")
    return Fault(problem, file.subject_id, file.path)


def _nothing_left(subject_id: str) -> Fault:
    where, remedy = f"subject {subject_id}", "see why its recordings are in quarantine"
    return Fault(Problem(where, "at least one valid recording", "none", remedy), subject_id)


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
    """Raise BadInput, with the quarantine, if fewer than two classes are left."""
    left = set(subjects[by].dropna()) if len(subjects) else set()
    if left == set(CLASSES[by]):
        return
    found = f"only {', '.join(sorted(left))}" if left else "no subject with a valid recording"
    expected = f"subjects of both classes, {' and '.join(CLASSES[by])}"
    problem = Problem("the cohort", expected, found, "complete the release")
    raise BadInput([problem, *(fault.problem for fault in faults)])


def _quarantine_table(faults: Sequence[Fault]) -> pd.DataFrame:
    """One row per fault: the file, or the place in the workbook; sorted."""
    rows = [
        tuple(map(printable, (found.where, fault.subject_id, found.expected, found.found, found.remedy)))
        for fault in faults
        for found in [fault.problem]
    ]
    return pd.DataFrame(sorted(rows), columns=["file", "subject_id", "expected", "found", "remedy"])

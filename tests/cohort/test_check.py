import shutil
import time

import numpy as np
import pandas as pd
import pytest
import soundfile

from bulbar.cohort import check, minsk2020, recording, voc_als
from bulbar.cohort.release import Fault, RecordingFile, Release
from bulbar.core.errors import BadInput, Problem
from bulbar.core.names import TASKS
from tests.releases import voc_als_patient, voc_als_rows, write_minsk2020, write_voc_als, write_voice


def checked(root, *, quarantine=False, duplicates="fail", reader=voc_als):
    release = reader.read(root)
    found = [recording.inspect(file.path, root, min_duration_s=0.5) for file in release.files]
    return release, check.cohort_of(release, found, quarantine=quarantine, duplicates=duplicates)


def problems_of(root, **settings):
    with pytest.raises(BadInput) as error:
        checked(root, **settings)
    return error.value.problems


def with_every_fault(root):
    """A release with one fault of each kind, and three sound controls and patients beside them."""
    bad = [voc_als_patient("PZ011", Category="maybe"), voc_als_patient("PZ012", Sex="?")]
    bad += [voc_als_patient(name) for name in ("PZ013", "PZ013", "PZ014")]
    write_voc_als(root, [*voc_als_rows(3, 3), *bad], tasks=("A", "PA"))
    for path in root.rglob("PZ014*.wav"):
        path.unlink()
    write_voice(root / "phonationA/PZ099_phonationA.wav", name="PZ099")
    write_voice(root / "phonationA/nobody.wav", name="nobody")
    vowels, rhythm = root / "phonationA", root / "rhythmPA"
    (vowels / "CT001_phonationA.wav").write_bytes((vowels / "CT001_phonationA.wav").read_bytes()[:-100])
    soundfile.write(vowels / "CT002_phonationA.wav", np.zeros(8000), 8000)
    (vowels / "CT003_phonationA.wav").write_bytes(b"not a recording")
    soundfile.write(vowels / "PZ001_phonationA.wav", np.linspace(-0.1, 0.1, 100), 8000)
    shutil.copy(rhythm / "PZ002_rhythmPA.wav", rhythm / "PZ003_rhythmPA.wav")
    return root


def test_everything_wrong_is_reported_at_once_with_file_expected_found_and_remedy(tmp_path):
    problems = problems_of(with_every_fault(tmp_path))
    assert all(problem.where and problem.expected and problem.found and problem.remedy for problem in problems)
    everything = "\n".join(map(str, problems))
    of_rows = ("'maybe'", "'?'", "also in row", "subject PZ014", "no row for PZ099", "phonationA/nobody.wav")
    of_files = (
        "truncated: 15900 bytes",
        "only zeros",
        "LibsndfileError",
        "0.0125 s",
        "the same samples as rhythmPA/PZ003",
    )
    for words in (*of_rows, *of_files):
        assert words in everything, words
    assert len(problems) == 11


def test_quarantine_keeps_what_is_sound_and_names_the_rest(tmp_path):
    release, cohort = checked(with_every_fault(tmp_path), quarantine=True, duplicates="quarantine")
    assert cohort.subjects["subject_id"].tolist() == ["CT001", "CT002", "CT003", "PZ001", "PZ002", "PZ003"]
    assert set(cohort.recordings["recording_id"]) == set(
        ["CT001_PA", "CT002_PA", "CT003_PA", "PZ001_PA", "PZ002_A", "PZ003_A"]
    )
    named = set(cohort.quarantine["file"])
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.wav")}
    assert files - named == set(cohort.recordings["path"])
    counts = check.summary(release, cohort)
    assert counts["quarantined_recordings"] == len(files) - len(cohort.recordings) == 14
    assert (counts["quarantined_duplicates"], counts["kept_duplicates"]) == (2, 0)
    assert (counts["expected_recordings"], counts["missing_recordings"]) == (12, 0)
    assert counts["quarantined_subjects"] == 4  # PZ011, PZ012, PZ013, PZ014


def test_a_subject_without_a_sound_recording_left_goes_too(tmp_path):
    write_voc_als(tmp_path, voc_als_rows(2, 3), tasks=("A",))
    soundfile.write(tmp_path / "phonationA/PZ001_phonationA.wav", np.zeros(8000), 8000)
    _, cohort = checked(tmp_path, quarantine=True)
    assert "PZ001" not in set(cohort.subjects["subject_id"])
    assert "PZ001" not in set(cohort.acoustic["subject_id"])
    assert set(cohort.quarantine["subject_id"]) == {"PZ001"}


def test_rates_and_hours_are_those_of_the_files(tmp_path):
    release, cohort = checked(write_minsk2020(tmp_path), reader=minsk2020)
    counts = check.summary(release, cohort)
    assert counts["sample_rates_hz"] == "44100 48000"
    assert counts["hours"] == pytest.approx(10 * 0.6 / 3600, rel=1e-3)
    assert (counts["patients"], counts["controls"]) == (3, 2)
    assert len(counts) <= 17


def as_published():
    """VOC-ALS's 153 people and 8 tasks with the equal recordings that it is published with; nothing is read."""
    people = {f"CT{at:03d}": "HC" for at in range(51)} | {f"PZ{at:03d}": "ALS" for at in range(102)}
    samples = {(one, task): f"{one} {task}" for one in people for task in TASKS}
    samples |= {("PZ007", task): f"CT005 {task}" for task in TASKS} | {("PZ030", "A"): "CT005 A"}
    samples |= {(one, "TA"): f"{one} PA" for one in ("PZ040", "PZ050")}
    files = [RecordingFile(f"{task}/{one}.wav", one, task) for one, task in samples]
    subjects = pd.DataFrame({"subject_id": list(people), "label": list(people.values())})
    found = [recording.Inspection(8000, 1, 10.0, of, of, ()) for of in samples.values()]
    return Release("voc_als", False, files, subjects, None, {}, []), found


def test_the_published_release_stops_with_one_problem_for_each_set_of_equal_recordings():
    with pytest.raises(BadInput) as error:
        check.cohort_of(*as_published(), quarantine=True, block="external.cohort")
    problems = error.value.problems
    assert len(problems) == 8 + 2
    assert problems[0].where == "A/CT005.wav"
    assert problems[0].found == "the same samples as A/PZ007.wav, A/PZ030.wav"
    for problem in problems:
        assert "external.cohort.duplicates=quarantine leaves them out, keep keeps them" in problem.remedy


def test_quarantine_leaves_151_people_of_the_published_release_and_keep_all():
    release, found = as_published()
    cohort = check.cohort_of(release, found, quarantine=False, duplicates="quarantine")
    counts = check.summary(release, cohort)
    assert (counts["subjects"], counts["patients"], counts["controls"], counts["recordings"]) == (151, 101, 50, 1203)
    assert (counts["quarantined_recordings"], counts["quarantined_duplicates"]) == (21, 21)
    assert (counts["quarantined_subjects"], counts["missing_recordings"]) == (2, 0)
    of_files = cohort.quarantine[cohort.quarantine["file"].str.endswith(".wav")]
    equal = {"CT005": 8, "PZ007": 8, "PZ030": 1, "PZ040": 2, "PZ050": 2}
    assert of_files["subject_id"].value_counts().to_dict() == equal
    assert set(cohort.quarantine["file"]) - set(of_files["file"]) == {"subject CT005", "subject PZ007"}

    cohort = check.cohort_of(release, found, quarantine=False, duplicates="keep")
    counts = check.summary(release, cohort)
    assert (counts["subjects"], counts["recordings"]) == (153, 1224)
    assert (counts["quarantined_recordings"], counts["quarantined_duplicates"], counts["kept_duplicates"]) == (0, 0, 21)
    assert cohort.quarantine.empty


@pytest.mark.parametrize("duplicates", ["quarantine", "keep"])
def test_no_setting_of_duplicates_lets_another_fault_pass(tmp_path, duplicates):
    problems = problems_of(with_every_fault(tmp_path), duplicates=duplicates)
    assert len(problems) == 10
    assert not any("same samples" in problem.found for problem in problems)


@pytest.mark.parametrize(
    ("names", "left"),
    [
        ([("one", "a"), ("one", "b"), ("one", "c")], {"a"}),
        ([("one", "a"), ("one", "b"), ("two", "c")], set()),
        ([("one", "a"), ("two", "b")], set()),
    ],
    ids=["one speaker's", "two speakers', twice one's", "two speakers'"],
)
def test_of_one_speaker_s_equal_clips_one_stays_and_of_two_speakers_none(names, left):
    clips = [RecordingFile(f"clips/{clip}.mp3", speaker, "sentence", clip) for speaker, clip in names]
    others = [RecordingFile(f"clips/{one}.mp3", one, "sentence", one) for one in ("one", "two", "three")]
    sexes = {"one": "M", "two": "F", "three": "M"}
    subjects = pd.DataFrame({"subject_id": list(sexes), "sex": list(sexes.values())})
    release = Release("common_voice", True, clips + others, subjects, None, {}, [])
    digests = ["same"] * len(clips) + [file.path for file in others]
    found = [recording.Inspection(8000, 1, 1.0, "", digest, ()) for digest in digests]
    cohort = check.cohort_of(release, found, quarantine=False, duplicates="quarantine", by="sex")
    assert set(cohort.recordings["recording_id"]) == left | {"one", "two", "three"}
    assert cohort.duplicates_quarantined == len(names) - len(left)
    assert cohort.duplicates_kept == 0


def release_of(n, faults=()):
    """A release of n recordings by as many people, none of whom has a row."""
    files = [RecordingFile(f"A/S{at:05d}.wav", f"S{at:05d}", "A") for at in range(n)]
    return Release("voc_als", True, files, pd.DataFrame({"subject_id": []}), None, {}, [], faults=list(faults))


def test_what_is_printed_of_thousands_of_copies_grows_with_their_number_not_with_its_square():
    same = recording.Inspection(8000, 1, 1.0, "", "the same", ())
    with pytest.raises(BadInput) as error:  # for nobody is left
        check.cohort_of(release_of(4000), [same] * 4000, quarantine=True, duplicates="quarantine")
    copies = [problem.found for problem in error.value.problems if "same samples" in problem.found]
    assert len(copies) == 4000
    assert copies[3] == (
        "the same samples as A/S00000.wav, A/S00001.wav, A/S00002.wav, A/S00004.wav, A/S00005.wav and 3994 more"
    )
    assert sum(map(len, copies)) < 4000 * 200


def test_a_folder_of_thousands_of_other_recordings_is_refused_in_one_message_and_at_once():
    names = [f"x{at}.wav" for at in range(8000)]
    unknown = [Fault(Problem(name, "a path", name, "rename it"), path=name) for name in names]
    started = time.process_time()
    with pytest.raises(BadInput) as error:
        check.cohort_of(release_of(0, faults=unknown), [], quarantine=False)
    assert len(error.value.problems) == 1
    assert "none among 8000 WAV file(s)" in error.value.problems[0].found
    assert time.process_time() - started < 2

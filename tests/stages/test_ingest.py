import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from bulbar.core.errors import BadInput
from stages import ingest, phantom, preprocess_audio
from stages.parts.run import run
from tests.projects import ROOT, contents, repository_params, write_params
from tests.releases import (
    VOC_ALS_COLUMNS,
    common_voice_row,
    common_voice_rows,
    voc_als_rows,
    write_common_voice,
    write_minsk2020,
    write_voc_als,
)

MAIN = repository_params()["cohort"]
CONTRACT = ["recording_id", "subject_id", "task", "path", "sample_rate_hz", "channels", "duration_s", "sha256"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project folder with the real params.yaml, one worker, and a place for releases beside it."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")

    def set_up(role="main", blocks=None, **cohort):
        block = {"root": str(tmp_path / "release"), **cohort}
        of_role = {"cohort": block} if role == "main" else {role: {"cohort": {**MAIN, **block}}}
        write_params(Path(), **of_role, **(blocks or {}))
        return tmp_path / "release"

    return set_up


def written():
    """Every file of the project folder but its params."""
    return {name: content for name, content in contents(Path()).items() if name != "params.yaml"}


def ingested() -> dict:
    """The metrics of the stage, which is run."""
    ingest.main()
    return json.loads(Path("metrics/ingest.json").read_text())


def test_a_voc_als_release_becomes_the_contract(project, capsys):
    root = write_voc_als(project(), tasks=("A", "PA"))
    (root / "SYNTHETIC.txt").touch()
    (root / "rhythmPA/PZ003_rhythmPA.wav").unlink()
    ingest.main()
    recordings = pd.read_csv("data/cohort/recordings.csv")
    assert list(recordings) == CONTRACT
    assert recordings["recording_id"].tolist() == sorted(recordings["recording_id"])
    assert len(recordings) == 17
    for row in recordings.itertuples():
        assert row.recording_id == f"{row.subject_id}_{row.task}"
        assert row.sha256 == hashlib.sha256((root / row.path).read_bytes()).hexdigest()
    subjects = pd.read_csv("data/cohort/subjects.csv", keep_default_na=False, na_values=[""])
    assert list(subjects)[:4] == ["subject_id", "label", "sex", "age_years"]
    assert subjects["label"].tolist() == ["HC"] * 3 + ["ALS"] * 6
    assert subjects.loc[subjects["label"] == "HC", "fvc_percent"].isna().all()
    assert pd.read_csv("data/cohort/acoustic.csv").shape == (9, 56)
    assert Path("data/cohort/quarantine.csv").read_text() == "file,subject_id,expected,found,remedy\n"
    contract = json.loads(Path("data/cohort/cohort.json").read_text())
    assert (contract["source"], contract["synthetic"]) == ("voc_als", True)
    assert contract["clinical"]["common"] == ["age_years", "sex", "cantagallo_questionnaire"]
    assert len(contract["clinical"]["all"]) == 32
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "synthetic voc_als: 9 subjects (6 ALS, 3 HC), 17 recordings (1 missing" in printed


def test_the_metrics_are_few_totals_without_a_subject(project):
    write_voc_als(project())
    ingest.main()
    text = Path("metrics/ingest.json").read_text()
    metrics = json.loads(text)
    assert len(metrics) <= 17
    assert not any(isinstance(value, dict | list) for value in metrics.values())
    assert "PZ0" not in text
    assert "CT0" not in text
    assert metrics["sample_rates_hz"] == "8000"


def test_two_runs_agree_byte_by_byte_and_leave_nothing_of_another_release(project):
    root = write_voc_als(project(), tasks=("A",))
    ingest.main()
    first = written()
    ingest.main()
    assert written() == first
    shutil.rmtree(root)
    write_minsk2020(project(source="minsk2020"))
    ingest.main()
    assert not Path("data/cohort/acoustic.csv").exists()


def test_minsk2020_becomes_the_same_contract(project):
    write_minsk2020(project(source="minsk2020"))
    ingest.main()
    assert list(pd.read_csv("data/cohort/recordings.csv")) == CONTRACT
    subjects = pd.read_csv("data/cohort/subjects.csv")
    assert subjects["subject_id"].tolist() == ["ALS008", "ALS024", "ALS100", "HC002", "HC024"]
    contract = json.loads(Path("data/cohort/cohort.json").read_text())
    assert contract["clinical"]["common"] == ["age_years", "sex"]
    assert contract["synthetic"] is False


def test_another_role_has_its_own_block_and_stage_folders(project):
    project()
    write_voc_als(project("second"))
    ingest.main("second")
    preprocess_audio.main("second")
    assert Path("data/second/cohort/recordings.csv").exists()
    assert Path("data/second/audio/recordings.csv").exists()
    assert Path("metrics/second/ingest.json").exists()
    assert not Path("data/cohort").exists()


def knock(path, rate=8000, **how):
    """Three seconds of silence with a knock."""
    noise = 1e-3 * np.random.default_rng(0).standard_normal(3 * rate)
    noise[rate : rate + rate // 1000] += 0.8
    soundfile.write(path, noise, rate, **how)


def silent(path, samples=8000):
    soundfile.write(path, np.zeros(samples), 8000)


def test_bad_recordings_stop_the_run_with_all_of_them_before_anything_is_written(project):
    root = write_voc_als(project())
    paths = [f"phonationA/PZ00{n}_phonationA.wav" for n in (1, 2, 3)]
    knock(root / paths[0])
    silent(root / paths[1])
    silent(root / paths[2], samples=80)
    with pytest.raises(BadInput) as error:
        ingest.main()
    problems = {problem.where: problem for problem in error.value.problems}
    assert set(problems) == set(paths)
    expected = "at least 0.5 s left after silence removal (audio.min_duration_s, audio.top_db)"
    assert problems[paths[0]].expected == expected
    assert written() == {}


def test_a_column_s_name_steers_no_terminal(project, capsys):
    write_voc_als(project(), tasks=("A",), columns=[*VOC_ALS_COLUMNS, "\x9b2J\u202enotes"])
    ingest.main()
    assert r"unused columns: \x9b2J\u202enotes" in capsys.readouterr().out


@pytest.mark.parametrize(("spoil", "found"), [(silent, "only zeros"), (knock, r".* s of 3\.000 s")])
def test_quarantine_counts_a_bad_recording_names_it_and_goes_on(project, spoil, found):
    root = write_voc_als(project(on_bad_recording="quarantine"))
    spoil(root / "phonationA/PZ001_phonationA.wav")
    metrics = ingested()
    (row,) = pd.read_csv("data/cohort/quarantine.csv").to_dict("records")
    assert (row["file"], row["subject_id"]) == ("phonationA/PZ001_phonationA.wav", "PZ001")
    assert re.fullmatch(found, row["found"])
    assert (metrics["quarantined_recordings"], metrics["quarantined_subjects"]) == (1, 0)
    assert "PZ001_A" not in set(pd.read_csv("data/cohort/recordings.csv")["recording_id"])


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The phantom of 15 people with the equal recordings that VOC-ALS is published with, in three tasks."""
    few = {"subjects": 15, "tasks": ["A", "PA", "TA"], "median_duration_s": 1.5, "duplicates": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder := tmp_path_factory.mktemp("published"))
        write_params(folder, phantom=few)
        phantom.main()
    return folder / "data/raw/phantom"


def test_equal_recordings_stop_the_run_with_one_problem_for_each_set(project, published):
    project(root=str(published), on_bad_recording="quarantine")
    with pytest.raises(BadInput) as error:
        ingest.main()
    assert len(error.value.problems) == 3 + 2
    three = [problem for problem in error.value.problems if problem.found.count(", ") == 1]
    assert [problem.where[:13] for problem in three] == ["phonationA/CT"]
    assert all(
        "cohort.duplicates=quarantine leaves them out, keep keeps them" in one.remedy for one in error.value.problems
    )
    assert not Path("data/cohort").exists()


@pytest.mark.parametrize(
    ("duplicates", "counts", "words"),
    [
        ("quarantine", (13, 34, 11, 11, 0), "(0 missing, 11 in quarantine, 11 of them with the same samples"),
        ("keep", (15, 45, 0, 0, 11), "(0 missing, 0 in quarantine, 11 kept with the same samples"),
    ],
)
def test_equal_recordings_that_are_quarantined_or_kept_are_counted(
    project, published, capsys, duplicates, counts, words
):
    project(root=str(published), duplicates=duplicates)
    metrics = ingested()
    keys = ("subjects", "recordings", "quarantined_recordings", "quarantined_duplicates", "kept_duplicates")
    assert tuple(metrics[key] for key in keys) == counts
    assert words in capsys.readouterr().out
    recordings, quarantine = (pd.read_csv(f"data/cohort/{name}.csv") for name in ("recordings", "quarantine"))
    files = {path.relative_to(published).as_posix() for path in published.rglob("*.wav")}
    left_out = set(quarantine["file"][quarantine["file"].str.endswith(".wav")])
    assert left_out == files - set(recordings["path"])
    assert recordings["sha256"].duplicated(keep=False).sum() == counts[-1]
    assert metrics["quarantined_subjects"] == ("<5" if left_out else 0)


COMMANDS = [
    (page, command)
    for page in ("README.md", "docs/external.md", "docs/voc_als.md")
    for command in re.findall(r"^dvc exp run .*\bcohort\.source=voc_als\b.*$", (ROOT / page).read_text(), re.MULTILINE)
]


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[page for page, _ in COMMANDS])
def test_the_documented_command_for_voc_als_reads_it_as_it_is_published(project, published, page, command):
    chosen = dict(re.findall(r"-S cohort\.(\w+)=(\S+)", command))
    assert chosen.pop("root") == "data/raw/voc-als"
    project(root=str(published), **chosen)
    assert ingested()["quarantined_duplicates"] == 11


def test_the_documents_have_a_command_for_voc_als():
    assert [page for page, _ in COMMANDS] == ["README.md", "docs/external.md", "docs/voc_als.md"]


def test_another_cohort_s_message_names_its_own_setting(project):
    project()
    root = write_voc_als(project("second"), tasks=("A",))
    shutil.copy(root / "phonationA/CT001_phonationA.wav", root / "phonationA/PZ001_phonationA.wav")
    with pytest.raises(BadInput, match=r"second\.cohort\.duplicates=quarantine"):
        ingest.main("second")


def test_what_ingest_lets_pass_is_at_least_the_shortest_recording_when_it_is_cleaned(project):
    root = write_voc_als(project(on_bad_recording="quarantine"), tasks=("A",))
    for place, file in enumerate(sorted(root.rglob("*.wav"))):  # a tone of 0.35 to 0.63 s before silence
        samples, rate = soundfile.read(file)
        samples[round((0.35 + 0.1 * (place % 3) + 0.01 * place) * rate) :] *= 1e-3
        soundfile.write(file, samples, rate)
    ingest.main()
    preprocess_audio.main()
    durations = pd.read_csv("data/audio/recordings.csv")["duration_s"]
    assert 0 < len(durations) < 9
    assert (durations >= 0.5).all()


def test_a_shorter_minimum_lets_a_short_recording_pass(project):
    root = write_voc_als(project(), voc_als_rows(2, 2), tasks=("A",), duration_s=0.3)
    with pytest.raises(BadInput, match=r"at least 0\.5 s"):
        ingest.main()
    project(blocks={"audio": {"min_duration_s": 0.2}})
    ingest.main()
    assert len(pd.read_csv("data/cohort/recordings.csv")) == len(list(root.rglob("*.wav"))) == 4


def test_a_root_that_is_not_there_is_a_message_without_traceback(project, capsys):
    project()
    with pytest.raises(SystemExit) as stop:
        run(ingest.main, "main")
    assert stop.value.code == 1
    printed = capsys.readouterr().err
    assert "no such folder" in printed
    assert "bulbar download voc_als" in printed


def test_an_unknown_key_of_the_block_is_named(project):
    project(quarantaine=True)
    with pytest.raises(BadInput, match="quarantaine"):
        ingest.main()


# The gender pipeline: a subset is drawn before anything is checked.


@pytest.fixture
def gender(tmp_path, monkeypatch):
    """An empty folder with the params of gender/, a place for a release beside it, and a subset of two men's clips."""
    (tmp_path / "gender").mkdir()
    monkeypatch.chdir(tmp_path / "gender")

    def set_up(subset=None, **cohort):
        wanted = {"per_gender": {"male": 3, "female": 2}, "max_clips_per_speaker": 2} | (subset or {})
        block = {"root": str(tmp_path / "release"), **cohort}
        write_params(tmp_path / "gender", "gender/params.yaml", cohort=block, subset=wanted)
        return tmp_path / "release"

    return set_up


def test_a_subset_of_common_voice_becomes_the_same_contract(gender, capsys):
    rows = [*common_voice_rows(6, 4), *(common_voice_row("else", f"x{n}.mp3", "other") for n in range(7))]
    root = write_common_voice(gender(), [*rows, common_voice_row("few", "y.mp3", "non-binary")], missing=["f1_0.mp3"])
    ingest.main()
    recordings = pd.read_csv("data/cohort/recordings.csv")
    assert list(recordings) == CONTRACT
    assert len(recordings) == 5
    assert recordings["recording_id"].str[0].value_counts().to_dict() == {"m": 3, "f": 2}
    for row in recordings.itertuples():
        assert row.path == f"clips/{row.recording_id}.mp3"
        assert row.sha256 == hashlib.sha256((root / row.path).read_bytes()).hexdigest()
        assert (row.task, row.sample_rate_hz, row.duration_s) == ("sentence", 16000, 1.0)
    subjects = pd.read_csv("data/cohort/subjects.csv")
    assert list(subjects) == ["subject_id", "label", "sex", "age_years", "accent"]
    assert set(subjects["subject_id"]) == set(recordings["subject_id"])
    assert Path("data/cohort/missing_clips.csv").read_text() == "path\nclips/f1_0.mp3\n"
    counts = json.loads(Path("metrics/ingest.json").read_text())
    assert (counts["recordings"], counts["male_recordings"], counts["female_recordings"]) == (5, 3, 2)
    steps = json.loads(Path("metrics/subset.json").read_text())
    assert (steps["rows"], steps["no_down_votes"], steps["subset"]) == (32, 32, {"clips": 5, "male": 3, "female": 2})
    assert steps["left_out_by_gender"] == dict.fromkeys(["non-binary", "other"], "withheld")  # of eight: each under 5?
    assert (steps["paper"]["rows"], steps["paper"]["no_down_votes"]) == (864448, 394818)
    assert steps["paper"]["subset"] == {"clips": 11000, "male": 6000, "female": 5000}
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "men" in printed and "(1 missing, 0 in quarantine)" in printed


def test_only_chosen_clips_are_opened(gender):
    root = write_common_voice(gender())
    ingest.main()
    chosen = set(pd.read_csv("data/cohort/recordings.csv")["path"])
    for path in (root / "clips").iterdir():
        if f"clips/{path.name}" not in chosen:
            path.write_bytes(b"no clip")
    ingest.main()
    assert set(pd.read_csv("data/cohort/recordings.csv")["path"]) == chosen


REASONS = {
    "clips/m0_0.mp3": "truncated",
    "clips/f1_0.mp3": "an empty file of 0 bytes",
    "clips/m2_0.mp3": "LibsndfileError",
    "clips/f3_0.mp3": "0.",  # seconds left after silence removal
}


def test_by_default_broken_clips_are_quarantined_with_their_reasons(gender):
    root = write_common_voice(gender({"per_gender": None}))
    cut, empty, other, quiet = (root / path for path in REASONS)
    cut.write_bytes(cut.read_bytes()[:-200])
    empty.write_bytes(b"")
    other.write_bytes(b"something else" * 100)
    knock(quiet, 16000, format="MP3")
    assert ingested()["quarantined_recordings"] == 4
    quarantine = pd.read_csv("data/cohort/quarantine.csv").set_index("file")["found"]
    assert set(quarantine.index) == set(REASONS)
    assert all(quarantine[file].startswith(reason) for file, reason in REASONS.items())


def test_watched_is_the_whole_release_or_its_table(gender):
    write_common_voice(gender(watched="/validated.tsv"))
    ingest.main()
    gender(watched="/clips")
    with pytest.raises(BadInput, match=r"cohort\.watched"):
        ingest.main()


def test_the_als_cohorts_serve_by_their_sexes(gender):
    write_minsk2020(gender({"per_gender": None}, source="minsk2020"), patients=range(1, 5), controls=range(1, 6))
    counts = ingested()
    assert (counts["male_speakers"], counts["female_speakers"], counts["recordings"]) == ("<5", "all but <5", 18)
    root = gender({"per_gender": {"male": 2, "female": 2}}, source="voc_als")
    shutil.rmtree(root)
    write_voc_als(root)
    counts = ingested()
    assert (counts["male_recordings"], counts["female_recordings"]) == (2, 2)


def test_one_sex_alone_is_no_cohort_here(gender):
    write_common_voice(gender(), [common_voice_row("one", "a.mp3"), common_voice_row("two", "b.mp3")])
    with pytest.raises(BadInput, match="both classes, M and F"):
        ingest.main()


def test_common_voice_without_a_subset_is_refused(project):
    write_common_voice(project(source="common_voice"))
    with pytest.raises(BadInput, match="gender/"):
        ingest.main()


def test_the_digest_of_a_cohort_follows_its_recordings_and_its_subjects(project):
    root = write_voc_als(project(), tasks=("A",))

    first = ingested()["digest"]
    assert ingested()["digest"] == first and len(first) == 16
    file = root / "phonationA/PZ003_phonationA.wav"
    samples, rate = soundfile.read(file)
    soundfile.write(file, samples * 0.5, rate)
    softer = ingested()["digest"]
    older = [row | {"Age (years)": row["Age (years)"] + 1} for row in voc_als_rows()]
    write_voc_als(root, older, tasks=("A",))
    assert len({first, softer, ingested()["digest"]}) == 3

"""Every broken input ends in one clear message, or is set aside, counted and named: nothing lost, nobody fooled."""

import io
import json
import re
import shutil
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from ruamel.yaml import YAML

from bulbar.core import disclosure
from bulbar.core.files import read_table
from bulbar.features import audio
from stages import preprocess_audio
from tests.broken_inputs import RELEASE, Read, Refused, SetAside
from tests.broken_inputs.every import CASES
from tests.broken_inputs.trials import SNAPSHOT, Trials, snapshot
from tests.pipelines import Pipeline
from tests.projects import contents


def runs() -> Iterator[Any]:
    """Every case in every mode; slow, where an earlier one ends in the same words, or a quarantine refuses anyway."""
    known = set()
    for case in CASES:
        for mode in ("fail", "quarantine"):
            if (expected := case.expected(mode)) is None:
                continue
            words = case.what if isinstance(expected, Read) else getattr(expected, "expected", "") or expected.found
            again = (type(expected), words) in known or (mode == "quarantine" and isinstance(expected, Refused))
            known.add((type(expected), words))
            marks = pytest.mark.slow if again else ()
            yield pytest.param(case, mode, id=f"{case.group}-{case.what}-{mode}", marks=marks)


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    return Trials(tmp_path_factory.mktemp("broken_inputs"))


@pytest.mark.parametrize("case, mode", list(runs()))
def test_a_broken_input_ends_in_a_clear_message_or_is_counted_and_named(trials, case, mode):
    judge(trials, case, mode)


def test_every_case_has_a_name_of_its_own():
    names = [(case.group, case.what) for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.slow
def test_the_snapshot_holds_what_the_scripts_print_now(trials):
    assert SNAPSHOT.read_text(encoding="utf-8") == snapshot(CASES, trials), "run: python -m tests.broken_inputs"


def judge(trials, case, mode):
    """Assert that what came of a case is what it says."""
    tried, expected = trials.of(case, mode), case.expected(mode)
    assert "Traceback" not in tried.out + tried.err
    assert not re.search(r"\b[A-Z]\w+Warning\b", tried.err), tried.err
    match expected:
        case Refused():
            judge_refused(tried, expected)
        case SetAside():
            judge_set_aside(tried, expected, trials.sound(case.source))
        case Read():
            judge_read(tried, expected, trials.sound(case.source))


def judge_refused(tried, expected):
    assert tried.exit_code == 1, tried.out + tried.err
    if tried.stage[0] == "ingest":
        assert tried.after == tried.before, "something was written, or lost, by a run that refused its input"
    assert tried.after.items() <= tried.before.items(), "something was written by a run that refused its input"
    assert len(tried.problems) == expected.problems, tried.err
    assert tried.err.rstrip().endswith(f"{expected.problems} problem(s): nothing was done.")
    assert any(
        expected.where in problem.where and expected.found in problem.found and expected.expected in problem.expected
        for problem in tried.problems
    ), tried.err
    assert tried.out == ""


def table(of, name):
    return pd.read_csv(io.BytesIO(of[name]), keep_default_na=False, dtype=str)


def tables_of(sound):
    return {name: (sound / "data/cohort" / name).read_bytes() for name in ("recordings.csv", "subjects.csv")}


def judge_set_aside(tried, expected, sound):
    assert tried.exit_code == 0, tried.out + tried.err
    quarantine = table(tried.after, "data/cohort/quarantine.csv")
    assert set(quarantine["file"]) == set(expected.named)
    assert quarantine["found"].str.contains(expected.found, regex=False).any(), quarantine["found"].tolist()
    assert (quarantine[["expected", "found", "remedy"]] != "").all(axis=None)
    counts = json.loads(tried.after["metrics/ingest.json"])
    assert (counts["quarantined_recordings"], counts["quarantined_subjects"]) == (
        expected.recordings,
        expected.subjects and disclosure.shown(expected.subjects),
    )
    assert f"{expected.recordings} in quarantine" in tried.out
    before, after = table(tables_of(sound), "recordings.csv"), table(tried.after, "data/cohort/recordings.csv")
    assert set(expected.lost) <= set(before["recording_id"])
    left = before[~before["recording_id"].isin(expected.lost)].reset_index(drop=True)
    pd.testing.assert_frame_equal(after, with_cells(left, expected.changed, after))
    subjects = table(tried.after, "data/cohort/subjects.csv")
    assert subjects["subject_id"].tolist() == sorted(left["subject_id"].unique())
    assert counts["recordings"] == len(left)
    assert counts["subjects"] == len(subjects)


def with_cells(before, cells, after):
    """A table with some rows' cells changed; a changed recording's digest is another file's, which is the point."""
    key = before.columns[0]
    wanted = before.set_index(key)
    for row, values in cells.items():
        for column, value in values.items():
            wanted.loc[row, column] = str(value)
        if "sha256" in wanted:
            wanted.loc[row, "sha256"] = after.set_index(key).loc[row, "sha256"]
    return wanted.reset_index()


def judge_read(tried, expected, sound):
    assert tried.exit_code == 0, tried.out + tried.err
    assert table(tried.after, "data/cohort/quarantine.csv").empty
    for name, cells in (("recordings.csv", expected.recordings), ("subjects.csv", expected.subjects)):
        before, after = table(tables_of(sound), name), table(tried.after, f"data/cohort/{name}")
        left = before[~before.iloc[:, 0].isin(expected.lost)].reset_index(drop=True)
        pd.testing.assert_frame_equal(after, with_cells(left, cells, after))
    for recording_id, tone_hz in expected.tone_hz.items():
        judge_tone(tried.project, recording_id, tone_hz)


def judge_tone(project, recording_id, tone_hz):
    """Assert that what is made of a recording for the networks is the tone that was put into it."""
    rows = read_table(project / "data/cohort/recordings.csv", sample_rate_hz=str).set_index("recording_id", drop=False)
    cleaning = audio.Settings(**YAML(typ="safe").load(project / "params.yaml")["audio"])
    (project / "cleaned").mkdir(exist_ok=True)
    clean = partial(preprocess_audio.clean_one, root=project / RELEASE, out=project / "cleaned", cleaning=cleaning)
    row = clean(rows.loc[recording_id].to_dict())
    samples, rate = soundfile.read(project / "cleaned" / f"{recording_id}.wav")
    assert rate == cleaning.sample_rate_hz
    assert soundfile.info(project / "cleaned" / f"{recording_id}.wav").subtype == "PCM_16"
    assert float(row["duration_s"]) == pytest.approx(float(row["source_duration_s"]), abs=0.1)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.08)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * rate / len(samples) == pytest.approx(tone_hz, abs=1.5)


BY_DVC = {
    "samples cut off in the middle": "truncated: 12000 bytes",
    "a web page named .wav: a download that needed a login": "begins with b'<!DOCTYPE html>",
    "one class only": "subjects of both classes, ALS and HC",
}


@pytest.mark.slow
def test_dvc_stops_at_a_broken_input_and_what_it_had_comes_back(tmp_path):
    study = Pipeline(tmp_path / "study", tmp_path / "fit_cache")
    sound = Trials(tmp_path / "trials").sound("voc_als") / RELEASE
    shutil.copytree(sound, study.folder / RELEASE)
    study.change({"cohort.root": RELEASE, "compute.workers": 1})
    study.dvc("repro", "ingest@main")
    before, lock = contents(study.folder / "data/cohort"), (study.folder / "dvc.lock").read_bytes()
    broken = {case.what: case for case in CASES if case.what in BY_DVC}
    for what, words in BY_DVC.items():
        shutil.rmtree(study.folder / RELEASE)
        shutil.copytree(sound, study.folder / RELEASE)
        broken[what].break_it(study.folder)
        printed = study.dvc("repro", "ingest@main", fails=True)
        assert words in printed and "failed to reproduce 'ingest@main'" in printed
        assert "Traceback" not in printed
        assert (study.folder / "dvc.lock").read_bytes() == lock
        assert contents(study.folder / "data/cohort") in ({}, before)
        study.dvc("checkout", "ingest@main")
        assert contents(study.folder / "data/cohort") == before


@pytest.mark.slow
def test_dvc_follows_a_root_that_is_a_link(tmp_path):
    study = Pipeline(tmp_path / "study", tmp_path / "fit_cache")
    shutil.copytree(Trials(tmp_path / "trials").sound("voc_als") / RELEASE, tmp_path / "another_disk")
    (study.folder / RELEASE).symlink_to(tmp_path / "another_disk")
    study.change({"cohort.root": RELEASE, "compute.workers": 1})
    study.dvc("repro", "ingest@main")
    assert "ingest@main" not in study.stale()
    (tmp_path / "another_disk/rhythmPA/PZ001_rhythmPA.wav").unlink()
    assert "ingest@main" in study.stale()

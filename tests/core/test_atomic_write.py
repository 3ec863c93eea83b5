"""What is at its own name is whole: whatever ends the writer, and however full the disk is."""

import errno
import os
import pickle
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bulbar.commands import person
from bulbar.core import atomic_write, files
from bulbar.core.errors import BadInput, CannotGoOn, Problem
from bulbar.features import audio
from bulbar.training import fit_cache
from bulbar.training.fits import Fitted
from stages.parts import run
from stages.phantom import write_workbook
from tests.disks import small_disk

ROOT = Path(__file__).parents[2]


def test_what_is_written_is_there_at_the_end_of_the_block_and_not_before(tmp_path):
    path = tmp_path / "made/table.csv"
    with atomic_write.atomic_path(path) as beside:
        beside.write_text("whole")
        assert not path.exists()
        assert beside.parent == path.parent  # another file system could not rename it
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_block_that_raises_leaves_nothing_and_what_was_there_before(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("before")
    with pytest.raises(ArithmeticError), atomic_write.atomic_path(path) as beside:
        beside.write_text("half")
        raise ArithmeticError
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("before", ["before", None])
def test_a_writer_that_is_killed_leaves_what_was_there_before(tmp_path, before):
    path = tmp_path / "table.csv"
    if before:
        path.write_text(before)
    if (child := os.fork()) == 0:
        with files.rows_writer(path, ["number"]) as rows:
            rows.writerows({"number": number} for number in range(10_000))
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert (path.read_text() if path.exists() else None) == before
    [left] = [found for found in tmp_path.iterdir() if found != path]
    assert left.name.endswith(atomic_write.SUFFIX)
    assert left.stat().st_size > 0


def test_neither_git_nor_dvc_takes_what_a_killed_writer_left():
    left = f"data/audio/S1_A.wav.123{atomic_write.SUFFIX}"
    assert subprocess.run(["git", "check-ignore", "--quiet", f"metrics/{left}"], cwd=ROOT).returncode == 0
    assert f"*{atomic_write.SUFFIX}" in (ROOT / ".dvcignore").read_text().splitlines()


def test_two_processes_that_write_the_same_file_write_it_whole(tmp_path):
    path = tmp_path / "table.csv"
    with atomic_write.atomic_path(path) as ours:
        ours.write_text("whole")
        if (child := os.fork()) == 0:
            atomic_write.write_text("whole", path)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert path.read_text() == ours.read_text() == "whole"
    assert [found.name for found in tmp_path.iterdir()] == ["table.csv"]


def test_a_link_is_the_same_file_and_takes_the_place_of_what_was_there(tmp_path):
    source, path = tmp_path / "source", tmp_path / "link"
    source.write_text("kept")
    path.write_text("before")
    atomic_write.link_file(source, path)
    assert path.samefile(source)


def test_an_error_of_ours_comes_whole_out_of_a_worker():
    error = CannotGoOn([Problem("a", "b", "c", "d"), Problem("e", "f", "g", "h")])
    again = pickle.loads(pickle.dumps(error))  # what joblib does
    assert type(again) is CannotGoOn
    assert again.problems == error.problems
    assert str(again) == str(error)
    assert str(pickle.loads(pickle.dumps(BadInput(error.problems)))) == str(error)


NOISE = np.random.default_rng(0)
TABLE = pd.DataFrame(NOISE.random((4000, 10)))
FITTED = Fitted(NOISE.random(20_000), NOISE.random(20_000), TABLE, b"weights" * 50_000)


def write_rows(path: Path) -> None:
    with files.rows_writer(path, ["number"]) as rows:
        rows.writerows({"number": number} for number in NOISE.random(20_000))


def write_features(path: Path) -> None:
    with files.FeaturesWriter(path, (64, 64)) as features:
        features.append(np.ones((50, 64, 64)))


def write_figure(path: Path) -> None:
    figure = Figure()
    figure.subplots().imshow(NOISE.random((600, 600)))
    files.save(figure, path)


def write_copy(path: Path) -> None:
    source = path.parent.parent / "source"
    source.write_bytes(NOISE.bytes(400_000))
    atomic_write.link_file(source, path)  # to another file system: a copy


WRITERS: dict[str, Callable[[Path], None]] = {
    "table": lambda path: files.write_table(TABLE, path),
    "rows": write_rows,
    "features": write_features,
    "figure": write_figure,
    "samples": lambda path: audio.write(path, NOISE.integers(-9999, 9999, 200_000).astype(np.int16), 22050),
    "copy": write_copy,
    "workbook": lambda path: write_workbook([list(row) for row in TABLE[:1500].to_numpy()], path),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_if_the_disk_is_full_the_error_names_the_file_and_nothing_of_it_is_left(tmp_path, kind):
    with small_disk(tmp_path / "disk", 100) as disk:
        path = disk.folder / "out"
        with pytest.raises(CannotGoOn) as raised:
            WRITERS[kind](path)
        [problem] = raised.value.problems
        assert problem.where == str(path)
        assert f"free in {disk.folder}" in problem.found
        assert "free space" in problem.expected and "free some space there" in problem.remedy
        assert list(disk.folder.iterdir()) == []
        disk.resize(4000)
        WRITERS[kind](path)
        assert path.stat().st_size > 100_000


def test_a_full_disk_costs_no_picture_of_an_earlier_prediction(tmp_path):
    with small_disk(tmp_path / "disk", 100) as disk:
        first, second, third = (disk.folder / f"{name}.png" for name in "abc")
        person.write_all_or_none({first: b"before", third: b"before"}, disk.folder)
        now = {first: NOISE.bytes(40_000), second: NOISE.bytes(40_000), third: NOISE.bytes(40_000)}
        with pytest.raises(CannotGoOn, match="free some space there"):
            person.write_all_or_none(now, disk.folder)
        assert {path: path.read_bytes() for path in disk.folder.iterdir()} == {first: b"before", third: b"before"}
        disk.resize(4000)
        person.write_all_or_none(now, disk.folder)
        assert {path: path.read_bytes() for path in disk.folder.iterdir()} == now


def test_a_full_disk_keeps_no_half_of_a_fit(tmp_path):
    with small_disk(tmp_path / "disk", 300) as disk:
        kept = fit_cache.FitCache(disk.folder)
        with pytest.raises(CannotGoOn, match="free some space there"):
            kept.store("abc", FITTED, {}, 1.0)
        assert "abc" not in kept
        assert not [path for path in disk.folder.rglob("*") if path.is_file()]
        disk.resize(4000)
        kept.store("abc", FITTED, {}, 1.0)
        assert np.array_equal(kept.load("abc").test, FITTED.test)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_quota_and_a_limit_of_a_file_s_size_are_reported_as_a_full_disk(tmp_path, number):
    with pytest.raises(CannotGoOn, match="free some space there"), atomic_write.atomic_path(tmp_path / "out"):
        raise OSError(number, os.strerror(number))
    assert not list(tmp_path.iterdir())


def test_what_has_a_second_name_is_not_written_into(tmp_path):
    path, in_cache = tmp_path / "out", tmp_path / "cached"  # as DVC links its cache, and we the kept models
    path.write_text("before")
    in_cache.hardlink_to(path)
    atomic_write.write_text("now", path)
    assert (path.read_text(), in_cache.read_text()) == ("now", "before")


def test_a_folder_that_forbids_writing_is_reported(tmp_path):
    with small_disk(tmp_path / "disk", 100) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk.folder)], check=True)
        with pytest.raises(CannotGoOn, match="a file that can be written"):
            atomic_write.write_text("text", disk.folder / "out")


def test_an_input_that_cannot_be_read_is_not_reported_as_an_output(tmp_path):
    with pytest.raises(PermissionError), atomic_write.atomic_path(tmp_path / "out"):
        raise PermissionError(13, "Permission denied", str(tmp_path / "input.wav"))
    assert not list(tmp_path.iterdir())


def test_a_stage_reports_a_full_disk_without_a_traceback(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def stage(*_: str) -> None:
        atomic_write.write_text("x" * 400_000, tmp_path / "disk/out")

    with small_disk(tmp_path / "disk", 100), pytest.raises(SystemExit) as ended:
        run.run(stage)
    assert ended.value.code == 1
    printed = capsys.readouterr().err
    assert "disk/out" in printed and "free some space there" in printed
    assert "nothing was done" not in printed

"""The command line `bulbar`: quick to answer, errors on the error stream, exit codes that scripts can rely on."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from bulbar.commands import cli
from bulbar.core.errors import BadInput, CannotGoOn, Problem
from tests.projects import ROOT

COMMANDS = {"predict", "export", "download", "track"}
PROBLEM = Problem("file.wav", "a recording", "no such file", "give another")


@pytest.fixture
def ending(monkeypatch):
    """A command `track` that ends with an error."""

    def end(error: Exception) -> int:
        def track(release):
            raise error

        monkeypatch.setattr("bulbar.commands.track.track", track)
        return cli.main(["track", "release"])

    return end


@pytest.mark.parametrize("words", [["--help"], *([command, "--help"] for command in sorted(COMMANDS))])
def test_help_answers_and_calls_nothing_a_diagnosis(capsys, words):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    if words == ["--help"]:
        assert all(f"\n    {command} " in printed for command in COMMANDS) and "a diagnosis" in printed
    else:
        assert f"example:\n  bulbar {words[0]} " in printed
    if words[0] in ("predict", "export"):
        assert "A research tool: " in printed and "no diagnosis" in printed


def test_help_imports_nothing_that_takes_long():
    code = (
        "import sys, bulbar.commands.cli as cli; cli.parser().format_help(); "
        "print(*{'numpy', 'pandas', 'scipy', 'sklearn', 'librosa', 'keras', 'tensorflow', 'matplotlib', 'dvc'}"
        ".intersection(sys.modules))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout.strip() == ""


@pytest.mark.parametrize(
    "words", [[], ["diagnose"], ["predict"], ["export"], ["export", "a", "b"], ["track", "a", "b"],
              ["download", "a", "b", "c"], ["predict", "a.wav", "--surprise"]]
)  # fmt: skip
def test_a_wrong_command_line_ends_with_2(capsys, words):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: bulbar")


def test_bad_input_is_printed_with_the_number_of_problems_and_ends_with_1(ending, capsys):
    assert ending(BadInput([PROBLEM, PROBLEM])) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"{PROBLEM}\n{PROBLEM}\n\n2 problem(s): nothing was tracked.\n"


def test_where_the_machine_is_at_fault_nothing_is_printed_of_the_input(ending, capsys):
    assert ending(CannotGoOn([PROBLEM])) == 1
    assert capsys.readouterr().err == f"{PROBLEM}\n"


def test_a_full_disk_is_reported_with_the_file(ending, capsys, tmp_path):
    file = str(tmp_path / "release.dvc")
    assert ending(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file)) == 1
    assert capsys.readouterr().err.startswith(f"{file}\n    expected: free space to write it\n")


def test_what_is_no_fault_of_the_input_keeps_its_traceback(ending):
    with pytest.raises(OSError, match="strange"):
        ending(OSError(errno.EIO, "strange"))


@pytest.mark.parametrize(("words", "expected"), [
    (["download"], "the release to download: voc_als"),
    (["download", "minsk2020"], "dvc import"),
    (["track"], "the folder of a release"),
    (["predict", "a_A.wav"], "the settings of deployed models"),
    (["export", "out"], "the settings of deployed models"),
])  # fmt: skip
def test_each_command_reports_bad_input(words, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 1
    printed = capsys.readouterr().err
    assert expected in printed and "to do:" in printed and "\n1 problem(s): nothing was " in printed


ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
BULBAR = [sys.executable, "-m", "bulbar.commands"]


@pytest.mark.parametrize(("words", "unbuffered", "code"), [
    ("--help", "", 141),
    ("--help", "1", 0),  # argparse itself meets the closed pipe, and says nothing
    ("track", "", 141),  # bad input, which goes to the error stream
    ("track release", "", 141),
])  # fmt: skip
def test_a_reader_that_has_gone_ends_it_quietly(words, unbuffered, code, tmp_path):
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet", "--no-scm"], cwd=tmp_path, check=True)
    (tmp_path / "params.yaml").write_text("remote: {private: none}\n")
    (tmp_path / "release").mkdir()
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.Popen(
        [*BULBAR, *words.split()],
        stdout=writing,
        stderr=writing if words == "track" else subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | {"PYTHONUNBUFFERED": unbuffered},
        cwd=tmp_path,
    )
    os.close(writing)
    _, errors = run.communicate(timeout=60)
    assert (run.returncode, errors or "") == (code, "")


def test_ctrl_c_ends_it_quietly_with_130(tmp_path):
    os.mkfifo(tmp_path / "params.yaml")
    running = subprocess.Popen(
        [*BULBAR, "track", "release"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )
    with (tmp_path / "params.yaml").open("w"):  # opens once the command reads: now it waits
        running.send_signal(signal.SIGINT)
        printed = running.communicate(timeout=60)
    assert (running.returncode, *printed) == (130, "", "")

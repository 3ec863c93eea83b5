"""What a newcomer does first: a clone, on whatever system, and an environment, with whatever Python."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines import ROOT, git, tracked_files


@pytest.fixture
def repository(tmp_path):
    """A git repository of what this project holds, committed as it stands."""
    folder = tmp_path / "repository"
    for name in tracked_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "All of it")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in tracked_files(folder)}


def test_a_clone_holds_the_same_bytes_where_git_is_set_to_write_crlf(repository, tmp_path):
    git(tmp_path, "clone", "--quiet", "-c", "core.autocrlf=true", str(repository), "clone")
    ends = git(tmp_path / "clone", "ls-files", "--eol").splitlines()
    assert not [line for line in ends if "w/crlf" in line or "w/mixed" in line]
    assert contents(tmp_path / "clone") == contents(ROOT)
    assert git(tmp_path / "clone", "status", "--porcelain") == ""


def test_what_is_no_text_is_marked_so_in_gitattributes():
    binary = [name for name in tracked_files() if b"\0" in (ROOT / name).read_bytes()]
    assert binary
    marked = git(ROOT, "check-attr", "text", "--", *binary).splitlines()
    assert [line for line in marked if not line.endswith(": text: unset")] == []


def python(version: str) -> str:
    """A Python of this version, as it is installed beside the one that runs the tests; the test is skipped without."""
    beside = sorted(Path(sys.base_prefix).parent.glob(f"{version}.*/bin/python3"))
    found = shutil.which(f"python{version}") if not beside else str(beside[0])
    if not found or subprocess.run([found, "--version"], capture_output=True).returncode:
        pytest.skip(f"no Python {version} here")
    return found


@pytest.fixture
def place(tmp_path):
    """A folder with what the Makefile reads to make an environment."""
    (tmp_path / "requirements").mkdir()
    for name in ("Makefile", "requirements/environment.py"):
        shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def make(place: Path, *words: str, fails: bool = False, **environment: str) -> str:
    ours = ("PYTHON", "VENV", "MAKE", "MFLAGS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    run = subprocess.run(["make", *words], cwd=place, capture_output=True, text=True, env=inherited | environment)
    assert (run.returncode != 0) == fails, run.stdout + run.stderr
    return run.stdout + run.stderr


OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize("version", ["3.6", "3.10", None])
def test_a_python_that_is_too_old_or_not_there_is_named_before_anything_is_made(place, version):
    named = python(version) if version else "python3.999"
    printed = make(place, ".venv/.installed", f"PYTHON={named}", fails=True)
    found = f"found {version}: " if version else f"found none: {named}"
    assert f"Python 3.11 to 3.13 expected, {found}" in printed
    assert not (place / ".venv").exists()


FAILS = "import os, sys\nif __name__ == '__main__':\n    os.makedirs(sys.argv[1])\n    sys.exit('disk full')\n"


@pytest.mark.parametrize(
    ("module", "code", "words"),
    [
        ("venv", "raise ImportError", ["the module venv of Python", f"python{OURS}-venv"]),  # as Debian has it
        ("ensurepip", "raise ImportError", ["the module ensurepip of Python", f"python{OURS}-venv"]),
        ("venv", FAILS, ["disk full", "is not kept"]),
    ],
)
def test_a_python_that_can_make_no_environment_is_named_and_no_half_of_one_is_kept(place, module, code, words):
    (place / "lacking").mkdir()
    (place / f"lacking/{module}.py").write_text(code)
    printed = make(place, ".venv/.made", f"PYTHON={python(OURS)}", fails=True, PYTHONPATH=str(place / "lacking"))
    assert all(word in printed for word in words), printed
    assert not (place / ".venv").exists()


def test_a_folder_that_is_no_environment_is_left_alone(place):
    (place / ".venv").mkdir()
    (place / ".venv/notes.txt").touch()
    assert "found another folder: .venv" in make(place, ".venv/.made", f"PYTHON={python(OURS)}", fails=True)
    assert (place / ".venv/notes.txt").exists()


@pytest.mark.slow
def test_an_environment_without_pip_is_made_anew_and_stays_unless_another_python_is_named(place):
    def version() -> str:
        code = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
        run = subprocess.run([place / ".venv/bin/python", "-c", code], capture_output=True, text=True, check=True)
        return run.stdout.strip()

    other = python("3.12" if OURS != "3.12" else "3.13")
    subprocess.run([python(OURS), "-m", "venv", "--without-pip", place / ".venv"], check=True)
    assert "made anew" in make(place, ".venv/.made", f"PYTHON={python(OURS)}")
    made = (place / ".venv/.made").stat().st_mtime_ns
    (place / "path").mkdir()
    (place / "path/python3").symlink_to(python("3.10"))
    assert make(place, ".venv/.made", f"PYTHON={python(OURS)}") == ""
    assert make(place, ".venv/.made", PATH=f"{place / 'path'}:{os.environ['PATH']}") == ""
    assert (place / ".venv/.made").stat().st_mtime_ns == made and version() == OURS
    assert "made anew" in make(place, ".venv/.made", f"PYTHON={other}")
    assert version() != OURS and (place / ".venv/.made").stat().st_mtime_ns > made


def test_the_makefile_takes_the_pythons_that_the_package_takes():
    project = (ROOT / "pyproject.toml").read_text()
    oldest, beyond = re.search(r'requires-python = ">=3[.](\d+),<3[.](\d+)"', project).groups()
    script = (ROOT / "requirements/environment.py").read_text()
    assert f"OLDEST, NEWEST = (3, {oldest}), (3, {int(beyond) - 1})" in script
    assert f"Python 3.{oldest} to 3.{int(beyond) - 1} expected" in (ROOT / "Makefile").read_text()


def test_other_pythons_are_tested_each_in_an_environment_of_its_own_and_one_that_fails_is_named(place):
    named = [python("3.12"), python("3.13")]
    commands = make(ROOT, "-nB", "test-pythons", f"VENV={place}/v", f"PYTHONS={' '.join(named)}").splitlines()
    for version, one in zip(("3.12", "3.13"), named, strict=True):
        assert f"{one} requirements/environment.py {place}/v-{version} --this-python" in commands
        assert f". {place}/v-{version}/bin/activate && pytest --numprocesses 2 --dist loadfile" in commands
    assert git(ROOT, "check-ignore", ".venv-3.12/lib", ".venv-3.13/lib").count("\n") == 2
    printed = make(place, "test-pythons", f"PYTHONS=python3.999 {python('3.10')}", fails=True)
    assert f"failed: python3.999 {python('3.10')}\n" in printed

"""The package installs from a wheel, which holds the library, its command and the papers' tables, and no stage."""

import configparser
import json
import os
import shutil
import subprocess
import sys
import time
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.projects import ROOT

MODELS = Path("models/deployed")


def packed(*folders: str) -> set[str]:
    """The files of our folders, as they are in the repository; nothing compiled."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built without a network by the pinned setuptools, from a copy: setuptools writes beside its source."""
    copy, out = (tmp_path_factory.mktemp(name) for name in ("source", "wheel"))
    for name in ("pyproject.toml", "README.md", "requirements.txt"):
        shutil.copy(ROOT / name, copy)
    for name in ("bulbar", "stages", "tests", "reference"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--wheel-dir", str(out), str(copy)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [built] = out.iterdir()
    return built


@pytest.fixture(scope="module")
def content(wheel) -> dict[str, str]:
    """The wheel's files."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def about(content: dict[str, str], file: str) -> str:
    """A file of the wheel's own description."""
    [found] = [text for name, text in content.items() if name.endswith(f".dist-info/{file}")]
    return found


def test_the_wheel_holds_bulbar_and_the_papers_tables_and_nothing_else(content):
    """A new package of bulbar/ has to be entered in pyproject.toml."""
    ours = {name for name in content if ".dist-info/" not in name}
    tables = {f"bulbar/{name}" for name in packed("reference") if name.count("/") == 1}
    assert ours == packed("bulbar") | tables
    assert "bulbar/report/templates/page.html" in ours and "bulbar/reference/als_table4_accuracy.csv" in ours


def test_bulbar_holds_packages_and_what_they_show_and_no_module_beside_them():
    assert {name for name in packed("bulbar") if name.count("/") == 1} == {"bulbar/__init__.py"}


def test_the_wheel_depends_on_the_pinned_requirements(content):
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = {str(Requirement(line)) for line in lines if line and not line.startswith("#")}
    stated = HeaderParser().parsestr(about(content, "METADATA")).get_all("Requires-Dist")
    assert {str(Requirement(one)) for one in stated} == pinned and len(pinned) > 20


def test_the_wheel_brings_the_command(content):
    entries = configparser.ConfigParser()
    entries.read_string(about(content, "entry_points.txt"))
    assert {name: dict(entries[name]) for name in entries.sections()} == {
        "console_scripts": {"bulbar": "bulbar.commands.cli:main"}
    }


def in_folder(folder: Path, *command: str | Path, **environment: str) -> str:
    """What a command prints in a folder, made if need be, where no variable leads to the repository."""
    folder.mkdir(exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=folder, env=inherited | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The programs of a new environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    in_folder(folder, folder / "bin/python", "-m", "pip", "install", "--quiet", wheel)
    return folder / "bin"


@pytest.mark.slow
def test_the_installed_command_predicts_what_the_repository_predicts(installed, tmp_path):
    from tests.stages import small_study  # Keras is imported where a test trains, and nowhere else

    project = tmp_path / "project"
    project.mkdir()
    small_study.train(project, swept=("subject_wise",), fused=("subject_wise",))
    small_study.deploy_models(project)
    recordings = [project / f"release/{name}/PZ001_{name}.wav" for name in ("phonationA", "rhythmPA")]
    arguments = ("predict", *recordings, "--model", project / MODELS, "--prevalence", "0.1", "--json")
    for model in ("voice", "audio"):
        words = (*arguments, "--with", model)
        here = in_folder(tmp_path / "here", sys.executable, "-m", "bulbar.commands", *words, PYTHONPATH=str(ROOT))
        there = in_folder(tmp_path / "there", installed / "bulbar", *words)
        assert json.loads(there) == json.loads(here)
    pictures = [one["explanation"] for one in json.loads(there)["recordings"]]
    assert len(pictures) == 2 and all((tmp_path / "there" / picture).is_file() for picture in pictures)

    printed = in_folder(tmp_path / "there", installed / "bulbar", "export", "exported", "--model", project / MODELS)
    assert printed.startswith("4 networks written to exported")
    assert len(list((tmp_path / "there/exported").rglob("*.tflite"))) == 4


@pytest.mark.slow
def test_the_installed_command_explains_itself_at_once(installed, tmp_path):
    in_folder(tmp_path, installed / "bulbar", "--help")  # Python compiles what it imports
    started = time.perf_counter()
    printed = in_folder(tmp_path, installed / "bulbar", "--help")
    assert time.perf_counter() - started < 2
    assert all(command in printed for command in ("predict", "export", "download", "track"))


@pytest.mark.slow
def test_the_papers_tables_come_with_the_package(installed, tmp_path):
    code = "from importlib.resources import files; print(files('bulbar.reference') / 'als_table4_accuracy.csv')"
    file = Path(in_folder(tmp_path, installed / "python", "-c", code).strip())
    assert file.read_bytes() == (ROOT / "reference/als_table4_accuracy.csv").read_bytes()
    assert not file.is_relative_to(ROOT)

"""The requirements are what the code imports: none unused, unlisted or unpinned. The locks hold them."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.imports import imports_of

ROOT = Path(__file__).parent.parent
OURS = {"benchmarks", "bulbar", "stages", "tests"}
NAME_IN_CODE = {
    "pillow": "PIL",
    "ruamel.yaml": "ruamel",
    "scikit-learn": "sklearn",
    "praat-parselmouth": "parselmouth",
    "axe-playwright-python": "axe_playwright_python",
}
COMMANDS = {"bandit", "dvc", "mypy", "pip-audit", "pytest", "pytest-xdist", "ruff", "uv"}  # by users and the Makefile
BUILDS = {"setuptools", "wheel"}  # what pip runs
BEHIND_KERAS = {"tensorflow"}  # the backend that `import keras` takes by params.yaml
TYPES_FOR = {"pandas-stubs": "pandas"}  # `types-X` says itself whose types it holds
BESIDE = {"dask", "httpx", "synapseutils"}  # come with distributed and with synapseclient


def pinned(file: str) -> dict[str, str]:
    """The requirements of a file with their specifiers; `-r` left out."""
    lines = [line.split("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
    matches = [re.match(r"([A-Za-z0-9._-]+)(.*)", line) for line in lines if line and not line.startswith("-")]
    return {match[1]: match[2] for match in matches if match}


@cache
def imported(*folders: str) -> set[str]:
    """Top-level names of the foreign modules that the files of our folders import, anywhere in them."""
    files = (file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    names = {name.split(".")[0] for file in files for name in imports_of(file)}
    return names - OURS - set(sys.stdlib_module_names)


def in_code(requirement: str) -> str:
    return NAME_IN_CODE.get(requirement, requirement)


RUN_TIME, FOR_TESTS = pinned("requirements.txt"), pinned("requirements/dev.txt")
OPTIONAL = {
    name: pin for file in ROOT.glob("requirements/*.txt") for name, pin in pinned(f"requirements/{file.name}").items()
}
OPTIONAL = {name: pin for name, pin in OPTIONAL.items() if name not in {*FOR_TESTS, *BUILDS}}


@pytest.mark.parametrize(
    "specifier", [*RUN_TIME.items(), *FOR_TESTS.items(), *OPTIONAL.items()], ids=lambda pair: pair[0]
)
def test_every_requirement_is_pinned_to_one_release(specifier):
    assert re.fullmatch(r"==\d+(\.\d+)*", specifier[1])


@pytest.mark.parametrize(
    ("required", "folders", "beside_imports"),
    [(RUN_TIME, ("bulbar", "stages"), COMMANDS | BEHIND_KERAS), (FOR_TESTS, ("tests",), COMMANDS)],
    ids=["run time", "tests"],
)
def test_every_requirement_is_imported_or_run(required, folders, beside_imports):
    unused = {in_code(name) for name in required} - imported(*folders) - beside_imports
    types = {
        TYPES_FOR.get(name, name.removeprefix("types-")) for name in unused if "types-" in name or "-stubs" in name
    }
    assert len(types) == len(unused) and types <= imported("bulbar", "stages"), unused


@pytest.mark.parametrize(
    ("folders", "required"),
    [(("bulbar", "stages"), RUN_TIME | OPTIONAL), (("tests",), RUN_TIME | FOR_TESTS | OPTIONAL)],
)
def test_every_foreign_import_is_a_requirement(folders, required):
    assert imported(*folders) - BESIDE <= {in_code(name) for name in required}


LISTS = [ROOT / "requirements.txt", *sorted(ROOT.glob("requirements/*.txt"))]
SYSTEMS = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64"))
OF_MARKERS = ("python_version", "python_full_version", "sys_platform", "platform_machine")
MACHINES = [
    dict(zip(OF_MARKERS, (python, f"{python}.9", *system), strict=True))
    for python in ("3.11", "3.12", "3.13")
    for system in SYSTEMS
]


@cache
def locked(file: Path) -> list[tuple[Requirement, list[str]]]:
    """The entries of a lock, each with its hashes. Fails where a line is anything else."""
    entries = file.read_text().replace(" \\\n", " ").splitlines()
    matches = [re.fullmatch(r"(.+?)((?: +--hash=sha256:[0-9a-f]{64})+)", line) for line in entries if line[0] != "#"]
    assert matches and all(matches), "a line is no pinned release with its hashes"
    return [(Requirement(match[1]), match[2].split()) for match in matches if match]


def installed(file: Path, machine: dict[str, str]) -> dict[str, str]:
    """Package -> version, of what a lock, and the run-time lock below it, install on a machine."""
    locks = {ROOT / "requirements.lock": None, file: None}
    found: dict[str, str] = {}
    for requirement, _ in (entry for lock in locks for entry in locked(lock)):
        if requirement.marker is None or requirement.marker.evaluate(machine):
            name = canonicalize_name(requirement.name)
            assert requirement.url is None and re.fullmatch(r"==[0-9a-z.]+", str(requirement.specifier))
            assert found.setdefault(name, str(requirement.specifier)) == str(requirement.specifier), name
    return found


@pytest.mark.parametrize("listed", LISTS, ids=lambda path: path.name)
def test_every_requirement_is_locked_on_every_machine_and_a_lock_names_no_index_and_no_host(listed):
    text = listed.with_suffix(".lock").read_text()
    assert not re.search(r"://|^\s*-(?!-hash)|@ ", text, re.MULTILINE)
    for machine in MACHINES:
        versions = installed(listed.with_suffix(".lock"), machine)
        wanted = {canonicalize_name(name): pin for name, pin in pinned(str(listed.relative_to(ROOT))).items()}
        assert wanted.items() <= versions.items(), machine


def test_make_installs_nothing_that_has_no_hash():
    planned = ["make", "--always-make", "--dry-run", "VENV=/nowhere", "/nowhere/.installed-dev"]
    commands = subprocess.run(planned, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    installing = [command.split() for command in commands if " pip install " in command]
    assert len(installing) == 4
    for words in installing:
        assert "--no-build-isolation" in words, "pip would fetch what it builds with, and check no hash"
        assert "--require-hashes" in words or words[-3:] == ["--no-deps", "-e", "."]

"""The requirements are what the code imports: nothing unused, nothing unlisted, nothing unpinned."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"benchmarks", "bulbar", "stages", "tests"}
NAME_IN_CODE = {
    "pillow": "PIL",
    "ruamel.yaml": "ruamel",
    "scikit-learn": "sklearn",
    "praat-parselmouth": "parselmouth",
    "axe-playwright-python": "axe_playwright_python",
}
COMMANDS = {"dvc", "pytest", "ruff", "mypy"}  # run by name; dvc by users, the others by the Makefile
BEHIND_KERAS = {"tensorflow"}  # the backend that `import keras` takes by params.yaml
TYPES_FOR = {"pandas-stubs": "pandas"}  # `types-X` says itself whose types it holds
BESIDE = {"dask"}  # comes with distributed
FETCHED_ON_DEMAND = {"synapseclient", "synapseutils"}  # stages.download asks for it, and says how to install it


def pinned(file: str) -> dict[str, str]:
    """The requirements of a file with their specifiers; `-e .` and `-r` left out."""
    lines = [line.split("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
    matches = [re.match(r"([A-Za-z0-9._-]+)(.*)", line) for line in lines if line and not line.startswith("-")]
    return {match[1]: match[2] for match in matches if match}


def imported(*folders: str) -> set[str]:
    """Top-level names of the foreign modules that the files of our folders import, anywhere in them."""
    names: set[str] = set()
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.add(node.module.split(".")[0])
    return names - OURS - set(sys.stdlib_module_names)


def in_code(requirement: str) -> str:
    return NAME_IN_CODE.get(requirement, requirement)


RUN_TIME, FOR_TESTS = pinned("requirements.txt"), pinned("requirements-dev.txt")
OPTIONAL = {name: pin for file in ROOT.glob("requirements-*.txt") for name, pin in pinned(file.name).items()}
OPTIONAL = {name: pin for name, pin in OPTIONAL.items() if name not in FOR_TESTS}


@pytest.mark.parametrize(
    "specifier", [*RUN_TIME.items(), *FOR_TESTS.items(), *OPTIONAL.items()], ids=lambda pair: pair[0]
)
def test_every_requirement_is_pinned_to_one_release(specifier):
    assert re.fullmatch(r"==\d+(\.\d+)*", specifier[1])


def test_every_run_time_requirement_is_imported_or_run():
    assert {in_code(name) for name in RUN_TIME} - imported("bulbar", "stages") <= COMMANDS | BEHIND_KERAS


def test_every_foreign_import_of_the_code_is_a_run_time_requirement():
    assert imported("bulbar", "stages") - FETCHED_ON_DEMAND <= {in_code(name) for name in RUN_TIME | OPTIONAL}


def test_every_test_requirement_is_used():
    used = imported("tests") | COMMANDS
    unused = {in_code(name) for name in FOR_TESTS} - used
    types = {name: TYPES_FOR.get(name, name.removeprefix("types-")) for name in unused}
    assert set(types.values()) <= imported("bulbar", "stages"), types


def test_every_foreign_import_of_the_tests_is_a_requirement():
    listed = {in_code(name) for name in RUN_TIME | FOR_TESTS | OPTIONAL}
    assert imported("tests") - FETCHED_ON_DEMAND - BESIDE <= listed

"""The order of the packages of bulbar/: each imports only those below it."""

import ast
from pathlib import Path

import pytest

from tests.imports import imports_of

ROOT = Path(__file__).parent.parent
ORDER = (
    "core", "style", "phantom", "cohort", "features", "tuning", "scoring", "voice", "training",
    "audit", "appraisal", "explain", "paper", "deployment", "report", "commands",
)  # fmt: skip
"""The packages of bulbar/, from the ground up."""

MOST_MODULES = 13


def modules(package: Path) -> list[Path]:
    return [file for file in sorted(package.glob("*.py")) if file.name != "__init__.py"]


def test_bulbar_holds_these_packages_and_nothing_else() -> None:
    found = {path.name for path in (ROOT / "bulbar").iterdir() if path.name != "__pycache__"}
    assert found == {*ORDER, "__init__.py"}


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_only_what_is_below_it(package: str) -> None:
    below = set(ORDER[: ORDER.index(package) + 1])
    for file in sorted((ROOT / "bulbar" / package).rglob("*.py")):
        for name in imports_of(file):
            top, package, *_ = [*name.split("."), ""]
            assert top not in ("stages", "tests", "benchmarks"), file
            assert top != "bulbar" or package in below, f"{file.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("package", ORDER)
def test_a_package_is_small_and_its_init_is_one_line_of_docstring(package: str) -> None:
    for init in (ROOT / "bulbar" / package).rglob("__init__.py"):
        assert len(modules(init.parent)) <= MOST_MODULES
        text = init.read_text()
        assert len(text.splitlines()) == 1 and ast.get_docstring(ast.parse(text)), init


@pytest.mark.parametrize("script", modules(ROOT / "stages"), ids=lambda script: script.stem)
def test_a_stage_is_one_or_two_screens(script: Path) -> None:
    assert len(script.read_text().splitlines()) <= 120

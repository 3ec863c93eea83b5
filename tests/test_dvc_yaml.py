"""dvc.yaml says what each stage runs: its script, and the packages of bulbar/ that it imports."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bulbar.core.names import PROTOCOLS
from tests.imports import imports_of
from tests.pipelines import CHECK, tracked_files

ROOT = Path(__file__).parent.parent
STAGES = {
    prefix + name: stage.get("do", stage)  # of a stage for each role of a cohort
    for prefix, folder in (("", ROOT), ("gender/", ROOT / "gender"))
    for name, stage in YAML(typ="safe").load((folder / "dvc.yaml").read_text())["stages"].items()
}
"""The stages of both pipelines. Those of gender/ run there, and reach what lies at the root by ../"""


def deps_at_root(name: str) -> set[str]:
    """What a stage depends on of what lies at the root, as seen from there."""
    if name.startswith("gender/"):
        return {dep.removeprefix("../") for dep in STAGES[name]["deps"] if dep.startswith("../")}
    return set(STAGES[name]["deps"])


@cache
def module_file(name: str) -> Path | None:
    """The file of one of our modules; None for a foreign one and for a package that only holds a docstring."""
    path = ROOT / name.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return file if file.exists() and len(ast.parse(file.read_text()).body) > 1 else None


def imported_by(file: Path) -> set[Path]:
    """Files of ours that a file imports, anywhere in it, and those that they import."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        for imported in imports_of(waiting.pop()):
            names = (imported, imported.rpartition(".")[0])
            new = {path for name in names if name.split(".")[0] in ("bulbar", "stages") and (path := module_file(name))}
            waiting += new - found
            found |= new
    return found


def as_dep(file: Path) -> str:
    """A module as dvc.yaml names it: by its package below bulbar/, or stages/parts; the script of a stage by itself."""
    return "/".join(file.relative_to(ROOT).parts[:2])


def script_of(name: str) -> Path:
    """The script that a stage runs."""
    words = STAGES[name]["cmd"].split()
    return ROOT / "stages" / f"{words[words.index('-m') + 1].removeprefix('stages.')}.py"


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_packages_it_imports_and_on_no_other(name: str) -> None:
    words = STAGES[name]["cmd"].split()
    assert name.startswith("gender/") == (words[0] == "PYTHONPATH=..")
    script = script_of(name)
    expected = {as_dep(file) for file in {script, *imported_by(script)}}
    assert {dep for dep in deps_at_root(name) if dep.split("/")[0] in ("bulbar", "stages")} == expected


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_a_folder_of_several_outs_only_where_git_holds_its_files(name: str) -> None:
    """The .gitignore beside several outs is missing in a copy without them: the folder would count as modified."""
    outs = [path for name in STAGES for path in outs_at_root(name)]
    for dep in deps_at_root(name):
        inside = [out for out in outs if out.startswith(f"{dep}/")]
        assert not inside or dep.split("/")[0] in ("metrics", "plots"), dep
        assert dep not in ("metrics", "plots", "data", "models")


def outs_at_root(name: str) -> list[str]:
    """What a stage writes, as dvc.yaml names it, seen from the root; of several stages in one their common folder."""
    folder = "gender/" if name.startswith("gender/") else ""
    outs = STAGES[name].get("outs", []) + STAGES[name].get("metrics", [])
    return [f"{folder}{next(iter(out)) if isinstance(out, dict) else out}" for out in outs]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_locked_versions(name: str) -> None:
    assert "requirements.lock" in deps_at_root(name)
    assert ("requirements.txt" in deps_at_root(name)) == ("pinned_versions" in script_of(name).read_text())


def test_the_lock_file_counts_the_modules_of_a_package_and_no_byte_code() -> None:
    lock = YAML(typ="safe").load((ROOT / "dvc.lock").read_text())["stages"]
    held = tracked_files()
    packages = {
        (dep["path"], dep["nfiles"]) for stage in lock.values() for dep in stage["deps"]
        if dep["path"].startswith(("bulbar/", "stages/")) and "nfiles" in dep
    }  # fmt: skip
    declared = {dep for name in STAGES if not name.startswith("gender/") for dep in deps_at_root(name)}
    assert {path for path, _ in packages} == {
        dep for dep in declared if dep.startswith(("bulbar/", "stages/")) and Path(dep).suffix == ""
    }
    for path, files in packages:
        assert files == sum(name.startswith(f"{path}/") for name in held), path


PLOTS = {
    prefix + name: plot
    for prefix, folder in (("", ROOT), ("gender/", ROOT / "gender"))
    for each in YAML(typ="safe").load((folder / "plots/dvc.yaml").read_text())["plots"]
    for name, plot in each.items()
}
OF_DVC = {"bar_horizontal", "confusion", "simple"}


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_has_a_title_axes_a_template_and_data_that_a_stage_writes(name: str) -> None:
    plot, pipeline = PLOTS[name], name.rpartition("/")[0]
    assert "${cohort.root}" in plot["title"] and plot["x_label"] and plot["y_label"]
    assert plot["template"] in OF_DVC or (ROOT / f".dvc/plots/{plot['template']}.json").exists()
    outs = [
        str(next(iter(out)) if isinstance(out, dict) else out).split("$")[0]
        for stage, one in STAGES.items() if stage.rpartition("/")[0] == pipeline for out in one.get("outs", [])
    ]  # fmt: skip
    assert all(f"plots/{file}".startswith(tuple(outs)) for file in plot["y"])


@pytest.mark.parametrize("what", ["table_4", *(f"figure_{n}" for n in range(10, 15)), "roc", "reliability"])
def test_dvc_draws_every_figure_of_the_paper_for_both_protocols(what: str) -> None:
    for protocol in PROTOCOLS:
        assert any(name.startswith(what) and protocol in name for name in PLOTS)
        assert f"gender/best_so_far_{protocol}" in PLOTS


def of_pipeline(folder: str) -> list[tuple[str, dict[str, Any]]]:
    """The stages of one pipeline."""
    return [(name, stage) for name, stage in STAGES.items() if name.rpartition("/")[0] == folder.rstrip("/")]


def leaves(found: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """The keys of params.yaml that hold a value, as `block.key`."""
    for key, value in found.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{before}{key}.")
        else:
            yield before + key


def covers(key: str, other: str) -> bool:
    """Whether one of two keys is the other or a block around it."""
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")


PLACES = {"": {"compute", "remote"}, "gender/": {"compute", "remote", "cohort.watched", "tune.storage"}}
"""Params that shape no result, and are no stage's: how it is computed, where caches lie, what DVC watches."""


@pytest.mark.parametrize("folder", PLACES)
def test_every_param_but_places_is_some_stage_s_and_a_stage_has_no_other(folder: str) -> None:
    keys = {
        key
        for name, stage in of_pipeline(folder)
        if not name.endswith(CHECK)  # which reads each, and does nothing with it
        for key in stage.get("params", [])
    }
    declared = {key.replace("${item.cohort}", block) for key in keys for block in ("cohort", "external.cohort")}
    params = set(leaves(YAML(typ="safe").load((ROOT / folder / "params.yaml").read_text())))
    assert {leaf for leaf in params if not any(covers(leaf, key) for key in declared | PLACES[folder])} == set()
    assert not [key for key in declared if not any(covers(leaf, key) for leaf in params)]


@pytest.mark.parametrize("folder", PLACES)
def test_the_check_of_params_runs_again_when_any_of_them_changes(folder: str) -> None:
    checked = set(STAGES[f"{folder}{CHECK}"]["params"])
    params = set(leaves(YAML(typ="safe").load((ROOT / folder / "params.yaml").read_text())))
    assert {leaf for leaf in params if not any(covers(leaf, key) for key in checked | PLACES[folder])} == set()


def test_compute_settings_are_no_stage_s_param() -> None:
    assert not [name for name, stage in STAGES.items() if any("compute" in key for key in stage.get("params", []))]


@pytest.mark.parametrize("name", [name for name in STAGES if not name.endswith("phantom")])
def test_voices_and_subject_rows_go_to_the_private_remote_alone(name: str) -> None:
    outs = STAGES[name].get("outs", []) + STAGES[name].get("metrics", [])
    marks = {path: mark for out in outs for path, mark in (out if isinstance(out, dict) else {out: {}}).items()}
    private = {"remote": "private-${remote.private}"}
    assert all(mark in (private, {"cache": False}) or path == "report/index.html" for path, mark in marks.items()), (
        marks
    )


@pytest.mark.parametrize("name", STAGES)
def test_no_word_of_a_command_can_come_from_params(name: str) -> None:
    """DVC resolves ${} before a shell reads the line: what stands there is written out in dvc.yaml."""
    folder = ROOT / ("gender" if name.startswith("gender/") else "")
    pipeline = YAML(typ="safe").load((folder / "dvc.yaml").read_text())
    assert "vars" not in pipeline, "params.yaml would be merged into them"
    stage = pipeline["stages"][name.removeprefix("gender/")]
    used = re.findall(r"\$\{([^}]*)\}", STAGES[name]["cmd"])
    words = {
        "key": list(stage.get("foreach", {})),
        **{f"item.{key}": of for key, of in stage.get("matrix", {}).items()},
    }
    assert set(used) <= set(words)
    assert all(re.fullmatch(r"[a-z_]+", word) for one in used for word in words[one])

"""What stages do, watched while they run, is what dvc.yaml says: nothing undeclared, no data file declared in vain."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from bulbar.core import library_settings
from tests.pipelines import TINY
from tests.test_dvc_yaml import PLACES, STAGES, covers
from tests.test_gender_pipeline import TINY as TINY_GENDER
from tests.traces import Trace, Watched

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("strace"), reason="strace sees what stages open: apt-get install strace"),
]

MODES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "": [
        ("spread@subject_wise", {"spread.repeats": 2}),
        ("mel_spectrogram@main", {"spectrogram.representation": "mfcc"}),
        ("external", {"spectrogram.representation": "mfcc"}),
        ("explain", {"spectrogram.representation": "mfcc", "spectrogram.time_axis": "pad"}),
    ],
    "gender/": [
        ("features", {"features.representation": "mfcc"}),
        ("tune@record_wise", {"split.target": "age_band"}),
        ("networks@record_wise", {"split.target": "age_band"}),
    ],
}
"""Stages that do more under other params: each runs alone once more with these, after the whole pipeline."""

LONGER = {
    ("acoustic", "missing_clips.csv"): "the folder: acoustic.csv is there or not, which DVC allows of no file",
    ("acoustic", "quarantine.csv"): "the same",
    ("acoustic", "subjects.csv"): "the same",
    ("audit", "majority.csv"): "the folder: whatever baselines there are",
    ("external", "figure_7.png"): "lies among the recordings",
    ("features", "figure_7.png"): "the same",
    ("features", "recordings.csv"): "the same",
    ("mel_spectrogram", "figure_7.png"): "the same",
}
"""Files that a stage does not open in a folder that it depends on, and why it depends on the folder."""

VARIABLES = {
    "BULBAR_CACHE": "where finished fits are kept",
    "BULBAR_DEVICE": "what fits are trained on; of their names",
    "BULBAR_STORAGE": "where searches are kept",
    "CUDA_VISIBLE_DEVICES": "what fits are trained on; of their names",
    "MPLCONFIGDIR": "where matplotlib caches the list of fonts",
    "NUMBA_CACHE_DIR": "where Numba caches what it compiled",
    "PYTHONWARNINGS": "cleared",
    "TF_CPP_MIN_LOG_LEVEL": "set, where it is not: how much is logged",
    "TF_FORCE_GPU_ALLOW_GROWTH": "set, where it is not: how much of a GPU's memory is taken",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "the same",
    **dict.fromkeys(library_settings.HONOURED, "of the fits' names, and what makes a CPU look like another type"),
}
"""Variables of the environment that our code may ask for, and what for: of none does an out depend undeclared."""


def within(path: Path, places: set[Path]) -> bool:
    return any(path.is_relative_to(place) for place in places)


@dataclass
class Run:
    """One of the stages that a stage of dvc.yaml makes: what its lock says, what it did. Paths are absolute.

    params: as declared.
    """

    name: str
    deps: set[Path]
    outs: set[Path]
    params: set[str]
    did: Trace


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory) -> dict[str, Watched]:
    """Both pipelines, by their folder: each has run as a whole, then what MODES adds."""
    found = {}
    for folder, tiny in (("", TINY), ("gender/", TINY_GENDER)):
        found[folder] = watched = Watched(tmp_path_factory.mktemp("watched"))
        watched.change(tiny, f"{folder}params.yaml")
        watched.commit("Tiny settings")
        watched.dvc("repro", f"{folder}dvc.yaml")
        files = [watched.folder / folder / name for name in ("params.yaml", "dvc.lock")]
        as_it_was = {path: path.read_bytes() for path in files}
        for stage, changes in MODES[folder]:
            watched.change(changes, f"{folder}params.yaml")
            watched.dvc("repro", "--single-item", "--force", f"{folder}dvc.yaml:{stage}")
            for path, content in as_it_was.items():
                path.write_bytes(content)
    return found


@pytest.fixture
def runs(pipelines, name) -> list[Run]:
    """The stages that one of dvc.yaml makes: two where it has two protocols or two roles."""
    folder = "gender/" if name.startswith("gender/") else ""
    pipeline, home = pipelines[folder], pipelines[folder].folder / folder

    def at(told: list[dict[str, Any]]) -> set[Path]:
        return {Path(os.path.normpath(home / each["path"])) for each in told}

    return [
        Run(
            made,
            at(told["deps"]),
            at(told["outs"]),
            set(told.get("params", {}).get("params.yaml", ())),
            pipeline.trace(name, made),
        )
        for made, told in pipeline.told(name).items()
    ]


def vouched_for(run: Run) -> set[Path]:
    """Recordings of a release: a stage that depends on the table with their SHA-256 depends on them."""
    found: set[Path] = set()
    for table in run.did.read:
        if table.match("cohort/recordings.csv") and within(table, run.deps):
            home = next(folder for folder in table.parents if (folder / "dvc.yaml").exists())
            params = YAML(typ="safe").load(home / "params.yaml")
            block = params["external"] if table.is_relative_to(home / "data/external") else params
            recordings = pd.read_csv(table)
            assert recordings["sha256"].str.fullmatch(r"[0-9a-f]{64}").all()
            found |= {home / block["cohort"]["root"] / path for path in recordings["path"]}
    return found


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_opens_nothing_that_it_does_not_declare(pipelines, runs, name):
    assert runs
    folder = pipelines["gender/" if name.startswith("gender/") else ""].folder
    for run in runs:
        looked_at = {path for path in run.did.read if path.is_relative_to(folder)}
        modules = {path for path in looked_at if path.suffix == ".py"}
        assert modules
        of_python = {place for module in modules for place in module.parents} | {
            module for module in modules if module.name == "__init__.py" and module.parent.parent == folder
        }
        by_dvclive = {path for path in looked_at if {".git", ".dvc", ".gitignore", ".dvcignore"} & set(path.parts)}
        home = folder / name.rpartition("/")[0]
        declared = run.deps | run.outs | vouched_for(run)
        others = looked_at - of_python - by_dvclive - {home, home / "params.yaml"}
        assert not {str(path.relative_to(folder)) for path in others if not within(path, declared)}, run.name


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_declares_no_file_that_it_does_not_open(pipelines, runs, name):
    """A folder of data counts file by file, a package of modules as a whole.

    What one of two stages that dvc.yaml makes at once opens, both may declare.
    """
    folder = pipelines["gender/" if name.startswith("gender/") else ""].folder

    def alike(path: Path) -> str:
        """Of both protocols, or both roles, the same."""
        told = str(path.relative_to(folder))
        for one in ("record_wise", "subject_wise", "external/"):
            told = told.replace(one, "")
        return told

    opened = {alike(path) for run in runs for path in run.did.read if path.is_relative_to(folder)}
    unopened = set()
    for run in runs:
        for dep in run.deps - set(folder.glob("requirements.*")):  # versions: of what is imported
            if dep.match("data/params.txt"):
                continue  # says that the check of params comes before
            if dep.is_dir() and dep.relative_to(folder).parts[0] in ("bulbar", "stages"):
                unopened |= {dep} - {dep for path in run.did.read if path.is_relative_to(dep)}
            elif dep.match("raw/phantom"):
                assert any(path.is_relative_to(dep) for path in run.did.read)  # a release, as a whole
            else:
                files = [path for path in dep.rglob("*") if path.is_file()] if dep.is_dir() else [dep]
                unopened |= {path for path in files if alike(path) not in opened}
    in_vain = {str(path.relative_to(folder)) for path in unopened if (name.rpartition("/")[2], path.name) not in LONGER}
    assert not in_vain


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_writes_its_outs_and_a_log_of_wall_times_alone(pipelines, runs, name):
    folder = pipelines["gender/" if name.startswith("gender/") else ""].folder
    for run in runs:
        written = {path for path in run.did.written if path.is_relative_to(folder) and path.exists()}
        assert any(within(path, run.outs) for path in written)
        log = folder / name.rpartition("/")[0] / "logs/wall_times.csv"
        elsewhere = {path for path in written if path.suffix != ".py" and not within(path, run.outs)}
        assert elsewhere == {log}, run.name


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_declares_the_params_that_it_uses(runs, name):
    """It may declare more: whole blocks, of which it uses a part."""
    places = PLACES["gender/" if name.startswith("gender/") else ""]
    asked = {
        run.name: {key for key in run.did.params if not any(covers(key, place) for place in places)} for run in runs
    }
    for run in runs:
        assert not {key for key in asked[run.name] if not any(covers(key, told) for told in run.params)}, run.name


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_asks_for_no_variable_of_the_environment_that_shapes_what_it_writes(runs, name):
    assert set[str]().union(*(run.did.variables for run in runs)) <= set(VARIABLES)

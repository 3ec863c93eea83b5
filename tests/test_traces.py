"""What stages do, watched while they run, is what dvc.yaml says: nothing undeclared, no data file declared in vain.

First, that the watching sees what it is there to see: a small stage that is known to do each thing once.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from tests.pipelines import TINY, Pipeline
from tests.test_dvc_yaml import PLACES, STAGES, covers
from tests.test_pipeline import TINY_GENDER

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="apt-get install strace")

TRACING = Path(__file__).with_name("tracing")
STRACE = "strace --follow-forks --output-separately --seccomp-bpf --decode-fds=path --quiet=all --string-limit=4096"
WRAPPER = f"""#!/bin/sh
# `python` of a watched stage. strace sees what opens a file, in all its processes and in native code too.
test -n "$DVC_STAGE" || exec "{sys.executable}" "$@"
export TRACE="$TRACES/$(printf %s "$DVC_STAGE" | tr / :)" PYTHONPATH="{TRACING}${{PYTHONPATH:+:$PYTHONPATH}}"
mkdir -p "$TRACE"
exec {STRACE} --trace=open,openat,creat,rename,renameat,renameat2 --output="$TRACE/calls.$$" "{sys.executable}" "$@"
"""
OPENED = re.compile(r"(?:openat|open|creat)\((.*)\) = \d+<([^>]*)>$")
RENAMED = re.compile(r'rename\w*\(.*"([^"]*)"(?:, \w+)?\) = 0$')
COMPILED = re.compile(r"(.*/)?__pycache__/([^/.]+)\.cpython-\d+\.pyc(?:\.\d+)?$")


@dataclass
class Trace:
    """What a stage did: the files and folders that it opened to read and to write, the params that it used."""

    read: set[Path] = field(default_factory=set)
    written: set[Path] = field(default_factory=set)
    params: set[str] = field(default_factory=set)


class Watched(Pipeline):
    """A copy of the project whose stages are watched."""

    def __init__(self, place: Path) -> None:
        self.traces, tools = place / "traces", place / "tools"
        tools.mkdir(parents=True)
        (tools / "python").write_text(WRAPPER)
        (tools / "python").chmod(stat.S_IRWXU)
        path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
        super().__init__(place / "project", place / "fit_cache", PATH=path, TRACES=str(self.traces))

    def trace(self, stage: str, made: str) -> Trace:
        """What one of the stages that `stage` of dvc.yaml makes did, in all its runs. Byte code is its module."""
        home, _, _ = stage.rpartition("/")
        found, folder = Trace(), self.traces / (f"{home}:dvc.yaml:{made}" if home else made)
        for line in (line for calls in folder.glob("calls.*") for line in calls.read_text().splitlines()):
            if opened := OPENED.match(line):
                to_write = "O_WRONLY" in opened[1] or "O_RDWR" in opened[1] or line.startswith("creat(")
                (found.written if to_write else found.read).add(Path(COMPILED.sub(r"\1\2.py", opened[2])))
            elif renamed := RENAMED.match(line):
                found.written.add(self.folder / home / COMPILED.sub(r"\1\2.py", renamed[1]))
        if (folder / "params").exists():
            found.params.update((folder / "params").read_text().split())
        return found


STAGE = """
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from bulbar.cohort import folds
from bulbar.core import parallel
from bulbar.core.atomic_write import atomic_path
from bulbar.features import audio
from stages.parts.params import params, settings

def work(cleaning):
    Path("in_a_worker.txt").read_text()
    return cleaning.top_db

def main():
    Path("read.txt").read_text()
    Path("not_there.txt").exists()
    with atomic_path("out/table.csv") as partial:
        partial.write_text("x")
    Path("out/plain.txt").write_text("x")
    cleaning = settings("audio", audio.Settings)
    cleaning.sample_rate_hz
    settings("compute", parallel.Settings)
    settings("folds", folds.Settings).model_dump(exclude={"validation_share"})
    params()["phantom"].get("median_duration_s")
    list(params()["published"].items())
    dict(params()["select"])
    changed = cleaning.model_copy(update={"min_duration_s": 1.0})
    changed.min_duration_s
    with ProcessPoolExecutor(1) as workers:
        workers.submit(work, cleaning).result()

if __name__ == "__main__":
    main()
"""


def test_what_is_opened_and_which_params_are_used_is_seen_in_workers_too_and_nothing_else(tmp_path):
    watched = Watched(tmp_path)
    for name in ("read.txt", "in_a_worker.txt", "unread.txt"):
        (watched.folder / name).write_text("x")
    (watched.folder / "stages/watched.py").write_text(STAGE)
    environment = watched.environment | {"PYTHONPATH": str(watched.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    python = shutil.which("python", path=environment["PATH"])
    assert python and python.endswith("tools/python")
    subprocess.run([python, "-c", "open('read.txt')"], cwd=watched.folder, env=environment, check=True)
    assert not watched.traces.exists()  # outside a stage
    environment["DVC_STAGE"] = "watched"
    subprocess.run([python, "-m", "stages.watched"], cwd=watched.folder, env=environment, check=True)

    trace = watched.trace("watched", "watched")
    read, written = (
        {str(path.relative_to(watched.folder)) for path in paths if path.is_relative_to(watched.folder)}
        for paths in (trace.read, trace.written)
    )
    assert {name for name in read if name.endswith(".txt")} == {"read.txt", "in_a_worker.txt"}
    assert {"stages/watched.py", "stages/parts/params.py", "bulbar/features/audio.py"} <= read
    assert "bulbar/training/trainer.py" not in read
    assert {name for name in written if (watched.folder / name).exists()} == {"out/table.csv", "out/plain.txt"}
    used = {"audio.sample_rate_hz", "audio.top_db", "phantom.median_duration_s"}
    found = YAML(typ="safe").load(watched.folder / "params.yaml")
    used |= {f"{block}.{key}" for block in ("published", "select", "folds") for key in found[block]}
    assert trace.params == used - {"folds.validation_share"}


# The stages of both pipelines.

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

UNOPENED = {
    "acoustic": {"missing_clips.csv", "quarantine.csv", "subjects.csv"},  # acoustic.csv is there or not
    "audit": {"majority.csv"},  # whatever baselines there are
    "external": {"figure_7.png"},  # lies among the recordings
    "features": {"figure_7.png", "recordings.csv"},
    "mel_spectrogram": {"figure_7.png"},
}
"""Files that a stage does not open in a folder that it depends on, and why it depends on the folder."""


def within(path: Path, places: set[Path]) -> bool:
    return any(path.is_relative_to(place) for place in places)


@dataclass
class Run:
    """One of the stages that a stage of dvc.yaml makes: what its lock says, what it did. Paths are absolute."""

    name: str
    folder: Path
    home: Path
    deps: set[Path]
    outs: set[Path]
    params: set[str]
    trace: Trace

    @property
    def read(self) -> set[Path]:
        """What it opened of the copy to read."""
        return {path for path in self.trace.read if path.is_relative_to(self.folder)}


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory) -> dict[str, Watched]:
    """Both pipelines, by their folder: each has run as a whole, then what MODES adds."""
    found = {}
    for folder, tiny in (("", TINY), ("gender/", TINY_GENDER)):
        found[folder] = watched = Watched(tmp_path_factory.mktemp("watched")).tiny(tiny, f"{folder}params.yaml")
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
    prefix = "gender/" if name.startswith("gender/") else ""
    watched = pipelines[prefix]
    home = watched.folder / prefix
    locked = watched.locked(f"{prefix}dvc.lock")
    found = []
    for made, entry in locked.items():
        if made.split("@")[0] == name.removeprefix(prefix):
            deps, outs = (
                {Path(os.path.normpath(home / each["path"])) for each in entry[kind]} for kind in ("deps", "outs")
            )
            params = set(entry.get("params", {}).get("params.yaml", ()))
            found.append(Run(made, watched.folder, home, deps, outs, params, watched.trace(name, made)))
    assert found
    return found


def vouched_for(run: Run) -> set[Path]:
    """Recordings of a release: a stage that depends on the table with their SHA-256 depends on them."""
    found: set[Path] = set()
    for table in run.read:
        if table.match("cohort/recordings.csv") and within(table, run.deps):
            params = YAML(typ="safe").load(run.home / "params.yaml")
            block = params["external"] if table.is_relative_to(run.home / "data/external") else params
            recordings = pd.read_csv(table)
            assert recordings["sha256"].str.fullmatch(r"[0-9a-f]{64}").all()
            found |= {run.home / block["cohort"]["root"] / path for path in recordings["path"]}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_a_stage_opens_nothing_and_writes_nothing_and_uses_no_param_that_it_does_not_declare(runs, name):
    """It may declare more params: whole blocks, of which it uses a part."""
    for run in runs:
        modules = {path for path in run.read if path.suffix == ".py"}
        of_python = {place for module in modules for place in module.parents}
        of_python |= {path for path in modules if path.name == "__init__.py" and path.parent.parent == run.folder}
        by_dvclive = {path for path in run.read if {".git", ".dvc", ".gitignore", ".dvcignore"} & set(path.parts)}
        others = run.read - of_python - by_dvclive - {run.home, run.home / "params.yaml"}
        declared = run.deps | run.outs | vouched_for(run)
        assert modules and not [path for path in others if not within(path, declared)], run.name

        written = {path for path in run.trace.written if path.is_relative_to(run.folder) and path.exists()}
        elsewhere = {path for path in written if path.suffix != ".py" and not within(path, run.outs)}
        assert any(within(path, run.outs) for path in written)
        assert elsewhere == {run.home / "logs/wall_times.csv"}, run.name

        free = PLACES["gender/" if name.startswith("gender/") else ""]
        used = {key for key in run.trace.params if not any(covers(key, place) for place in free)}
        assert not [key for key in used if not any(covers(key, one) for one in run.params)], run.name


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_a_stage_declares_no_file_that_it_does_not_open(runs, name):
    """A folder of data counts file by file, a package of modules as a whole.

    What one of two stages that dvc.yaml makes at once opens, both may declare.
    """

    def of_either(path: Path) -> str:
        """Of both protocols, or both roles, the same."""
        return re.sub("record_wise|subject_wise|external/", "", str(path.relative_to(runs[0].folder)))

    opened = {of_either(path) for run in runs for path in run.read}
    unopened = set()
    for run in runs:
        for dep in run.deps - set(run.folder.glob("requirements.*")):  # versions: of what is imported
            if dep.match("data/params.txt"):
                continue  # says that the check of params comes before
            package = dep.is_dir() and dep.relative_to(run.folder).parts[0] in ("bulbar", "stages")
            if package or dep.match("raw/phantom"):
                if not any(path.is_relative_to(dep) for path in run.read):  # a release, a package: as a whole
                    unopened.add(dep)
            else:
                files = [path for path in dep.rglob("*") if path.is_file()] if dep.is_dir() else [dep]
                unopened |= {path for path in files if of_either(path) not in opened}
    assert not {path for path in unopened if path.name not in UNOPENED.get(name.rpartition("/")[2], ())}

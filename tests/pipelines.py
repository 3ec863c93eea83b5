"""A copy of the project in a folder of its own, on a tiny synthetic cohort, driven through `dvc` as a user would."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, Self

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
WRITTEN_BY_STAGES = tuple(
    f"{folder}{name}" for folder in ("", "gender/") for name in ("dvc.lock", "metrics/", "plots/", "report/")
)

TINY: dict[str, Any] = {
    "phantom.subjects": 15,
    "phantom.tasks": ["A"],
    "phantom.median_duration_s": 2.0,
    "phantom.max_epochs": 1,
    "spectrogram.mel_bands": 32,
    "spectrogram.frames": 32,
    "folds.n_splits": 2,
    "sweep.architectures": ["S1B"],
    "sweep.dropout_rates": [0.3],
    "external.phantom.subjects": 15,
    "compute.workers": 1,
}
"""One cell, two folds, one epoch on 15 recordings of two seconds: every stage runs, no score means anything."""

CHECK = "check_params"
"""The stage that reads params.yaml whole: every change makes it stale, and nothing else because of it."""


def tracked_files(root: Path = ROOT) -> list[str]:
    """What git holds or would hold of a working tree."""
    listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return sorted({name for name in listed if name and (root / name).is_file()})


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it prints."""
    who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"]
    run = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return run.stdout


class Pipeline:
    """A copy of the project, or of `source`, without what stages wrote: its own history, DVC cache and fit cache."""

    def __init__(self, folder: Path, fit_cache: Path, source: Path = ROOT, **environment: str) -> None:
        self.folder = folder
        self.fit_cache = fit_cache
        self.umask = -1  # as this process has it
        bin_folder = str(Path(sys.executable).parent)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "GIT_"))}
        self.environment = inherited | {
            "PATH": os.pathsep.join([bin_folder, os.environ["PATH"]]),
            "BULBAR_CACHE": str(fit_cache),
            "DVC_SITE_CACHE_DIR": str(folder.with_name(f"{folder.name}-site-cache")),
            **{f"GIT_{who}_{what}": "nobody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            **environment,
        }
        for name in tracked_files(source):
            if not name.startswith(WRITTEN_BY_STAGES) or name.endswith("plots/dvc.yaml"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source / name, folder / name)
        git(folder, "init", "--quiet", "--initial-branch=main")

    def change(self, changes: Mapping[str, Any], params_file: str = "params.yaml") -> None:
        """Change a pipeline's params, keys as `-S` writes them."""
        path, yaml = self.folder / params_file, YAML()
        params = yaml.load(path)
        for key, value in changes.items():
            *blocks, name = key.split(".")
            reduce(getitem, blocks, params)[name] = value
        yaml.dump(params, path)

    def tiny(self, changes: Mapping[str, Any] = TINY, params_file: str = "params.yaml") -> Self:
        """The same on tiny settings, which are committed."""
        self.change(changes, params_file)
        self.commit("Tiny settings")
        return self

    def commit(self, message: str) -> None:
        """Commit everything that git does not ignore."""
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", message)

    def dvc(self, *arguments: str, fails: bool = False, inside: str = ".") -> str:
        """Run dvc in the copy, or in its folder `inside`, and return what it prints, errors included."""
        run = self.run(*arguments, inside=inside)
        assert (run.returncode != 0) == fails, run.stdout
        return run.stdout

    def run(self, *arguments: str, inside: str = ".") -> "subprocess.CompletedProcess[str]":
        """Run dvc, however it ends; errors are among what it prints."""
        return subprocess.run(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=self.folder / inside,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            umask=self.umask,
        )

    def stale(self, pipeline: str = "dvc.yaml") -> set[str]:
        """Stages that something they depend on has changed for, by themselves: not those after them, nor CHECK."""
        stale = set(json.loads(self.dvc("status", "--json", pipeline)))
        return {name for name in stale if name.rpartition(":")[2] != CHECK}

    def locked(self, lock: str = "dvc.lock") -> dict[str, Any]:
        """What a lock file holds of each stage. Stages independent of each other stand in any order: DVC's own."""
        return YAML(typ="safe").load(self.folder / lock)["stages"]

    def changed_by(self, changes: Mapping[str, Any], folder: str = "") -> set[str]:
        """The stages that a change of the params in a folder makes stale; the params stay as they were."""
        params = self.folder / folder / "params.yaml"
        before = params.read_bytes()
        self.change(changes, f"{folder}params.yaml")
        stale = self.stale(f"{folder}dvc.yaml")
        params.write_bytes(before)
        return stale

    def copy(self, folder: Path, **environment: str) -> "Pipeline":
        """The same in another folder, with its history and its DVC cache; the fit cache is shared."""
        shutil.copytree(self.folder, folder, symlinks=True)
        other = object.__new__(Pipeline)
        other.folder, other.fit_cache, other.umask = folder, self.fit_cache, self.umask
        other.environment = self.environment | environment
        return other

    def clone(self, folder: Path, fit_cache: Path, *, umask: int = -1, **environment: str) -> "Pipeline":
        """What a `git clone` of the copy has: no outs but those in git, no DVC cache; a fit cache of its own."""
        folder.parent.mkdir(parents=True)
        git(folder.parent, "clone", "--quiet", str(self.folder), folder.name)
        other = object.__new__(Pipeline)
        other.folder, other.fit_cache, other.umask = folder, fit_cache, umask
        own = {"BULBAR_CACHE": str(fit_cache), "DVC_SITE_CACHE_DIR": str(folder.with_name("site-cache"))}
        other.environment = self.environment | own | environment
        return other

    def outs(self, pipeline: str = "") -> Iterator[Path]:
        """Every file that the stages of a pipeline wrote, `gender/` or the one at the root; relative to the copy."""
        for name in ("data", "metrics", "models", "plots", "report"):
            for path in sorted((self.folder / pipeline / name).rglob("*")):
                if path.is_file() and path.name != ".gitignore":
                    yield path.relative_to(self.folder)


def first_run(
    place: Path, *targets: str, changes: Mapping[str, Any] = TINY, params: str = "params.yaml"
) -> tuple[Pipeline, set[str]]:
    """A copy whose pipeline, or some targets of it, has run once and is committed; and the stages that ran."""
    pipeline = Pipeline(place / "project", place / "fit_cache").tiny(changes, params)
    ran = stages_run(pipeline.dvc("repro", *targets))
    pipeline.commit("A tiny study")
    return pipeline, ran


def stages_run(output: str) -> set[str]:
    """The stages that `dvc repro` or `dvc exp run` says it ran, CHECK left out."""
    ran = set(re.findall(r"^Running stage '([^']+)'", output, flags=re.MULTILINE))
    return {name for name in ran if name.rpartition(":")[2] != CHECK}


def fits_to_do(output: str) -> dict[str, tuple[int, int]]:
    """What each stage that trains announced: fits to do, fits in the fit cache; by `sweep, record_wise`."""
    found = re.findall(r"^(\w+, \w+): (\d+) fits to do, (\d+) already cached", output, flags=re.MULTILINE)
    return {stage: (int(to_do), int(known)) for stage, to_do, known in found}

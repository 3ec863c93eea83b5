"""A copy of the project in a folder of its own, on a tiny synthetic cohort, driven through `dvc` as a user would."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
WRITTEN_BY_STAGES = ("dvc.lock", "metrics/", "plots/")

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
    "compute.workers": 1,
}
"""One cell, two folds, one epoch on 15 recordings of two seconds: every stage runs, no score means anything."""


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
    """A copy of the project without what its stages wrote: its own git history, DVC cache and kept fits."""

    def __init__(self, folder: Path, kept_fits: Path, **environment: str) -> None:
        self.folder = folder
        self.kept_fits = kept_fits
        bin_folder = str(Path(sys.executable).parent)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "GIT_"))}
        self.environment = inherited | {
            "PATH": os.pathsep.join([bin_folder, os.environ["PATH"]]),
            "BULBAR_CACHE": str(kept_fits),
            "DVC_SITE_CACHE_DIR": str(folder.with_name(f"{folder.name}-site-cache")),
            **{f"GIT_{who}_{what}": "nobody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            **environment,
        }
        for name in tracked_files():
            if not name.startswith(WRITTEN_BY_STAGES):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        git(folder, "init", "--quiet", "--initial-branch=main")

    def change(self, changes: Mapping[str, Any]) -> None:
        """Change params.yaml, keys as `-S` writes them."""
        path, yaml = self.folder / "params.yaml", YAML()
        params = yaml.load(path)
        for key, value in changes.items():
            block, name = key.split(".")
            params[block][name] = value
        yaml.dump(params, path)

    def commit(self, message: str) -> None:
        """Commit everything that git does not ignore."""
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", message)

    def dvc(self, *arguments: str, fails: bool = False) -> str:
        """Run dvc and return what it prints, errors included."""
        run = subprocess.run(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert (run.returncode != 0) == fails, run.stdout
        return run.stdout

    def stale(self) -> set[str]:
        """Stages that something they depend on has changed for, by themselves: those after them not counted."""
        return set(json.loads(self.dvc("status", "--json")))

    def would_run(self) -> set[str]:
        """Stages that `dvc repro` would run at most: stale ones and everything after them."""
        return stages_run(self.dvc("repro", "--dry"))

    def outs(self) -> Iterator[Path]:
        """Every file that the stages wrote, relative to the copy."""
        for name in ("data", "metrics", "models", "plots"):
            for path in sorted((self.folder / name).rglob("*")):
                if path.is_file() and path.name != ".gitignore":
                    yield path.relative_to(self.folder)


def stages_run(output: str) -> set[str]:
    """The stages that `dvc repro` or `dvc exp run` says it ran."""
    return set(re.findall(r"^Running stage '([^']+)'", output, flags=re.MULTILINE))


def fits_to_do(output: str) -> list[tuple[int, int]]:
    """What each training stage announced: fits to do, fits already known."""
    found = re.findall(r"(\d+) fits to do, (\d+) already known", output)
    return [(int(to_do), int(known)) for to_do, known in found]


def wait_for(condition: Any, *, seconds: float) -> None:
    """Wait until `condition()` holds. Raises TimeoutError when it does not in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(2)

"""What README.md and docs/ tell a user to type, typed: by the real git, DVC and shell, in a small project."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.pipelines import ROOT, git

README, DEVELOPMENT = ((ROOT / name).read_text() for name in ("README.md", "docs/development.md"))
PARAMS = "cohort:\n  root: data/raw/phantom\n{}\nseed: 1\n".format("\n".join(f"# {n}" for n in range(8)))
PIPELINE = """\
stages:
  ingest:
    cmd: cp params.yaml data.csv && cp params.yaml metrics/ingest.json
    params: [cohort]
    outs:
      - data.csv
      - metrics/ingest.json: {cache: false}
  evaluate:
    cmd: cp params.yaml metrics/evaluate.json
    deps: [data.csv]
    params: [seed]
    outs:
      - metrics/evaluate.json: {cache: false}
"""


class Project:
    """A project of two stages, with this one's DVC settings and folders; it has run and is committed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        who = {f"GIT_{who}_{what}": "nobody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        own = {"PATH": path, "HOME": str(folder / "home"), "DVC_SITE_CACHE_DIR": str(folder.with_name("site-cache"))}
        self.environment = os.environ | who | own
        for name in (".dvc", "gender/metrics", "gender/plots", "metrics", "plots", "report"):
            (folder / name).mkdir(parents=True)
            (folder / name / ".gitkeep").touch()
        git(folder, "init", "--quiet", "--initial-branch=main")
        (folder / ".dvc/config").write_bytes((ROOT / ".dvc/config").read_bytes())
        (folder / "dvc.yaml").write_text(PIPELINE)
        (folder / "gender/study.txt").touch()
        (folder / "gender/dvc.yaml").write_text(
            "stages: {copy: {cmd: cp study.txt copy.txt, deps: [study.txt], outs: [copy.txt]}}\n"
        )
        (folder / "params.yaml").write_text(PARAMS)
        self.type("dvc repro dvc.yaml gender/dvc.yaml && git add --all && git commit --quiet -m 'A study'")

    def type(self, command: str) -> str:
        run = subprocess.run(
            ["bash", "-e", "-c", command], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def change(self, old: str, new: str) -> None:
        path = self.folder / "params.yaml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def command(explanation: str) -> str:
    """The command of the README's table whose row has this explanation."""
    (found,) = re.findall(rf"^\| `([^`]+)` \| [^|]*{explanation}", README, flags=re.MULTILINE)
    return found


@pytest.mark.parametrize("run", ["dvc repro ingest", "dvc repro", "dvc exp run"])
def test_the_way_back_leaves_nothing_changed_and_nothing_staged(project, run):
    project.change("root: data/raw/phantom", "root: another")
    project.type(run)
    assert "dvc.lock" in project.type("git status --porcelain")
    project.type(command("back to the last commit"))
    assert project.type("git status --porcelain") == ""
    assert (project.folder / "data.csv").read_text() == PARAMS
    assert project.type("dvc status --json").strip() == "{}"


def test_a_value_with_blanks_and_brackets_arrives_as_it_is_written(project):
    project.type(command("a value with blanks, brackets or commas"))
    found = YAML(typ="safe").load(project.folder / "params.yaml")["cohort"]["root"]
    assert found == f"{project.environment['HOME']}/my voices [2]"


def test_a_merge_conflict_in_the_lock_ends_as_the_docs_say(project):
    for branch, old, new in (("theirs", "root: data/raw/phantom", "root: another"), ("main", "seed: 1", "seed: 2025")):
        project.type("git checkout --quiet -B theirs" if branch == "theirs" else "git checkout --quiet main")
        project.type("dvc checkout")
        project.change(old, new)
        project.type(f"dvc repro && git add --all && git commit --quiet -m '{new}'")
    assert "CONFLICT (content): Merge conflict in dvc.lock" in project.type("git merge theirs || true")
    assert "possible merge conflicts" in project.type("dvc status 2>&1 || true")
    (solution,) = re.findall(r"merge conflict in dvc.lock.*?```sh\n(.*?)```", DEVELOPMENT, flags=re.DOTALL)
    project.type(solution)
    merged = PARAMS.replace("root: data/raw/phantom", "root: another").replace("seed: 1", "seed: 2025")
    for name in ("data.csv", "metrics/ingest.json", "metrics/evaluate.json"):
        text = (project.folder / name).read_text()
        assert "root: another" in text and (name != "metrics/evaluate.json" or text == merged)
    assert project.type("git status --porcelain") == "" and project.type("dvc status --json").strip() == "{}"
    assert len(project.type("git rev-list --parents -n 1 HEAD").split()) == 3

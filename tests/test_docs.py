"""README.md and docs/: links, stages, commands and the form of the prose. Their scores: tests/test_docs_numbers.py."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.pipelines import ROOT, git

OTHERS = ("SECURITY.md", "benchmarks/README.md", "reference/README.md", "reference/voc_als_run/README.md")
README, STAGES, EXPERIMENTS = (ROOT / name for name in ("README.md", "docs/stages.md", "docs/experiments.md"))
PAGES = [README, *(ROOT / name for name in OTHERS), *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
CODE = re.compile(r"```.*?```", flags=re.DOTALL)
NODE = re.compile(r"\w+")


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """What a heading is linked to as."""
    headings = re.findall(r"^#+ (.*)$", text(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def stages(pipeline: str) -> dict[str, dict]:
    return YAML(typ="safe").load(ROOT / pipeline)["stages"]


def first_cells(page: Path, heading: str) -> list[str]:
    """The first column of the table below a heading."""
    table = text(page).split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [row.split("|")[1].strip() for row in table.splitlines()[2:]]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page):
    for target, anchor in LINK.findall(CODE.sub("", text(page))):
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


def test_every_page_can_be_reached_from_the_readme():
    reached, following = set(), [README]
    while following:
        page = following.pop()
        reached.add(page)
        linked = {(page.parent / target).resolve() for target, _ in LINK.findall(text(page)) if target}
        following += [there for there in PAGES if there in linked - reached]
    assert [name(page) for page in PAGES if page not in reached] == []


def test_the_readme_fits_on_two_screens():
    assert len(text(README).splitlines()) <= 120
    assert len(text(ROOT / "benchmarks/README.md").splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lines_of_prose_are_under_121_characters(page):
    """Tables, code and lines that are mostly one address are excepted."""
    prose = [re.sub(r"https?://[^\s)]+", "", line) for line in CODE.sub("", text(page)).splitlines()]
    assert [line for line in prose if len(line) > 120 and not line.startswith("|")] == []


PLACES = ("bulbar", "stages", "gender", ".github", ".ci", "benchmarks", "requirements")


def test_code_names_only_pages_that_exist():
    files = [path for place in PLACES for path in (ROOT / place).rglob("*") if path.suffix in {".py", ".yaml", ".yml"}]
    files += [ROOT / name for name in ("dvc.yaml", "params.yaml", "Makefile", ".ci/run", "pyproject.toml")]
    named = {(name(path), page) for path in files for page in re.findall(r"docs/\w+\.md", text(path))}
    assert named and {page for _, page in named if not (ROOT / page).exists()} == set()


@pytest.mark.parametrize(("pipeline", "page"), [("dvc.yaml", STAGES), ("gender/dvc.yaml", ROOT / "docs/gender.md")])
def test_the_stages_are_listed_in_the_order_of_the_pipeline(pipeline, page):
    assert first_cells(page, "stage") == [name for name in stages(pipeline) if name in first_cells(page, "stage")]
    assert {name.removesuffix("_external") for name in stages(pipeline)} == set(first_cells(page, "stage"))


def test_every_stage_is_drawn():
    drawing = text(STAGES).split("```mermaid")[1].split("```")[0]
    arrows = [line for line in drawing.splitlines() if "-->" in line]
    assert {node for arrow in arrows for node in NODE.findall(arrow)} == set(first_cells(STAGES, "stage"))


# The commands of README.md and docs/, typed: by the real git, DVC and shell, in a small project.

PARAMS = "cohort:\n  root: data/raw/phantom\n{}\nseed: 1\n".format("\n".join(f"# {n}" for n in range(8)))
SMALL_PIPELINE = """\
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
OTHER_PIPELINE = "stages: {copy: {cmd: cp study.txt copy.txt, deps: [study.txt], outs: [copy.txt]}}\n"


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
        config = text(ROOT / ".dvc/config")
        files = {"dvc.yaml": SMALL_PIPELINE, "gender/dvc.yaml": OTHER_PIPELINE, "params.yaml": PARAMS}
        for name, content in {**files, ".dvc/config": config, "gender/study.txt": ""}.items():
            (folder / name).write_text(content)
        self.type("dvc repro dvc.yaml gender/dvc.yaml && git add --all && git commit --quiet -m 'A study'")

    def type(self, command: str) -> str:
        words = ["bash", "-e", "-c", command]
        run = subprocess.run(words, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def change(self, old: str, new: str) -> None:
        path = self.folder / "params.yaml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def assert_nothing_is_changed(self) -> None:
        assert self.type("git status --porcelain") == "" and self.type("dvc status --json").strip() == "{}"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Each test ends where nothing is changed."""
    return Project(tmp_path_factory.mktemp("small") / "project")


def command(explanation: str) -> str:
    """The command of the table whose row has this explanation."""
    (found,) = re.findall(rf"^\| `([^`]+)` \| [^|]*{explanation}", text(EXPERIMENTS), flags=re.MULTILINE)
    return found


def test_the_commands_of_the_readme_are_explained_on_their_page():
    commands = [set(re.findall(r"^\| `([^`]+)` \|", text(page), flags=re.MULTILINE)) for page in (README, EXPERIMENTS)]
    exact = {one for one in commands[0] if one.startswith(("dvc", "git"))}
    assert len(exact) == 5
    assert exact - commands[1] == {"dvc metrics diff main smaller"}


@pytest.mark.parametrize("run", [pytest.param("dvc repro ingest", marks=pytest.mark.slow), "dvc repro"])
def test_the_way_back_leaves_nothing_changed_and_nothing_staged(project, run):
    project.change("root: data/raw/phantom", "root: another")
    project.type(run)
    assert "dvc.lock" in project.type("git status --porcelain")
    project.type(command("back to the last commit"))
    project.assert_nothing_is_changed()
    assert text(project.folder / "data.csv") == PARAMS


def test_a_value_with_blanks_and_brackets_arrives_as_it_is_written_and_the_way_back_is_the_same(project):
    project.type(command("a value with blanks, brackets or commas"))
    found = YAML(typ="safe").load(project.folder / "params.yaml")["cohort"]["root"]
    assert found == f"{project.environment['HOME']}/my voices [2]"
    project.type(command("back to the last commit"))
    project.assert_nothing_is_changed()


@pytest.mark.slow
def test_a_merge_conflict_in_the_lock_ends_as_the_docs_say(project):
    for branch, old, new in (("theirs", "root: data/raw/phantom", "root: another"), ("main", "seed: 1", "seed: 2025")):
        project.type("git checkout --quiet -B theirs" if branch == "theirs" else "git checkout --quiet main")
        project.type("dvc checkout")
        project.change(old, new)
        project.type(f"dvc repro && git add --all && git commit --quiet -m '{new}'")
    assert "CONFLICT (content): Merge conflict in dvc.lock" in project.type("git merge theirs || true")
    assert "possible merge conflicts" in project.type("dvc status 2>&1 || true")
    page = text(ROOT / "docs/contribute.md")
    (solution,) = re.findall(r"merge conflict in dvc.lock.*?```sh\n(.*?)```", page, flags=re.DOTALL)
    project.type(solution)
    merged = PARAMS.replace("root: data/raw/phantom", "root: another").replace("seed: 1", "seed: 2025")
    assert text(project.folder / "metrics/evaluate.json") == merged
    assert all("root: another" in text(project.folder / name) for name in ("data.csv", "metrics/ingest.json"))
    assert len(project.type("git rev-list --parents -n 1 HEAD").split()) == 3
    project.assert_nothing_is_changed()

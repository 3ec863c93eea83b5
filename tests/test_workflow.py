"""What a pull request is told: the workflow's own commands, run in a clone."""

import importlib.metadata
import json
import re
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from tests.projects import ROOT

WORKFLOW = YAML(typ="safe").load((ROOT / ".github/workflows/ci.yml").read_text())
REPORT = WORKFLOW["jobs"]["report"]
COMMANDS = {step["name"]: step["run"] for step in REPORT["steps"] if "run" in step}


def test_it_installs_what_the_report_imports():
    listed = "import json, sys, stages.report; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", listed], cwd=ROOT, capture_output=True, text=True, check=True)
    distributions = importlib.metadata.packages_distributions()
    imported = {name.lower() for module in json.loads(done.stdout) for name in distributions.get(module, ())}
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    installed = re.search(r"\^\(([^)]+)\)==", COMMANDS["What the report needs, at its pins"])[1].split("|")
    assert {name for name in pinned if name.lower() in imported} <= set(installed) <= pinned


def test_it_may_read_and_only_the_report_may_comment():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert {name: job["permissions"] for name, job in WORKFLOW["jobs"].items() if "permissions" in job} == {
        "report": {"contents": "read", "pull-requests": "write"}
    }
    assert "pull_request_target" not in WORKFLOW["on"]
    checkouts = [
        step for job in WORKFLOW["jobs"].values() for step in job["steps"] if "checkout" in step.get("uses", "")
    ]
    assert len(checkouts) == 2 and not any(step["with"]["persist-credentials"] for step in checkouts)


@pytest.fixture
def pull_request(tmp_path):
    """A clone whose branch raises the seed, and whose base has raised the majority's accuracy since."""
    clone = tmp_path / "clone"
    git = ["git", "-C", str(clone), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, clone], check=True)

    def commit(file, old, new):
        path = clone / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
        subprocess.run([*git, "commit", "--quiet", "--all", "--message", file], check=True)

    subprocess.run([*git, "checkout", "--quiet", "-b", "base"], check=True)
    commit("metrics/evaluate.json", '"majority_accuracy": 0.', '"majority_accuracy": 0.1')
    subprocess.run([*git, "checkout", "--quiet", "-b", "branch", "HEAD~1"], check=True)
    seed = re.search(r"^seed: \d+", (clone / "params.yaml").read_text(), re.MULTILINE)[0]
    commit("params.yaml", seed, "seed: 987")
    return clone


@pytest.mark.slow
def test_the_comment_tells_the_summary_and_what_the_pull_request_itself_changes(pull_request, monkeypatch):
    told = pull_request / "told.md"
    monkeypatch.setenv("PATH", f"{sys.prefix}/bin", prepend=":")
    for name, value in (("BASE", "base"), ("HEAD", "0000000"), ("PAGE", "page"), ("GITHUB_STEP_SUMMARY", str(told))):
        monkeypatch.setenv(name, value)
    command = COMMANDS["Summary, dvc metrics diff, dvc params diff"]
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", command], cwd=pull_request, check=True)
    comment = (pull_request / "comment.md").read_text()
    assert comment.startswith((ROOT / "report/summary.md").read_text()[:20])
    assert "No metric differs." in comment and "| 987" in comment
    assert comment in told.read_text()
    assert len(comment) < 65_536, "more than a comment holds"

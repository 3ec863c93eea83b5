"""What a pull request gets: the workflow's own commands, run in a clone."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.projects import ROOT

WORKFLOW = YAML(typ="safe").load((ROOT / ".github/workflows/ci.yml").read_text())
REPORT = WORKFLOW["jobs"]["report"]
COMMANDS = {step["name"]: step["run"] for step in REPORT["steps"] if "run" in step}


EVERY = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_no_job_installs_but_by_make_which_goes_by_the_locks_and_no_command_holds_words_of_a_pull_request():
    commands = [step["run"] for step in EVERY if "run" in step]
    assert len(commands) > 5
    assert not [one for one in commands if "${{" in one or re.search(r"\b(pip|uv|npm|curl|wget)\b", one)]
    assert COMMANDS["Install the locked requirements"].startswith("make .venv/.installed\n")


def test_it_may_read_and_what_may_comment_runs_nothing_of_the_pull_request():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    own = {name: job["permissions"] for name, job in WORKFLOW["jobs"].items() if "permissions" in job}
    assert own == {"comment": {"pull-requests": "write"}}
    commenting = WORKFLOW["jobs"]["comment"]["steps"]
    used = [step.get("uses", "").split("@")[0] or step["run"].split()[0] for step in commenting]
    assert used == ["actions/download-artifact", "gh"]
    assert "pull_request_target" not in WORKFLOW["on"]
    checkouts = [step for step in EVERY if "checkout" in step.get("uses", "")]
    assert len(checkouts) == 3 and not any(step["with"]["persist-credentials"] for step in checkouts)


def audit(tmp_path, answer, **environment):
    """.ci/audit, where pip-audit would answer `answer`; None: the real one, if it is installed."""
    if answer is not None:
        (tmp_path / "pip-audit").write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer)}\nEND\n")
        (tmp_path / "pip-audit").chmod(0o755)
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, **environment}
    return subprocess.run([sys.executable, ROOT / ".ci/audit"], capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(
    ("package", "code", "words"),
    [
        (
            {"name": "jinja2", "version": "3.1.6", "vulns": [{"id": "PYSEC-2025-1", "fix_versions": ["3.1.7"]}]},
            1,
            ["jinja2 3.1.6: PYSEC-2025-1, ", " in 3.1.7"],
        ),
        ({"name": "numpy", "skip_reason": "not found"}, 0, ["1 packages could not be audited: numpy", ": 0 known"]),
    ],
)
def test_a_known_vulnerability_fails_the_audit_and_a_package_without_an_answer_is_warned_of(
    tmp_path, package, code, words
):
    done = audit(tmp_path, {"dependencies": [package, {"name": "dvc", "version": "3", "vulns": []}], "fixes": []})
    assert done.returncode == code, done.stderr
    assert all(word in done.stdout for word in words), done.stdout


@pytest.mark.skipif(shutil.which("pip-audit", path=Path(sys.executable).parent) is None, reason="pip-audit: make lint")
def test_without_a_network_no_audit_is_a_warning_and_no_failure(tmp_path):
    done = audit(tmp_path, None, https_proxy="http://127.0.0.1:9", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("warning: no audit took place, so there is no result: ")


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
def test_the_comment_has_the_summary_and_what_the_pull_request_itself_changes(pull_request, monkeypatch):
    summary = pull_request / "summary.md"
    monkeypatch.setenv("PATH", f"{sys.prefix}/bin", prepend=":")
    for name, value in (("BASE", "base"), ("HEAD", "0000000"), ("PAGE", "page"), ("GITHUB_STEP_SUMMARY", str(summary))):
        monkeypatch.setenv(name, value)
    command = COMMANDS["Summary, dvc metrics diff, dvc params diff"]
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", command], cwd=pull_request, check=True)
    comment = (pull_request / "comment.md").read_text()
    assert comment.startswith((ROOT / "report/summary.md").read_text()[:20])
    assert "No metric differs." in comment and "| 987" in comment
    assert comment in summary.read_text()
    assert len(comment) < 65_536, "more than a comment holds"

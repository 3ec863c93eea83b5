"""What a newcomer does first: a clone, on whatever system."""

import shutil
from pathlib import Path

import pytest

from tests.pipelines import ROOT, git, tracked_files


@pytest.fixture
def repository(tmp_path):
    """A git repository of what this project holds, committed as it stands."""
    folder = tmp_path / "repository"
    for name in tracked_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "All of it")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in tracked_files(folder)}


def test_a_clone_holds_the_same_bytes_where_git_is_set_to_write_crlf(repository, tmp_path):
    git(tmp_path, "clone", "--quiet", "-c", "core.autocrlf=true", str(repository), "clone")
    ends = git(tmp_path / "clone", "ls-files", "--eol").splitlines()
    assert not [line for line in ends if "w/crlf" in line or "w/mixed" in line]
    assert contents(tmp_path / "clone") == contents(ROOT)
    assert git(tmp_path / "clone", "status", "--porcelain") == ""


def test_without_gitattributes_such_a_clone_would_differ(repository, tmp_path):
    git(repository, "rm", "--quiet", ".gitattributes")
    git(repository, "commit", "--quiet", "--message", "Line endings as git likes")
    git(tmp_path, "clone", "--quiet", "-c", "core.autocrlf=true", str(repository), "clone")
    assert b"\r\n" in (tmp_path / "clone/params.yaml").read_bytes()


def test_what_is_no_text_is_marked_so_in_gitattributes():
    binary = [name for name in tracked_files() if b"\0" in (ROOT / name).read_bytes()]
    assert binary
    marked = git(ROOT, "check-attr", "text", "--", *binary).splitlines()
    assert [line for line in marked if not line.endswith(": text: unset")] == []

import os
from pathlib import Path

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from bulbar.commands import track
from bulbar.core.errors import BadInput
from tests.pipelines import ROOT, git


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the real .dvc/config, a default remote that others read, and a release."""
    (tmp_path / "project/.dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site-cache"))
    git(Path(), "init", "--quiet")
    Path(".dvc/config").write_text((ROOT / ".dvc/config").read_text())
    remotes = [f"['remote \"{name}\"']\n    url = {tmp_path / name}\n" for name in ("shared", "private-clinic")]
    Path(".dvc/config.local").write_text("[core]\n    remote = shared\n" + "".join(remotes))
    Path("data/raw/voc-als").mkdir(parents=True)
    Path("data/raw/voc-als/CT001_phonationA.wav").write_text("a voice")
    named("none")
    return tmp_path


def named(remote: str) -> None:
    """Params that name a private remote."""
    with Path("params.yaml").open("w") as file:
        YAML().dump({"remote": {"private": remote}}, file)


def arrived(remote: Path) -> set[str]:
    return {one.read_text() for one in remote.rglob("*") if one.is_file() and one.suffix != ".dir"}


def test_a_tracked_release_reaches_no_remote_until_params_name_a_private_one(project, capsys):
    track.track("data/raw/voc-als")
    assert "private-none" in capsys.readouterr().out
    with Repo() as repo:
        assert repo.push() == 0
        assert repo.push(remote="shared") == 0
    assert not (project / "shared").exists() and not (project / "private-clinic").exists()
    named("clinic")
    track.track("data/raw/voc-als")
    with Repo() as repo:
        assert repo.push(remote="shared") == 0
        assert repo.push() == 2  # the folder and its file
    assert arrived(project / "private-clinic") == {"a voice"} and not (project / "shared").exists()


def test_the_mark_stays_when_the_release_is_added_once_more_as_dvc_does_it(project):
    track.track("data/raw/voc-als")
    Path("data/raw/voc-als/CT002_phonationA.wav").write_text("another voice")
    with Repo() as repo:
        repo.add(["data/raw/voc-als"])
        assert repo.push() == 0
    assert YAML(typ="safe").load(Path("data/raw/voc-als.dvc"))["outs"][0]["remote"] == "private-none"


@pytest.mark.parametrize(
    "written", ["data/raw/voc-als", "data/raw/voc-als/", "data/raw//voc-als", "./data/raw/voc-als"]
)
@pytest.mark.usefixtures("project")
def test_the_file_that_is_named_is_there_however_the_folder_is_written(written, capsys):
    track.track(written)
    named_file = capsys.readouterr().out.split(" can go into git")[0]
    assert named_file == "data/raw/voc-als.dvc" and Path(named_file).is_file()


@pytest.mark.parametrize(("release", "private", "found"), [
    ("", "none", "none named"),
    ("data/raw/not-there", "none", "does not exist"),
    (os.devnull, "none", "outside of DVC project"),
    ("data/raw/voc-als", None, "params.yaml: remote.private"),
    ("data/raw/voc-als", "", "params.yaml: remote.private"),
])  # fmt: skip
def test_what_cannot_be_tracked_is_reported(project, release, private, found):
    named(private)
    with pytest.raises(BadInput, match=found):
        track.track(release)
    assert not Path("data/raw/voc-als.dvc").exists()

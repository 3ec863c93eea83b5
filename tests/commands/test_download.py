import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from bulbar.commands import download
from bulbar.core.errors import BadInput


class SynapseError(Exception):
    pass


@pytest.fixture
def synapse(monkeypatch):
    """Stands in for the synapseclient package, which no requirement installs: one token works, one release is there."""
    client, utils = ModuleType("synapseclient"), ModuleType("synapseutils")
    client.core = SimpleNamespace(exceptions=SimpleNamespace(SynapseError=SynapseError))

    def login(*, authToken, silent):
        if authToken != "good":
            raise SynapseError(f"401 Unauthorized: Bearer {authToken}")
        return client

    def sync(syn, entity, path, ifcollision, manifest):
        if entity != "syn53009474":
            raise SynapseError("403 Forbidden")
        (Path(path) / "phonationA").mkdir()
        (Path(path) / "phonationA/CT001_phonationA.wav").touch()
        (Path(path) / "VOC-ALS.xlsx").touch()

    client.login, utils.syncFromSynapse = login, sync
    monkeypatch.setitem(sys.modules, "synapseclient", client)
    monkeypatch.setitem(sys.modules, "synapseutils", utils)
    monkeypatch.setenv("SYNAPSE_AUTH_TOKEN", "good")


def test_all_that_is_lacking_is_named_at_once(monkeypatch):
    monkeypatch.delenv("SYNAPSE_AUTH_TOKEN", raising=False)
    monkeypatch.setitem(sys.modules, "synapseclient", None)
    with pytest.raises(BadInput) as error:
        download.download("voc_als", Path("nowhere"))
    told = "\n".join(map(str, error.value.problems))
    assert "pip install" in told
    assert "SYNAPSE_AUTH_TOKEN" in told


@pytest.mark.parametrize("release", ["", "minsk2020", "voc-als"])
def test_what_cannot_be_fetched_says_what_can(release):
    with pytest.raises(BadInput, match="dvc import"):
        download.download(release, Path("nowhere"))


@pytest.mark.usefixtures("synapse")
def test_the_release_lands_in_its_folder(tmp_path, capsys):
    download.download("voc_als", tmp_path / "raw/voc-als")
    assert (tmp_path / "raw/voc-als/VOC-ALS.xlsx").exists()
    assert capsys.readouterr().out.startswith("1 recordings of VOC-ALS")


@pytest.mark.usefixtures("synapse")
def test_a_refused_token_and_a_refused_release_are_messages(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNAPSE_AUTH_TOKEN", "eyJ0secret")
    with pytest.raises(BadInput, match="401 Unauthorized") as caught:
        download.download("voc_als", tmp_path)
    assert "eyJ0secret" not in str(caught.value)
    monkeypatch.setenv("SYNAPSE_AUTH_TOKEN", "good")
    monkeypatch.setattr(download, "SYNAPSE_ID", "syn0")
    with pytest.raises(BadInput, match="403 Forbidden"):
        download.download("voc_als", tmp_path)

import base64
import inspect
import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from bulbar.cohort.voc_als import FOLDERS, WORKBOOK
from bulbar.commands import download
from bulbar.core.errors import BadInput
from tests.projects import ROOT


class SynapseError(Exception):
    pass


def write_release(folder: Path, subjects: int = 153) -> None:
    """Files of the names of the release, empty."""
    for task in FOLDERS:
        (folder / task).mkdir(parents=True, exist_ok=True)
        for number in range(1, subjects + 1):
            (folder / task / f"PZ{number:03d}_{task}.wav").touch()
    (folder / WORKBOOK).touch()


@pytest.fixture
def synapse(monkeypatch):
    """Stands in for the synapseclient package, which no requirement installs: one token works, one release is there.

    `arrives` and `logs` say what a download brings, and what the client logs instead.
    """
    client, utils, httpx = ModuleType("synapseclient"), ModuleType("synapseutils"), ModuleType("httpx")
    client.core = SimpleNamespace(exceptions=SimpleNamespace(SynapseError=SynapseError))
    client.logger = logging.Logger("synapse")
    shown: list[str] = []
    client.logger.addHandler(handler := logging.Handler())
    handler.emit = lambda record: shown.append(record.getMessage())
    httpx.HTTPError = type("HTTPError", (Exception,), {})
    release = SimpleNamespace(arrives=write_release, logs=[], raises=None, shown=shown, httpx=httpx)

    def login(*, authToken, silent):
        if authToken != "good":
            raise SynapseError(f"401 Unauthorized: Bearer {authToken}")
        return client

    def sync(syn, entity, path, ifcollision, manifest):
        if entity != "syn53009474":
            raise SynapseError("403 Forbidden")
        if release.raises:
            raise release.raises
        for one in release.logs:
            syn.logger.exception(one)
        release.arrives(Path(path))

    client.login, utils.syncFromSynapse = login, sync
    for name, module in (("synapseclient", client), ("synapseutils", utils), ("httpx", httpx)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("SYNAPSE_AUTH_TOKEN", "good")
    return release


def test_all_that_is_lacking_is_named_at_once(monkeypatch):
    monkeypatch.delenv("SYNAPSE_AUTH_TOKEN", raising=False)
    monkeypatch.setitem(sys.modules, "synapseclient", None)
    with pytest.raises(BadInput) as error:
        download.download("voc_als", Path("nowhere"))
    found = "\n".join(map(str, error.value.problems))
    assert "pip install" in found
    assert "SYNAPSE_AUTH_TOKEN" in found


@pytest.mark.parametrize("release", ["", "minsk2020", "voc-als"])
def test_what_cannot_be_fetched_says_what_can(release):
    with pytest.raises(BadInput, match="dvc import"):
        download.download(release, Path("nowhere"))


@pytest.mark.usefixtures("synapse")
def test_the_release_lands_in_its_folder(tmp_path, capsys):
    download.download("voc_als", tmp_path / "raw/voc-als")
    assert (tmp_path / "raw/voc-als/VOC-ALS.xlsx").exists()
    assert capsys.readouterr().out.startswith(f"1224 recordings of VOC-ALS in {tmp_path / 'raw/voc-als'}. Do not ")


def test_a_few_missing_recordings_are_normal_and_counted(synapse, tmp_path, capsys):
    def arrives(folder: Path) -> None:
        write_release(folder / "Data/Audio")
        (folder / "Data/Audio/rhythmKA/PZ068_rhythmKA.wav").unlink()

    synapse.arrives = arrives
    download.download("voc_als", tmp_path)
    assert capsys.readouterr().out.startswith("1223 recordings of VOC-ALS")


def test_where_nothing_was_fetched_terms_and_rights_are_named_with_what_the_client_logged(synapse, tmp_path):
    synapse.arrives = lambda folder: None
    synapse.logs = [SynapseError("This entity has access restrictions")] * 1225
    with pytest.raises(BadInput) as caught:
        download.download("voc_als", tmp_path)
    arrived, logged = caught.value.problems
    assert arrived.expected == "1224 recordings in eight folders, and VOC-ALS.xlsx"
    assert arrived.found == "no recording; no VOC-ALS.xlsx"
    assert "accept its terms of use" in arrived.remedy and "the permissions view and download" in arrived.remedy
    assert logged.found == "SynapseError: This entity has access restrictions" and synapse.shown == []


def test_where_much_is_missing_each_folder_is_counted(synapse, tmp_path):
    def arrives(folder: Path) -> None:
        write_release(folder)
        for path in (folder / "rhythmPA").iterdir():
            path.unlink()

    synapse.arrives = arrives
    with pytest.raises(BadInput, match=r"1071 recordings: 153 in phonationA, .* 0 in rhythmPA, 153 in rhythmTA"):
        download.download("voc_als", tmp_path)


def test_recordings_without_their_workbook_are_no_release(synapse, tmp_path):
    synapse.arrives = lambda folder: (write_release(folder), (folder / WORKBOOK).unlink())
    with pytest.raises(BadInput, match=r"found: +no VOC-ALS[.]xlsx"):
        download.download("voc_als", tmp_path)


def token(*rights: str) -> str:
    """A token as Synapse makes them: header, body, signature."""
    body = base64.urlsafe_b64encode(json.dumps({"access": {"scope": rights}}).encode()).decode().rstrip("=")
    return f"e30.{body}.c2lnbmVk"


@pytest.mark.usefixtures("synapse")
def test_a_token_without_the_right_to_download_is_named_before_any_request(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNAPSE_AUTH_TOKEN", token("view"))
    with pytest.raises(BadInput, match="a token without download") as caught:
        download.download("voc_als", tmp_path / "release")
    assert token("view") not in str(caught.value) and not (tmp_path / "release").exists()
    monkeypatch.setenv("SYNAPSE_AUTH_TOKEN", token("view", "download", "modify"))
    with pytest.raises(BadInput, match="401 Unauthorized"):  # its rights are in order, and this Synapse knows another
        download.download("voc_als", tmp_path / "release")


def test_a_connection_that_fails_is_a_message(synapse, tmp_path):
    synapse.raises = synapse.httpx.HTTPError("connection reset")
    with pytest.raises(BadInput, match="HTTPError: connection reset"):
        download.download("voc_als", tmp_path)


WAITING = """
    import threading, time
    from pathlib import Path
    from bulbar.commands import download
    download.STALLED_S = 0.5
    with download.ended_if_stalled(Path("release")):
        for number in range(8):
            (Path("release") / str(number)).touch()
            time.sleep(0.2)
        print("still at it", flush=True)
        {}
        thread = threading.Thread(target=threading.Event().wait)
        thread.start()
        thread.join()
"""
"""A process that waits in a thread for ever, as Synapse's client does on a connection that stays open and silent."""


@pytest.mark.parametrize(("before", "code", "printed"), [
    ("", 1, "found:    nothing new in release for 0.5 s"),
    ("import os; os.kill(os.getpid(), 2)", 130, ""),
])  # fmt: skip
def test_a_stalled_transfer_ends_with_a_message_and_ctrl_c_ends_it_without(tmp_path, before, code, printed):
    (tmp_path / "release").mkdir()
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WAITING).format(before)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stdout) == (code, "still at it\n")
    assert printed in run.stderr and bool(printed) == bool(run.stderr)


def test_a_transfer_that_ends_is_watched_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "STALLED_S", 0.05)
    with download.ended_if_stalled(tmp_path):
        pass
    threading.Event().wait(0.2)  # this process is still here


def test_the_real_client_takes_what_it_is_given():
    client, utils = pytest.importorskip("synapseclient"), pytest.importorskip("synapseutils")
    names = set(inspect.signature(utils.syncFromSynapse).parameters)
    assert {"syn", "entity", "path", "ifcollision", "manifest"} <= names
    assert {"authToken", "silent"} <= set(inspect.signature(client.Synapse.login).parameters)
    assert issubclass(client.core.exceptions.SynapseUnmetAccessRestrictions, client.core.exceptions.SynapseError)


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

"""`bulbar download voc_als`: download a release, under the terms of its authors."""

import argparse
import base64
import json
import logging
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bulbar.core.atomic_write import explain_disk_error
from bulbar.core.errors import BadInput, Problem

SYNAPSE_ID = "syn53009474"
TERMS = (
    f"open https://www.synapse.org/Synapse:{SYNAPSE_ID}, accept its terms of use, and check that the token has the"
    " permissions view and download"
)
INSTALL = (
    "`pip install synapseclient==4.14.0`, or, in a clone, with hashes:"
    " `pip install --require-hashes -r requirements/download.lock`"
)
RECORDINGS = 1224
"""Recordings in the release: eight folders, one for each task. One workbook comes with them."""
FEW = 24
"""So many recordings may be missing: some copies of the release lack single files, and `ingest` counts them."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as a shell returns it."""
STALLED_S = 600.0
"""Longest time without new data, in seconds. Synapse's client waits forever on a connection that is open but silent."""
VARIABLE = "SYNAPSE_AUTH_TOKEN"
"""Environment variable with the token. The token is passed to Synapse's client, and is never written."""


def add_parser(subparsers: Any) -> None:
    """Add `download` to the command line."""
    parser = subparsers.add_parser(
        "download",
        help="download a release under its own terms",
        description="Download the release VOC-ALS from Synapse. First accept its terms of use on\n"
        f"https://www.synapse.org/Synapse:{SYNAPSE_ID}, and set {VARIABLE} to a personal\n"
        "access token with the permissions `view` and `download`.",
        epilog="example:\n  bulbar download voc_als data/raw/voc-als",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("release", nargs="?", default="", metavar="RELEASE", help="voc_als")
    parser.add_argument(
        "target", nargs="?", default="data/raw/voc-als", metavar="FOLDER", help="where to write (%(default)s)"
    )
    parser.set_defaults(run=run, without_result="nothing was downloaded, or only a part")


def run(arguments: argparse.Namespace) -> None:
    """Download the release that the parsed command line names."""
    download(arguments.release, Path(arguments.target))


def download(release: str, target: Path) -> None:
    """Download a release.

    Parameters
    ----------
    release : str
        `voc_als`, the only release that can be downloaded with this command.
    target : Path
        Folder to write into. Files that are already there are not downloaded again.

    Raises
    ------
    BadInput
        If the release, the package, the token or its permissions are missing, or the download is incomplete.
    """
    if release != "voc_als":
        from bulbar.cohort import minsk2020

        remedy = f"`bulbar download voc_als`; for minsk2020, {minsk2020.HOW_TO_GET_IT}"
        raise BadInput([Problem("bulbar download", "the release to download: voc_als", repr(release), remedy)])
    token = os.environ.get(VARIABLE, "")
    with ended_if_stalled(target):
        reasons = fetch(log_in(token), target)
    if problems := incomplete(target, reasons):
        raise BadInput(problems)
    recordings = sum(recordings_in(target).values())
    missing = f" (the release has {RECORDINGS}; a few missing are normal)" if recordings < RECORDINGS else ""
    print(f"{recordings} recordings of VOC-ALS in {target}{missing}. Do not redistribute them: keep them out of git.")
    print(f"`bulbar track {target}` tracks them with DVC, for a private remote only.")


def log_in(token: str) -> Any:
    """Log in to Synapse. Raises BadInput with everything that is missing: the package, the token, its permissions."""
    problems = []
    try:
        import synapseclient
    except ImportError:
        problems.append(Problem("Python environment", "the package synapseclient", "not installed", INSTALL))
    if not token:
        remedy = f"create a personal access token with `view` and `download` on synapse.org, and set {VARIABLE} to it"
        problems.append(Problem(VARIABLE, "a Synapse access token in the environment", "not set", remedy))
    if lacking := {"view", "download"} - scope(token, {"view", "download"}):
        found = f"a token without {' and '.join(sorted(lacking))}"
        remedy = f"create a personal access token on synapse.org with both permissions, and set {VARIABLE} to it"
        problems.append(Problem(VARIABLE, "a token with the permissions view and download", found, remedy))
    if problems:
        raise BadInput(problems)
    try:
        return synapseclient.login(authToken=token, silent=True)
    except (synapseclient.core.exceptions.SynapseError, OSError) as error:
        raise BadInput([_refused(VARIABLE, "a token that Synapse accepts", error)]) from None


def scope(token: str, unknown: set[str]) -> set[str]:
    """The permissions that a token states; `unknown` if it states none. The token is read here and sent nowhere."""
    try:
        found = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==="))["access"]["scope"]
    except (IndexError, ValueError, KeyError, TypeError):
        return unknown
    return set(found)


def fetch(synapse: Any, target: Path) -> list[str]:
    """Download the release into `target`, except files that are there and unchanged.

    Returns why single files failed, most frequent reason first. Synapse's client only logs such errors.
    """
    import httpx
    import synapseclient
    import synapseutils

    target.mkdir(parents=True, exist_ok=True)
    reasons = _Reasons()
    synapse.logger.addFilter(reasons)
    try:
        synapseutils.syncFromSynapse(
            synapse, SYNAPSE_ID, path=str(target), ifcollision="overwrite.local", manifest="suppress"
        )
    except (synapseclient.core.exceptions.SynapseError, httpx.HTTPError, OSError) as error:
        if isinstance(error, OSError):
            explain_disk_error(error, target)
        raise BadInput([_refused(SYNAPSE_ID, "permission to download the release", error)]) from None
    finally:
        synapse.logger.removeFilter(reasons)
    return [reason for reason, _ in reasons.counted.most_common()]


class _Reasons(logging.Filter):
    """Counts a log's warnings and errors by text, instead of printing one for each of 1,225 files."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            kind = f"{type(record.msg).__name__}: " if isinstance(record.msg, Exception) else ""
            self.counted[_without_token(kind + " ".join(record.getMessage().split()))] += 1
        return record.levelno < logging.WARNING


def recordings_in(target: Path) -> dict[str, int]:
    """Number of recordings in each of the release's eight folders, which may lie some levels below `target`."""
    from bulbar.cohort.voc_als import FOLDERS

    counted = dict.fromkeys(FOLDERS, 0)
    for path in target.rglob("*"):
        if path.parent.name in counted and path.suffix.lower() == ".wav":
            counted[path.parent.name] += 1
    return counted


def incomplete(target: Path, reasons: list[str]) -> list[Problem]:
    """Problems if more than a few recordings, or the workbook, are missing."""
    from bulbar.cohort.voc_als import WORKBOOK

    counted = recordings_in(target)
    expected = f"{RECORDINGS} recordings in eight folders, and {WORKBOOK}"
    found = []
    if sum(counted.values()) < RECORDINGS - FEW or not all(counted.values()):
        each = ", ".join(f"{number} in {folder}" for folder, number in counted.items())
        found.append(f"{sum(counted.values())} recordings: {each}" if any(counted.values()) else "no recording")
    if not next(target.rglob(WORKBOOK), None):
        found.append(f"no {WORKBOOK}")
    if not found:
        return []
    remedy = f"{TERMS}. Then run the same command again: it does not download complete files again"
    problems = [Problem(str(target), expected, "; ".join(found), remedy)]
    if reasons:
        problems.append(Problem(SYNAPSE_ID, "every file of the release", "; ".join(reasons[:3]), remedy))
    return problems


@contextmanager
def ended_if_stalled(target: Path) -> Iterator[None]:
    """End this process with a message if nothing arrives in `target` for STALLED_S; on Ctrl-C, end it without one.

    An exception is not enough: the client's threads wait on their connections, and Python would wait for the threads.
    """
    done = threading.Event()

    def watch() -> None:
        last = _arrived(target)
        while not done.wait(STALLED_S):
            if (now := _arrived(target)) == last:
                problem = Problem(
                    SYNAPSE_ID,
                    "a download that makes progress",
                    f"nothing new in {target} for {STALLED_S:g} s",
                    "check the network, then run the same command again: it does not download complete files again",
                )
                print(problem, file=sys.stderr, flush=True)
                os._exit(1)
            last = now

    threading.Thread(target=watch, daemon=True).start()
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        done.set()


def _arrived(folder: Path) -> tuple[int, int]:
    """Number and total size, in bytes, of the files below a folder."""
    sizes = []
    for path in folder.rglob("*"):
        with suppress(OSError):  # renamed in the meantime
            sizes.append(path.stat().st_size)
    return len(sizes), sum(sizes)


def _refused(where: str, expected: str, error: Exception) -> Problem:
    return Problem(where, expected, _without_token(f"{type(error).__name__}: {error}"), TERMS)


def _without_token(text: str) -> str:
    token = os.environ.get(VARIABLE)
    return text.replace(token, "(the token)") if token else text

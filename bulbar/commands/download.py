"""`bulbar download voc_als`: fetch a release under its own terms."""

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
    " rights view and download"
)
INSTALL = (
    "`pip install synapseclient==4.14.0`, or in a clone, with hashes,"
    " `pip install --require-hashes -r requirements/download.lock`"
)
RECORDINGS = 1224
"""In eight folders, one for each task, beside one workbook: what the release holds."""
FEW = 24
"""So many recordings may be missing: copies lack single files, and the reader counts them."""
INTERRUPTED = 130
"""Exit code of Ctrl-C, as a shell gives it."""
STALLED_S = 600.0
"""So long nothing may arrive: Synapse's client waits for ever where a connection stays open and silent."""
VARIABLE = "SYNAPSE_AUTH_TOKEN"
"""Of the environment: the token is read from it, handed to Synapse's client, and written nowhere."""


def add_parser(subparsers: Any) -> None:
    """Add `download` to the command line."""
    parser = subparsers.add_parser(
        "download",
        help="fetch a release under its own terms",
        description="Fetch the release VOC-ALS from Synapse. First accept its terms of use on\n"
        f"https://www.synapse.org/Synapse:{SYNAPSE_ID}, and set {VARIABLE} to a personal\n"
        "access token with the rights `view` and `download`.",
        epilog="example:\n  bulbar download voc_als data/raw/voc-als",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("release", nargs="?", default="", metavar="RELEASE", help="voc_als")
    parser.add_argument(
        "target", nargs="?", default="data/raw/voc-als", metavar="FOLDER", help="where to write (%(default)s)"
    )
    parser.set_defaults(run=run, without_result="nothing was fetched, or not all of it")


def run(arguments: argparse.Namespace) -> None:
    """Fetch the release that the parsed command line names."""
    download(arguments.release, Path(arguments.target))


def download(release: str, target: Path) -> None:
    """Fetch the release into the folder `target`; only voc_als is fetched from here."""
    if release != "voc_als":
        from bulbar.cohort import minsk2020

        remedy = f"`bulbar download voc_als`; for minsk2020, {minsk2020.HOW_TO_GET_IT}"
        raise BadInput([Problem("bulbar download", "the release to fetch: voc_als", repr(release), remedy)])
    token = os.environ.get(VARIABLE, "")
    with ended_if_stalled(target):
        reasons = fetch(log_in(token), target)
    if problems := incomplete(target, reasons):
        raise BadInput(problems)
    recordings = sum(recordings_in(target).values())
    missing = f"; the release holds {RECORDINGS}, and a few missing are normal" if recordings < RECORDINGS else ""
    print(f"{recordings} recordings of VOC-ALS in {target}{missing}. Not to be redistributed, so keep it out of git;")
    print(f"`bulbar track {target}` tracks it with DVC, for a private remote alone")


def log_in(token: str) -> Any:
    """A Synapse client that is logged in. Raises BadInput with all that is lacking: package, token, its rights."""
    problems = []
    try:
        import synapseclient
    except ImportError:
        problems.append(Problem("Python environment", "the package synapseclient", "not installed", INSTALL))
    if not token:
        remedy = "make a personal access token with `view` and `download` on synapse.org, and export it"
        problems.append(Problem(VARIABLE, "a Synapse access token in the environment", "not set", remedy))
    if lacking := {"view", "download"} - scope(token, {"view", "download"}):
        found = f"a token without {' and '.join(sorted(lacking))}"
        remedy = "make another personal access token on synapse.org, with both, and export it"
        problems.append(Problem(VARIABLE, "a token with the rights view and download", found, remedy))
    if problems:
        raise BadInput(problems)
    try:
        return synapseclient.login(authToken=token, silent=True)
    except (synapseclient.core.exceptions.SynapseError, OSError) as error:
        raise BadInput([_refused(VARIABLE, "a token that Synapse accepts", error)]) from None


def scope(token: str, unknown: set[str]) -> set[str]:
    """The rights that a token says it has; `unknown` where it does not say. It is read here, and sent nowhere."""
    try:
        found = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==="))["access"]["scope"]
    except (IndexError, ValueError, KeyError, TypeError):
        return unknown
    return set(found)


def fetch(synapse: Any, target: Path) -> list[str]:
    """Download the release into `target`; files already there and unchanged are not fetched again.

    Returns why single files were not fetched, most frequent reason first: Synapse's client logs that, and goes on.
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
        raise BadInput([_refused(SYNAPSE_ID, "leave to download the release", error)]) from None
    finally:
        synapse.logger.removeFilter(reasons)
    return [reason for reason, _ in reasons.counted.most_common()]


class _Reasons(logging.Filter):
    """Counts warnings and errors of a log by their text, instead of printing one for each of 1,225 files."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            kind = f"{type(record.msg).__name__}: " if isinstance(record.msg, Exception) else ""
            self.counted[_without_token(kind + " ".join(record.getMessage().split()))] += 1
        return record.levelno < logging.WARNING


def recordings_in(target: Path) -> dict[str, int]:
    """How many recordings stand in each of the eight folders of the release, which may be a folder or two down."""
    from bulbar.cohort.voc_als import FOLDERS

    counted = dict.fromkeys(FOLDERS, 0)
    for path in target.rglob("*"):
        if path.parent.name in counted and path.suffix.lower() == ".wav":
            counted[path.parent.name] += 1
    return counted


def incomplete(target: Path, reasons: list[str]) -> list[Problem]:
    """What of the release did not arrive, if it is more than a few recordings."""
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
    remedy = f"{TERMS}. Then run the same command again: what is there is not fetched again"
    problems = [Problem(str(target), expected, "; ".join(found), remedy)]
    if reasons:
        problems.append(Problem(SYNAPSE_ID, "every file of the release", "; ".join(reasons[:3]), remedy))
    return problems


@contextmanager
def ended_if_stalled(target: Path) -> Iterator[None]:
    """End this process, with a message, if nothing arrives in `target` for STALLED_S; and without one on Ctrl-C.

    The process: the client's threads wait on their connections, and Python would wait for the threads.
    """
    done = threading.Event()

    def watch() -> None:
        last = _arrived(target)
        while not done.wait(STALLED_S):
            if (now := _arrived(target)) == last:
                problem = Problem(
                    SYNAPSE_ID,
                    "a transfer that goes on",
                    f"nothing new in {target} for {STALLED_S:g} s",
                    "see to the network, then run the same command again: what is there is not fetched again",
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
    """How many files there are below a folder, and their bytes."""
    sizes = []
    for path in folder.rglob("*"):
        with suppress(OSError):  # renamed meanwhile
            sizes.append(path.stat().st_size)
    return len(sizes), sum(sizes)


def _refused(where: str, expected: str, error: Exception) -> Problem:
    return Problem(where, expected, _without_token(f"{type(error).__name__}: {error}"), TERMS)


def _without_token(text: str) -> str:
    token = os.environ.get(VARIABLE)
    return text.replace(token, "(the token)") if token else text

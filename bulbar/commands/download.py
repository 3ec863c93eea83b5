"""`bulbar download voc_als`: fetch a release under its own terms."""

import argparse
import os
from pathlib import Path
from typing import Any

from bulbar.core.atomic_write import tell_of_disk
from bulbar.core.errors import BadInput, Problem

SYNAPSE_ID = "syn53009474"
INSTALL = (
    "`pip install synapseclient==4.14.0`, or in a clone, with hashes,"
    " `pip install --require-hashes -r requirements/download.lock`"
)
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
    parser.set_defaults(run=run, without_result="nothing was done")


def run(arguments: argparse.Namespace) -> None:
    """Fetch the release that the parsed command line names."""
    download(arguments.release, Path(arguments.target))


def download(release: str, target: Path) -> None:
    """Fetch the release into the folder `target`; only voc_als is fetched from here."""
    if release != "voc_als":
        from bulbar.cohort import minsk2020

        remedy = f"`bulbar download voc_als`; for minsk2020, {minsk2020.HOW_TO_GET_IT}"
        raise BadInput([Problem("bulbar download", "the release to fetch: voc_als", repr(release), remedy)])
    synapse = log_in(os.environ.get(VARIABLE, ""))
    fetch(synapse, target)
    recordings = sum(1 for path in target.rglob("*") if path.suffix.lower() == ".wav")
    print(f"{recordings} recordings of VOC-ALS in {target}: not to be redistributed, so keep it out of git;")
    print(f"`bulbar track {target}` tracks it with DVC, for a private remote alone")


def log_in(token: str) -> Any:
    """A Synapse client that is logged in. Raises BadInput with all that is lacking: the package, the token."""
    problems = []
    try:
        import synapseclient
    except ImportError:
        problems.append(Problem("Python environment", "the package synapseclient", "not installed", INSTALL))
    if not token:
        remedy = "make a personal access token with `view` and `download` on synapse.org, and export it"
        problems.append(Problem(VARIABLE, "a Synapse access token in the environment", "not set", remedy))
    if problems:
        raise BadInput(problems)
    try:
        return synapseclient.login(authToken=token, silent=True)
    except (synapseclient.core.exceptions.SynapseError, OSError) as error:
        raise BadInput([_refused(VARIABLE, "a token that Synapse accepts", error)]) from None


def fetch(synapse: Any, target: Path) -> None:
    """Download the release into `target`; files already there and unchanged are not fetched again."""
    import synapseclient
    import synapseutils

    target.mkdir(parents=True, exist_ok=True)
    try:
        synapseutils.syncFromSynapse(
            synapse, SYNAPSE_ID, path=str(target), ifcollision="overwrite.local", manifest="suppress"
        )
    except (synapseclient.core.exceptions.SynapseError, OSError) as error:
        if isinstance(error, OSError):
            tell_of_disk(error, target)
        raise BadInput([_refused(SYNAPSE_ID, "leave to download the release", error)]) from None


def _refused(where: str, expected: str, error: Exception) -> Problem:
    remedy = f"open https://www.synapse.org/Synapse:{SYNAPSE_ID}, accept its terms of use, check the token's rights"
    found = f"{type(error).__name__}: {error}"
    if token := os.environ.get(VARIABLE):
        found = found.replace(token, "(the token)")
    return Problem(where, expected, found, remedy)

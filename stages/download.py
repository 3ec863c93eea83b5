"""Fetch a release under its own terms: `python -m stages.download voc_als`. No stage of dvc.yaml."""

import os
from pathlib import Path
from typing import Any

from bulbar.cohort import minsk2020
from bulbar.errors import BadInput, Problem
from stages.io import run

SYNAPSE_ID = "syn53009474"
INSTALL = "`pip install 'synapseclient>=4,<5'`"
VARIABLE = "SYNAPSE_AUTH_TOKEN"
"""Of the environment: the token is read from it, handed to Synapse's client, and told nobody."""


def main(release: str = "", target: str = "data/raw/voc-als") -> None:
    """Fetch the release into the folder `target`; only voc_als is fetched from here."""
    if release != "voc_als":
        remedy = f"`python -m stages.download voc_als`; for minsk2020, {minsk2020.HOW_TO_GET_IT}"
        raise BadInput([Problem("stages.download", "the release to fetch: voc_als", repr(release), remedy)])
    synapse = log_in(os.environ.get(VARIABLE, ""))
    fetch(synapse, Path(target))
    recordings = sum(1 for path in Path(target).rglob("*") if path.suffix.lower() == ".wav")
    print(f"{recordings} recordings of VOC-ALS in {target}: not to be redistributed, so keep it out of git;")
    print(f"`python -m stages.track {target}` tracks it with DVC, for a private remote alone")


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
        raise BadInput([_refused(SYNAPSE_ID, "leave to download the release", error)]) from None


def _refused(where: str, expected: str, error: Exception) -> Problem:
    remedy = f"open https://www.synapse.org/Synapse:{SYNAPSE_ID}, accept its terms of use, check the token's rights"
    found = f"{type(error).__name__}: {error}"
    if token := os.environ.get(VARIABLE):
        found = found.replace(token, "(the token)")
    return Problem(where, expected, found, remedy)


if __name__ == "__main__":
    run(main)

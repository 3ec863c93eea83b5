"""`bulbar track FOLDER`: track a release with DVC, for a private remote only."""

import argparse
from pathlib import Path
from typing import Any

from bulbar.core.errors import BadInput
from bulbar.core.settings import RemoteName, Strict, checked, read_settings_file

PREFIX = "private-"  # the same prefix as in dvc.yaml


class Settings(Strict):
    """The `remote` block of params.yaml. private: voices may go to the DVC remote `private-NAME`; `none`: nowhere."""

    private: RemoteName


def add_parser(subparsers: Any) -> None:
    """Add `track` to the command line."""
    parser = subparsers.add_parser(
        "track",
        help="track a release with DVC, for a private remote only",
        description="Run `dvc add` on a release and mark it, so that `dvc push` uploads it only to the private\n"
        "remote named in params.yaml (remote.private). Run this in the folder of params.yaml, and\n"
        "again after each change of remote.private.",
        epilog="example:\n  bulbar track data/raw/voc-als",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("release", nargs="?", default="", metavar="FOLDER", help="the folder of the release")
    parser.set_defaults(run=run, without_result="nothing was tracked")


def run(arguments: argparse.Namespace) -> None:
    """Track the release that the parsed command line names."""
    track(arguments.release)


def track(release: str) -> None:
    """Run `dvc add` on a release, and mark it so that `dvc push` uploads it only to the private remote.

    Parameters
    ----------
    release : str
        Folder of the release, inside the project. A release that is tracked already gets the present remote.

    Raises
    ------
    BadInput
        If no folder is named, or DVC cannot track it.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    remedy = "`bulbar track data/raw/voc-als`, from the folder of params.yaml"
    if not release:
        raise BadInput.one("bulbar track", "the folder of a release", "none named", remedy)
    remote = (
        PREFIX + checked(read_settings_file(Path("params.yaml")).get("remote"), Settings, "params.yaml: remote").private
    )
    try:
        with Repo() as repo:
            stages: list[Any] = repo.add([release])
            for stage in stages:
                for out in stage.outs:
                    out.remote = remote
                with repo.scm_context():
                    stage.dump()
    except DvcException as error:
        raise BadInput.one("bulbar track", "the folder of a release, in the project", str(error), remedy) from None
    files = ", ".join(stage.relpath for stage in stages)
    print(f"{files} can go into git: only hashes are in it. `dvc push` uploads the release only to {remote}.")

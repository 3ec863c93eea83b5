"""`bulbar track FOLDER`: track a release with DVC, for a private remote alone."""

import argparse
from pathlib import Path
from typing import Any

from bulbar.core.errors import BadInput
from bulbar.core.settings import RemoteName, Strict, checked, read_settings_file

PREFIX = "private-"  # as every such out of dvc.yaml has it


class Settings(Strict):
    """`remote` of params.yaml. private: the DVC remote `private-NAME` may hold voices; `none`: no other disk may."""

    private: RemoteName


def add_parser(subparsers: Any) -> None:
    """Add `track` to the command line."""
    parser = subparsers.add_parser(
        "track",
        help="track a release with DVC, for a private remote alone",
        description="Run `dvc add` on a release and mark it, so that `dvc push` brings it to the private remote of\n"
        "params.yaml (remote.private) and to no other. Run this in the folder of params.yaml, and once\n"
        "more after remote.private has changed.",
        epilog="example:\n  bulbar track data/raw/voc-als",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("release", nargs="?", default="", metavar="FOLDER", help="the folder of the release")
    parser.set_defaults(run=run, without_result="nothing was done")


def run(arguments: argparse.Namespace) -> None:
    """Track the release that the parsed command line names."""
    track(arguments.release)


def track(release: str) -> None:
    """`dvc add`, marked so that `dvc push` brings it to no other remote; once more where params name another one."""
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
        raise BadInput.one("bulbar track", "a release's folder inside the project", str(error), remedy) from None
    files = ", ".join(stage.relpath for stage in stages)
    print(f"{files} is for git: hashes alone. `dvc push` brings the release to {remote} and to no other remote")

"""Track a release with DVC, for a private remote alone: `python -m stages.track data/raw/voc-als`. No stage."""

from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from pydantic import Field

from bulbar.errors import BadInput, Problem
from bulbar.settings import Strict
from stages.io import run, settings

PREFIX = "private-"  # as every such out of dvc.yaml has it


class Settings(Strict):
    """`remote` of params.yaml. private: the DVC remote `private-NAME` may hold voices; `none`: no other disk may."""

    private: str = Field(pattern=r"^[A-Za-z0-9_-]+$")


def main(release: str = "") -> None:
    """`dvc add`, marked so that `dvc push` brings it to no other remote; once more where params name another one."""
    remedy = "`python -m stages.track data/raw/voc-als`, from the folder of params.yaml"
    if not release:
        raise BadInput([Problem("stages.track", "the folder of a release", "none named", remedy)])
    remote = PREFIX + settings("remote", Settings).private
    try:
        with Repo() as repo:
            stages: list[Any] = repo.add([release])
            for stage in stages:
                for out in stage.outs:
                    out.remote = remote
                with repo.scm_context():
                    stage.dump()
    except DvcException as error:
        raise BadInput([Problem("stages.track", "a release's folder inside the project", str(error), remedy)]) from None
    print(f"{release}.dvc is for git: hashes alone. `dvc push` brings the release to {remote} and to no other remote")


if __name__ == "__main__":
    run(main)

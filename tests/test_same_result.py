"""Two people who clone the project get the same bytes, wherever and however each of them works."""

import subprocess
from pathlib import Path

import pytest

from tests.pipelines import TINY, Pipeline, git
from tests.test_pipeline import TINY_GENDER


def locale_of(language: str, folder: Path) -> dict[str, str]:
    """The environment of a language: made where the system has its source, else as C with UTF-8."""
    folder.mkdir()
    command = ["localedef", "--inputfile", language, "--charmap", "UTF-8", str(folder / f"{language}.UTF-8")]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    return {"LOCPATH": str(folder), "LANG": f"{language}.UTF-8", "LC_ALL": f"{language}.UTF-8"}


@pytest.fixture(scope="module")
def clones(tmp_path_factory) -> tuple[Pipeline, Pipeline]:
    """Two clones of the tiny study that have run both pipelines, each in surroundings of its own."""
    place = tmp_path_factory.mktemp("same")
    origin = Pipeline(place / "origin", place / "unused")
    origin.change(TINY)
    origin.change(TINY_GENDER, "gender/params.yaml")
    origin.commit("Tiny settings")
    for home in ("home", "other home"):
        (place / home).mkdir()
    here = {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "0", "HOME": str(place / "home")}
    there = {"TZ": "America/Los_Angeles", "PYTHONHASHSEED": "4242", "HOME": str(place / "other home")}
    here |= {"LANG": "C", "LC_ALL": "POSIX"}
    there |= locale_of("tr_TR", place / "locales")
    one = origin.clone(place / "one/clone", place / "fits", umask=0o022, **here)
    far = place / "a longer way/zweiter Klon, größer & ığdır"
    other = origin.clone(far, place / "other fits", umask=0o077, **there)
    for params in ("params.yaml", "gender/params.yaml"):
        other.change({"compute.workers": 2}, params)
    for clone in (one, other):
        clone.dvc("repro", "dvc.yaml", "gender/dvc.yaml")
    return one, other


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", ["", "gender/"])
def test_two_clones_write_the_same_bytes_and_lock_file(clones, pipeline):
    one, other = clones
    lock = f"{pipeline}dvc.lock"
    assert len(one.locked(lock)) > 10 and one.locked(lock) == other.locked(lock)
    outs = list(one.outs(pipeline))
    assert len(outs) > 50 and outs == list(other.outs(pipeline))
    assert not [out for out in outs if (one.folder / out).read_bytes() != (other.folder / out).read_bytes()]


@pytest.mark.slow
def test_the_fits_of_two_clones_have_the_same_names_and_predictions(clones):
    one, other = (
        {path.parent.name: path.read_bytes() for path in each.fit_cache.glob("??/*/test.npy")} for each in clones
    )
    assert len(one) > 20 and one == other


@pytest.mark.slow
def test_nothing_in_git_changed_but_what_stages_write(clones):
    allowed = ("dvc.lock", "metrics/", "plots/", "report/", "params.yaml")
    for clone in clones:
        changed = [line[3:] for line in git(clone.folder, "status", "--porcelain", "-z").split("\0") if line]
        assert not [name for name in changed if not name.removeprefix("gender/").startswith(allowed)]

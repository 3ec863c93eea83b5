"""What cases do to a project: files taken away, renamed, moved, closed, rewritten."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.broken_inputs import RELEASE, Break


def at(project: Path, name: str = "") -> Path:
    """A file of the release, or its root."""
    return project / RELEASE / name


def rewritten(name: str, change: Callable[[bytes], bytes]) -> Break:
    """A file of the project with other bytes, of which `change` makes something else."""

    def break_it(project: Path) -> None:
        before = (project / name).read_bytes()
        (project / name).write_bytes(change(before))
        assert (project / name).read_bytes() != before

    return break_it


def instead(name: str, make: Callable[[Path], object]) -> Break:
    """A file or folder of the release moved out of it, and something else made of its name."""

    def break_it(project: Path) -> None:
        shutil.move(at(project, name), project / "moved_away")
        make(at(project, name))

    return break_it


def linked(name: str, to: str = "../moved_away") -> Break:
    """A link in the place of a file or folder; by default to where that lies now, outside the release."""
    return instead(name, lambda path: path.symlink_to(to))


def renamed(before: str, after: str) -> Break:
    """Another name for a file or folder of the release."""

    def break_it(project: Path) -> None:
        at(project, after).parent.mkdir(parents=True, exist_ok=True)
        at(project, before).rename(at(project, after))

    return break_it


def without(pattern: str) -> Break:
    """Files or folders of the release taken away."""

    def break_it(project: Path) -> None:
        found = sorted(at(project).glob(pattern))
        assert found
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return break_it


def closed(name: str, mode: int = 0) -> Break:
    """Nobody but root may read a file or folder of the release; or only what `mode` lets."""
    return lambda project: at(project, name).chmod(mode)

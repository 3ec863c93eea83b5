"""A small disk that can be filled, where the system lets us mount one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A tmpfs at `folder`."""

    def __init__(self, folder: Path, kilobytes: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "bulbar-test", str(folder))

    def resize(self, kilobytes: int) -> None:
        """Make room, or take it."""
        self._mount("-o", f"remount,size={kilobytes}k", str(self.folder))

    def _mount(self, *arguments: str) -> None:
        try:
            subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no small disk can be mounted here: {getattr(error, 'stderr', error)}")


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Disk]:
    """A disk of some kilobytes until the end of the block; the test is skipped where none can be mounted."""
    disk = Disk(folder, kilobytes)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)

"""A small disk that can be filled, where the system lets us mount one."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
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

    @contextmanager
    def more_whenever_it_stays_full(self, give: Callable[[], None], *, for_s: float = 20.0) -> Iterator[None]:
        """In the block, call `give` each time that the disk has had no page free for so long."""
        done = threading.Event()

        def watch() -> None:
            full_since = time.monotonic()
            while not done.wait(0.5):
                if shutil.disk_usage(self.folder).free:
                    full_since = time.monotonic()
                elif time.monotonic() - full_since > for_s:
                    give()
                    full_since = time.monotonic()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

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

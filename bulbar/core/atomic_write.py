"""Atomic writes: a file is written under a temporary name, then renamed, so that it is complete or does not exist."""

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from bulbar.core.errors import BadInput, CannotGoOn

SUFFIX = ".partial"
"""Suffix of temporary files. Git and DVC ignore it, so that leftovers of a killed process belong to no output."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LEAST_FREE = 65536
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path to write to; at the end of the block it is renamed to `path`.

    Parameters
    ----------
    path : str or Path
        The final path. Its folder is created if necessary.

    Yields
    ------
    Path
        In the same folder. If the block raises, it is deleted, and a previous file at `path` stays.

    Raises
    ------
    CannotGoOn
        If the disk is full, or writing is not permitted.
    """
    path = Path(path)
    # one name per process, because a stage whose parent died may still run
    partial = path.with_name(f"{path.name}.{os.getpid()}{SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        explain_disk_error(error, path, partial)
        raise
    finally:
        with suppress(OSError):
            partial.unlink()


def write_bytes(content: bytes, path: str | Path) -> None:
    """Write a whole file; its folder is created if necessary.

    content must not be a memoryview: on a full disk the error refers to it, and Python 3.12.1 crashes on freeing it.
    """
    with atomic_path(path) as partial:
        partial.write_bytes(content)


def write_text(text: str, path: str | Path) -> None:
    """Write a whole text file, UTF-8 with `\\n` line ends; its folder is created if necessary."""
    write_bytes(text.encode(), path)


def copy_file(source: str | Path, path: str | Path) -> None:
    """Copy a file's content; the folder of the copy is created if necessary."""
    with atomic_path(path) as partial:
        shutil.copyfile(source, partial)


def link_file(source: str | Path, path: str | Path) -> None:
    """Give a file a second name, as a hard link if the file system supports it, else as a copy."""
    with atomic_path(path) as partial:
        try:
            partial.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, partial)


def writable_folder(folder: Path, expected: str, remedy: str, *, mode: int = 0o777) -> Path:
    """Create a folder with the permissions `mode`, and check that files can be written into it.

    Raises BadInput with `expected` and `remedy` if they cannot, and CannotGoOn if the disk is full.
    """
    try:
        folder.mkdir(mode, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        if error.errno in _FULL:
            disk_is_full(folder, "free space for files")
        raise BadInput.one(str(folder), expected, str(error), remedy) from None
    return folder


def explain_disk_error(error: OSError, path: Path, partial: Path | None = None) -> None:
    """Raise CannotGoOn if writing `path` (so far `partial`) failed for lack of space or permission; else return."""
    if error.errno in _FULL or (error.errno is None and _free(path)[1] < _LEAST_FREE):  # NumPy sets no errno
        written = partial.stat().st_size if partial and partial.is_file() else 0
        disk_is_full(path, f"free space for more than {in_units(written)}" if written else "free space to write it")
    refused = Path(error.filename) if isinstance(error.filename, str) else None
    if error.errno in _FORBIDDEN and partial and refused in (partial, path, *path.parents):
        remedy = "correct its permissions or its owner, then run the same command again"
        raise CannotGoOn.one(str(path), "a file that can be written", str(error), remedy) from None


@contextmanager
def full_disk_named() -> Iterator[None]:
    """If the disk is full, raise CannotGoOn with the file name, also for writes by DVCLive and joblib."""
    try:
        yield
    except OSError as error:
        explain_disk_error(error, Path(error.filename or tempfile.gettempdir()))
        raise
    except sqlite3.OperationalError as error:  # DVCLive opens DVC's database
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            disk_is_full(Path(".dvc"), "free space for DVC's database")
        raise


def disk_is_full(path: Path, needed: str) -> NoReturn:
    """Raise CannotGoOn: the disk of `path` is full."""
    place, free = _free(path)
    remedy = "free some space there, then run the same command again: finished work is kept"
    found = f"{in_units(free)} free in {place}"
    raise CannotGoOn.one(str(path), needed, found, remedy) from None


def _free(path: Path) -> tuple[Path, int]:
    """The nearest existing folder of a path, and the number of free bytes on its disk."""
    place = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.is_dir())
    return place, shutil.disk_usage(place).free


def in_units(size: float) -> str:
    """A number of bytes as text."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size:.0f} bytes"

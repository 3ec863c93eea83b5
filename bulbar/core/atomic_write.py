"""Files written beside their name, then renamed: at its own name a file is whole or not there."""

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
"""Of what is being written. `.gitignore` and `.dvcignore` have it: what a killed process left belongs to no out."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LEAST_FREE = 65536
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A path beside `path` to write to, in a folder that is made; at the end of the block it is renamed to `path`.

    Where the block raises, nothing is left of it, and what was at `path` before stays. Raises CannotGoOn where the disk
    is full or forbids it.
    """
    path = Path(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}{SUFFIX}")  # its own: a stage that lost its parent may run on
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
    """Write a whole file; its folder is made.

    No view of a buffer: on a full disk the error would hold it, and Python 3.12.1 crashes when it collects such a one.
    """
    with atomic_path(path) as partial:
        partial.write_bytes(content)


def write_text(text: str, path: str | Path) -> None:
    """Write a whole file, UTF-8 with `\\n` at the ends of lines; its folder is made."""
    write_bytes(text.encode(), path)


def copy_file(source: str | Path, path: str | Path) -> None:
    """Copy a file's content; the folder of the copy is made."""
    with atomic_path(path) as partial:
        shutil.copyfile(source, partial)


def link_file(source: str | Path, path: str | Path) -> None:
    """The same file at a second name, as a link where the file system can, else as a copy."""
    with atomic_path(path) as partial:
        try:
            partial.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, partial)


def writable_folder(folder: Path, expected: str, remedy: str, *, mode: int = 0o777) -> Path:
    """Make a folder with the rights `mode`, and make sure that files can be written into it.

    Raises BadInput with `expected` and `remedy` where they cannot, and CannotGoOn where the disk is full.
    """
    try:
        folder.mkdir(mode, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        if error.errno in _FULL:
            disk_is_full(folder, "room to write into it")
        raise BadInput.one(str(folder), expected, str(error), remedy) from None
    return folder


def explain_disk_error(error: OSError, path: Path, partial: Path | None = None) -> None:
    """Raise CannotGoOn where writing `path`, so far `partial`, failed for want of room or permission; else return."""
    if error.errno in _FULL or (error.errno is None and _free(path)[1] < _LEAST_FREE):  # NumPy gives no number
        written = partial.stat().st_size if partial and partial.is_file() else 0
        disk_is_full(path, f"room for more than {in_units(written)}" if written else "room to write it")
    refused = Path(error.filename) if isinstance(error.filename, str) else None
    if error.errno in _FORBIDDEN and partial and refused in (partial, path, *path.parents):
        remedy = "see to its permissions and its owner, then run the same command again"
        raise CannotGoOn.one(str(path), "a file that can be written", str(error), remedy) from None


@contextmanager
def full_disk_named() -> Iterator[None]:
    """If the disk is full, raise CannotGoOn with the file, also where another package met it: DVCLive, joblib."""
    try:
        yield
    except OSError as error:
        explain_disk_error(error, Path(error.filename or tempfile.gettempdir()))
        raise
    except sqlite3.OperationalError as error:  # DVCLive opens DVC's database
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            disk_is_full(Path(".dvc"), "room for DVC's database")
        raise


def disk_is_full(path: Path, needed: str) -> NoReturn:
    """Raise CannotGoOn: the disk of `path` is full."""
    place, free = _free(path)
    remedy = "make room there, then run the same command again: what was finished is kept"
    found = f"{in_units(free)} free in {place}"
    raise CannotGoOn.one(str(path), needed, found, remedy) from None


def _free(path: Path) -> tuple[Path, int]:
    """The folder that a path is or will be in, as far as it is there, and the bytes free on its disk."""
    place = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.is_dir())
    return place, shutil.disk_usage(place).free


def in_units(size: float) -> str:
    """A number of bytes in words."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size:.0f} bytes"

"""Storage of a search, for one process at a time: a journal file next to the fit cache, or PostgreSQL.

In Optuna each single write is atomic. But Optuna does not prevent two processes from drawing trials for one study, or
from creating the tables of a new database, at the same time, and it does not read past a truncated line of the journal.
The locks in this module are released when their process ends in any way, so nothing has to be cleaned up.
"""

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy import URL, NullPool, create_engine, func, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from bulbar.core.atomic_write import explain_disk_error, writable_folder
from bulbar.core.digests import seed_of
from bulbar.core.errors import BadInput, Problem

VARIABLE = "BULBAR_STORAGE"
"""Environment variable with a URL that replaces the one in params.yaml. It may contain a password."""

_EXAMPLE = "a PostgreSQL database's URL, such as postgresql://user@host/name"


@contextmanager
def opened(url: str | None, folder: Path, name: str) -> Iterator[BaseStorage]:
    """Open the storage of a study for this process only. Another process waits until this one ends.

    Parameters
    ----------
    url : str or None
        PostgreSQL database. VARIABLE replaces it. Without both, the study is a journal file.
    folder : Path
        Folder of journal files.
    name : str
        Name of the study.

    Yields
    ------
    BaseStorage
        For `search.search`.

    Raises
    ------
    BadInput
        If the database cannot be used, or params.yaml contains its password.
    CannotGoOn
        If the disk of the journal is full.

    Warns
    -----
    RuntimeWarning
        If this process has to wait.
    """
    url = os.environ.get(VARIABLE) or url
    with _in_database(_checked(url), name) if url else _in_journal(folder / f"{name}.journal", name) as storage:
        yield storage


@contextmanager
def _in_journal(journal: Path, name: str) -> Iterator[BaseStorage]:
    remedy = "name another folder for the fit cache with BULBAR_CACHE, or a database with tune.storage"
    writable_folder(journal.parent, "a writable folder for the journal of the search", remedy)
    place = journal.with_name(f"{name}.lock")
    try:
        lock = place.open("w")
    except OSError as error:
        raise BadInput([Problem(str(place), "a lock file that can be written", str(error), remedy)]) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _warn_of_waiting(name)
            fcntl.flock(lock, fcntl.LOCK_EX)
        if journal.exists() and not (content := journal.read_bytes()).endswith(b"\n"):
            os.truncate(journal, content.rfind(b"\n") + 1)  # removes a line truncated by a full disk or a kill
        # Optuna's own lock outlives a killed process
        journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)
        try:
            yield JournalStorage(JournalFileBackend(str(journal)))
        except OSError as error:  # Optuna's error names no file
            explain_disk_error(error, Path(error.filename or journal))
            raise


@contextmanager
def _in_database(url: URL, name: str) -> Iterator[BaseStorage]:
    """Use advisory locks of PostgreSQL: they end with the connection, and work across machines."""
    tables, study = seed_of(0, "tables"), seed_of(0, name)
    try:
        connection = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()
        with connection:
            connection.execute(select(func.pg_advisory_lock(tables)))
            storage = RDBStorage(url.render_as_string(hide_password=False))
            connection.execute(select(func.pg_advisory_unlock(tables)))
    except (ImportError, SQLAlchemyError) as error:
        found = f"{type(error).__name__} at {url.host or url.database}"
        if isinstance(error, ImportError):
            found = f"{error}: the driver is not installed"
        _refuse("a database that can be reached", found, "start it, correct the URL, or pip install 'psycopg[binary]'")
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        if not connection.scalar(select(func.pg_try_advisory_lock(study))):
            _warn_of_waiting(name)
            connection.execute(select(func.pg_advisory_lock(study)))
        yield storage


def _checked(text: str) -> URL:
    """Parse the URL. Errors never contain it, because it may contain a password."""
    try:
        url = make_url(text)
        dialect = url.get_backend_name()
    except (ImportError, SQLAlchemyError):
        _refuse(_EXAMPLE, "something else", "correct it, or write null for a journal file")
    if url.password is not None and not os.environ.get(VARIABLE):
        remedy = f"remove it, and set the environment variable {VARIABLE} to the whole URL"
        _refuse("no password, because git and DVC store params.yaml", f"a URL of {dialect} with a password", remedy)
    if dialect != "postgresql":
        _refuse(_EXAMPLE, f"a URL of {dialect}", "write a PostgreSQL URL, or null for a journal file")
    return url


def _warn_of_waiting(name: str) -> None:
    warnings.warn(f"study {name}: another process uses it; waiting until it ends", RuntimeWarning, stacklevel=5)


def _refuse(expected: str, found: str, remedy: str) -> NoReturn:
    raise BadInput([Problem("params.yaml: tune.storage", expected, found, remedy)]) from None

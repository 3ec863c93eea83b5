"""Where a search is stored, for one process at a time: a journal file beside the cached fits, or PostgreSQL.

Optuna keeps each single write whole. It does not keep two processes from drawing trials for one study at once, nor
from making a new database's tables at once, nor does it read past a line of the journal that was cut off. The locks
here go with the process that holds them, however it ends: nothing has to be cleaned up.
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
"""Of the environment: a URL that goes before the one in params.yaml, and may hold a password."""

_EXAMPLE = "a PostgreSQL database's URL, such as postgresql://user@host/name"


@contextmanager
def opened(url: str | None, folder: Path, name: str) -> Iterator[BaseStorage]:
    """The storage of a study, for this process alone: another one that comes for it waits until this one ends or dies.

    url: of a PostgreSQL database; VARIABLE goes before it; without either, the study is a journal file in `folder`.
    name: of the study. Warns where it has to wait. Raises BadInput where the database is no good, or params.yaml has
    its password, and CannotGoOn where the journal's disk is full.
    """
    url = os.environ.get(VARIABLE) or url
    with _in_database(_checked(url), name) if url else _in_journal(folder / f"{name}.journal", name) as storage:
        yield storage


@contextmanager
def _in_journal(journal: Path, name: str) -> Iterator[BaseStorage]:
    remedy = "name another folder for the fit cache with BULBAR_CACHE, or a database with tune.storage"
    writable_folder(journal.parent, "a folder for the search's journal, to write into", remedy)
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
            os.truncate(journal, content.rfind(b"\n") + 1)  # what a full disk or a kill left of a line
        # Optuna's own lock outlives a killed process
        journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)
        try:
            yield JournalStorage(JournalFileBackend(str(journal)))
        except OSError as error:  # Optuna's names no file
            explain_disk_error(error, Path(error.filename or journal))
            raise


@contextmanager
def _in_database(url: URL, name: str) -> Iterator[BaseStorage]:
    """Advisory locks of PostgreSQL: they go with the connection, and machines that share nothing else heed them."""
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
            found = f"{error}: its driver is not installed"
        _refuse("a database that can be reached", found, "start it, correct the URL, or pip install 'psycopg[binary]'")
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        if not connection.scalar(select(func.pg_try_advisory_lock(study))):
            _warn_of_waiting(name)
            connection.execute(select(func.pg_advisory_lock(study)))
        yield storage


def _checked(text: str) -> URL:
    """The URL. No error repeats it: it may hold a password."""
    try:
        url = make_url(text)
        dialect = url.get_backend_name()
    except (ImportError, SQLAlchemyError):
        _refuse(_EXAMPLE, "something else", "correct it, or write null for a journal file")
    if url.password is not None and not os.environ.get(VARIABLE):
        remedy = f"take it out, and give the whole URL in the environment, as {VARIABLE}"
        _refuse("no password, for git and DVC keep params.yaml", f"a URL of {dialect} with one", remedy)
    if dialect != "postgresql":
        _refuse(_EXAMPLE, f"one of {dialect}", "give one, or write null for a journal file")
    return url


def _warn_of_waiting(name: str) -> None:
    warnings.warn(f"study {name}: another process is at it; waiting until it is done", RuntimeWarning, stacklevel=5)


def _refuse(expected: str, found: str, remedy: str) -> NoReturn:
    raise BadInput([Problem("params.yaml: tune.storage", expected, found, remedy)]) from None

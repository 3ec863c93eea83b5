"""Where a search is kept, and for one process at a time: a journal file beside the kept fits, or a database."""

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy import URL, NullPool, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from bulbar.core.atomic_write import tell_of_disk
from bulbar.core.errors import BadInput, Problem
from bulbar.core.seeds import seed_of

VARIABLE = "BULBAR_STORAGE"
"""Of the environment: a URL that goes before the one in params.yaml, and may hold a password."""

_LOCKS = {  # a lock tried, and one waited for; it goes with its connection, so with its process
    "postgresql": ("SELECT pg_try_advisory_lock(:key)", "SELECT pg_advisory_lock(:key)"),
    "mysql": ("SELECT GET_LOCK(:key, 0)", "SELECT GET_LOCK(:key, 100000000)"),
    "mariadb": ("SELECT GET_LOCK(:key, 0)", "SELECT GET_LOCK(:key, 100000000)"),
}


@contextmanager
def opened(url: str | None, folder: Path, name: str) -> Iterator[BaseStorage]:
    """The storage of a study, for this process alone: another one that comes for it waits until this one ends or dies.

    url: of a database; VARIABLE goes before it; without either, the study is a journal file in `folder`. name: of the
    study. Warns where it has to wait. Raises BadInput where the database is no good, or params.yaml has its password,
    and CannotGoOn where the journal's disk is full.
    """
    database = _database(url)
    if database is None:
        folder.mkdir(parents=True, exist_ok=True)
        journal = folder / f"{name}.journal"
        with _alone_by_file(folder / f"{name}.lock", name):
            _cut_to_whole_lines(journal)
            try:
                yield JournalStorage(JournalFileBackend(str(journal)))
            except OSError as error:  # Optuna's names no file
                tell_of_disk(error, Path(error.filename or journal))
                raise
    elif database.get_backend_name() == "sqlite":
        file = Path(database.database or "").absolute()
        if not file.parent.is_dir():
            _refuse("a file in a folder that is there", str(file), "make the folder, or correct the URL")
        with _alone_by_file(file.with_name(f"{file.name}.{name}.lock"), name):
            with _alone_by_file(file.with_name(f"{file.name}.lock")):
                storage = _connected(database)
            yield storage
    else:
        with _alone_by_database(database, name):
            with _alone_by_database(database):
                storage = _connected(database)
            yield storage


def _cut_to_whole_lines(journal: Path) -> None:
    """Take off the half line that a full disk or a kill left: Optuna would write on in it, and read none after it."""
    if journal.exists():
        content = journal.read_bytes()
        if not content.endswith(b"\n"):
            os.truncate(journal, content.rfind(b"\n") + 1)


def _database(of_params: str | None) -> URL | None:
    """The URL that counts. What is wrong with it is told without it: it may hold a password."""
    given = os.environ.get(VARIABLE) or of_params
    if not given:
        return None
    try:
        url = make_url(given)
        dialect = url.get_backend_name()
    except (ImportError, SQLAlchemyError):
        _refuse("a database's URL, such as postgresql://user@host/name", "something else", "correct it")
    if url.password is not None and not os.environ.get(VARIABLE):
        remedy = f"take it out, and give the whole URL in the environment, as {VARIABLE}"
        _refuse("no password, for git and DVC keep params.yaml", f"a URL of {dialect} with one", remedy)
    in_memory = dialect == "sqlite" and url.database in (None, "", ":memory:")
    if in_memory or dialect not in ("sqlite", *_LOCKS):
        remedy = "give one of these, in which one process can keep others waiting"
        _refuse(f"{', '.join(_LOCKS)}, or a file of sqlite", "sqlite in memory" if in_memory else dialect, remedy)
    return url


def _connected(url: URL) -> RDBStorage:
    """Optuna makes its tables at its first connection: of two that do so at once, one would fail."""
    with _reached(url):
        return RDBStorage(url.render_as_string(hide_password=False))


@contextmanager
def _alone_by_file(path: Path, name: str | None = None) -> Iterator[None]:
    """A lock of the operating system: it goes with its process, however that ends. The file stays.

    name: of the study that is waited for; None: for a moment, of which nothing is told.
    """
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if name:
                _tell_of_waiting(name)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _alone_by_database(url: URL, name: str | None = None) -> Iterator[None]:
    """A lock of the database itself: machines that share nothing else keep each other waiting. name: as above."""
    key = {"key": seed_of(0, name or "tables")}
    try_it, wait_for_it = (text(statement) for statement in _LOCKS[url.get_backend_name()])
    with _reached(url):
        connection = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()
    with connection:
        if url.get_backend_name() != "postgresql":
            connection.execute(text("SET SESSION wait_timeout = 31536000"))  # it would hang up, and lose the lock
        if not connection.execute(try_it, key).scalar():
            if name:
                _tell_of_waiting(name)
            connection.execute(wait_for_it, key)
        yield


def _tell_of_waiting(name: str) -> None:
    warnings.warn(f"study {name}: another process is at it; waiting until it is done", RuntimeWarning, stacklevel=5)


@contextmanager
def _reached(url: URL) -> Iterator[None]:
    try:
        yield
    except (ImportError, SQLAlchemyError) as error:
        found = f"{type(error).__name__} at {url.get_backend_name()} on {url.host or url.database}"
        if isinstance(error, ImportError):
            found = f"{error}: its driver is not installed"
        _refuse("a database that can be reached", found, "start it, correct the URL, or install the driver")


def _refuse(expected: str, found: str, remedy: str) -> NoReturn:
    raise BadInput([Problem("params.yaml: tune.storage", expected, found, remedy)]) from None

"""The control database: what must be transactional and small, beside the engine that is neither."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy import Engine as Database
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, InterfaceError, NoSuchModuleError, OperationalError

from spanledger_store.control.upgrade import upgrade
from spanledger_store.errors import StoreError, StoreUnavailable
from spanledger_store.settings import StoreSettings

# How long a writer waits for another process's transaction; ours last milliseconds.
BUSY_MILLISECONDS = 30_000
# Any number will do that nothing else on a shared PostgreSQL server is likely to lock.
UPGRADE_LOCK = 0x5BA71ED6E4


class Control:
    """A SQLite or PostgreSQL database at this release's schema, which any number of threads may use at once.

    Its modules (`keys`, `dirty`, ...) are functions that take it first. Several processes may hold it open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, settings: StoreSettings) -> Control:
        """The control database of an installation, created or upgraded first.

        Raises StoreUnavailable where it cannot be reached, MigrationError where a newer release was here.
        """
        url = _parse(settings.control_dsn())
        if url.get_backend_name() == "sqlite":
            database = _open_sqlite(url)
        elif url.get_backend_name() == "postgresql":
            database = _open_postgres(url)
        else:
            raise StoreError(
                f"SPANLEDGER_CONTROL_URL names a {url.get_backend_name()} database; "
                "use sqlite:////path/to/control.db or postgresql://user:password@host/database."
            )
        return cls(database)

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._database.dialect.name

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A connection in a transaction that sees one state of the database."""
        with _translated(), self._database.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        """A connection in a transaction that is durable once the block ends, and undone if it raises."""
        with _translated(), self._database.connect() as plain:
            connection = plain.execution_options(spanledger_write=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close every pooled connection."""
        self._database.dispose()

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, sqlite3.OperationalError) as error:
        raise StoreUnavailable(f"the control database: {getattr(error, 'orig', error)}") from error


def _parse(dsn: str) -> URL:
    try:
        url = make_url(dsn)
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        url.get_backend_name()
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(
            "SPANLEDGER_CONTROL_URL is not a database URL; "
            "use sqlite:////path/to/control.db or postgresql://user:password@host/database."
        ) from error
    return url


def _open_sqlite(url: URL) -> Database:
    if not url.database or url.database == ":memory:":
        raise StoreError(
            "SPANLEDGER_CONTROL_URL must name a SQLite file, such as sqlite:////var/lib/spanledger/control.db."
        )
    path = Path(url.database)
    try:
        # What people asked their models lies beside it: a new directory is its owner's alone.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Key digests and the signing secret are in it; its -wal and -shm files inherit the mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        lock = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise StoreUnavailable(f"the control database {path} cannot be opened: {error.strerror}.") from error
    database = create_engine(url, pool_size=8, max_overflow=24)
    event.listen(database, "connect", _prepare_sqlite)
    event.listen(database, "begin", _begin_sqlite)
    try:
        # Two processes switching a new file to WAL at once fail without waiting, whatever the busy timeout.
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _translated():
            # SQLAlchemy would open a transaction first, in which the mode cannot change.
            with closing(sqlite3.connect(path, timeout=BUSY_MILLISECONDS / 1000)) as plain:
                plain.execute("PRAGMA journal_mode = WAL")
            with database.connect() as plain:
                connection = plain.execution_options(spanledger_write=True)
                with connection.begin():
                    upgrade(connection)
    except BaseException:
        database.dispose()
        raise
    finally:
        os.close(lock)
    return database


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes late and never before DDL: _begin_sqlite opens transactions instead.
    connection.isolation_level = None
    for pragma in (f"busy_timeout = {BUSY_MILLISECONDS}", "foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading cannot wait for the write lock later, it fails at once.
    write = connection.get_execution_options().get("spanledger_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _open_postgres(url: URL) -> Database:
    try:
        database = create_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=24)
    except ImportError as error:
        raise StoreError("PostgreSQL needs its driver: pip install 'spanledger[postgres]'.") from error
    try:
        with _translated(), database.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
            upgrade(connection)
    except BaseException:
        database.dispose()
        raise
    return database

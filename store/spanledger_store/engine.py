"""One ClickHouse, embedded in this process or behind HTTP, spoken to in the same way."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
import polars as pl
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from spanledger_store.errors import QueryError, StoreError, StoreUnavailable
from spanledger_store.lock import DirectoryLock
from spanledger_store.settings import StoreSettings

# Engine errors that say "not now" rather than "not this": memory, disk, timeouts, read-only disks, shutdown.
TRANSIENT_CODES = frozenset({159, 202, 203, 209, 210, 236, 241, 242, 243, 252, 319, 425, 529, 745, 999})


def _failure(error: Exception) -> StoreError:
    code = getattr(error, "code", None)
    if code is None and isinstance(error, OperationalError):
        return StoreUnavailable(f"ClickHouse cannot be reached: {_innermost(error)}")
    if code in TRANSIENT_CODES or not isinstance(error, ClickHouseError):
        return StoreUnavailable(str(error))
    return QueryError(str(error))


def _innermost(error: BaseException) -> BaseException:
    """What went wrong first: the layers above only wrap it in the whole request."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _insert_settings(token: str) -> dict[str, Any]:
    return {
        "insert_deduplication_token": token,
        "async_insert": 0,
        # A batch may hold clocks of any year: better many parts than a batch that never goes in.
        "max_partitions_per_insert_block": 0,
    }


class Engine:
    """A ClickHouse database that any number of threads may use at once.

    Each thread gets a client of its own: a client is one lock around one session. Values reach the engine
    only as `{name:Type}` parameters.

    Raises StoreUnavailable where a retry may help, QueryError where it will not.
    """

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self.database = settings.database
        self._local = threading.local()
        self._clients: list[Client] = []
        self._guard = threading.Lock()
        self._closed = False
        self._lock: DirectoryLock | None = None
        if settings.embedded:
            self._lock = DirectoryLock(settings.data)
            self._lock.acquire()
        try:
            bootstrap = self.connect(None)
            bootstrap.command(f"CREATE DATABASE IF NOT EXISTS {self.database} ENGINE = Atomic")
            bootstrap.close()
        except Exception as error:
            self._release()
            raise _failure(error) from error

    def connect(self, database: str | None) -> Client:
        """A client of its own, which the caller closes; most callers want `query`, `rows`, `command` or `insert`."""
        settings = self.settings
        if settings.clickhouse_url is None:
            options = {"max_server_memory_usage": str(settings.max_memory)} if settings.max_memory else {}
            path = settings.data / "engine"
            path.mkdir(parents=True, exist_ok=True)
            return clickhouse_connect.get_client(
                interface="chdb",
                path=str(path),
                chdb_options=options,
                database=database or "default",
            )
        url = urlsplit(settings.clickhouse_url.get_secret_value())
        return clickhouse_connect.get_client(
            interface=url.scheme,
            host=url.hostname or "127.0.0.1",
            port=url.port or (8443 if url.scheme == "https" else 8123),
            username=unquote(url.username) if url.username else "default",
            password=unquote(url.password or ""),
            database=database or "__default__",
            autogenerate_session_id=False,
            connect_timeout=5,
            send_receive_timeout=300,
        )

    @property
    def client(self) -> Client:
        """This thread's client, opened on first use."""
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            try:
                client = self.connect(self.database)
            except Exception as error:
                raise _failure(error) from error
            self._local.client = client
            with self._guard:
                self._clients.append(client)
        return client

    def query(
        self, sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> pl.DataFrame:
        """Rows of a SELECT as a frame; Decimal stays Decimal and times carry UTC."""
        try:
            table = self.client.query_arrow(
                sql, parameters=dict(params or {}), settings=dict(settings or {}), use_strings=True
            )
        except Exception as error:
            raise _failure(error) from error
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        return frame

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """Rows of a SELECT as Python values; for short answers and for types Arrow does not carry."""
        try:
            return self.client.query(sql, parameters=dict(params or {})).result_rows
        except Exception as error:
            raise _failure(error) from error

    def command(
        self, sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> None:
        """Run a statement that returns no rows."""
        try:
            self.client.command(sql, parameters=dict(params or {}), settings=dict(settings or {}))
        except Exception as error:
            raise _failure(error) from error

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]], token: str) -> None:
        """Write one block; the same `token` written again within the table's window is a no-op."""
        if not columns or not len(next(iter(columns.values()))):
            return
        try:
            self.client.insert(
                table,
                list(columns.values()),
                column_names=list(columns),
                column_oriented=True,
                settings=_insert_settings(token),
            )
        except Exception as error:
            raise _failure(error) from error

    def insert_native(self, table: str, names: Sequence[str], payload: bytes, token: str) -> None:
        """Write rows that `native.encode` has made into bytes; otherwise as `insert`."""
        try:
            self.client.raw_insert(table, names, payload, settings=_insert_settings(token), fmt="Native")
        except Exception as error:
            raise _failure(error) from error

    def close(self) -> None:
        """Close every thread's client and let the directory go. Further use raises StoreUnavailable."""
        self._closed = True
        with self._guard:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()
        self._local = threading.local()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

"""One ClickHouse, embedded in this process or behind HTTP, spoken to in the same way."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
import polars as pl
import pyarrow as pa
from clickhouse_connect.driver.binding import format_str
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from spanledger_store.cluster import Cluster, found
from spanledger_store.errors import QueryError, StoreError, StoreUnavailable
from spanledger_store.lock import DirectoryLock
from spanledger_store.settings import StoreSettings
from spanledger_store.sql import load

# Engine errors that say "not now" rather than "not this": memory, disk, timeouts, read-only disks, shutdown; of a
# cluster: no Keeper, a shard that nothing reaches, too few replicas, replicas that are behind.
TRANSIENT_CODES = frozenset(
    {159, 202, 203, 209, 210, 225, 236, 241, 242, 243, 252, 279, 285, 286, 319, 369, 425, 529, 745, 999}
)

# What nobody waits for: one thread per query, behind others where the process may say so (the engine asks for
# CAP_SYS_NICE, and goes on without).
_GIVING_WAY = {"max_threads": 1, "os_thread_priority": 10}

_AWAY = re.compile(r"NetException: [^()\n]*\(([^\s,()]+:\d+)")


def _failure(error: Exception) -> StoreError:
    code = getattr(error, "code", None)
    if code is None and isinstance(error, OperationalError):
        return StoreUnavailable(f"ClickHouse cannot be reached: {_innermost(error)}")
    if away := _servers_away(str(error)):
        return StoreUnavailable(
            f"of the cluster, {away} cannot be reached; nothing is answered from some of its shards only, and nothing "
            f"is lost: {str(error).splitlines()[0]}"
        )
    if code in TRANSIENT_CODES or not isinstance(error, ClickHouseError):
        return StoreUnavailable(str(error))
    return QueryError(str(error))


def _servers_away(message: str) -> str:
    """The servers that another one could not reach, by address, where that is what a message says."""
    return ", ".join(sorted(set(_AWAY.findall(message))))


def _innermost(error: BaseException) -> BaseException:
    """What went wrong first: the layers above only wrap it in the whole request."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _insert_settings(token: str) -> dict[str, Any]:
    return {
        "insert_deduplication_token": token,
        "async_insert": 0,
        # Merges build them: most parts of a busy hour are merged before anyone searches in them.
        "exclude_materialize_skip_indexes_on_insert": "input_words, output_words",
        # A batch may hold clocks of any year: better many parts than a batch that never goes in.
        "max_partitions_per_insert_block": 0,
    }


def _carried(kind: str) -> str:
    """The type in which Arrow brings a column that it has no type for."""
    if kind.startswith("AggregateFunction"):
        return "String"
    return kind.replace("BFloat16", "Float32")


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
        self.cluster: Cluster | None = None
        if settings.embedded:
            self._lock = DirectoryLock(settings.data)
            self._lock.acquire()
        try:
            bootstrap = self.connect(None)
            if settings.cluster:
                listed = bootstrap.query(load("cluster")).result_rows
                self.cluster = found(settings.cluster, self.database, listed)
            everywhere = self.cluster.variables["on_cluster"] if self.cluster else ""
            bootstrap.command(f"CREATE DATABASE IF NOT EXISTS {self.database} {everywhere} ENGINE = Atomic")
            bootstrap.close()
        except StoreError:
            self._release()
            raise
        except Exception as error:
            self._release()
            raise _failure(error) from error

    def connect(self, database: str | None) -> Client:
        """A client of its own, which the caller closes; most callers want `query`, `rows`, `command` or `insert`.

        Raises StoreUnavailable where the engine cannot be had.
        """
        try:
            return self._connect(database)
        except Exception as error:
            raise _failure(error) from error

    def _connect(self, database: str | None) -> Client:
        settings = self.settings
        if settings.clickhouse_url is None:
            # Backups go where whoever may run commands on this directory asks for.
            options = {"backups.allowed_path": "/"}
            if settings.max_memory:
                options["max_server_memory_usage"] = str(settings.max_memory)
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
            settings=self.cluster.settings if self.cluster else None,
        )

    @property
    def client(self) -> Client:
        """This thread's client, opened on first use."""
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            client = self._local.client = self.connect(self.database)
            for name, value in getattr(self._local, "settings", {}).items():
                client.set_client_setting(name, value)
            with self._guard:
                self._clients.append(client)
        return client

    def give_way(self) -> None:
        """Let queries that this thread makes from now on leave the processors to others.

        For threads that have made none yet, and whose work nobody waits for.
        """
        self._local.settings = _GIVING_WAY

    def query(
        self, sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> pl.DataFrame:
        """Rows of a SELECT as a frame; Decimal stays Decimal and times carry UTC."""
        frame = pl.from_arrow(self.arrow(sql, params, settings))
        assert isinstance(frame, pl.DataFrame)
        return frame

    def arrow(
        self, sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> pa.Table:
        """Rows of a SELECT as Arrow; text is text, maps stay maps."""
        try:
            return self.client.query_arrow(
                sql, parameters=dict(params or {}), settings=dict(settings or {}), use_strings=True
            )
        except Exception as error:
            raise _failure(error) from error

    def insert_arrow(self, table: str, rows: pa.Table, casts: Mapping[str, str]) -> None:
        """Write Arrow rows; columns that Arrow has no type for are made by the SQL expressions in `casts`."""
        try:
            if not casts:
                self.client.insert_arrow(table, rows, settings={"max_partitions_per_insert_block": 0})
                return
            # The engine converts in a SELECT only: the rows stop over in a table of this session.
            names = [field.name for field in rows.schema]
            types = {row[0]: row[1] for row in self.rows(f"DESCRIBE TABLE {table}")}
            structure = ", ".join(f"`{name}` {_carried(types[name])}" for name in names)
            listed = ", ".join(f"`{name}`" for name in names)
            made = ", ".join(casts.get(name, f"`{name}`") for name in names)
            sink = pa.BufferOutputStream()
            with pa.ipc.new_file(sink, rows.schema) as writer:
                writer.write_table(rows)
            stage = f"{table}_import_{secrets.token_hex(8)}"
            self.client.command(f"CREATE TABLE {stage} ({structure}) ENGINE = Memory")
            try:
                self.client.raw_insert(stage, names, sink.getvalue().to_pybytes(), fmt="Arrow")
                self.client.command(
                    f"INSERT INTO {table} ({listed}) SELECT {made} FROM {stage}",  # noqa: S608 - names of ours, no values
                    settings={"max_partitions_per_insert_block": 0},
                )
            finally:
                self.client.command(f"DROP TABLE {stage} SYNC")
        except Exception as error:
            raise _failure(error) from error

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """Rows of a SELECT as Python values; for short answers and for types Arrow does not carry."""
        try:
            return self.client.query(sql, parameters=dict(params or {})).result_rows
        except Exception as error:
            raise _failure(error) from error

    def command(
        self, sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> None:
        """Run a statement that returns no rows; on a cluster, one that changes stored rows runs on every shard."""
        statement = self.cluster.everywhere(sql) if self.cluster else sql
        try:
            self.client.command(statement, parameters=dict(params or {}), settings=dict(settings or {}))
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

    def insert_native(self, table: str, names: Sequence[str], payload: bytes | Path, token: str) -> None:
        """Write rows that `native.encode` has made into bytes, or the file that holds them; otherwise as `insert`."""
        try:
            if isinstance(payload, Path) and self.settings.embedded:
                columns = ", ".join(f"`{name}`" for name in names)
                chosen = _insert_settings(token).items()
                clause = ", ".join(f"{k} = {format_str(v) if isinstance(v, str) else v}" for k, v in chosen)
                source = format_str(str(payload))
                self.client.command(
                    f"INSERT INTO {table} ({columns}) FROM INFILE {source} SETTINGS {clause} FORMAT Native"
                )
                return
            block = payload.read_bytes() if isinstance(payload, Path) else payload
            self.client.raw_insert(table, names, block, settings=_insert_settings(token), fmt="Native")
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

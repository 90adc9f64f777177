"""The whole control database as lines of JSON: the same from SQLite and from PostgreSQL, and into either."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, LargeBinary, MetaData, Table, inspect, text

from spanledger_store.control.database import Control
from spanledger_store.control.upgrade import current, known, upgrade
from spanledger_store.errors import MigrationError, StoreError

_VERSION = "alembic_version"


def revision(control: Control) -> str:
    """The revision its schema is at."""
    with control.read() as connection:
        return current(connection) or ""


def lines(control: Control) -> Iterator[str]:
    """One line per row, tables in the order in which they may be filled; all of one moment."""
    with control.read() as connection:
        if control.kind == "postgresql":
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        metadata = MetaData()
        metadata.reflect(connection)
        for table in metadata.sorted_tables:
            if table.name == _VERSION:
                continue
            for row in connection.execution_options(stream_results=True).execute(table.select()).mappings():
                packed = {name: _packed(value) for name, value in row.items()}
                yield json.dumps({"table": table.name, "row": packed}, ensure_ascii=False) + "\n"


def load(control: Control, at: str, rows: Iterable[str]) -> None:
    """Replace everything by dumped lines of a database at revision `at`, then bring that to this release.

    All of it or nothing. Raises MigrationError where a newer release wrote the dump, StoreError where it is damaged.
    """
    with control.write() as connection:
        if not known(connection, at):
            raise MigrationError(f"the control database was dumped at revision {at}, which this release does not know.")
        held = MetaData()
        held.reflect(connection)
        held.drop_all(connection)
        upgrade(connection, at)
        metadata = MetaData()
        metadata.reflect(connection)
        for table in reversed(metadata.sorted_tables):
            if table.name != _VERSION:
                connection.execute(table.delete())
        for number, line in enumerate(rows, 1):
            try:
                found = json.loads(line)
                table = metadata.tables[found["table"]]
                values = {name: _unpacked(table, name, value) for name, value in found["row"].items()}
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(f"line {number} of the control dump cannot be read: {error!r}.") from error
            connection.execute(table.insert().values(values))
        upgrade(connection)


def is_fresh(control: Control) -> bool:
    """Whether nothing has been done with it yet: no key, budget, channel, price, baseline or quarantine."""
    with control.read() as connection:
        told = {"api_keys", "budgets", "channels", "drift_baselines", "prices", "quarantine", "dirty_hours"}
        names = told & set(inspect(connection).get_table_names())
        used = any(connection.execute(text(f"SELECT 1 FROM {name} LIMIT 1")).first() for name in sorted(names))  # noqa: S608 - names above
        return not used and connection.execute(text("SELECT count(*) FROM projects")).scalar_one() <= 1


def _packed(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return value


def _unpacked(table: Table, name: str, value: Any) -> Any:
    kind = table.c[name].type
    if value is None:
        return None
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value["base64"])
    if isinstance(kind, DateTime):
        moment = datetime.fromisoformat(value)
        return moment if kind.timezone else moment.replace(tzinfo=None)
    return value

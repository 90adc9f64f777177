"""What became of every item that was acknowledged: counters per project, key, hour of receipt and signal.

They lie in the spool's own file and change in the same transactions as its entries, so that after a crash at any
moment, and for each slot by itself,

    acknowledged = waiting in the spool + stored + quarantined
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing
from typing import NamedTuple

from spanledger_store.columns import HOUR_NS
from spanledger_store.control.tallies import COUNTS, Line, Snapshot

# `waiting` is counted from the entries by this index alone: their bodies need not be read.
SCHEMA = """
CREATE TABLE IF NOT EXISTS tally (
    project TEXT NOT NULL, key TEXT NOT NULL, hour INTEGER NOT NULL, signal TEXT NOT NULL,
    requests INTEGER NOT NULL DEFAULT 0, acknowledged INTEGER NOT NULL DEFAULT 0, stored INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0, repeated INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL, PRIMARY KEY (project, key, hour, signal)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tally_revision ON tally (revision);
CREATE TABLE IF NOT EXISTS spool (id TEXT NOT NULL, revision INTEGER NOT NULL);
INSERT INTO spool SELECT lower(hex(randomblob(16))), 0 WHERE NOT EXISTS (SELECT 1 FROM spool);
"""
INDEX = """
CREATE INDEX IF NOT EXISTS entries_slots ON entries (project, key, received_at, signal, spans, bytes);
"""
KEPT_HOURS = 400 * 24

_WAITING = f"""
SELECT project, key, received_at / {HOUR_NS} AS hour, signal, sum(spans) FROM entries INDEXED BY entries_slots
GROUP BY project, key, hour, signal
"""  # noqa: S608 - a number of ours
_ADOPT = f"""
INSERT INTO tally (project, key, hour, signal, requests, acknowledged, revision)
SELECT project, key, received_at / {HOUR_NS} AS hour, signal, count(*), sum(spans), 1 FROM entries
GROUP BY project, key, hour, signal
"""  # noqa: S608 - a number of ours
_UPSERT = f"""
INSERT INTO tally (project, key, hour, signal, {", ".join(COUNTS)}, revision)
VALUES (?, ?, ?, ?, {", ".join("?" for _ in COUNTS)}, (SELECT revision FROM spool))
ON CONFLICT DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in COUNTS)},
    revision = excluded.revision
"""  # noqa: S608 - names of ours


class Slot(NamedTuple):
    """What is counted together: `hour` is that of receipt, in full hours since 1970, UTC."""

    project: str
    key: str
    hour: int
    signal: str


def slot(project: str, key: str, received_at: int, signal: str) -> Slot:
    """The slot of what arrived at `received_at` (UTC nanoseconds)."""
    return Slot(project, key, received_at // HOUR_NS, signal)


class Tally:
    """Counts of one transaction to be, added up in memory and written in one go; used by the writing thread alone."""

    def __init__(self) -> None:
        self._counts: defaultdict[Slot, Counter[str]] = defaultdict(Counter)

    def add(self, at: Slot, **counts: int) -> None:
        """Count something; the names are those of `COUNTS`."""
        self._counts[at].update(counts)

    def write(self, connection: sqlite3.Connection) -> None:
        """Add everything to the file's counters, inside the caller's transaction, and begin anew."""
        if self._counts:
            connection.execute("UPDATE spool SET revision = revision + 1")
            connection.executemany(
                _UPSERT, [(*at, *(counts[name] for name in COUNTS)) for at, counts in self._counts.items()]
            )
            self._counts.clear()

    def drop(self) -> None:
        """Forget what was not written: its transaction failed."""
        self._counts.clear()


def prepare(connection: sqlite3.Connection) -> None:
    """Create the counters in a spool's file. What an older release left waiting counts as acknowledged."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'tally'").fetchone()
        for statement in (INDEX + SCHEMA).split(";")[:-1]:
            connection.execute(statement)
        if not known:
            connection.execute(_ADOPT)
            connection.execute("UPDATE spool SET revision = 1")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def prune(connection: sqlite3.Connection, now: int) -> None:
    """Forget hours that are over for more than 400 days and have nothing waiting."""
    connection.execute(
        "DELETE FROM tally WHERE hour < ? AND acknowledged = stored + quarantined", (now // HOUR_NS - KEPT_HOURS,)
    )


def snapshot(connection: sqlite3.Connection, after: int = -1) -> Snapshot:
    """All counters that changed behind revision `after`, with what waits, as they stood at one moment.

    The connection must not be in a transaction, nor used by another thread meanwhile.
    """
    connection.execute("BEGIN")
    try:
        identity, revision = connection.execute("SELECT id, revision FROM spool").fetchone()
        if after > revision:
            after = -1  # the reader has seen a later copy of this file: begin anew
        names = ", ".join(COUNTS)
        rows = connection.execute(
            f"SELECT project, key, hour, signal, {names} FROM tally WHERE revision > ?",  # noqa: S608 - names of ours
            (after,),
        ).fetchall()
        waiting = _waiting(connection)
        entries, size, oldest = connection.execute(
            "SELECT count(*), coalesce(sum(bytes), 0), min(received_at) FROM entries INDEXED BY entries_slots"
        ).fetchone()
    finally:
        connection.execute("COMMIT")
    lines: list[Line] = []
    for project, key, hour, signal, *counts in rows:
        here = waiting.get(Slot(project, key, hour, signal), 0)
        lines.append(Line(project, key, hour, signal, dict(zip(COUNTS, counts, strict=True)), here))
    return Snapshot(identity, revision, lines, entries, sum(waiting.values()), size, oldest)


def _waiting(connection: sqlite3.Connection) -> Mapping[Slot, int]:
    with closing(connection.execute(_WAITING)) as cursor:
        return {Slot(*row[:4]): row[4] for row in cursor}

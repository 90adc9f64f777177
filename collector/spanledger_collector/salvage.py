"""A spool that the disk has damaged: what can be read goes on, what cannot is counted, and the old file is kept.

spool.db                         the mended file, with every request that could be read
spool.db.damaged-20260121T101500 the file as it was found, with its -wal
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spanledger_collector import tally
from spanledger_collector.spool import SCHEMA
from spanledger_collector.tally import Slot, Tally, slot
from spanledger_store.control import Control, quarantine
from spanledger_store.control.tallies import COUNTS
from spanledger_store.errors import StoreError

logger = logging.getLogger(__name__)

REASON = "damaged_spool"
# Requests lie in the file in a row of ids; so many are tried where even their list is damaged.
IDS_TRIED = 1_000_000
_ENTRY = ("id", "hash", "project", "key", "received_at", "spans", "bytes", "signal", "body")
_LOST = "CREATE TABLE IF NOT EXISTS lost (project TEXT, key TEXT, hour INTEGER, signal TEXT, items INTEGER, file TEXT)"
_SIDES = ("-wal", "-shm", "")


@dataclass(slots=True)
class _Found:
    """What could be read of a damaged file; None where a whole table could not."""

    entries: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    seen: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    tallies: list[tuple[Any, ...]] | None = None
    spool: tuple[Any, ...] | None = None
    listed: dict[int, tuple[Slot, int]] | None = None

    def missing(self) -> Counter[Slot]:
        """Items that were acknowledged, are not stored, and are not among the entries that could be read."""
        if self.tallies is not None:
            at = [COUNTS.index(name) + 4 for name in ("acknowledged", "stored", "quarantined")]
            owed = Counter({Slot(*row[:4]): row[at[0]] - row[at[1]] - row[at[2]] for row in self.tallies})
            owed.subtract(self.waiting())
            return +owed
        here = {row[0] for row in self.entries}
        lost: Counter[Slot] = Counter()
        for number, (where, items) in (self.listed or {}).items():
            if number not in here:
                lost[where] += items
        return lost

    def waiting(self) -> Counter[Slot]:
        """Items of the entries that could be read."""
        counted: Counter[Slot] = Counter()
        for _, _, project, key, received_at, spans, _, signal, _ in self.entries:
            counted[slot(project, key, received_at, signal)] += spans
        return counted


def mend(path: Path, control: Control) -> None:
    """Make sure that the spool at `path` is a sound file, before it is opened and while nobody else has it.

    Every entry that can be read is in it afterwards. Items in pages that cannot be read are named in quarantine, by
    project, key and hour, and counted as quarantined; the damaged file stays beside the mended one. May be cut short
    at any point. Raises StoreError where there is no room for the mended file.
    """
    for ready in path.parent.glob(f"{path.name}.mended-*"):
        _switch(path, ready)
    if path.exists() and (damage := _damage(path)) is not None:
        _rebuild(path, damage)
    if path.exists():
        _set_aside(path, control)


def _damage(path: Path) -> str | None:
    try:
        with closing(_connect(path)) as connection:
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError:
        raise  # in use, or not readable at all: that is no damage
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if answer == "ok" else " ".join(answer.split())


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    return connection


def _rebuild(path: Path, damage: str) -> None:
    with closing(_connect(path)) as source:
        found = _read(source)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    lost = found.missing()
    kept = _kept(path, stamp)
    building = path.with_name(f"{path.name}.mending")
    try:
        building.unlink(missing_ok=True)
        _write(building, found, lost, kept.name)
    except (sqlite3.Error, OSError) as error:
        building.unlink(missing_ok=True)
        raise StoreError(
            f"the spool at {path} is damaged ({damage}), and the mended copy cannot be written: {error}. "
            "Nothing was changed. Free some space on that disk and start again."
        ) from error
    ready = path.with_name(f"{path.name}.mended-{stamp}")
    building.replace(ready)
    _switch(path, ready)
    unknown = "" if found.tallies is not None or found.listed is not None else ", and how many more cannot be known"
    logger.error(
        "the spool at %s was damaged (%s): %d waiting request(s) with %d item(s) could be read and go on; %d item(s) "
        "could not%s. The damaged file is kept as %s; look at the disk before you trust it again",
        path,
        damage,
        len(found.entries),
        found.waiting().total(),
        lost.total(),
        unknown,
        kept,
    )


def _kept(path: Path, stamp: str) -> Path:
    return path.with_name(f"{path.name}.damaged-{stamp}")


def _switch(path: Path, ready: Path) -> None:
    # The old log first: beside another file it would be played into that. `ready` is there until all is done.
    kept = _kept(path, ready.name.rpartition("-")[2])
    for side in _SIDES:
        old = path.with_name(path.name + side)
        if old.exists():
            old.replace(kept.with_name(kept.name + side))
    ready.replace(path)


def _read(source: sqlite3.Connection) -> _Found:
    found = _Found()
    names = ", ".join(COUNTS)
    tallies = _all(source, f"SELECT project, key, hour, signal, {names}, revision FROM tally")  # noqa: S608 - ours
    found.tallies = tallies[0] if tallies[1] else None
    found.seen = _all(source, "SELECT hash, received_at FROM seen")[0]
    identity = _all(source, "SELECT id, revision FROM spool")[0]
    found.spool = identity[0] if identity else None
    listed, whole = _all(
        source, "SELECT rowid, project, key, received_at, signal, spans FROM entries INDEXED BY entries_slots"
    )
    if whole:
        found.listed = {row[0]: (slot(row[1], row[2], row[3], row[4]), row[5]) for row in listed}
    known = {row[1] for row in _all(source, "PRAGMA table_info(entries)")[0]}
    # A file of the release that took spans only has no such column.
    columns = ", ".join(name if name in known or name != "signal" else "'traces'" for name in _ENTRY)
    for number in sorted(found.listed) if found.listed is not None else _candidates(source):
        rows, _ = _all(source, f"SELECT {columns} FROM entries WHERE id = {number:d}")  # noqa: S608 - ours
        found.entries += [row for row in rows if _sound(row)]
    return found


def _sound(row: Sequence[Any]) -> bool:
    kinds = (int, bytes, str, str, int, int, int, str, bytes)
    return all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True)) and len(row[8]) == row[6]


def _candidates(source: sqlite3.Connection) -> Iterator[int]:
    ends = [
        row[0]
        for sql in (
            "SELECT id FROM entries ORDER BY id LIMIT 1",
            "SELECT id FROM entries ORDER BY id DESC LIMIT 1",
            "SELECT seq FROM sqlite_sequence WHERE name = 'entries'",
        )
        for row in _all(source, sql)[0]
    ]
    last = max(ends, default=0)
    first = min(ends, default=0)
    return iter(range(max(first if first != last else 1, last - IDS_TRIED), last + 1))


def _all(source: sqlite3.Connection, sql: str) -> tuple[list[tuple[Any, ...]], bool]:
    """The rows up to the damage, and whether there was none."""
    rows: list[tuple[Any, ...]] = []
    try:
        with closing(source.execute(sql)) as cursor:
            for row in cursor:
                rows.append(row)
    except sqlite3.DatabaseError:
        return rows, False
    return rows, True


def _write(target: Path, found: _Found, lost: Counter[Slot], kept: str) -> None:
    with closing(_connect(target)) as connection:
        connection.execute("PRAGMA page_size = 16384")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(SCHEMA)
        tally.prepare(connection)
        connection.execute("BEGIN IMMEDIATE")
        if found.spool is not None:
            connection.execute("DELETE FROM spool")
            connection.execute("INSERT INTO spool VALUES (?, ?)", found.spool)
        names, marks = ", ".join(_ENTRY), ", ".join("?" for _ in _ENTRY)
        connection.executemany(f"INSERT INTO entries ({names}) VALUES ({marks})", found.entries)  # noqa: S608 - ours
        connection.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", found.seen)
        # What waits must be known as seen, whatever of that list was lost.
        connection.execute("INSERT OR IGNORE INTO seen SELECT hash, received_at FROM entries")
        if found.tallies is not None:
            names = ", ".join(("project", "key", "hour", "signal", *COUNTS, "revision"))
            marks = ", ".join("?" for _ in names.split(","))
            connection.executemany(f"INSERT INTO tally ({names}) VALUES ({marks})", found.tallies)  # noqa: S608 - ours
        else:
            counted = Tally()
            for at, items in (found.waiting() + lost).items():
                counted.add(at, acknowledged=items)
            counted.write(connection)
        connection.execute(_LOST)
        connection.executemany(
            "INSERT INTO lost VALUES (?, ?, ?, ?, ?, ?)", [(*at, items, kept) for at, items in sorted(lost.items())]
        )
        connection.execute("COMMIT")


def _set_aside(path: Path, control: Control) -> None:
    """Put into quarantine what a mended file says is lost; again after a crash, with the same result."""
    with closing(_connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'lost'").fetchone():
            return
        rows = connection.execute("SELECT project, key, hour, signal, items, file FROM lost").fetchall()
        counted = Tally()
        for project, key, hour, signal, items, file in rows:
            at = datetime.fromtimestamp(hour * 3600, UTC)
            detail = (
                f"{items} item(s) of {signal} received at {at:%Y-%m-%d %H}:00 UTC with "
                f"{f'key {key}' if key else 'no key'} lay in damaged pages of the spool, kept as {file}"
            )
            quarantine.add(
                control, project_id=project, reason=REASON, detail=detail, span_count=items, payload=detail.encode()
            )
            counted.add(Slot(project, key, hour, signal), quarantined=items)
        connection.execute("BEGIN IMMEDIATE")
        counted.write(connection)
        connection.execute("DROP TABLE lost")
        connection.execute("COMMIT")

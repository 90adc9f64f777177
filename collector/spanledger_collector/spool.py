"""The durable queue between the 200 and the store: SQLite in WAL mode, one fsync for many requests."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import zstandard

from spanledger_collector import tally
from spanledger_collector.errors import Busy, SpoolFull
from spanledger_collector.group_commit import GroupCommit
from spanledger_collector.tally import Slot, Tally, slot
from spanledger_store.control.tallies import Snapshot

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL, project TEXT NOT NULL, key TEXT NOT NULL,
    received_at INTEGER NOT NULL, spans INTEGER NOT NULL, bytes INTEGER NOT NULL,
    signal TEXT NOT NULL DEFAULT 'traces', body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS seen (hash BLOB PRIMARY KEY, received_at INTEGER NOT NULL) WITHOUT ROWID;
"""
# Bytes of its disk that the spool leaves to others. Forgetting needs some room too: a disk filled to the last byte
# could not be drained, however well the store does.
RESERVE = 64 * 1024 * 1024
# Packed bytes that are worked on at once, however few spans they are: memory is bounded by it.
BATCH_BYTES = 32 * 1024 * 1024
REMEMBER_NS = 24 * 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted request; `packed` is its protobuf message under zstd.

    `spans` counts the spans, log records or data points in it, by `signal`.
    """

    id: int
    hash: bytes
    project: str
    key: str
    received_at: int
    spans: int
    packed: bytes
    signal: str = "traces"

    @property
    def slot(self) -> Slot:
        """Where its items are counted."""
        return slot(self.project, self.key, self.received_at, self.signal)

    def body(self) -> bytes:
        """The request's bytes. Raises zstandard.ZstdError where the disk has damaged them."""
        return zstandard.ZstdDecompressor().decompress(self.packed)


@dataclass(frozen=True, slots=True)
class SpoolStats:
    """What lies in the spool now, and what has passed through it since it was opened.

    Spans are counted together with the log records and data points that came beside them.
    """

    entries: int
    spans: int
    bytes: int
    accepted_spans: int
    duplicate_requests: int


class Spool:
    """A bounded queue on disk that survives kill -9.

    `put` resolves once the bytes are synced; a request already seen in the last day resolves at once to False.
    Entries stay until `done` names them, so a crash between storing and `done` repeats work and loses nothing.
    What became of everything is counted beside them, in the same transactions (see `tally`).
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._compressor = threading.local()
        self._tally = Tally()
        self._reader = self._open()
        self._reader_lock = threading.Lock()
        self._count_lock = threading.Lock()
        count, spans, size = self._reader.execute(
            "SELECT count(*), coalesce(sum(spans), 0), coalesce(sum(bytes), 0) FROM entries"
        ).fetchone()
        self.identity: str = self._reader.execute("SELECT id FROM spool").fetchone()[0]
        self._entries, self._spans, self._bytes = int(count), int(spans), int(size)
        self._unwritten = 0
        self._accepted_spans = 0
        self._duplicates = 0
        self._last_pruned = 0
        self._closed = False
        self._writer = GroupCommit(self._open, self._tally)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=30)
        # Large pages and a long log: bodies are big, and are written once and deleted soon after.
        connection.execute("PRAGMA page_size = 16384")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 2000")
        connection.executescript(SCHEMA)
        if "signal" not in {row[1] for row in connection.execute("PRAGMA table_info(entries)")}:
            # A spool of the release that took spans only.
            connection.execute("ALTER TABLE entries ADD COLUMN signal TEXT NOT NULL DEFAULT 'traces'")
        tally.prepare(connection)
        return connection

    def stats(self) -> SpoolStats:
        """Counters kept in memory; exact."""
        with self._count_lock:
            return SpoolStats(self._entries, self._spans, self._bytes, self._accepted_spans, self._duplicates)

    def put(
        self,
        *,
        project: str,
        key: str,
        body: bytes,
        spans: int,
        received_at: int,
        signal: str = "traces",
        refused: int = 0,
    ) -> Future[bool]:
        """Queue one request; the future resolves after fsync to True, or to False where it was here already.

        `refused` items came with it and are not in `body`; they are counted with it, and once.
        Raises SpoolFull, at once, when the spool has no room, and Busy when its disk has none. The future fails with
        Busy when the disk refuses all the same.
        """
        other = b"" if signal == "traces" else signal.encode()
        packed = self._compress(body)
        # Of what is kept: a quarter of the bytes, and the same bytes give the same.
        digest = hashlib.blake2b(packed, digest_size=16, key=project.encode()[:64], person=other).digest()
        size = len(packed)
        with self._count_lock:
            if self._closed:
                raise Busy("the collector is shutting down", retry_after=2)
            if self._bytes + size > self.max_bytes:
                raise SpoolFull(
                    f"the spool holds {self._bytes} of {self.max_bytes} bytes: the store is slower than the senders. "
                    "Retry later; raise SPANLEDGER_SPOOL_MAX_BYTES if this lasts.",
                    retry_after=5,
                )
            self._leave_reserve(size)
            self._unwritten += size
            self._bytes += size
            self._entries += 1
            self._spans += spans

        at = slot(project, key, received_at, signal)

        def insert(connection: sqlite3.Connection) -> bool:
            fresh = connection.execute(
                "INSERT OR IGNORE INTO seen (hash, received_at) VALUES (?, ?)", (digest, received_at)
            ).rowcount
            if fresh:
                connection.execute(
                    "INSERT INTO entries (hash, project, key, received_at, spans, bytes, body, signal)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (digest, project, key, received_at, spans, size, packed, signal),
                )
                self._tally.add(at, requests=1, acknowledged=spans, refused=refused)
            else:
                self._tally.add(at, repeated=spans)
            return bool(fresh)

        future = self._writer.submit(insert)

        def settle(done: Future[bool]) -> None:
            taken = done.exception() is None and done.result()
            with self._count_lock:
                self._unwritten -= size
                if taken:
                    self._accepted_spans += spans
                else:
                    self._bytes -= size
                    self._entries -= 1
                    self._spans -= spans
                    self._duplicates += done.exception() is None

        future.add_done_callback(settle)
        return future

    def _leave_reserve(self, size: int) -> None:
        """Raise Busy where `size` bytes more would use up what the disk must keep free."""
        log = self.path.with_name(f"{self.path.name}-wal")
        # What is written lies in the log and in the file for a while; what the log holds has yet to come to the file.
        needed = RESERVE + 2 * (self._unwritten + size) + (log.stat().st_size if log.exists() else 0)
        free = shutil.disk_usage(self.path.parent).free
        if free >= needed:
            return
        with self._reader_lock:
            # The file never shrinks: what has left it makes room within.
            pages = self._reader.execute("PRAGMA freelist_count").fetchone()[0]
            free += pages * self._reader.execute("PRAGMA page_size").fetchone()[0]
        if free < needed:
            self._writer.shrink_log()
            raise Busy(
                f"the spool has {free >> 20} MiB of room left on its disk at {self.path.parent} and keeps "
                f"{needed >> 20} MiB of it, so that what waits can still be worked off. Free some space there.",
                retry_after=10,
            )

    def count_refused(self, at: Slot, items: int) -> Future[None]:
        """Count items of a request of which nothing could be taken."""
        return self._writer.submit(lambda _connection: self._tally.add(at, refused=items))

    def snapshot(self, after: int = -1) -> Snapshot:
        """The counters that changed behind revision `after`, with what waits, as of one moment."""
        with self._reader_lock:
            return tally.snapshot(self._reader, after)

    def take(self, after: int, max_spans: int) -> list[Entry]:
        """Oldest entries behind id `after`, up to `max_spans` spans and BATCH_BYTES; at least one, if there is any."""
        taken: list[Entry] = []
        spans = size = 0
        with self._reader_lock:
            cursor = self._reader.execute(
                "SELECT id, hash, project, key, received_at, spans, body, signal FROM entries WHERE id > ? ORDER BY id",
                (after,),
            )
            for row in cursor:
                spans += row[5]
                size += len(row[6])
                if taken and (spans > max_spans or size > BATCH_BYTES):
                    break
                taken.append(Entry(*row))
            cursor.close()
        return taken

    def done(self, entries: Sequence[Entry], set_aside: Mapping[Slot, int] | None = None) -> None:
        """Forget entries: their items are stored, but for those `set_aside`, which are in quarantine.

        An entry that is here no more is neither counted nor looked for again.
        """
        aside = dict(set_aside or {})

        def delete(connection: sqlite3.Connection) -> tuple[int, int, int]:
            count = spans = freed = 0
            for entry in entries:
                row = connection.execute("SELECT bytes FROM entries WHERE id = ?", (entry.id,)).fetchone()
                if row is None:
                    continue
                connection.execute("DELETE FROM entries WHERE id = ?", (entry.id,))
                self._tally.add(entry.slot, stored=entry.spans)
                count, spans, freed = count + 1, spans + entry.spans, freed + row[0]
            if count:
                for at, items in aside.items():
                    self._tally.add(at, stored=-items, quarantined=items)
            self._prune(connection, max(entry.received_at for entry in entries))
            return count, spans, freed

        count, spans, freed = self._writer.submit(delete).result()
        with self._count_lock:
            self._bytes -= freed
            self._entries -= count
            self._spans -= spans

    def _prune(self, connection: sqlite3.Connection, now: int) -> None:
        if now - self._last_pruned > REMEMBER_NS // 24:
            self._last_pruned = now
            connection.execute(
                "DELETE FROM seen WHERE received_at < ? AND hash NOT IN (SELECT hash FROM entries)",
                (now - REMEMBER_NS,),
            )
            tally.prune(connection, now)

    def close(self) -> None:
        """Finish what was queued and close the file; what is not `done` stays for the next start."""
        with self._count_lock:
            if self._closed:
                return
            self._closed = True
        self._writer.close()
        with self._reader_lock:
            self._reader.close()

    def _compress(self, body: bytes) -> bytes:
        compressor: zstandard.ZstdCompressor | None = getattr(self._compressor, "value", None)
        if compressor is None:
            # With a checksum, so that `body` notices what a disk has changed.
            compressor = self._compressor.value = zstandard.ZstdCompressor(level=1, write_checksum=True)
        return compressor.compress(body)

"""One thread that writes a SQLite file, many pieces of work to one fsync."""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from spanledger_collector.errors import Busy
from spanledger_collector.tally import Tally

logger = logging.getLogger(__name__)

GROUP_LIMIT = 256
Work = Callable[[sqlite3.Connection], Any]


class GroupCommit:
    """Runs work in the order it came, in transactions shared by all that waits; answers after the fsync.

    What the work adds to `counted` is written in the same transactions, or dropped with them.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], counted: Tally) -> None:
        self._connect = connect
        self._counted = counted
        self._waiting: queue.SimpleQueue[tuple[Work, Future[Any]] | None] = queue.SimpleQueue()
        self._shrinking = False
        self._thread = threading.Thread(target=self._run, name="spool-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> Future[Any]:
        """The future of the work's answer; it fails with Busy where the disk refuses the transaction."""
        future: Future[Any] = Future()
        self._waiting.put((work, future))
        return future

    def shrink_log(self) -> None:
        """Have the write-ahead log emptied into the file and cut to nothing, soon; returns at once.

        SQLite reuses the log and never shortens it, so on a full disk it would hold for ever the room it once needed.
        """
        if not self._shrinking:
            self._shrinking = True
            self.submit(lambda _connection: None)

    def close(self) -> None:
        """Finish what was submitted, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        connection = self._connect()
        running = True
        while running:
            first = self._waiting.get()
            if first is None:
                break
            group = [first]
            with contextlib.suppress(queue.Empty):
                while len(group) < GROUP_LIMIT:
                    item = self._waiting.get_nowait()
                    if item is None:
                        running = False
                        break
                    group.append(item)
            self._commit(connection, group)
            if self._shrinking:
                self._shrinking = False
                # A full disk may refuse that as well; who is refused next asks again.
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.close()

    def _commit(self, connection: sqlite3.Connection, group: Iterable[tuple[Work, Future[Any]]]) -> None:
        """One transaction, hence one fsync, for the whole group; nobody is answered before it."""
        answers: list[tuple[Future[Any], Any]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            answers.extend((future, work(connection)) for work, future in group)
            self._counted.write(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            logger.error("the spool refused a write: %s", error)
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            self._counted.drop()
            for _, future in group:
                future.set_exception(Busy(f"the spool cannot be written: {error}", retry_after=10))
            return
        for future, answer in answers:
            future.set_result(answer)

"""Copies the spool's counters and state to the control database, where pages and other processes read them."""

from __future__ import annotations

import logging
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from spanledger_collector.spool import Spool
from spanledger_store.control import Control, tallies
from spanledger_store.control.tallies import SpoolState
from spanledger_store.errors import StoreError

logger = logging.getLogger(__name__)

EVERY_SECONDS = 5.0
# A spool in which nothing happens says so less often.
QUIET_SECONDS = 30.0


class Reporter:
    """Reports a spool every few seconds, in a thread of its own, and once more when it is stopped.

    What is counted is durable in the spool itself: a report that fails or is lost is made up for by the next one.
    """

    def __init__(self, spool: Spool, control: Control, last_error: Callable[[], str | None]) -> None:
        self._spool = spool
        self._control = control
        self._last_error = last_error
        self._reported: int | None = None
        self._told: tuple[int, str, int] | None = None
        self._told_at = 0.0
        self._failing = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="spool-report", daemon=True)

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def stop(self) -> None:
        """Report how things stand now, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(EVERY_SECONDS)
        self.report()

    def _loop(self) -> None:
        while not self._stop.is_set():
            self.report()
            self._stop.wait(EVERY_SECONDS)

    def report(self) -> None:
        """Copy what changed since the last report; where that fails, it is said once in the log."""
        try:
            with self._lock:
                self._report()
        except (StoreError, sqlite3.Error, OSError) as error:
            if not self._failing:
                logger.warning("the counters of the spool could not be copied to the control database: %s", error)
            self._failing = True
        else:
            self._failing = False

    def _report(self) -> None:
        if self._reported is None:
            # Kept there with the counters themselves, so that both are restored from a backup together.
            self._reported = tallies.revision(self._control, self._spool.identity)
        seen = self._spool.snapshot(self._reported)
        told = (seen.revision, self._last_error() or "", seen.entries)
        if told == self._told and time.monotonic() - self._told_at < QUIET_SECONDS:
            return
        directory = self._spool.path.parent
        disk = shutil.disk_usage(directory)
        state = SpoolState(
            id=seen.spool,
            host=socket.gethostname()[:200],
            directory=str(directory),
            reported_at=datetime.now(UTC),
            entries=seen.entries,
            items=seen.items,
            bytes=seen.bytes,
            max_bytes=self._spool.max_bytes,
            oldest_at=None if seen.oldest is None else datetime.fromtimestamp(seen.oldest / 1e9, UTC),
            disk_free=disk.free,
            disk_total=disk.total,
            last_error=told[1],
        )
        tallies.report(self._control, seen, state)
        self._reported, self._told, self._told_at = seen.revision, told, time.monotonic()

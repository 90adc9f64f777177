"""From spool to store: one thread has requests made into rows while another writes the rows before them."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import Future

from spanledger.pricebook import Sealed
from spanledger_collector.delivery import LONGEST_PAUSE, Delivery
from spanledger_collector.errors import Busy
from spanledger_collector.metrics import Metrics
from spanledger_collector.prepare import Prepared
from spanledger_collector.preparer import Preparer
from spanledger_collector.pricewatch import PriceWatch
from spanledger_collector.settings import CollectorSettings
from spanledger_collector.spool import Entry, Spool
from spanledger_collector.tally import Slot
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.native import column_types

logger = logging.getLogger(__name__)

Work = tuple[list[Entry], Future[Prepared], Sealed | None]

# Below this many waiting spans a batch is prepared here, at once; above, it would hold this process, and with it the
# acknowledgements of others, for longer than anyone should wait.
WORTH_A_PROCESS = 200


class Pipeline:
    """Drains the spool for as long as it runs.

    An entry leaves the spool only after its spans are in the store, or in quarantine. A store that is away is
    waited for; a row it refuses is set aside alone, and the line goes on.
    """

    def __init__(
        self,
        engine: Engine,
        control: Control,
        spool: Spool,
        metrics: Metrics,
        settings: CollectorSettings,
        prices: PriceWatch,
    ) -> None:
        self._spool = spool
        self._prices = prices
        self._settings = settings
        self._abandon = threading.Event()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        limit = settings.max_content_chars
        self._preparer = Preparer(settings.processes, limit, column_types(engine), engine.settings.data / "prepared")
        self._delivery = Delivery(engine, control, metrics, limit, self._abandon)
        self._ready: queue.Queue[Work | None] = queue.Queue(maxsize=1 + settings.processes)
        self._spool_error: str | None = None
        self._threads = [
            threading.Thread(target=self._read_loop, name="pipeline-read", daemon=True),
            threading.Thread(target=self._write_loop, name="pipeline-write", daemon=True),
        ]

    @property
    def last_error(self) -> str | None:
        """Why spans are waiting right now, or None."""
        return self._delivery.last_error or self._spool_error

    def start(self) -> None:
        """Begin draining; entries left by an earlier process come first."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Say that the spool has something new."""
        self._wake.set()

    def stop(self, timeout: float) -> None:
        """Drain what the spool holds, for at most `timeout` seconds; the rest stays spooled."""
        deadline = time.monotonic() + timeout
        self._stopping.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._abandon.set()
        self._preparer.close()
        for thread in self._threads:
            thread.join(1)

    def _read_loop(self) -> None:
        after = 0
        while not self._abandon.is_set():
            try:
                entries = self._spool.take(after, self._settings.batch_spans)
            except sqlite3.Error as error:
                self._spool_error = f"the spool cannot be read: {error}"
                logger.exception("the spool cannot be read")
                self._abandon.wait(LONGEST_PAUSE)
                continue
            self._spool_error = None
            if entries:
                after = entries[-1].id
                aside = sum(entry.spans for entry in entries) >= WORTH_A_PROCESS
                book = self._prices.sealed
                self._hand_over((entries, self._preparer.submit(entries, aside=aside, book=book), book))
            elif self._stopping.is_set():
                break
            else:
                self._wake.wait(1.0)
                self._wake.clear()
                self._linger()
        self._hand_over(None)

    def _linger(self) -> None:
        """Give a small batch a moment to grow: inserts cost nearly the same for one row and for a thousand."""
        until = time.monotonic() + self._settings.linger_seconds
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            if self._spool.stats().spans >= self._settings.batch_spans:
                break
            time.sleep(min(left, 0.05))

    def _hand_over(self, work: Work | None) -> None:
        while not self._abandon.is_set():
            try:
                self._ready.put(work, timeout=0.2)
            except queue.Full:
                continue
            return

    def _write_loop(self) -> None:
        undone: list[Entry] = []
        aside: Counter[Slot] = Counter()
        while (work := self._next()) is not None:
            entries, future, book = work
            prepared = self._preparer.result(future, entries, book)
            set_aside = self._delivery.deliver(prepared)
            if set_aside is not None:
                undone.extend(entries)
                aside.update(set_aside)
            prepared.discard()
            try:
                if undone:
                    self._spool.done(undone, aside)
                    undone.clear()
                    aside.clear()
            except Busy as error:
                # Stored, but not forgotten: storing it again after a restart would change nothing.
                self._delivery.last_error = str(error)

    def _next(self) -> Work | None:
        while True:
            try:
                return self._ready.get(timeout=0.2)
            except queue.Empty:
                if self._abandon.is_set():
                    return None

"""A bounded queue of ended spans and the exact account of what became of each.

Every ended span is, at any moment, in exactly one place: queued, in flight, acknowledged or dropped with a reason.

    ended = queued + in_flight + acknowledged + dropped

Full means wait, within reason: the caller that finds the queue full waits up to `PATIENCE` for the export
thread to make room, so a tight loop is slowed to the pace of the exporter and loses nothing. While the endpoint
is known to fail nobody waits: the span is dropped and counted, and the user's program goes on.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")
PATIENCE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Stats:
    """Exact counts of spans since `init` (in a forked child: since the fork).

    `sent` counts spans handed to the network, resends not counted again; `acknowledged` those the
    collector took; `dropped` those given up, by reason; `retries` repeated requests. Spans that are started
    and not ended are `started - ended`.
    """

    started: int = 0
    ended: int = 0
    queued: int = 0
    in_flight: int = 0
    sent: int = 0
    acknowledged: int = 0
    dropped: dict[str, int] = field(default_factory=dict[str, int])
    retries: int = 0
    last_error: str | None = None

    @property
    def lost(self) -> int:
        """Spans dropped for any reason."""
        return sum(self.dropped.values())


class SpanQueue(Generic[T]):
    """The queue between the user's threads and the one export thread."""

    def __init__(self, max_items: int, max_bytes: int, batch_items: int) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._batch_items = batch_items
        self._batch_bytes = 4 * 1024 * 1024
        self._items: deque[tuple[T, int]] = deque()
        # Reentrant: a generator that the garbage collector closes ends its span in whatever code was running,
        # which may be a line in here.
        self._lock = threading.RLock()
        self._worker: int | None = None
        self._room = threading.Condition(self._lock)
        self._work = threading.Condition(self._lock)
        self._settled = threading.Condition(self._lock)
        self._bytes = 0
        self._failing = False
        self._closed = False
        self._hurry = False
        self._started = self._ended = self._in_flight = 0
        self._sent = self._acknowledged = self._retries = 0
        self._dropped: dict[str, int] = {}
        self._last_error: str | None = None

    # --- the user's threads ------------------------------------------------------------------------

    def count_start(self) -> None:
        """Count a started span."""
        with self._lock:
            self._started += 1

    def put(self, item: T, weight: int) -> None:
        """Queue an ended span; wait for room at most `PATIENCE`, and not at all while export fails."""
        with self._lock:
            has_room = not self._is_full(weight) or self._closed or self._wait_for_room(weight)
            # Counted only now, so that a span in the hands of a waiting thread does not upset the account.
            self._ended += 1
            if self._closed:
                self._drop(1, "after_shutdown")
                return
            if not has_room:
                self._drop(1, "queue_full")
                return
            self._items.append((item, weight))
            self._bytes += weight
            length = len(self._items)
            if length == self._batch_items or self._bytes > self._batch_bytes:
                self._work.notify()

    def _is_full(self, weight: int) -> bool:
        # A single span heavier than the whole queue is still let into an empty one.
        return len(self._items) >= self._max_items or (self._bytes + weight > self._max_bytes and bool(self._items))

    def _wait_for_room(self, weight: int) -> bool:
        if threading.get_ident() == self._worker:
            return False  # waiting for itself
        deadline = time.monotonic() + PATIENCE
        while not self._failing and not self._closed:
            self._work.notify()
            left = deadline - time.monotonic()
            if left <= 0:
                # Whoever comes next does not wait again until the exporter has shown life.
                self._failing = True
                self._last_error = self._last_error or "the export thread made no progress"
                return False
            self._room.wait(left)
            if not self._is_full(weight):
                return not self._closed
        return False

    # --- the export thread -------------------------------------------------------------------------

    def take(self, delay: float, until: float | None = None) -> list[T]:
        """Return the next batch: at once if it is full or hurried, else after `delay`; empty when closed.

        Empty, too, where there is nothing when `until` (of the monotonic clock) has come.
        """
        with self._lock:
            self._worker = threading.get_ident()
            deadline = time.monotonic() + delay
            while True:
                if len(self._items) >= self._batch_items or self._bytes > self._batch_bytes:
                    break
                if self._hurry or self._closed:
                    break
                left = deadline - time.monotonic()
                if left <= 0:
                    if self._items or (until is not None and time.monotonic() >= until):
                        break
                    deadline = time.monotonic() + delay
                    left = delay
                self._work.wait(left)
            batch: list[T] = []
            weight = 0
            while self._items and len(batch) < self._batch_items and (not batch or weight < self._batch_bytes):
                item, item_weight = self._items.popleft()
                batch.append(item)
                weight += item_weight
            self._bytes -= weight
            self._in_flight = len(batch)
            if not self._items:
                self._hurry = False
            # Waking everybody for each batch would make them queue up for the lock: wait for some room.
            if len(self._items) <= self._max_items // 2:
                self._room.notify_all()
            return batch

    def count_sent(self, count: int) -> None:
        """Count spans handed to the network for the first time."""
        with self._lock:
            self._sent += count

    def count_retry(self, error: str, is_busy: bool = False) -> None:
        """Note that a request will be repeated.

        From now on nobody waits for room, unless the collector is merely busy: one that says when to come
        back is alive, and worth the usual patience.
        """
        with self._lock:
            self._retries += 1
            self._last_error = error
            if not is_busy:
                self._failing = True
                self._room.notify_all()

    def settle(self, acknowledged: int = 0, dropped: int = 0, reason: str = "", error: str = "") -> None:
        """Account for spans in flight: taken by the collector, or given up for `reason`."""
        with self._lock:
            if self._closed and not self._in_flight:
                return  # given up already, by close()
            self._acknowledged += acknowledged
            self._in_flight -= acknowledged + dropped
            if dropped:
                self._drop(dropped, reason or "unknown")
                self._last_error = error or self._last_error
            if acknowledged or dropped:
                self._failing = False
            self._settled.notify_all()

    def abandon(self, reason: str, error: str) -> None:
        """Give up whatever is still in flight."""
        with self._lock:
            self.settle(dropped=self._in_flight, reason=reason, error=error)

    def pause(self, seconds: float) -> bool:
        """Wait before a retry; True if somebody is in a hurry (a flush, the end) and it should be now."""
        with self._lock:
            if self._hurry or self._closed:
                self._hurry = False
                return True
            self._work.wait_for(lambda: self._hurry or self._closed, seconds)
            return self._hurry

    # --- flush and shutdown ------------------------------------------------------------------------

    def flush(self, timeout: float) -> bool:
        """True if everything queued so far was settled within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._lock:
            goal = self._ended
            while self._done() < goal:
                self._hurry = True
                self._work.notify()
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._settled.wait(min(left, 0.2))
        return True

    def drain(self, patience: float) -> bool:
        """True if the queue emptied; gives up after `patience` seconds in which nothing was settled."""
        with self._lock:
            while True:
                before = self._done()
                if before >= self._ended:
                    return True
                self._hurry = True
                self._work.notify()
                deadline = time.monotonic() + patience
                while self._done() == before:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        return False
                    self._settled.wait(left)

    def close(self) -> int:
        """Refuse further spans, give up what is not settled, and return how many that were."""
        with self._lock:
            rest = len(self._items) + self._in_flight
            if rest:
                self._drop(rest, "shutdown")
            self._items.clear()
            self._bytes = self._in_flight = 0
            self._closed = True
            self._room.notify_all()
            self._work.notify_all()
            self._settled.notify_all()
            return rest

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._closed

    def stats(self) -> Stats:
        """Return all counts of one moment."""
        with self._lock:
            return Stats(
                started=self._started,
                ended=self._ended,
                queued=len(self._items),
                in_flight=self._in_flight,
                sent=self._sent,
                acknowledged=self._acknowledged,
                dropped=dict(self._dropped),
                retries=self._retries,
                last_error=self._last_error,
            )

    def _done(self) -> int:
        return self._acknowledged + sum(self._dropped.values())

    def _drop(self, count: int, reason: str) -> None:
        self._dropped[reason] = self._dropped.get(reason, 0) + count

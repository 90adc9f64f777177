"""A bounded queue of ended spans and the exact account of what became of each.

Every ended span is, at any moment, in exactly one place: queued, in flight, acknowledged or dropped with a reason.

    ended + inherited = queued + held + in_flight + buffered + acknowledged + sampled_out + dropped

Full means wait, within reason: the caller that finds the queue full waits up to `PATIENCE` for the export
thread to make room, so a tight loop is slowed to the pace of the exporter and loses nothing. While the endpoint
is known to fail nobody waits: the span is dropped and counted, and the user's program goes on. With a buffer on disk
the export thread moves there what it cannot deliver, and so there is room again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final, Generic, TypeVar

from spanledger._internal.delivery.account import Account, Stats
from spanledger._internal.delivery.patience import Patience

T = TypeVar("T")
PATIENCE: Final = 2.0


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
        self._hurry = self._was_hurried = False
        self._count = Account()
        self._awaited = 0
        # Items let in, taken out, and known to be settled up to here: what is held makes settling overtake.
        self._let_in = self._taken = self._through = 0

    # --- the user's threads ------------------------------------------------------------------------

    def count_start(self) -> None:
        """Count a started span."""
        with self._lock:
            self._count.started += 1

    def put(self, item: T, weight: int) -> None:
        """Queue an ended span; wait for room at most `PATIENCE`, and not at all while export fails."""
        with self._lock:
            has_room = not self._is_full(weight) or self._closed or self._wait_for_room(weight)
            # Counted only now, so that a span in the hands of a waiting thread does not upset the account.
            self._count.ended += 1
            if self._closed:
                self._count.drop(1, "after_shutdown")
                return
            if not has_room:
                self._count.drop(1, "queue_full")
                return
            self._items.append((item, weight))
            self._let_in += 1
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
        patience = Patience(PATIENCE)
        while not self._failing and not self._closed:
            self._work.notify()
            if not patience.wait(self._room):
                # Whoever comes next does not wait again until the exporter has shown life.
                self._failing = True
                self._count.last_error = self._count.last_error or "the export thread made no progress"
                return False
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
            self._count.in_flight += len(batch)
            self._taken += len(batch)
            self._was_hurried = self._hurry
            if not self._items:
                self._hurry = False
            # Waking everybody for each batch would make them queue up for the lock: wait for some room.
            if len(self._items) <= self._max_items // 2:
                self._room.notify_all()
            return batch

    def count_sent(self, count: int) -> None:
        """Count spans handed to the network for the first time."""
        with self._lock:
            self._count.sent += count

    def count_retry(self, error: str, is_busy: bool = False) -> None:
        """Note that a request will be repeated.

        From now on nobody waits for room, unless the collector is merely busy: one that says when to come
        back is alive, and worth the usual patience.
        """
        with self._lock:
            self._count.retries += 1
            self._count.last_error = error
            if not is_busy:
                self._failing = True
                self._room.notify_all()

    def settle(self, acknowledged: int = 0, dropped: int = 0, reason: str = "", error: str = "") -> None:
        """Account for spans in flight: taken by the collector, or given up for `reason`."""
        with self._lock:
            if self._closed and not self._count.in_flight:
                return  # given up already, by close()
            self._count.acknowledged += acknowledged
            self._count.in_flight -= acknowledged + dropped
            if dropped:
                self._count.drop(dropped, reason or "unknown")
                self._count.last_error = error or self._count.last_error
            if acknowledged or dropped:
                self._failing = False
            self._note_settled()

    def keep(self, count: int) -> None:
        """Account for spans in flight that are on disk now, to be sent later."""
        with self._lock:
            self._count.keep(count)
            self._failing = False
            self._note_settled()

    def inherit(self, count: int) -> None:
        """Count spans on disk that a process which has ended left to this one."""
        with self._lock:
            self._count.inherit(count)

    def settle_kept(
        self, acknowledged: int = 0, dropped: int = 0, reason: str = "", error: str = "", *, is_own: bool
    ) -> None:
        """Account for spans that were on disk: taken by the collector, or given up for `reason`."""
        with self._lock:
            self._count.settle_kept(acknowledged, dropped, reason, error, is_own=is_own)
            if acknowledged:
                self._failing = False
            self._note_settled()

    @property
    def is_pressed(self) -> bool:
        """True if more than half of the room is taken."""
        return len(self._items) > self._max_items // 2 or self._bytes > self._max_bytes // 2

    @property
    def was_hurried(self) -> bool:
        """True if somebody was in a hurry (a flush, the end) when the last batch was taken."""
        return self._was_hurried

    def hold(self, count: int) -> None:
        """Set spans in flight aside until their trace is decided; with a negative count, take held ones up again."""
        with self._lock:
            if not self._closed:
                self._count.in_flight -= count
                self._count.held += count

    def leave_out(self, count: int) -> None:
        """Account for spans in flight that sampling leaves out."""
        with self._lock:
            if not self._closed:
                self._count.in_flight -= count
                self._count.sampled_out += count
                self._note_settled()

    def open_sum(self) -> None:
        """Count a span of our own that will be sent for calls that are left out; it is held until then."""
        with self._lock:
            if not self._closed:
                self._count.started += 1
                self._count.ended += 1
                self._count.held += 1

    @property
    def is_awaited(self) -> bool:
        """True while somebody waits for everything to be settled: nothing is to be held back."""
        return self._awaited > 0 or self._closed

    def abandon(self, reason: str, error: str, but: int = 0) -> None:
        """Give up whatever is still in flight, `but` so many spans."""
        with self._lock:
            self.settle(dropped=max(0, self._count.in_flight - but), reason=reason, error=error)

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
        patience = Patience(timeout)
        with self._lock:
            through = self._let_in
            self._awaited += 1
            try:
                while self._through < through:
                    self._hurry = True
                    self._work.notify()
                    if not patience.wait(self._settled):
                        return False
            finally:
                self._awaited -= 1
        return True

    def drain(self, patience: float) -> bool:
        """True if the queue emptied, be it to disk; False after `patience` seconds in which nothing was settled."""
        with self._lock:
            self._awaited += 1
            try:
                while self._in_memory():
                    before = self._count.done + self._count.buffered
                    self._hurry = True
                    self._work.notify()
                    left = Patience(patience)
                    while self._count.done + self._count.buffered == before:
                        if not left.wait(self._settled):
                            return False
                return True
            finally:
                self._awaited -= 1

    def drain_buffered(self, seconds: float, patience: float) -> None:
        """Let the export thread send what is on disk, at most for `seconds`, and as long as the collector takes it."""
        with self._lock:
            whole = Patience(seconds)
            while self._count.buffered and whole.left > 0:
                before = self._count.buffered
                left = Patience(min(patience, whole.left))
                while self._count.buffered == before and left.wait(self._settled):
                    pass
                whole.left -= min(patience, whole.left) - left.left
                if self._count.buffered == before:
                    return

    def close(self) -> int:
        """Refuse further spans, give up what is not settled, and return how many that were."""
        with self._lock:
            rest = self._in_memory()
            if rest:
                self._count.drop(rest, "shutdown")
            self._items.clear()
            self._bytes = self._count.in_flight = self._count.held = 0
            self._through = self._let_in
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
            return self._count.stats(len(self._items))

    def _in_memory(self) -> int:
        return len(self._items) + self._count.held + self._count.in_flight

    def _note_settled(self) -> None:
        if not self._count.in_flight and not self._count.held and not self._count.buffered_own:
            self._through = self._taken
        self._settled.notify_all()

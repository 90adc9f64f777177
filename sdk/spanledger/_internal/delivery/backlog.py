"""What waits on disk, when the collector is asked again, and how both are counted."""

from __future__ import annotations

import time
from typing import Any, Final

from spanledger._internal.delivery.buffer import Buffer
from spanledger._internal.delivery.kept_files import Kept
from spanledger._internal.delivery.queue import SpanQueue
from spanledger._internal.log import warn_once

_ADOPT_EVERY: Final = 30.0


class Backlog:
    """The export thread's view of a buffer: every change of it is a change of the account, too."""

    def __init__(self, buffer: Buffer, queue: SpanQueue[Any]) -> None:
        self._buffer = buffer
        self._queue = queue
        self._retry_at = 0.0  # of the monotonic clock; 0 while the collector takes what it is sent
        self._adopt_at = 0.0
        self.is_working = True  # the disk took the last request

    @property
    def is_waiting(self) -> bool:
        """True while the collector failed and is not to be asked again yet."""
        return time.monotonic() < self._retry_at

    @property
    def due(self) -> float:
        """When there is something to do (of the monotonic clock)."""
        return self._adopt_at if self._buffer.oldest is None else min(self._adopt_at, self._retry_at)

    def keep(self, body: bytes, count: int, *, is_sent: bool) -> bool:
        """True if a request of `count` spans in flight is on disk now; it may have taken the place of older ones."""
        kept, gone = self._buffer.keep(body, count, is_sent=is_sent)
        for each in gone:
            self._give_up(each, "buffer_full", "SPANLEDGER_BUFFER_MAX_BYTES is reached")
        if gone:
            warn_once("buffer-full", "the buffer in %s is full: its oldest spans are dropped", self._buffer.directory)
        self.is_working = kept is not None
        if kept is not None:
            self._queue.keep(count)
        return self.is_working

    def postpone(self, seconds: float) -> None:
        """Ask again in so many seconds."""
        self._retry_at = time.monotonic() + seconds

    def relax(self) -> None:
        """The collector took something: what waits may follow."""
        self._retry_at = 0.0

    def adopt(self) -> None:
        """Take over what processes that have ended left behind, if it is time to look."""
        if time.monotonic() < self._adopt_at:
            return
        if not self._adopt_at and (others := self._buffer.of_other_keys()):
            warn_once(
                "buffer-keys",
                "%s holds spans that were buffered with another API key for this endpoint; a program that uses that "
                "key sends them",
                others[0],
            )
        self._adopt_at = time.monotonic() + _ADOPT_EVERY
        self._queue.inherit(sum(kept.count for kept in self._buffer.adopt()))

    def next(self) -> tuple[Kept, bytes] | None:
        """Return what has waited longest, as it was written; None where nothing can be sent.

        What is damaged is set aside and counted, and the next one returned.
        """
        while (kept := self._buffer.oldest) is not None:
            body = self._buffer.read(kept)
            if body is not None:
                return kept, body
            self._give_up(kept, "buffer_damaged", f"{kept.path.name} cannot be read")
        return None

    def forget(self, kept: Kept) -> None:
        """Remove what was delivered or refused."""
        self._buffer.forget(kept)

    def _give_up(self, kept: Kept, reason: str, error: str) -> None:
        self._queue.settle_kept(dropped=kept.count, reason=reason, error=error, is_own=kept.is_own)

    def close(self) -> None:
        """Leave what waits to whoever comes next."""
        self._buffer.close()

    def leave_to_parent(self) -> None:
        """In a forked child: the files are the parent's."""
        self._buffer.leave_to_parent()

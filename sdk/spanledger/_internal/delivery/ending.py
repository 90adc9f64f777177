"""The end of a queue and its export thread: what can be delivered is, what cannot is kept or counted, in short time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spanledger._internal.delivery.queue import SpanQueue
from spanledger._internal.log import logger

if TYPE_CHECKING:
    from spanledger._internal.delivery.account import Stats
    from spanledger._internal.delivery.exporter import Exporter

EXIT_PATIENCE: Final = 1.5
# Where the disk takes what the collector does not, there is less reason to wait for it.
BUFFERED_PATIENCE: Final = 0.8
# For the disk, which is not waited for when it does nothing at all.
_DISK_PATIENCE: Final = 5.0
# For what earlier runs left: a program that never runs for long must get rid of it, too.
_LEFTOVER_SECONDS: Final = 1.0
_LEFTOVER_PATIENCE: Final = 0.3
# For the last report; it takes milliseconds where the collector answers.
_REPORT_PATIENCE: Final = 0.5


def deliver(queue: SpanQueue[Any], exporter: Exporter, timeout: float | None, patience: float | None = None) -> bool:
    """True if the collector took everything; else what is left is on disk, if there is a buffer.

    Waits at most `timeout` seconds for the collector; by default as long as deliveries succeed, and `patience` once
    they do not.
    """
    is_buffered = exporter.buffered_in is not None
    if timeout is not None:
        is_empty = queue.flush(timeout)
    else:
        is_empty = queue.drain(patience or (BUFFERED_PATIENCE if is_buffered else EXIT_PATIENCE))
        if is_empty and is_buffered:
            queue.drain_buffered(_LEFTOVER_SECONDS, _LEFTOVER_PATIENCE)
    if is_buffered:
        if not is_empty:
            exporter.hasten()
        queue.drain(_DISK_PATIENCE)
    return is_empty


def close(queue: SpanQueue[Any], exporter: Exporter, what: str) -> int:
    """Stop; say in one line how many of `what` were lost or are kept on disk, and return how many are given up now."""
    lost = queue.close()
    state = queue.stats()
    # A collector that has just taken everything answers once more; nobody waits for another.
    exporter.join(0.2 if lost or state.buffered else _REPORT_PATIENCE)
    state = queue.stats()
    outcomes = _outcomes(state, exporter.buffered_in, what)
    if outcomes:
        logger.warning("%s; last error: %s", " and ".join(outcomes), state.last_error or "no time left")
    return lost


def _outcomes(state: Stats, directory: str | None, what: str) -> list[str]:
    outcomes: list[str] = []
    if state.lost:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(state.dropped.items()))
        outcomes.append(f"{state.lost} of {state.ended + state.inherited} {what} were lost ({reasons})")
    if state.buffered:
        outcomes.append(f"{state.buffered} {what} are kept in {directory} for the next run")
    return outcomes

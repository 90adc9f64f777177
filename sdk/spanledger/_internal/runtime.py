"""The one running SDK of this process: built by `init`, looked up by every observed call, ended at exit."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from spanledger._internal.log import logger
from spanledger._internal.queue import SpanQueue, Stats

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from spanledger._internal.settings import Settings

EXIT_PATIENCE: Final = 1.5
# For the last report; it takes milliseconds where the collector answers.
REPORT_PATIENCE: Final = 0.5


class Junction(Protocol):
    """What feeds the queue: the span processor, which is built above this module and knows it."""

    def rewire(self, queue: SpanQueue[Any], exporter: Any) -> None:
        """Use these from now on."""
        ...


class Runtime:
    """Everything `init` made, and how to end it."""

    __slots__ = ("_build", "calls", "exporter", "is_pinned", "processor", "queue", "settings", "tracer", "wants_input")

    def __init__(self, settings: Settings, build: Callable[[], tuple[SpanQueue[Any], Any]]) -> None:
        self.settings = settings
        self.calls: dict[int, Any] = {}
        self._build = build
        self.queue, self.exporter = build()
        self.processor: Junction
        self.tracer: Tracer
        self.wants_input = settings.capture != "off"
        self.is_pinned = False  # a recording: the program under test neither replaces nor ends it

    def hand_over(self, span_id: int, call: object) -> None:
        """Keep the call until its span's end is seen, an instant later in the same thread."""
        self.calls[span_id] = call

    def rebuild(self) -> None:
        """Start anew in a forked child: its parent sends what was queued, and its locks may be held."""
        self.calls.clear()
        self.queue, self.exporter = self._build()
        self.processor.rewire(self.queue, self.exporter)


active: Runtime | None = None
"""The running SDK; None before `init`, after `shutdown`, and where it is disabled. Read on every call."""

_last: Runtime | None = None
_lock = threading.Lock()


def activate(runtime: Runtime) -> None:
    """Make `runtime` the one of this process."""
    global active, _last
    active = _last = runtime


@contextmanager
def replaced(runtime: Runtime) -> Generator[None]:
    """Make `runtime` the one of this process inside the block."""
    global active, _last
    before = active, _last
    active = _last = runtime
    try:
        yield
    finally:
        active, _last = before


def flush(timeout: float = 10.0) -> bool:
    """True if every span ended so far was acknowledged or given up within `timeout` seconds.

    For programs that are frozen or killed between requests (serverless functions, notebooks). True at once
    where nothing runs.
    """
    runtime = active
    return True if runtime is None else runtime.queue.flush(timeout)


def shutdown(timeout: float | None = None) -> bool:
    """Deliver what is queued and stop; True if nothing was lost. Later calls of observed functions run bare.

    Waits at most `timeout` seconds; by default as long as deliveries succeed, and 1.5 seconds once they do
    not. What could not be delivered is counted in `stats()` and said in one line of log. Called at exit.
    """
    global active
    with _lock:
        runtime = active
        if runtime is None:
            return True
        if runtime.is_pinned:
            return runtime.queue.flush(0)
        active = None
    if timeout is None:
        runtime.queue.drain(EXIT_PATIENCE)
    else:
        runtime.queue.flush(timeout)
    lost = runtime.queue.close()
    # A collector that has just taken everything answers once more; nobody waits for another.
    runtime.exporter.join(0.2 if lost else REPORT_PATIENCE)
    state = runtime.queue.stats()
    if state.lost:
        logger.warning(
            "%d of %d spans were lost (%s); last error: %s",
            state.lost,
            state.ended,
            ", ".join(f"{count} {reason}" for reason, count in sorted(state.dropped.items())),
            state.last_error or "no time left",
        )
    return lost == 0


def shutdown_of(processor: object) -> None:
    """Shut down if `processor` belongs to the running SDK (its provider is being shut down)."""
    runtime = active
    if runtime is not None and runtime.processor is processor:
        shutdown()


def stats() -> Stats:
    """Return the exact account of all spans of this process since `init`; all zero before it."""
    runtime = _last
    return Stats() if runtime is None else runtime.queue.stats()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    if _last is not None:
        _last.rebuild()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

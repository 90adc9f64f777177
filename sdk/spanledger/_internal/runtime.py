"""The one running SDK of this process: built by `init`, looked up by every observed call, ended at exit."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from spanledger._internal import forking
from spanledger._internal.delivery import ending
from spanledger._internal.delivery.account import Stats
from spanledger._internal.delivery.queue import SpanQueue

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from spanledger._internal.settings import Settings


class Junction(Protocol):
    """What feeds the queue: the span processor, which is built above this module and knows it."""

    watch: Any

    def rewire(self, queue: SpanQueue[Any], exporter: Any) -> None:
        """Use these from now on."""
        ...


class Runtime:
    """Everything `init` made, and how to end it."""

    __slots__ = (
        "_build",
        "_build_scores",
        "budgets",
        "build_budgets",
        "calls",
        "exporter",
        "is_pinned",
        "processor",
        "queue",
        "scores",
        "settings",
        "tracer",
        "undo",
        "wants_input",
    )

    def __init__(
        self,
        settings: Settings,
        build: Callable[[], tuple[SpanQueue[Any], Any]],
        build_scores: Callable[[], Any],
    ) -> None:
        self.settings = settings
        self.calls: dict[int, Any] = {}
        self._build = build
        self._build_scores = build_scores
        self.queue, self.exporter = build()
        self.scores = build_scores()
        self.budgets: Any = None  # once something asks for them
        self.build_budgets: Callable[[], Any] | None = None
        self.processor: Junction
        self.tracer: Tracer
        self.undo: Callable[[], None] | None = None  # takes back what was instrumented
        self.wants_input = settings.capture != "off"
        self.is_pinned = False  # a recording: the program under test neither replaces nor ends it

    def hand_over(self, span_id: int, call: object) -> None:
        """Keep the call until its span's end is seen, an instant later in the same thread."""
        self.calls[span_id] = call

    def rebuild(self) -> None:
        """Start anew in a forked child: its parent sends what was queued, and its locks may be held."""
        self.exporter.leave_to_parent()
        self.scores.exporter.leave_to_parent()
        self.calls.clear()
        self.queue, self.exporter = self._build()
        self.scores = self._build_scores()
        self.processor.rewire(self.queue, self.exporter)
        if self.budgets is not None:
            self.budgets.after_fork()


active: Runtime | None = None
"""The running SDK; None before `init`, after `shutdown`, and where it is disabled. Read on every call."""

_last: Runtime | None = None
_lock = threading.Lock()


def activate(runtime: Runtime) -> None:
    """Make `runtime` the one of this process."""
    global active, _last
    active = _last = runtime
    forking.watch_children(shutdown)


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


def start_budgets() -> Any:
    """Return the state of budgets, kept from now on if it was not; None where nothing runs, or it is a recording."""
    runtime = active
    if runtime is None or runtime.build_budgets is None:
        return None
    if runtime.budgets is None:
        with _lock:
            if runtime.budgets is None:
                runtime.budgets = runtime.build_budgets()
    return runtime.budgets


def flush(timeout: float = 10.0) -> bool:
    """True if every span ended and every score sent so far was acknowledged or given up within `timeout` seconds.

    For programs that are frozen or killed between requests (serverless functions, notebooks). True at once
    where nothing runs.
    """
    runtime = active
    if runtime is None:
        return True
    deadline = time.monotonic() + timeout
    delivered = runtime.queue.flush(timeout)
    return runtime.scores.queue.flush(max(0.0, deadline - time.monotonic())) and delivered


def shutdown(timeout: float | None = None) -> bool:
    """Deliver what is queued and stop; True if nothing was lost. Later calls of observed functions run bare.

    Waits at most `timeout` seconds; by default as long as deliveries succeed, and 1.5 seconds once they do
    not. What could not be delivered is kept in the buffer directory, if there is one, else lost; either is counted
    in `stats()` and said in one line of log. Called at exit.
    """
    global active
    with _lock:
        runtime = active
        if runtime is None:
            return True
        if runtime.is_pinned:
            return runtime.queue.flush(0)
        active = None
    if runtime.undo is not None:
        runtime.undo()
    if runtime.budgets is not None:
        runtime.budgets.close()
    began = time.monotonic()
    delivered = ending.deliver(runtime.queue, runtime.exporter, timeout)
    # Scores go where spans go: where these cannot be delivered, those are not waited for once more.
    left = None if timeout is None else max(0.0, timeout - (time.monotonic() - began))
    ending.deliver(runtime.scores.queue, runtime.scores.exporter, left, None if delivered else 0.1)
    lost_scores = ending.close(runtime.scores.queue, runtime.scores.exporter, "scores")
    lost = ending.close(runtime.queue, runtime.exporter, "spans")
    return lost + lost_scores == 0


def shutdown_of(processor: object) -> None:
    """Shut down if `processor` belongs to the running SDK (its provider is being shut down)."""
    runtime = active
    if runtime is not None and runtime.processor is processor:
        shutdown()


def stats() -> Stats:
    """Return the exact account of all spans of this process since `init`; all zero before it."""
    runtime = _last
    return Stats() if runtime is None else replace(runtime.queue.stats(), scores=runtime.scores.queue.stats())


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    if _last is not None:
        _last.rebuild()
        forking.watch_children(shutdown)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

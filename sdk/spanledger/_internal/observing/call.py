"""One observed call, from its start on the caller's path to the hand-over of its span for export.

Everything here runs inside the user's program: it does the least that keeps the facts (start a span, copy
plain containers, stamp the clock), raises nothing, and leaves reading, pricing and JSON to the export thread.
"""

from __future__ import annotations

from collections import deque
from contextvars import Token
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - OpenTelemetry offers no other name
)
from opentelemetry.trace import Span, set_span_in_context
from opentelemetry.trace.status import Status, StatusCode

from spanledger import semconv
from spanledger._internal import clock, runtime
from spanledger._internal.budgets import enforcement
from spanledger._internal.context.stamps import restricted
from spanledger._internal.log import warn_once
from spanledger._internal.observing.declaration import Declaration
from spanledger._internal.observing.snapshot import ATOMS, Room, snapshot
from spanledger._internal.observing.streams import follower_of

if TYPE_CHECKING:
    from spanledger._internal.runtime import Runtime

CALL_KEY: Final = otel_context.create_key("spanledger-call")
_KEPT_ITEMS: Final = 4000  # of a stream; beyond them only the last few, which carry the usage, are kept
_KEPT_LAST: Final = 16


class Call:
    """The facts of one call; after `finish` or `fail` it belongs to the export thread."""

    __slots__ = (
        "args",
        "context",
        "declaration",
        "first_item_ns",
        "item_count",
        "items",
        "kwargs",
        "last_items",
        "parent",
        "passed_on",
        "recording",
        "result",
        "runtime",
        "span",
        "started_ns",
        "token",
        "updates",
        "weight",
    )

    declaration: Declaration
    runtime: Runtime
    span: Span
    context: otel_context.Context
    parent: Call | None
    recording: bool
    started_ns: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any
    items: list[Any] | None
    last_items: deque[Any] | None
    item_count: int
    first_item_ns: int | None
    updates: dict[str, Any] | None
    passed_on: deque[Any] | None
    token: Token[otel_context.Context] | None
    weight: int

    def attach(self) -> None:
        """Make this call's span the current one."""
        self.token = otel_context.attach(self.context)

    def detach(self) -> None:
        """Give the consumer its own context back."""
        token = self.token
        if token is not None:
            self.token = None
            otel_context.detach(token)

    def item(self, value: Any) -> None:
        """Note one item of a stream; what it holds is read at export."""
        items = self.items
        if items is None:
            self.first_item_ns = clock.time_ns()
            items = self.items = []
        self.item_count += 1
        if len(items) < _KEPT_ITEMS:
            items.append(value)
        else:
            if self.last_items is None:
                self.last_items = deque(maxlen=_KEPT_LAST)
            self.last_items.append(value)

    def finish(self, result: Any) -> Any:
        """End the span with this result, or with the stream that it is; return what to hand on. Never raises."""
        handed_on = result
        try:
            if self.recording:
                if type(result) not in ATOMS:
                    follow = follower_of(type(result))
                    if follow is not None and (followed := follow(self, result)) is not None:
                        return followed
                    # A response that an inner observed call returned and this one hands on is the inner's usage.
                    parent = self.parent
                    if parent is not None and parent.recording:
                        if parent.passed_on is None:
                            parent.passed_on = deque(maxlen=16)
                        parent.passed_on.append(result)
                    if self.passed_on is not None and any(result is inner for inner in self.passed_on):
                        self.updates = {**(self.updates or {}), "usage_elsewhere": True}
                    room = Room()
                    result = snapshot(result, room)
                    self.weight += room.bytes
                elif type(result) is str:
                    self.weight += len(result)
                self.result = result
            self._end()
        except Exception as error:
            warn_once("finish", "a call could not be recorded: %s", error, error=error)
        return handed_on

    def finish_stream(self) -> None:
        """End the span of a generator that is exhausted, closed or abandoned. Never raises."""
        try:
            if self.recording and self.items is not None:
                room = Room()
                self.items = snapshot(self.items, room)
                self.weight += room.bytes
            self._end()
        except Exception as error:
            warn_once("finish", "a stream could not be recorded: %s", error, error=error)

    def fail(self, error: BaseException) -> None:
        """End the span with this error. Never raises."""
        try:
            span = self.span
            if self.recording:
                name = type(error).__name__
                module = type(error).__module__
                kind = name if module == "builtins" else f"{module}.{type(error).__qualname__}"
                span.set_attribute(semconv.ERROR_TYPE, kind)
                # Messages and tracebacks quote content: they follow the same switch.
                if self.runtime.settings.capture == "on" and self.declaration.capture in (None, "on"):
                    span.record_exception(error, timestamp=clock.time_ns())
                    span.set_status(Status(StatusCode.ERROR, f"{name}: {error}"[:2000]))
                else:
                    span.set_status(Status(StatusCode.ERROR, name))
            if self.items is not None:
                self.finish_stream()
            else:
                self._end()
        except Exception as problem:
            warn_once("finish", "a failed call could not be recorded: %s", problem, error=problem)

    def _end(self) -> None:
        if self.recording:
            self.recording = False
            self.parent = None
            self.passed_on = None
            span = self.span
            if span.is_recording():  # or somebody else has ended it, and it is gone
                self.runtime.hand_over(span.get_span_context().span_id, self)
                span.end(clock.time_ns())


def begin(declaration: Declaration, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
    """Start the span of one call, without attaching it; None if nothing is to be recorded.

    Raises what stops a call before it is made (see `enforcement.admit`), where that was asked for; nothing else.
    """
    current = runtime.active
    if current is None:
        return None
    if current.budgets is not None or declaration.ceiling is not None:
        enforcement.admit(current, declaration, args, kwargs)
    try:
        surrounding = otel_context.get_current()
        if surrounding.get(_SUPPRESS_INSTRUMENTATION_KEY):
            return None
        call = Call()
        call.declaration = declaration
        call.runtime = current
        call.weight = 0
        call.result = call.items = call.last_items = call.updates = call.passed_on = call.token = None
        call.first_item_ns = None
        call.item_count = 0
        call.parent = surrounding.get(CALL_KEY)  # pyright: ignore[reportAttributeAccessIssue] - ours
        call.started_ns = started = clock.time_ns()
        call.span = span = current.tracer.start_span(
            declaration.name,
            surrounding,
            declaration.otel_kind,
            declaration.attributes,
            start_time=started,
        )
        call.recording = span.is_recording()
        if declaration.capture is not None:
            surrounding = restricted(surrounding, declaration.capture)
        call.context = set_span_in_context(span, otel_context.set_value(CALL_KEY, call, surrounding))
        call.args = ()
        call.kwargs = kwargs
        if call.recording and (declaration.reads_request or (declaration.takes_input and current.wants_input)):
            given = args[1:] if declaration.skip_first else args
            room = Room()
            call.args = snapshot(given, room)
            if kwargs:
                call.kwargs = snapshot(kwargs, room)
            call.weight = room.bytes
        else:
            call.kwargs = {}
        return call
    except Exception as error:
        warn_once("begin", "a call could not be observed: %s", error, error=error)
        return None

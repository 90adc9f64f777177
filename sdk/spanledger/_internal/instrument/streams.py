"""A client's stream, watched item by item, without becoming another object.

The clients' streams hold an inner iterator; it is replaced by one that notes each item in passing. The call ends
when the stream is exhausted, fails, is closed or is dropped, whichever comes first.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from typing import Any

from spanledger import semconv
from spanledger._internal.content.fields import get
from spanledger._internal.log import warn_once
from spanledger._internal.observing.call import Call
from spanledger.responses import extract_stream

_LAST = frozenset({"message_stop", "response.completed", "response.incomplete", "response.failed"})


def is_stream(value: object) -> bool:
    """True for what can be watched: a stream that knows its response and iterates by an inner iterator."""
    return hasattr(value, "response") and hasattr(value, "_iterator")


def watch(stream: Any, call: Call, *, hides_usage: bool) -> None:
    """End `call` with the stream; keep a chunk of nothing but usage from a consumer who did not ask for it."""
    inner = stream._iterator
    if isinstance(inner, _Steps):
        return
    steps = (_AsyncSteps if hasattr(inner, "__anext__") else _SyncSteps)(inner, call, hides_usage)
    stream._iterator = steps
    # A cycle would leave dropped streams to the garbage collector.
    reference = weakref.ref(steps)

    def closed() -> None:
        if (watched := reference()) is not None:
            watched.closed()

    on_close(stream.response, closed)


def on_close(response: Any, callback: Callable[[], None]) -> None:
    """Call back each time this one response is closed, whoever closes it."""
    for name in ("close", "aclose"):
        original: Any = getattr(response, name, None)
        if original is not None:
            with suppress(AttributeError):
                setattr(response, name, (_aclosing if name == "aclose" else _closing)(original, callback))


def _closing(original: Callable[..., Any], callback: Callable[[], None]) -> Callable[..., Any]:
    @wraps(original)
    def close(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        finally:
            callback()

    return close


def _aclosing(original: Callable[..., Awaitable[Any]], callback: Callable[[], None]) -> Callable[..., Awaitable[Any]]:
    @wraps(original)
    async def aclose(*args: Any, **kwargs: Any) -> Any:
        try:
            return await original(*args, **kwargs)
        finally:
            callback()

    return aclose


class _Steps:
    """The inner iterator, and the call that it is."""

    __slots__ = ("__weakref__", "_call", "_hides_usage", "_inner", "_is_over", "_is_stepping")

    def __init__(self, inner: Any, call: Call, hides_usage: bool) -> None:
        self._inner = inner
        self._call = call
        self._hides_usage = hides_usage
        self._is_stepping = False
        self._is_over = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __del__(self) -> None:
        self._end(was_read=False)

    def closed(self) -> None:
        """The response was closed: by the consumer, unless a step is under way, which ends by itself."""
        if not self._is_stepping:
            self._end(was_read=False)

    def _passes(self, item: Any) -> bool:
        """Note an item; True if the consumer is to see it."""
        try:
            if self._is_over:
                return True
            self._call.item(item)
            return not (self._hides_usage and get(item, "choices") == [] and get(item, "usage") is not None)
        except Exception as error:
            warn_once("stream", "an item of a stream could not be recorded: %s", error, error=error)
            return True

    def _end(self, *, was_read: bool, error: BaseException | None = None) -> None:
        if self._is_over:
            return
        self._is_over = True
        call = self._call
        if not was_read and not _is_whole(call):
            _tell_what_is_known(call)
        if error is None:
            call.finish_stream()
        else:
            fail(call, error)


class _SyncSteps(_Steps):
    __slots__ = ()

    def __iter__(self) -> _SyncSteps:
        return self

    def __next__(self) -> Any:
        while True:
            self._is_stepping = True
            self._call.attach()
            try:
                item = next(self._inner)
            except StopIteration:
                self._call.detach()
                self._end(was_read=True)
                raise
            except BaseException as error:
                self._call.detach()
                self._end(was_read=False, error=error)
                raise
            finally:
                self._call.detach()
                self._is_stepping = False
            if self._passes(item):
                return item


class _AsyncSteps(_Steps):
    __slots__ = ()

    def __aiter__(self) -> _AsyncSteps:
        return self

    async def __anext__(self) -> Any:
        while True:
            self._is_stepping = True
            self._call.attach()
            try:
                item = await anext(self._inner)
            except StopAsyncIteration:
                self._call.detach()
                self._end(was_read=True)
                raise
            except BaseException as error:
                self._call.detach()
                self._end(was_read=False, error=error)
                raise
            finally:
                self._call.detach()
                self._is_stepping = False
            if self._passes(item):
                return item


def fail(call: Call, error: BaseException) -> None:
    """End the call with this error and the status that the provider answered. Never raises."""
    with suppress(Exception):
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            call.span.set_attribute(semconv.HTTP_STATUS, status)
    call.fail(error)


def _is_whole(call: Call) -> bool:
    """True if the last item seen is one that providers send last: nobody needs to ask for more."""
    last = (call.last_items or call.items or [None])[-1]
    return get(last, "type") in _LAST or (get(last, "choices") == [] and get(last, "usage") is not None)


def _tell_what_is_known(call: Call) -> None:
    """Of a stream that was not read to its end: model, id, and the input's tokens where the first event told them.

    The output that a first event counts is that of the first event, not what the provider made and charges: it is
    unknown.
    """
    try:
        call.span.set_attribute(semconv.STREAM_INTERRUPTED, True)
        items = [*(call.items or ()), *(call.last_items or ())]
        if not items:
            return
        facts = extract_stream(items)
        if facts is None:
            for name, attribute in (("id", semconv.RESPONSE_ID), ("model", semconv.RESPONSE_MODEL)):
                told = get(items[0], name) or get(get(items[0], "response"), name)
                if isinstance(told, str):
                    call.span.set_attribute(attribute, told)
            call.updates = None  # what is set on usage and price would say more than is known
        elif not any(get(item, "type") == "message_delta" for item in items):
            usage = replace(facts.usage, output_tokens=None, reasoning_tokens=None)
            call.updates = {**(call.updates or {}), "usage": usage}
    except Exception as error:
        warn_once("stream", "a stream that was cut short could not be read: %s", error, error=error)

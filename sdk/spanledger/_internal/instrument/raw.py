"""A client's raw response (`with_raw_response`, `with_streaming_response`), watched until its body is there.

Nothing is read that the program does not read: what it leaves unread is unknown.
"""

from __future__ import annotations

import inspect
import json
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from spanledger._internal.instrument import streams
from spanledger._internal.observing.call import Call


def is_raw(value: object) -> bool:
    """True for the clients' wrappers of an HTTP response."""
    return hasattr(value, "http_response") and hasattr(value, "parse")


def watch(response: Any, call: Call, *, is_stream: bool, hides_usage: bool) -> None:
    """End `call` when the program has read this response's body or stream, or has let go of it."""
    http = response.http_response
    if not is_stream and _has_body(http):
        call.finish(Body(http))
        return
    ending = _Ending(call)
    weakref.finalize(http, ending.finish).atexit = False
    if is_stream:
        _watch_parse(response, ending, hides_usage)
    else:
        _watch_reading(http, ending)
    streams.on_close(http, ending.closed)


class Body:
    """A response's JSON, read by whoever asks for its fields first: the export thread."""

    def __init__(self, http: Any) -> None:
        self._http = http
        self._fields: dict[str, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        if self._fields is None:
            body = json.loads(self._http.content)
            self._fields = body if isinstance(body, dict) else {}
        try:
            return self._fields[name]
        except KeyError:
            raise AttributeError(name) from None


class _Ending:
    """Ends the call once. Holds neither response, so that a dropped one is dropped."""

    def __init__(self, call: Call) -> None:
        self._call: Call | None = call
        self.is_reading = False

    def hand_over(self) -> Call | None:
        """Return the call to somebody who ends it; None if that has happened."""
        call, self._call = self._call, None
        return call

    def finish(self, result: object = None) -> None:
        """End the call with what is known."""
        if (call := self.hand_over()) is not None:
            call.finish(result)

    def fail(self, error: BaseException) -> None:
        """End the call with this error."""
        if (call := self.hand_over()) is not None:
            streams.fail(call, error)

    def closed(self) -> None:
        """The response was closed, and not in the course of being read whole."""
        if not self.is_reading:
            self.finish()


def _has_body(http: Any) -> bool:
    try:
        return http.content is not None
    except Exception:  # a body that has not been read raises
        return False


def _watch_parse(response: Any, ending: _Ending, hides_usage: bool) -> None:
    parse = response.parse

    def watched(parsed: Any) -> Any:
        if streams.is_stream(parsed) and (call := ending.hand_over()) is not None:
            streams.watch(parsed, call, hides_usage=hides_usage)
        return parsed

    async def later(parsed: Awaitable[Any]) -> Any:
        return watched(await parsed)

    @wraps(parse)
    def parsing(*args: Any, **kwargs: Any) -> Any:
        parsed = parse(*args, **kwargs)
        return later(parsed) if inspect.isawaitable(parsed) else watched(parsed)

    with suppress(AttributeError):
        response.parse = parsing


def _watch_reading(http: Any, ending: _Ending) -> None:
    reference = weakref.ref(http)

    def done() -> None:
        ending.is_reading = False
        whole = reference()
        ending.finish(None if whole is None else Body(whole))

    for name, watched in (("read", _reading), ("aread", _areading)):
        original: Any = getattr(http, name, None)
        if original is not None:
            with suppress(AttributeError):
                setattr(http, name, watched(original, ending, done))


def _reading(original: Callable[..., Any], ending: _Ending, done: Callable[[], None]) -> Callable[..., Any]:
    @wraps(original)
    def read(*args: Any, **kwargs: Any) -> Any:
        ending.is_reading = True
        try:
            body = original(*args, **kwargs)
        except BaseException as error:
            ending.fail(error)
            raise
        done()
        return body

    return read


def _areading(
    original: Callable[..., Awaitable[Any]], ending: _Ending, done: Callable[[], None]
) -> Callable[..., Awaitable[Any]]:
    @wraps(original)
    async def aread(*args: Any, **kwargs: Any) -> Any:
        ending.is_reading = True
        try:
            body = await original(*args, **kwargs)
        except BaseException as error:
            ending.fail(error)
            raise
        done()
        return body

    return aread

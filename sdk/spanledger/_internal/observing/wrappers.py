"""The four call-time wrappers of `@observe`: plain, async, generator, async generator.

A generator's span is open from its first step until it is exhausted, closed, dropped or fails. The span is
current only while the generator's own code runs: the context is attached for each step and given back before
the item reaches the consumer, so that the consumer's spans never become children of the generator's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from functools import wraps
from typing import Any

from spanledger._internal import runtime
from spanledger._internal.observing.call import Call, begin
from spanledger._internal.observing.declaration import Declaration
from spanledger._internal.observing.streams import async_stepping, steps


def plain(fn: Callable[..., Any], declaration: Declaration) -> Callable[..., Any]:
    """Return `fn` wrapped so that each call is one span."""

    @wraps(fn)
    def observed(*args: Any, **kwargs: Any) -> Any:
        if runtime.active is None or (call := begin(declaration, args, kwargs)) is None:
            return fn(*args, **kwargs)
        call.attach()
        try:
            result = fn(*args, **kwargs)
        except BaseException as error:
            call.detach()
            call.fail(error)
            raise
        call.detach()
        return call.finish(result)

    return observed


def coroutine(fn: Callable[..., Awaitable[Any]], declaration: Declaration) -> Callable[..., Awaitable[Any]]:
    """Return the coroutine function `fn` wrapped so that each awaited call is one span."""

    @wraps(fn)
    async def observed(*args: Any, **kwargs: Any) -> Any:
        if runtime.active is None or (call := begin(declaration, args, kwargs)) is None:
            return await fn(*args, **kwargs)
        call.attach()
        try:
            result = await fn(*args, **kwargs)
        except BaseException as error:
            call.detach()
            call.fail(error)
            raise
        call.detach()
        return call.finish(result)

    return observed


def generator(
    fn: Callable[..., Generator[Any, Any, Any]], declaration: Declaration
) -> Callable[..., Generator[Any, Any, Any]]:
    """Return the generator function `fn` wrapped so that each iteration to its end is one span."""

    @wraps(fn)
    def observed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        if runtime.active is None or (call := begin(declaration, args, kwargs)) is None:
            return (yield from fn(*args, **kwargs))
        return (yield from steps(call, fn(*args, **kwargs)))

    return observed


def async_generator(
    fn: Callable[..., AsyncGenerator[Any, Any]], declaration: Declaration
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """Return the async generator function `fn` wrapped so that each iteration to its end is one span."""

    def start(*args: Any, **kwargs: Any) -> tuple[Call | None, AsyncGenerator[Any, Any]]:
        call = begin(declaration, args, kwargs) if runtime.active is not None else None
        return call, fn(*args, **kwargs)

    return wraps(fn)(async_stepping(start))

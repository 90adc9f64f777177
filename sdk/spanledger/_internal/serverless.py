"""`spanledger.flush_after`: for programs that are frozen, or killed, between two requests."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, overload

from spanledger._internal import runtime

P = ParamSpec("P")
R = TypeVar("R")


@overload
def flush_after(fn: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def flush_after(*, timeout: float = 2.0) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def flush_after(fn: Any = None, /, *, timeout: float = 2.0) -> Any:
    """Deliver what a handler recorded before it returns, or raises: put it on what AWS Lambda or the like calls.

    Waits at most `timeout` seconds, and not at all where nothing is to be delivered; what is not delivered by then
    stays queued, and goes with the next call. An async handler's event loop is not held up. The outermost
    decorator, so that the span of an observed handler is delivered, too.
    """

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(handler):
            import asyncio  # for weight: 0.05 s of every `import spanledger`

            @wraps(handler)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                try:
                    return await handler(*args, **kwargs)
                finally:
                    await asyncio.to_thread(runtime.flush, timeout)

            return awaited

        @wraps(handler)
        def called(*args: Any, **kwargs: Any) -> Any:
            try:
                return handler(*args, **kwargs)
            finally:
                runtime.flush(timeout)

        return called

    return decorate if fn is None else decorate(fn)

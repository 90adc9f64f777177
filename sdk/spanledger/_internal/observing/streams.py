"""Results that are not over when a function returns: streaming responses and generators that it hands on.

The call's span then ends with the stream: when it is exhausted, fails, is closed, or is dropped. As in an observed
generator, the span is current only while the stream's own code runs.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from spanledger._internal.observing.call import Call

Follower = Callable[["Call", Any], Any]
"""Takes a call and its result; returns what is handed on in its place, or None where the result is no stream."""


def follower_of(kind: type) -> Follower | None:
    """Return how results of this type are followed; None for nearly every type. Decided once a type."""
    try:
        return _followers[kind]
    except KeyError:
        if len(_followers) >= _MOST_TYPES:  # a program that makes types as it goes
            _followers.clear()
        found = _followers[kind] = _decide(kind)
        return found


def _decide(kind: type) -> Follower | None:
    if kind is types.GeneratorType:
        return _generator
    if kind is types.AsyncGeneratorType:
        return _async_generator
    for base in kind.__mro__:
        if (found := _RESPONSES.get(f"{base.__module__}.{base.__qualname__}")) is not None:
            return found
    return None


def _generator(call: Call, made: Generator[Any, Any, Any]) -> Any:
    return _watched(call, lambda begun: steps(call, made, begun))


def _async_generator(call: Call, made: AsyncGenerator[Any, Any]) -> Any:
    return _watched(call, lambda begun: _async_steps(call, made, begun))


def _starlette(call: Call, response: Any) -> Any:
    """FastAPI and everything else on Starlette: the body is an async iterator, whatever it was made from."""
    body = vars(response).get("body_iterator")
    if not isinstance(body, AsyncIterable):
        return None
    response.body_iterator = _watched(call, lambda begun: _async_steps(call, _as_async_generator(body), begun))
    return response


def _werkzeug(call: Call, response: Any) -> Any:
    """Flask: the body is an iterable, which the server closes."""
    if not response.is_streamed or response.direct_passthrough:
        return None
    body = response.response
    response.response = _watched(call, lambda begun: steps(call, _as_generator(body), begun))
    return response


_RESPONSES: Final[dict[str, Follower]] = {
    "starlette.responses.Response": _starlette,
    "werkzeug.wrappers.response.Response": _werkzeug,
}
_MOST_TYPES: Final = 1024
_followers: dict[type, Follower | None] = {}


def _watched(call: Call, make: Callable[[Callable[[], None]], Any]) -> Any:
    """Return the generator that `make` makes; one that is dropped before its first step ends the span, too."""
    unstarted: list[weakref.finalize[..., Any]] = []

    def begun() -> None:
        unstarted[0].detach()

    made = make(begun)
    ending = weakref.finalize(made, call.finish_stream)
    ending.atexit = False
    unstarted.append(ending)
    return made


def _as_generator(body: Iterable[Any]) -> Generator[Any, Any, Any]:
    """The items of any iterable; closed when it is."""
    if isinstance(body, types.GeneratorType):
        return body
    return _iterated(body)


def _iterated(body: Iterable[Any]) -> Generator[Any, Any, Any]:
    iterator: Iterator[Any] = iter(body)
    try:
        yield from iterator
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()


def _as_async_generator(body: AsyncIterable[Any]) -> AsyncGenerator[Any, Any]:
    if isinstance(body, types.AsyncGeneratorType):
        return body
    return _async_iterated(body)


async def _async_iterated(body: AsyncIterable[Any]) -> AsyncGenerator[Any, Any]:
    iterator: AsyncIterator[Any] = aiter(body)
    async for item in iterator:
        yield item


def steps(
    call: Call, inner: Generator[Any, Any, Any], begun: Callable[[], None] | None = None
) -> Generator[Any, Any, Any]:
    """The items of `inner`, each noted by the call, whose span ends with them."""
    if begun is not None:
        begun()
    sent: Any = None
    thrown: BaseException | None = None
    try:
        while True:
            call.attach()
            try:
                item = inner.send(sent) if thrown is None else inner.throw(thrown)
            except StopIteration as stop:
                call.detach()
                call.finish_stream()
                return stop.value
            finally:
                call.detach()
            call.item(item)
            sent = thrown = None
            try:
                sent = yield item
            except GeneratorExit:
                call.attach()
                try:
                    inner.close()
                finally:
                    call.detach()
                raise
            except BaseException as error:
                thrown = error
    except GeneratorExit:
        call.finish_stream()
        raise
    except BaseException as error:
        call.fail(error)
        raise


def async_stepping(
    start: Callable[..., tuple[Call | None, AsyncGenerator[Any, Any]]],
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """An async generator function: the items of the generator that `start` returns, each noted by the call with it.

    `start` runs at the first step; a call of None is one that is not recorded.
    """

    async def stepping(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        call, inner = start(*args, **kwargs)
        sent: Any = None
        thrown: BaseException | None = None
        try:
            while True:
                # Attached and detached within one step: each step may run in another task and context.
                if call is not None:
                    call.attach()
                try:
                    item = await (inner.asend(sent) if thrown is None else inner.athrow(thrown))
                except StopAsyncIteration:
                    break
                finally:
                    if call is not None:
                        call.detach()
                if call is not None:
                    call.item(item)
                sent = thrown = None
                try:
                    sent = yield item
                except GeneratorExit:
                    if call is not None:
                        call.attach()
                    try:
                        await inner.aclose()
                    finally:
                        if call is not None:
                            call.detach()
                    raise
                except BaseException as error:
                    thrown = error
        except GeneratorExit:
            if call is not None:
                call.finish_stream()
            raise
        except BaseException as error:
            if call is not None:
                call.fail(error)
            raise
        if call is not None:
            call.finish_stream()

    return stepping


def _at_first_step(
    call: Call, inner: AsyncGenerator[Any, Any], begun: Callable[[], None]
) -> tuple[Call | None, AsyncGenerator[Any, Any]]:
    begun()
    return call, inner


_async_steps: Final = async_stepping(_at_first_step)

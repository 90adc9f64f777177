"""`@spanledger.observe`: one decorator for functions, coroutines, generators and async generators."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast, overload

from spanledger._internal import wrappers
from spanledger._internal.declaration import CaptureChoice, declare
from spanledger.semconv import SpanKindName

P = ParamSpec("P")
R = TypeVar("R")


@overload
def observe(fn: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def observe(
    *,
    name: str | None = None,
    kind: SpanKindName | None = None,
    capture: CaptureChoice | bool | None = None,
    attributes: Mapping[str, str | int | float | bool] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def observe(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    kind: SpanKindName | None = None,
    capture: CaptureChoice | bool | None = None,
    attributes: Mapping[str, str | int | float | bool] | None = None,
) -> Any:
    """Record every call of a function as a span, without changing what it takes, returns or raises.

    | option | |
    |---|---|
    | name | of the span; default the function's qualified name |
    | kind | llm, agent, tool, retrieval, embedding, guardrail, chain; default chain, and llm for a call whose result carries token usage |
    | capture | on, off, embedding, input, output (or True, False); default what `init` says; never more than it |
    | attributes | fixed attributes of every span |

    Tokens, model, finish reasons and text are read from the result where it has the shape of an OpenAI,
    Anthropic or Google GenAI response (object or dict); `spanledger.update()` inside the function sets what
    cannot be read. Exceptions pass through and are recorded. A generator's span lasts until it is exhausted,
    closed or dropped. Before `init` the function runs as if undecorated.
    """  # noqa: E501 - a table row is one line
    if fn is None:

        def decorate(function: Callable[..., Any]) -> Any:
            return _wrap(function, name, kind, capture, attributes)

        return decorate
    return _wrap(fn, name, kind, capture, attributes)


def _wrap(
    fn: Callable[..., Any],
    name: str | None,
    kind: SpanKindName | None,
    capture: CaptureChoice | bool | None,
    attributes: Mapping[str, Any] | None,
) -> Any:
    if isinstance(fn, (staticmethod, classmethod)):
        inner = _wrap(cast("Callable[..., Any]", fn.__func__), name, kind, capture, attributes)
        return type(fn)(inner)
    declaration = declare(fn, name=name, kind=kind, capture=capture, attributes=attributes)
    if inspect.isasyncgenfunction(fn):
        return wrappers.async_generator(fn, declaration)
    if inspect.isgeneratorfunction(fn):
        return wrappers.generator(fn, declaration)
    if inspect.iscoroutinefunction(fn):
        return wrappers.coroutine(fn, declaration)
    return wrappers.plain(fn, declaration)

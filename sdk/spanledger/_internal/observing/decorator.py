"""`@spanledger.observe`: one decorator for everything that can be called."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final, NamedTuple, ParamSpec, Protocol, TypeVar, overload

from spanledger._internal.budgets.ceiling import Ceiling, ceiling
from spanledger._internal.content.capturing import CaptureChoice
from spanledger._internal.log import warn_once
from spanledger._internal.observing import callables, interception, wrappers
from spanledger._internal.observing.declaration import check_options, check_sample, declare
from spanledger.semconv import SpanKindName

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_MARK: Final = "__spanledger_observed__"


class Decorator(Protocol):
    """What `observe(...)` with options returns."""

    @overload
    def __call__(self, fn: type[T], /) -> type[T]: ...
    @overload
    def __call__(self, fn: classmethod[T, P, R], /) -> classmethod[T, P, R]: ...
    @overload
    def __call__(self, fn: staticmethod[P, R], /) -> staticmethod[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def observe(fn: type[T], /) -> type[T]: ...
@overload
def observe(fn: classmethod[T, P, R], /) -> classmethod[T, P, R]: ...
@overload
def observe(fn: staticmethod[P, R], /) -> staticmethod[P, R]: ...
@overload
def observe(fn: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def observe(
    *,
    name: str | None = None,
    kind: SpanKindName | None = None,
    capture: CaptureChoice | bool | None = None,
    attributes: Mapping[str, str | int | float | bool] | None = None,
    sample: float | None = None,
    max_cost: Decimal | str | int | float | None = None,
    max_tokens: int | None = None,
) -> Decorator: ...
def observe(
    fn: Any = None,
    /,
    *,
    name: str | None = None,
    kind: SpanKindName | None = None,
    capture: CaptureChoice | bool | None = None,
    attributes: Mapping[str, str | int | float | bool] | None = None,
    sample: float | None = None,
    max_cost: Decimal | str | int | float | None = None,
    max_tokens: int | None = None,
) -> Any:
    """Record every call of a function as a span, without changing what it takes, returns or raises.

    | option | |
    |---|---|
    | name | of the span; default the function's qualified name |
    | kind | llm, agent, tool, retrieval, embedding, guardrail, chain; default chain, and llm for a call whose result carries token usage |
    | capture | on, off, embedding, input, output (or True, False); default what `init` says; never more than it |
    | attributes | fixed attributes of every span |
    | sample | the share of calls that is sent whole, from 0 to 1, where the call begins its trace; inside one, at most that share of its traces shows this call and what it calls; default what `init` says |
    | max_cost, max_tokens | of one call, in US dollars and tokens: raises CallTooExpensive before a call whose arguments say that it may take more |

    Tokens, model, finish reasons and text are read from the result where it has the shape of an OpenAI,
    Anthropic or Google GenAI response (object or dict); `spanledger.update()` inside the function sets what
    cannot be read. Exceptions pass through and are recorded. A generator's span lasts until it is exhausted,
    closed or dropped. Before `init` the function runs as if undecorated.

    Takes functions, methods, classmethods and staticmethods (above or beneath those decorators), partials,
    builtins and callable objects, sync or async. What is observed twice is counted once: the outer options
    win over the inner ones. A class, a property or what cannot be called is returned as it is, with a warning.
    """  # noqa: E501 - a table row is one line
    options = _Options(
        name,
        kind,
        check_options(kind, capture),
        dict(attributes or {}),
        check_sample(sample),
        ceiling(max_cost, max_tokens),
    )
    if type(fn) is str:  # `@observe("name")`, as other tools have it
        warn_once("observe-name", "observe(%r): a span's name is observe(name=%r)", fn, fn)
        options = options._replace(name=name or fn)
        fn = None
    if fn is None:
        return lambda function: _observed(function, options)
    return _observed(fn, options)


class _Options(NamedTuple):
    name: str | None
    kind: SpanKindName | None
    capture: CaptureChoice | None
    attributes: dict[str, Any]
    sample: float | None = None
    ceiling: Ceiling | None = None

    def over(self, inner: _Options) -> _Options:
        """Return these, and where they say nothing what the decorator beneath says."""
        return _Options(
            self.name or inner.name,
            self.kind or inner.kind,
            self.capture or inner.capture,
            {**inner.attributes, **self.attributes},
            inner.sample if self.sample is None else self.sample,
            self.ceiling or inner.ceiling,
        )


class _Mark(NamedTuple):
    """On a wrapper: what it wraps. `functools.wraps` of other decorators copies it, so it names its own wrapper."""

    wrapper: object
    fn: Callable[..., Any]
    options: _Options


def _observed(fn: Any, options: _Options) -> Any:
    try:
        return _wrap(fn, options)
    except Exception as error:  # a module must not fail to import because it cannot be observed
        warn_once(f"observe-{id(fn)}", "%s cannot be observed: %s", _label(fn), error, error=error)
        return fn


def _wrap(fn: Any, options: _Options) -> Any:
    if (remedy := _refused(fn)) is not None:
        warn_once(f"observe-{_label(fn)}", "%s is not observed: %s", _label(fn), remedy)
        return fn
    made = callables.rebuilt(fn, lambda inner: _wrap(inner, options))
    if made is not None:
        return made
    if isinstance(fn, types.MethodType) and _mark(fn.__func__) is not None:
        return types.MethodType(_wrap(fn.__func__, options), fn.__self__)
    if (mark := _mark(fn)) is not None:
        fn, options = mark.fn, options.over(mark.options)
    declaration = declare(
        fn, options.name, options.kind, options.capture, options.attributes, options.sample, options.ceiling
    )
    code = callables.code_of(fn)
    if inspect.isasyncgenfunction(code):
        observed = wrappers.async_generator(fn, declaration)
    elif inspect.isgeneratorfunction(code):
        observed = wrappers.generator(fn, declaration)
    elif inspect.iscoroutinefunction(code):
        observed = wrappers.coroutine(fn, declaration)
    else:
        observed = wrappers.plain(fn, declaration)
    interception.note(observed)
    if not callables.is_function(fn):
        made = callables.stand_in(fn, observed, declaration)
        callables.keep(made, _Mark(made, fn, options))
        return made
    setattr(observed, _MARK, _Mark(observed, fn, options))
    return observed


def _mark(fn: object) -> _Mark | None:
    mark = callables.kept(fn) or getattr(fn, "__dict__", {}).get(_MARK)
    return mark if isinstance(mark, _Mark) and mark.wrapper is fn else None


def _refused(fn: Any) -> str | None:
    if isinstance(fn, (type, types.GenericAlias)):
        return "a class stays as it is; put @spanledger.observe on its methods, or on __init__ for its construction"
    if isinstance(fn, property):
        return "a property is no call; put @spanledger.observe beneath @property"
    if not callable(fn) and callables.rebuilt(fn, lambda inner: inner) is None:
        return "it cannot be called; put @spanledger.observe on the function beneath"
    return None


def _label(fn: Any) -> str:
    name: object = None
    with suppress(Exception):  # a proxy for an object that is not there yet
        name = fn.__qualname__
    return name if isinstance(name, str) else f"an object of type {type(fn).__qualname__}"

"""`spanledger.carry` and `spanledger.propagating`: context that crosses to threads, pools and other processes.

Python gives a new thread an empty context and `Executor.submit` passes none on, so that what runs there has no parent
span and no customer. Nothing is patched: the function, or the executor, is wrapped by whoever wants it.
"""

from __future__ import annotations

import contextvars
import inspect
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from opentelemetry import context as otel_context
from opentelemetry import trace

from spanledger._internal.context.stamps import STAMPS_KEY
from spanledger._internal.log import warn_once

P = ParamSpec("P")
R = TypeVar("R")


def carry(fn: Callable[P, R]) -> Callable[P, R]:
    """Return `fn` bound to the context of this moment: wherever it runs, its spans have our parent and our stamps.

        threading.Thread(target=spanledger.carry(work)).start()

    Takes functions and coroutine functions; the result may be called often and in several threads at once. All
    context variables are carried, those of other libraries too (a coroutine gets OpenTelemetry's only: it runs in
    a context of its own already). A generator's body runs where it is consumed: carry the function that consumes it;
    a generator function is returned as it is, with a warning.
    """
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        warn_once("carry", "carry(%s): a generator runs where it is consumed; carry the function that consumes it", fn)
        return fn  # pyright: ignore[reportReturnType] - it is what was given
    if inspect.iscoroutinefunction(fn):
        return _coroutine(fn, otel_context.get_current())
    held = contextvars.copy_context()

    # Not `wraps` alone: partials and callable objects have no name to copy, which is as well.
    @wraps(fn)
    def carried(*args: Any, **kwargs: Any) -> Any:
        # A context can be entered once at a time: each call has its own copy, which costs nothing.
        return held.copy().run(fn, *args, **kwargs)

    return carried


def _coroutine(fn: Any, held: otel_context.Context) -> Any:
    @wraps(fn)
    async def carried(*args: Any, **kwargs: Any) -> Any:
        token = otel_context.attach(held)
        try:
            return await fn(*args, **kwargs)
        finally:
            otel_context.detach(token)

    return carried


def propagating(executor: Executor) -> Executor:
    """Return an executor that runs what is submitted in the context of whoever submits it.

        with spanledger.propagating(ThreadPoolExecutor()) as pool:
            pool.submit(work)

    Works with `submit`, `map` and `loop.run_in_executor`. Over a `ProcessPoolExecutor` the parent span and the stamps
    of `spanledger.context` are sent along (the processes call `init` themselves, or are forked). The executor itself
    stays usable, and is shut down with the returned one.
    """
    return _Propagating(executor)


class _Propagating(Executor):
    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        # Not imported, for it brings multiprocessing: whoever has such a pool has imported it.
        pools: Any = sys.modules.get("concurrent.futures.process")
        self._is_far = pools is not None and isinstance(executor, pools.ProcessPoolExecutor)

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        if self._is_far:
            return self._executor.submit(_Sent(fn), *args, **kwargs)
        return self._executor.submit(carry(fn), *args, **kwargs)

    def map(self, fn: Callable[..., Any], *iterables: Any, timeout: float | None = None, chunksize: int = 1) -> Any:
        if self._is_far:
            return self._executor.map(_Sent(fn), *iterables, timeout=timeout, chunksize=chunksize)
        return self._executor.map(carry(fn), *iterables, timeout=timeout, chunksize=chunksize)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=wait, cancel_futures=cancel_futures)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._executor, name)


class _Sent:
    """A function with its parent span and stamps, in a form that can be pickled."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        current = otel_context.get_current()
        span = trace.get_current_span(current).get_span_context()
        stamps: Any = current.get(STAMPS_KEY)
        self._fn = fn
        self._span = (span.trace_id, span.span_id, int(span.trace_flags)) if span.is_valid else None
        self._stamps: Mapping[str, Any] = dict(stamps or {})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        there = otel_context.set_value(STAMPS_KEY, self._stamps, otel_context.get_current())
        if self._span is not None:
            trace_id, span_id, flags = self._span
            parent = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags))
            there = trace.set_span_in_context(trace.NonRecordingSpan(parent), there)
        token = otel_context.attach(there)
        try:
            return self._fn(*args, **kwargs)
        finally:
            otel_context.detach(token)

"""Our own wrapping of the OpenAI and Anthropic clients, where no instrumentation of them is installed.

Both clients send everything through one method, `request`, of one class each for sync and async. It is replaced at
class level, once: what stands on it (`create`, `parse`, `stream`, `with_raw_response`, `with_streaming_response`,
Azure, Bedrock and Vertex clients) is seen without being touched, and keeps its type, signature and pickling.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from functools import partial, wraps
from importlib import import_module
from types import FunctionType
from typing import Any, Final, NamedTuple

from opentelemetry import context as otel_context

from spanledger import semconv
from spanledger._internal import runtime
from spanledger._internal.instrument import adoption, asking, raw, streams
from spanledger._internal.log import warn_once
from spanledger._internal.observing.call import Call, begin

_MARK: Final = "__spanledger_client__"
_CALL: Final = otel_context.create_key("spanledger-client-call")
_CLASSES: Final[Mapping[str, tuple[str, str]]] = {
    "openai": ("OpenAI", "AsyncOpenAI"),
    "anthropic": ("Anthropic", "AsyncAnthropic"),
}
# Endpoints that answered that they do not know `stream_options`; no more than are asked, in practice one or two.
_without_usage_option: set[str] = set()


def wrap(module: str) -> Callable[[], None]:
    """Observe all clients of this package (`openai` or `anthropic`) from now on; return what undoes it."""
    package = import_module(module)
    undoings: list[Callable[[], None]] = []
    for name, make in zip(_CLASSES[module], (_sync, _async), strict=True):
        client: type[Any] = getattr(package, name)
        _replace(client, "request", make, undoings)
        # Both are the clients' own business: where a version has them not, retries are not told.
        _replace(client, "_build_request", _counting, undoings)
        _replace(client, "_tracer", _silent_within, undoings)

    def undo() -> None:
        while undoings:
            undoings.pop()()

    return undo


def complete(module: str, *, hush_only: bool = False) -> Callable[[], None]:
    """Add what another instrumentation of this package cannot know, and hush what says the same twice.

    To be called before that one is put to use, so that it lies around ours.

    Returns what undoes it. OpenAI's streams that do not ask for their usage get a span of ours, with it, inside the
    other's. Anthropic's client makes spans of its own, in versions that do: these are not made.
    """
    package = import_module(module)
    undoings: list[Callable[[], None]] = []
    for name, make, hushing in zip(_CLASSES[module], (_sync, _async), (_hushing, _hushing_async), strict=True):
        client: type[Any] = getattr(package, name)
        if any("_tracer" in vars(base) for base in client.__mro__):
            _replace(client, "request", hushing, undoings)
            _replace(client, "_tracer", _silent_within, undoings)
        elif not hush_only:
            _replace(client, "request", partial(make, fills_in=True), undoings)
            _replace(client, "_build_request", _counting, undoings)

    def undo() -> None:
        while undoings:
            undoings.pop()()

    return undo


def _replace(client: type[Any], name: str, make: Callable[[Any], Any], undoings: list[Callable[[], None]]) -> None:
    owner = next((base for base in client.__mro__ if name in vars(base)), None)
    if owner is None:
        return
    original = vars(owner)[name]
    if hasattr(original, _MARK):  # a wrapping that somebody else has wrapped since, and that is still in force
        return
    made = make(original if isinstance(original, (FunctionType, property)) else _as_function(original))
    setattr(owner, name, made)

    def undo() -> None:
        if vars(owner).get(name) is made:
            setattr(owner, name, original)
        for base in client.__mro__:  # who wraps on top of ours may put it back on the class above
            if base is not owner and vars(base).get(name) is made:
                delattr(base, name)

    undoings.append(undo)


def _as_function(original: Any) -> Callable[..., Any]:
    """Other packages' wrappers must be bound to know whose method they are."""

    @wraps(original)
    def bound(self: Any, *args: Any, **kwargs: Any) -> Any:
        return original.__get__(self, type(self))(*args, **kwargs)

    return bound


class _Started(NamedTuple):
    """One request under way."""

    call: Call
    sent: asking.Arguments
    unchanged: asking.Arguments  # without what was added here
    is_stream: bool
    adds_usage: bool
    host: str
    provider: str | None

    def can_do_without(self, error: Exception) -> bool:
        """True if the endpoint refused what was added here, and would take the request as the program made it."""
        if not self.adds_usage or getattr(error, "status_code", None) not in (400, 404, 422):
            return False
        if "stream_options" not in str(error) and "include_usage" not in str(error):
            return False
        _without_usage_option.add(self.host)
        return True

    def end(self, result: Any) -> None:
        """Watch what was returned until it tells its usage. Never raises."""
        try:
            if self.provider is not None:
                self.call.updates = {**(self.call.updates or {}), "provider": self.provider}
            if raw.is_raw(result):
                raw.watch(result, self.call, is_stream=self.is_stream, hides_usage=self.adds_usage)
            elif self.is_stream and streams.is_stream(result):
                streams.watch(result, self.call, hides_usage=self.adds_usage)
            else:
                self.call.finish(None if self.is_stream else result)
        except Exception as error:
            warn_once("client", "a response could not be watched: %s", error, error=error)


def _begin(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, fills_in: bool) -> _Started | None:
    """Start the span of a request; None if it is none of a model's, or, filling in, another's span tells all of it.

    Raises what stops a call before it is made, where that was asked for; nothing else.
    """
    try:
        request = asking.read(client, args, kwargs)
    except Exception as error:
        warn_once("client", "a client's call could not be observed: %s", error, error=error)
        return None
    if request is None:
        return None
    if fills_in and not (request.leaves_usage_unasked and request.host not in _without_usage_option):
        return None
    asked = dict(request.asked)
    around = adoption.context_for_call()
    token = None if around is None else otel_context.attach(around)
    try:
        call = begin(request.declaration, (), asked)
    finally:
        if token is not None:
            otel_context.detach(token)
    if call is None:
        return None
    try:
        call.context = otel_context.set_value(_CALL, call, call.context)
        body = request.changed(asked)
        adds = request.leaves_usage_unasked and request.host not in _without_usage_option
        unchanged = args, kwargs
        if body != request.body:
            unchanged = asking.with_body(args, kwargs, request.options, body)
        sent = unchanged
        if adds:
            sent = asking.with_body(args, kwargs, request.options, {**body, "stream_options": {"include_usage": True}})
        return _Started(call, sent, unchanged, request.is_stream, adds, request.host, request.provider)
    except Exception as error:
        warn_once("client", "a client's call could not be observed: %s", error, error=error)
        call.finish(None)
        return None


def _sync(original: Callable[..., Any], *, fills_in: bool = False) -> Callable[..., Any]:
    @wraps(original)
    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        if runtime.active is None or (started := _begin(self, args, kwargs, fills_in=fills_in)) is None:
            return original(self, *args, **kwargs)
        call = started.call
        call.attach()
        try:
            try:
                result = original(self, *started.sent[0], **started.sent[1])
            except Exception as error:
                if not started.can_do_without(error):
                    raise
                result = original(self, *started.unchanged[0], **started.unchanged[1])
        except BaseException as error:
            call.detach()
            streams.fail(call, error)
            raise
        call.detach()
        started.end(result)
        return result

    setattr(request, _MARK, True)
    return request


def _async(original: Callable[..., Any], *, fills_in: bool = False) -> Callable[..., Any]:
    @wraps(original)
    async def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        if runtime.active is None or (started := _begin(self, args, kwargs, fills_in=fills_in)) is None:
            return await original(self, *args, **kwargs)
        call = started.call
        call.attach()
        try:
            try:
                result = await original(self, *started.sent[0], **started.sent[1])
            except Exception as error:
                if not started.can_do_without(error):
                    raise
                result = await original(self, *started.unchanged[0], **started.unchanged[1])
        except BaseException as error:
            call.detach()
            streams.fail(call, error)
            raise
        call.detach()
        started.end(result)
        return result

    setattr(request, _MARK, True)
    return request


@contextmanager
def _hush(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Generator[None]:
    token = None
    with suppress(Exception):  # what cannot be read is no call of a model
        if asking.read(client, args, kwargs) is not None:
            token = otel_context.attach(otel_context.set_value(_CALL, True))
    try:
        yield
    finally:
        if token is not None:
            otel_context.detach(token)


def _hushing(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _hush(self, args, kwargs):
            return original(self, *args, **kwargs)

    setattr(request, _MARK, True)
    return request


def _hushing_async(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    async def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _hush(self, args, kwargs):
            return await original(self, *args, **kwargs)

    setattr(request, _MARK, True)
    return request


def _counting(original: Callable[..., Any]) -> Callable[..., Any]:
    """The clients build a request anew for every attempt, and tell which one it is."""

    @wraps(original)
    def build(self: Any, *args: Any, **kwargs: Any) -> Any:
        retries = kwargs.get("retries_taken")
        if retries and isinstance(call := otel_context.get_value(_CALL), Call):
            call.span.set_attribute(semconv.HTTP_RESEND_COUNT, retries)
        return original(self, *args, **kwargs)

    setattr(build, _MARK, True)
    return build


class _Silent(property):
    """A client's own tracer, which is silent inside calls that are observed here: one call is one span."""


def _silent_within(original: Any) -> Any:
    if type(original) is not property or original.fget is None:
        return original
    read = original.fget

    @wraps(read)
    def tracer(self: Any) -> Any:
        return None if otel_context.get_value(_CALL) is not None else read(self)

    made = _Silent(tracer, original.fset, original.fdel)
    setattr(made, _MARK, True)
    return made

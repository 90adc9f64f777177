"""A global TracerProvider that can be taken away again.

OpenTelemetry installs a global provider once and for all, and a tracer that a library holds binds itself to the
first one it meets. A recording must see such libraries' spans and leave them as they were, so what it installs
decides at every span: inside a recording the span is the recording's, afterwards it goes wherever the global
provider of that moment sends it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, Tracer, TracerProvider

_SLOT = "_TRACER_PROVIDER"  # OpenTelemetry has no public way back; without this name only our own spans are seen


class _FollowingTracer(Tracer):
    def __init__(self, provider: _FollowingProvider, scope: tuple[Any, ...]) -> None:
        self._provider = provider
        self._scope = scope

    def _now(self) -> Tracer:
        target = self._provider.target or trace.get_tracer_provider()
        if isinstance(target, _FollowingProvider):
            return trace.NoOpTracer()
        return target.get_tracer(*self._scope)

    def start_span(self, *args: Any, **kwargs: Any) -> Span:
        return self._now().start_span(*args, **kwargs)

    @contextmanager
    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Generator[Span]:  # pyright: ignore[reportIncompatibleMethodOverride] - theirs works as a decorator of coroutines, too
        with self._now().start_as_current_span(*args, **kwargs) as span:
            yield span


class _FollowingProvider(TracerProvider):
    target: TracerProvider | None = None

    def get_tracer(self, *args: Any, **kwargs: Any) -> Tracer:
        scope = (*args, *(kwargs.get(name) for name in _SCOPE[len(args) :]))
        return _FollowingTracer(self, scope)


_SCOPE = ("instrumenting_module_name", "instrumenting_library_version", "schema_url", "attributes")
_following = _FollowingProvider()


@contextmanager
def installed(provider: TracerProvider) -> Generator[None]:
    """Make `provider` the global one inside the block, and what was global before afterwards."""
    earlier = _following.target
    before = getattr(trace, _SLOT, None)
    is_swappable = hasattr(trace, _SLOT)
    _following.target = provider
    if is_swappable:
        setattr(trace, _SLOT, _following)
    try:
        yield
    finally:
        _following.target = earlier
        # A provider that the program installed meanwhile is the program's.
        if is_swappable and getattr(trace, _SLOT) is _following:
            setattr(trace, _SLOT, before)

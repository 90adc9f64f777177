"""The SDK running against a real OTLP server, and gone after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

import spanledger
from spanledger._internal import runtime

from .sink import Sink, running


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A local OTLP server."""
    with running() as started:
        yield started


@pytest.fixture
def start(sink: Sink) -> Iterator[Callable[..., TracerProvider]]:
    """Start the SDK on a provider of its own, with any arguments of `init`."""

    def begin(**arguments: Any) -> TracerProvider:
        provider = arguments.pop("tracer_provider", None) or TracerProvider(shutdown_on_exit=False)
        arguments.setdefault("endpoint", sink.url)
        spanledger.init(tracer_provider=provider, **arguments)
        return provider

    yield begin
    stopping = runtime.active
    spanledger.shutdown(timeout=0)
    if stopping is not None:
        stopping.exporter.join(5)
    runtime._last = None


@pytest.fixture
def sdk(start: Callable[..., TracerProvider], sink: Sink) -> Sink:
    """The SDK started with defaults; returns where its spans arrive after `spanledger.flush()`."""
    start()
    return sink

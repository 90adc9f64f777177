"""The requests that are written directly are those that OpenTelemetry's own encoder makes."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.trace.status import Status, StatusCode

from spanledger._internal import log
from spanledger._internal.delivery.otlp import encode

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
integers = st.integers(-(2**63), 2**63 - 1)
scalars = st.one_of(text, st.booleans(), integers, st.floats(allow_nan=False), st.binary(max_size=300))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=8,
)
attributes = st.dictionaries(text.filter(bool), values, max_size=8)
moments = st.integers(0, 2**64 - 1)
contexts = st.builds(
    SpanContext,
    trace_id=st.integers(1, 2**128 - 1),
    span_id=st.integers(1, 2**64 - 1),
    is_remote=st.booleans(),
    trace_flags=st.just(TraceFlags(1)),
    trace_state=st.sampled_from([TraceState(), TraceState([("a", "1")]), TraceState([("a", "1"), ("b", "x=y")])]),
)
events = st.builds(Event, name=text, attributes=attributes, timestamp=moments)
spans = st.builds(
    ReadableSpan,
    name=text,
    context=contexts,
    parent=st.none() | contexts,
    resource=st.sampled_from([Resource({"service.name": "a"}), Resource({"n": 1}, "https://s"), Resource({})]),
    attributes=attributes,
    events=st.lists(events, max_size=3),
    links=st.lists(st.builds(Link, contexts, attributes), max_size=3),
    kind=st.sampled_from(SpanKind),
    instrumentation_scope=st.none()
    | st.builds(InstrumentationScope, text.filter(bool), st.none() | text, st.none() | text, attributes),
    status=st.sampled_from(
        [Status(), Status(StatusCode.OK), Status(StatusCode.ERROR), Status(StatusCode.ERROR, "why")]
    ),
    start_time=st.none() | moments,
    end_time=st.none() | moments,
)


@pytest.fixture(autouse=True)
def _nothing_said_before() -> Iterator[None]:
    log.forget()
    yield
    log.forget()


@given(st.lists(spans, max_size=5))
def test_it_says_what_opentelemetry_s_encoder_says(batch: list[ReadableSpan]) -> None:
    assert ExportTraceServiceRequest.FromString(encode(batch)) == encode_spans(batch)


@given(st.integers(0, 40_000))
def test_lengths_around_every_size_of_a_varint(length: int) -> None:
    span = one({"long": "x" * length, "count": length, "less": -length})
    assert ExportTraceServiceRequest.FromString(encode([span])) == encode_spans([span])


class Colour(enum.StrEnum):
    """A string that is no `str`, strictly."""

    RED = "red"


class Level(enum.IntEnum):
    """The same for numbers."""

    HIGH = 3


def test_subclasses_and_nothing_are_values_too() -> None:
    span = one({"colour": Colour.RED, "level": Level.HIGH, "none": None, "list": [None, Colour.RED, ()]})
    assert ExportTraceServiceRequest.FromString(encode([span])) == encode_spans([span])


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "\ud800", object(), {"deep": [object()]}])
def test_an_attribute_that_cannot_be_sent_costs_itself_only(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    sent = ExportTraceServiceRequest.FromString(encode([one({"bad": value, "good": 1}), one({"bad": value})]))
    first, second = sent.resource_spans[0].scope_spans[0].spans
    assert [pair.key for pair in first.attributes] == ["good"]
    assert not second.attributes
    assert [record.getMessage().startswith("the attribute 'bad' cannot be sent") for record in caplog.records] == [True]


def test_a_span_that_is_none_is_refused() -> None:
    with pytest.raises(AttributeError):
        encode([ReadableSpan("no identity")])


def one(attributes: dict[str, Any]) -> ReadableSpan:
    """A span with these attributes, which its class does not look at."""
    return ReadableSpan("name", SpanContext(1, 2, is_remote=False), attributes=attributes)

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

import spanledger
from spanledger._internal.delivery import exporter, queue
from spanledger._internal.delivery.transport import retry_after

from .sink import OK, Sink

Start = Callable[..., Any]


@spanledger.observe
def work(text: str = "") -> str:
    return text


def balanced() -> spanledger.Stats:
    """The account, after checking that it adds up."""
    stats = spanledger.stats()
    assert stats.ended == stats.queued + stats.in_flight + stats.acknowledged + stats.lost
    return stats


def test_the_request_is_gzipped_otlp_with_the_key(start: Start, sink: Sink) -> None:
    start(api_key="sl-key")
    work()
    assert spanledger.flush()
    (headers,) = sink.headers
    assert headers["authorization"] == "Bearer sl-key"
    assert headers["content-encoding"] == "gzip"
    assert headers["content-type"] == "application/x-protobuf"


def test_a_tight_loop_of_20000_loses_nothing(sdk: Sink) -> None:
    for _ in range(20_000):
        work()
    assert spanledger.flush(60)
    stats = balanced()
    assert (stats.started, stats.ended, stats.sent, stats.acknowledged, stats.dropped) == (*[20_000] * 4, {})
    assert len({span.span_id for span in sdk.spans}) == 20_000


def test_threads_lose_nothing_when_the_queue_is_tiny(start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    start()
    threads = [threading.Thread(target=lambda: [work() for _ in range(300)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spanledger.flush(30)
    assert (balanced().acknowledged, balanced().dropped, len(sink.spans)) == (1200, {}, 1200)


def test_the_queue_is_bounded_by_bytes(start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPANLEDGER_MAX_QUEUE_BYTES", "10000")
    monkeypatch.setattr(queue, "PATIENCE", 0.05)
    release = threading.Event()

    def hold(_number: int) -> Any:
        release.wait(10)
        return OK

    sink.answer = hold
    start()
    for _ in range(20):
        work("x" * 4000)
    held = balanced()
    assert held.queued <= 3
    assert held.dropped["queue_full"] >= 10
    release.set()
    assert spanledger.flush(10)
    assert balanced().acknowledged == len(sink.spans)


@pytest.mark.parametrize("status", [429, 503, 502])
def test_later_means_later(start: Start, sink: Sink, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "_FIRST_BACKOFF", 0.01)
    sink.answer = lambda number: (status, {"retry-after": "0"}, b"") if number < 3 else OK
    start()
    work()
    assert spanledger.flush(10)
    stats = balanced()
    assert (stats.acknowledged, stats.sent, stats.retries, stats.dropped) == (1, 1, 2, {})
    assert len(sink.spans) == 1


def test_a_busy_collector_slows_the_program_and_loses_nothing(
    start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16")
    sink.answer = lambda number: (429, {"retry-after": "0"}, b"") if number % 3 else OK
    start()
    for _ in range(60):
        work()
    assert spanledger.flush(20)
    assert balanced().retries > 0
    assert (balanced().acknowledged, balanced().dropped, len(sink.spans)) == (60, {}, 60)


def test_a_restarted_collector_gets_what_was_kept(start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "_FIRST_BACKOFF", 0.01)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        start(endpoint=f"http://127.0.0.1:{port}")
        work()
        assert not spanledger.flush(0.1)
        assert "ConnectionError" in str(spanledger.stats().last_error)
    # The collector comes up at the very address.
    listener = socket.create_server(("127.0.0.1", port))
    received: list[bytes] = []

    def answer() -> None:
        with listener, listener.accept()[0] as connection:
            received.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    assert spanledger.flush(10)
    thread.join()
    assert received
    assert balanced().acknowledged == 1


def test_a_wrong_key_is_said_once_and_counted(start: Start, sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    sink.answer = lambda _number: (401, {}, b"")
    start(api_key="wrong")
    for _ in range(3):
        work()
        spanledger.flush()
    assert balanced().dropped == {"unauthorized": 3}
    assert [r.message for r in caplog.records if "SPANLEDGER_API_KEY" in r.message and r.levelname == "WARNING"] != []
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1


def test_a_batch_that_is_too_large_is_halved_until_it_fits(start: Start, sink: Sink) -> None:
    sizes: list[int] = []

    def answer(number: int) -> Any:
        return (413, {}, b"") if number <= 3 else OK

    sink.answer = answer
    start()
    for _ in range(8):
        work()
    assert spanledger.flush()
    assert balanced().acknowledged == len(sink.spans) == 8
    assert balanced().sent == 8
    assert not sizes


def test_a_partial_success_is_counted_exactly(start: Start, sink: Sink) -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 1
    answer.partial_success.error_message = "no id"
    sink.answer = lambda _number: (200, {}, answer.SerializeToString())
    start()
    for _ in range(3):
        work()
    spanledger.flush()
    stats = balanced()
    assert (stats.acknowledged, stats.dropped) == (2, {"rejected_by_collector": 1})
    assert stats.last_error == "no id"


def test_while_the_endpoint_fails_nobody_waits(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    start(endpoint="http://127.0.0.1:9")
    work()
    spanledger.flush(0.3)
    assert spanledger.stats().retries > 0
    waits: list[float] = []
    monkeypatch.setattr(threading.Condition, "wait", lambda *_args: waits.append(0) or False)
    for _ in range(100):
        work()
    monkeypatch.undo()
    assert not [w for w in waits if w]
    stats = balanced()
    assert stats.dropped["queue_full"] >= 89


def test_spans_that_are_not_sampled_are_neither_counted_nor_sent(start: Start, sink: Sink) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    start(tracer_provider=TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))
    assert work("x") == "x"
    spanledger.flush()
    assert balanced().ended == 0
    assert sink.requests == 0


def test_nothing_is_sent_after_shutdown_and_it_is_counted(start: Start, sink: Sink) -> None:
    provider = start()
    tracer = provider.get_tracer("third")
    work()
    assert spanledger.shutdown()
    work()
    tracer.start_span("late").end()
    assert balanced().dropped == {"after_shutdown": 1}
    assert len(sink.spans) == 1
    assert spanledger.flush()
    assert spanledger.shutdown()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *((None, None), ("2", 2.0), ("-1", 0.0), ("1e9", 60.0), ("soon", None), ("nan", None)),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_a_value_protobuf_cannot_hold_costs_its_span_at_most(sdk: Sink) -> None:
    from spanledger._internal import runtime

    assert runtime.active is not None
    runtime.active.tracer.start_span("\ud800").end()
    work()
    spanledger.flush()
    assert balanced().ended == 2
    assert sdk.named("work")


def test_a_simulated_clock_dates_spans_and_prices(sdk: Sink) -> None:
    from spanledger._internal import clock

    now = 1_748_779_200_000_000_000  # 2025-06-01: o3 cost five times as much as ten days later
    ticks = iter(range(now, now + 10**12, 800_000_000))

    @spanledger.observe(kind="llm")
    def ask() -> None:
        spanledger.update(model="o3", provider="openai", input_tokens=1_000_000)

    with clock.using(lambda: next(ticks)):
        ask()
    assert clock.time_ns is time.time_ns
    spanledger.flush()
    span = sdk.named("ask")
    assert (span.start, span.end - span.start) == (now, 800_000_000)
    assert span.attributes["spanledger.cost.usd"] == "10"


def test_json_in_content_is_utf8(sdk: Sink) -> None:
    work("grüße 🎉")
    spanledger.flush()
    assert json.loads(sdk.named("work").attributes["gen_ai.input.messages"])[0]["parts"][0]["content"] == "grüße 🎉"
    assert gzip  # the sink unpacks every body

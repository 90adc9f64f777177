"""OTLP over gRPC: a real server and a bare client, so that codes, metadata and trailers are what is tested."""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from spanledger_collector import CollectorSettings
from spanledger_collector.collector import Collector
from spanledger_collector.grpc_ingest import METHODS, GrpcIngest
from spanledger_store.control import Control, keys
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreUnavailable
from tests.collector.otlp_builder import chat, request, span
from tests.line.process import free_port

TRACES, LOGS, METRICS = METHODS
LIMIT = 1024 * 1024


class Door:
    """A collector behind gRPC, its event loop in a thread of its own."""

    def __init__(self, engine: Engine, control: Control, **settings: Any) -> None:
        for leftover in engine.settings.data.glob("spool.db*"):
            leftover.unlink()
        chosen = CollectorSettings(linger_seconds=0.01, max_body_bytes=LIMIT, **settings)
        self.collector = Collector(engine, control, chosen)
        self.collector.start()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = GrpcIngest(self.collector.receiver, self.collector.metrics, LIMIT)
        self.port = free_port()
        self.run(self.server.open("127.0.0.1", self.port))
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{self.port}", options=[("grpc.enable_retries", 0), ("grpc.max_send_message_length", -1)]
        )

    def run(self, work: Any) -> Any:
        """Await something in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def call(self, body: bytes, method: str = TRACES, **options: Any) -> bytes:
        """One export, with the client's own options. Raises grpc.RpcError."""
        return self.channel.unary_unary(method)(body, timeout=options.pop("timeout", 30), **options)

    def refusal(self, body: bytes, **options: Any) -> Any:
        """The error that this export raises."""
        with pytest.raises(grpc.RpcError) as caught:
            self.call(body, **options)
        return caught.value

    def stored(self) -> int:
        """Spans in the store, once everything acknowledged has arrived."""
        deadline = time.monotonic() + 30
        while self.collector.spool.stats().entries:
            assert time.monotonic() < deadline, self.collector.pipeline.last_error
            time.sleep(0.02)
        return self.collector.engine.rows("SELECT count() FROM spans")[0][0]

    def close(self) -> None:
        """Stop in the order of a shutdown."""
        self.channel.close()
        self.run(self.server.close(5))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(30)
        self.loop.close()
        self.collector.stop()


@pytest.fixture
def opened(embedded: Engine, control: Control) -> Iterator[Callable[..., Door]]:
    doors: list[Door] = []

    def open_one(**settings: Any) -> Door:
        doors.append(Door(embedded, control, **settings))
        return doors[-1]

    yield open_one
    for door in doors:
        door.close()


@pytest.fixture
def door(opened: Callable[..., Door]) -> Door:
    return opened()


def body(count: int = 1) -> bytes:
    return request(*(span(chat()) for _ in range(count))).SerializeToString()


def pause(error: Any) -> int | None:
    """Seconds that the trailers of a refusal ask for, None where they ask for none."""
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            status = Status.FromString(value)
            assert (status.code, status.message) == (error.code().value[0], error.details())
            found = RetryInfo()
            assert status.details[0].Unpack(found)
            return found.retry_delay.seconds
    return None


@pytest.mark.parametrize("engine", ["embedded", "server"], indirect=True)
def test_what_is_answered_with_ok_is_stored(engine: Engine, control: Control) -> None:
    door = Door(engine, control)
    try:
        for _ in range(5):
            assert ExportTraceServiceResponse.FromString(door.call(body(20))) == ExportTraceServiceResponse()
        assert door.call(body(20), compression=grpc.Compression.Gzip) == b""
        assert door.call(body(20), compression=grpc.Compression.Deflate) == b""
        assert door.stored() == 140
        assert engine.rows("SELECT toInt64(sum(input_tokens)), uniqExact(trace_id) FROM spans") == [(14_000, 140)]
    finally:
        door.close()


def test_ok_is_not_said_before_the_bytes_are_on_disk(door: Door) -> None:
    release, entered = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        entered.set()
        release.wait(30)

    door.collector.spool._writer.submit(hold)
    assert entered.wait(30)
    answer = door.channel.unary_unary(TRACES).future(body(), timeout=30)
    time.sleep(0.3)
    assert not answer.done()
    release.set()
    assert answer.result() == b""


def test_a_sender_that_gives_up_breaks_nothing(door: Door) -> None:
    release, entered = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        entered.set()
        release.wait(30)

    door.collector.spool._writer.submit(hold)
    assert entered.wait(30)
    given_up = body()
    assert door.refusal(given_up, timeout=0.3).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    time.sleep(0.3)
    release.set()
    assert door.call(given_up) == b""
    assert door.call(body()) == b""
    assert door.stored() == 2


def test_logs_and_metrics_have_their_services(door: Door) -> None:
    assert door.call(ExportLogsServiceRequest().SerializeToString(), LOGS) == b""
    assert door.call(ExportMetricsServiceRequest().SerializeToString(), METRICS) == b""
    error = door.refusal(b"", method="/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export")
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_spans_that_cannot_be_stored_are_named_in_the_answer(door: Door) -> None:
    answer = ExportTraceServiceResponse.FromString(
        door.call(request(span(chat()), span(chat(), trace_id=b"short")).SerializeToString())
    )
    assert answer.partial_success.rejected_spans == 1
    assert "trace" in answer.partial_success.error_message
    assert door.stored() == 1


def test_what_is_not_otlp_is_refused_for_good(door: Door) -> None:
    error = door.refusal(b"\xff\xff\xff nonsense")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "ExportTraceServiceRequest" in error.details()
    assert pause(error) is None
    with pytest.raises(grpc.RpcError) as caught:
        door.channel.stream_unary(TRACES)(iter(()), timeout=30)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_a_key_is_asked_for_once_there_is_one(opened: Callable[..., Door], control: Control, header: str) -> None:
    _, secret = keys.create(control, "default", "checkout", "ingest")
    _, other = keys.create(control, "default", "eyes", "read")
    door = opened()

    def sent(key: str) -> dict[str, Any]:
        return {"metadata": [(header, f"Bearer {key}" if header == "authorization" else key)]}

    assert door.call(body(), **sent(secret)) == b""
    for metadata, words in (({}, "needs an ingest key"), (sent(other), "not a valid"), (sent("x"), "not a valid")):
        error = door.refusal(body(), **metadata)
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert words in error.details()
        assert pause(error) is None
    assert door.stored() == 1
    assert door.collector.engine.rows("SELECT DISTINCT ingest_key FROM spans") == [
        (next(key.id for key in keys.listing(control) if key.name == "checkout"),)
    ]


def test_a_stranger_is_refused_before_the_message_is_read(opened: Callable[..., Door], control: Control) -> None:
    keys.create(control, "default", "checkout", "ingest")
    door = opened()
    hold = threading.Event()

    def never_sent() -> Iterator[bytes]:
        hold.wait(30)
        yield body()

    call = door.channel.stream_unary(TRACES).future(never_sent(), timeout=30)
    try:
        assert call.code() is grpc.StatusCode.UNAUTHENTICATED
    finally:
        hold.set()


def test_a_message_over_the_limit_is_refused_for_good(door: Door) -> None:
    error = door.refusal(bytes(LIMIT + 1))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(LIMIT) in error.details()
    assert pause(error) is None
    assert door.call(body()) == b""


def test_a_message_that_unpacks_over_the_limit_is_refused_for_good(door: Door) -> None:
    bomb = request(span({"x": "a" * 50 * LIMIT})).SerializeToString()
    assert len(gzip.compress(bomb)) < LIMIT
    error = door.refusal(bomb, compression=grpc.Compression.Gzip)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert pause(error) is None
    assert door.stored() == 0


def test_a_full_spool_asks_to_come_back(opened: Callable[..., Door]) -> None:
    door = opened(spool_max_bytes=LIMIT)
    door.collector.spool.max_bytes = 10
    error = door.refusal(body())
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "SPANLEDGER_SPOOL_MAX_BYTES" in error.details()
    assert pause(error) == 5
    door.collector.spool.max_bytes = LIMIT
    assert door.call(body()) == b""


def test_keys_that_cannot_be_read_ask_to_come_back(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailable("the control database: connection refused")

    monkeypatch.setattr(keys, "any_active", away)
    error = door.refusal(body())
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "connection refused" in error.details()
    assert pause(error) == 5


def test_what_fails_here_says_so_without_details(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a secret")

    monkeypatch.setattr("spanledger_collector.receiving._ADMIT", {"traces": broken})
    error = door.refusal(body())
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in error.details()
    assert "a secret" in caplog.text


def test_requests_are_counted_by_code(door: Door) -> None:
    door.call(body())
    door.refusal(b"\xff\xff")
    sample = door.collector.metrics.registry.get_sample_value
    assert sample("spanledger_requests_total", {"signal": "traces", "status": "OK"}) == 1
    assert sample("spanledger_requests_total", {"signal": "traces", "status": "INVALID_ARGUMENT"}) == 1


def test_a_port_is_never_shared(door: Door) -> None:
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{door.port}"):
        door.run(GrpcIngest(door.collector.receiver, door.collector.metrics, LIMIT).open("127.0.0.1", door.port))
    assert door.call(body()) == b""


def test_closing_lets_requests_under_way_finish(opened: Callable[..., Door]) -> None:
    door = opened()
    release, entered = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        entered.set()
        release.wait(30)

    door.collector.spool._writer.submit(hold)
    assert entered.wait(30)
    answer = door.channel.unary_unary(TRACES).future(body(), timeout=30)
    time.sleep(0.3)
    closing = asyncio.run_coroutine_threadsafe(door.server.close(20), door.loop)
    time.sleep(0.2)
    assert not closing.done()
    release.set()
    closing.result(30)
    assert answer.result() == b""
    assert door.stored() == 1


def test_all_methods_are_of_the_standard() -> None:
    assert {request_type.request for request_type in METHODS.values()} == {
        ExportTraceServiceRequest,
        ExportLogsServiceRequest,
        ExportMetricsServiceRequest,
    }

"""The OpenTelemetry SDK's own clients for logs and metrics, over a real connection, against a real server."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import uvicorn
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spanledger_analytics.jobs import joining, ledger
from spanledger_collector import CollectorSettings, create_app, guarded
from spanledger_collector.collector import Collector
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.reports import coverage
from tests.collector.otlp_builder import chat

RESOURCE = Resource({"service.name": "checkout"})


class Server:
    """A collector behind a socket of its own."""

    def __init__(self, engine: Engine, control: Control) -> None:
        for leftover in engine.settings.data.glob("spool.db*"):
            leftover.unlink()
        app = create_app(engine, control, CollectorSettings(linger_seconds=0.01))
        self.collector: Collector = app.state.collector
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(guarded(app), log_config=None, lifespan="on"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self.thread.start()
        deadline = time.monotonic() + 30
        while not self.server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def settle(self) -> None:
        """Wait until everything acknowledged has left the spool."""
        deadline = time.monotonic() + 30
        while self.collector.spool.stats().entries:
            assert time.monotonic() < deadline, self.collector.pipeline.last_error
            time.sleep(0.02)

    def close(self) -> None:
        """Drain and end."""
        self.server.should_exit = True
        self.thread.join(30)
        self.socket.close()


@pytest.fixture
def server(embedded: Engine, control: Control) -> Iterator[Server]:
    opened = Server(embedded, control)
    yield opened
    opened.close()


@pytest.mark.parametrize("span_first", [True, False])
@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_events_of_the_sdks_logger_meet_the_span_they_were_emitted_in(
    server: Server, span_first: bool, compression: Compression
) -> None:
    spans = TracerProvider(resource=RESOURCE)
    spans.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{server.url}/v1/traces", compression=compression)))
    events = LoggerProvider(resource=RESOURCE)
    exporter = OTLPLogExporter(f"{server.url}/v1/logs", compression=compression)
    events.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = events.get_logger("instrumentation")
    with spans.get_tracer("instrumentation").start_as_current_span("chat gpt-4o", attributes=chat()) as span:
        at = time.time_ns()
        logger.emit(LogRecord(timestamp=at, event_name="gen_ai.user.message", body={"content": "Hello?"},
                              severity_number=SeverityNumber.INFO))  # fmt: skip
        logger.emit(LogRecord(timestamp=at + 1, event_name="gen_ai.choice", attributes={"gen_ai.system": "openai"},
                              body={"index": 0, "message": {"role": "assistant", "tool_calls": [
                                  {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}
                              ]}}))  # fmt: skip
        scored = {"gen_ai.evaluation.name": "kind", "gen_ai.evaluation.score.value": 0.5}
        logger.emit(LogRecord(timestamp=at + 2, event_name="gen_ai.evaluation.result", attributes=scored))
        if not span_first:
            assert events.force_flush()
    assert events.force_flush()
    events.shutdown()
    spans.shutdown()
    server.settle()
    engine, control = server.collector.engine, server.collector.control
    ledger.run(engine, control)
    joining.run(engine, control)
    asked, made = engine.rows("SELECT input, output FROM span_content")[0]
    assert json.loads(asked) == [{"role": "user", "parts": [{"type": "text", "content": "Hello?"}]}]
    assert json.loads(made) == [
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}]}
    ]
    assert engine.rows("SELECT input_preview, output_preview FROM spans") == [("Hello?", "f")]
    assert engine.rows("SELECT span_id, name, value FROM scores") == [
        (f"{span.get_span_context().span_id:016x}", "kind", 0.5)
    ]


@pytest.mark.parametrize("temporality", list(AggregationTemporality)[1:])
@pytest.mark.parametrize("exponential", [False, True])
def test_metrics_of_the_sdks_meter_add_up(
    server: Server, temporality: AggregationTemporality, exponential: bool
) -> None:
    exporter = OTLPMetricExporter(
        f"{server.url}/v1/metrics", preferred_temporality={Histogram: temporality, Counter: temporality}
    )
    views = [View(instrument_name="gen_ai.*", aggregation=ExponentialBucketHistogramAggregation())]
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    meters = MeterProvider([reader], resource=RESOURCE, views=views if exponential else [])
    meter = meters.get_meter("instrumentation")
    duration = meter.create_histogram("gen_ai.client.operation.duration", unit="s")
    tokens = meter.create_histogram("gen_ai.client.token.usage", unit="{token}")
    other = meter.create_counter("http.requests")
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.system": "openai"}
    for _ in range(3):
        for number in range(5):
            duration.record(0.5 + number, call)
            tokens.record(100, {**call, "gen_ai.token.type": "input"})
            tokens.record(20, {**call, "gen_ai.token.type": "output"})
            other.add(1)
        assert meters.force_flush()
    meters.shutdown()
    server.settle()
    engine = server.collector.engine
    kinds = engine.rows("SELECT DISTINCT kind, temporality FROM metrics WHERE startsWith(name, 'gen_ai.')")
    assert kinds == [("exponential_histogram" if exponential else "histogram", temporality.name.lower())]
    assert engine.rows("SELECT count() FROM metrics WHERE name = 'http.requests'") == [(0,)]
    found = coverage_of(engine)
    assert (found["metric_calls"], found["metric_input_tokens"], found["metric_output_tokens"]) == (15, 1500, 300)


def coverage_of(engine: Engine) -> dict[str, int]:
    """Sums of the last day's report."""
    end = datetime.now(UTC) + timedelta(seconds=1)
    frame = coverage.hours(engine, "default", end - timedelta(days=1), end)
    return {name: int(frame[name].sum()) for name in frame.columns if name.startswith("metric_")}

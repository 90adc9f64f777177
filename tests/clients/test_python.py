"""The OpenTelemetry SDK of Python with both of its exporters, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_spans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_spans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from tests.clients.conftest import Ledger
from tests.clients.story import Ids, check

CALLS = 300
CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
USAGE = {"gen_ai.response.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100}
SCORE = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.5}


def exporters(protocol: str, ledger: Ledger) -> tuple[Any, Any, Any]:
    """Those for spans, logs and metrics."""
    headers = {"authorization": f"Bearer {ledger.key}"}
    if protocol == "grpc":
        gzip = {"insecure": True, "headers": headers, "compression": grpc.Compression.Gzip}
        return (
            grpc_spans.OTLPSpanExporter(ledger.grpc, **gzip),
            grpc_logs.OTLPLogExporter(ledger.grpc, **gzip),
            grpc_metrics.OTLPMetricExporter(ledger.grpc, **gzip),
        )
    zipped = {"headers": headers, "compression": Compression.Gzip}
    return (
        http_spans.OTLPSpanExporter(f"{ledger.http}/v1/traces", **zipped),
        http_logs.OTLPLogExporter(f"{ledger.http}/v1/logs", **zipped),
        http_metrics.OTLPMetricExporter(f"{ledger.http}/v1/metrics", **zipped),
    )


def tell(protocol: str, ledger: Ledger) -> Ids:
    """Send the story; the ids of its calls."""
    for_spans, for_logs, for_metrics = exporters(protocol, ledger)
    resource = Resource({"service.name": "python"})
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(for_spans))
    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(BatchLogRecordProcessor(for_logs))
    meters = MeterProvider([PeriodicExportingMetricReader(for_metrics)], resource=resource, shutdown_on_exit=False)
    tracer, logger = tracers.get_tracer("story"), loggers.get_logger("story")
    tokens = meters.get_meter("story").create_histogram("gen_ai.client.token.usage", unit="{token}")
    sent: Ids = set()
    for _ in range(CALLS):
        with (
            tracer.start_as_current_span("GET /ask", kind=SpanKind.SERVER),
            tracer.start_as_current_span("chat gpt-4o", kind=SpanKind.CLIENT, attributes=CALL | USAGE) as chat,
        ):
            record = LogRecord(event_name="gen_ai.evaluation.result", attributes=SCORE)
            record.severity_number = SeverityNumber.INFO
            logger.emit(record)
            tokens.record(1000, {**CALL, "gen_ai.token.type": "input"})
            tokens.record(100, {**CALL, "gen_ai.token.type": "output"})
            context = chat.get_span_context()
            sent.add((f"{context.trace_id:032x}", f"{context.span_id:016x}"))
    for provider in (tracers, loggers, meters):
        provider.shutdown()
    return sent


@pytest.mark.parametrize("protocol", ["http", pytest.param("grpc", marks=pytest.mark.long)])
def test_the_python_sdk(ledger: Ledger, protocol: str) -> None:
    sent = tell(protocol, ledger)
    assert len(sent) == CALLS
    check(ledger.up, "python", sent)


@pytest.mark.long
def test_the_python_sdk_with_a_clickhouse_server(start: Callable[..., Ledger], clickhouse_url: str) -> None:
    ledger = start(SPANLEDGER_CLICKHOUSE_URL=clickhouse_url, SPANLEDGER_DATABASE="clients")
    check(ledger.up, "python", tell("grpc", ledger))


def test_a_key_that_is_not_valid_delivers_nothing(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    ledger.key = "sl_ingest_wrong"
    tell("grpc", ledger)
    assert ledger.up.query("SELECT toInt64(count()) FROM spans") == [[0]]
    assert "UNAUTHENTICATED" in caplog.text

"""Emits one call as span, log events and metrics: `emit_openai_v2.py CASE`; the case's settings come from outside."""

import sys
from importlib import import_module

from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is two and two?"}]

# The package of the older events has been given up for one of another name.
MODULES = {"older": "opentelemetry.instrumentation.openai_v2", "latest": "opentelemetry.instrumentation.genai.openai"}
OpenAIInstrumentor = import_module(MODULES[sys.argv[1]]).OpenAIInstrumentor

spans = TracerProvider()
spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
metrics = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=3_600_000)])
OpenAIInstrumentor().instrument(tracer_provider=spans, logger_provider=logs, meter_provider=metrics)
OpenAI().chat.completions.create(model="gpt-4o", messages=ASKED)
for provider in (spans, logs, metrics):
    provider.shutdown()

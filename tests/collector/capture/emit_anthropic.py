"""Emits OpenInference spans of Anthropic calls: `emit_anthropic.py CASE`."""

from anthropic import Anthropic
from openinference.instrumentation.anthropic import AnthropicInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
AnthropicInstrumentor().instrument(tracer_provider=provider)
Anthropic().messages.create(
    model="claude-sonnet-4-5",
    max_tokens=100,
    system="Be brief.",
    messages=[{"role": "user", "content": "What is two and two?"}],
)
provider.shutdown()

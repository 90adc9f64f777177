"""OpenTelemetry alone: the yardstick. Batch processor and OTLP over HTTP with their defaults, six attributes."""

from __future__ import annotations

from facts import INPUT_TOKENS, MODEL, OUTPUT_TOKENS, PROVIDER, answer
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def start(endpoint: str):
    """(sync call, async call, flush)."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("benchmark")

    def describe(span: trace.Span, prompt: str, said: str) -> None:
        span.set_attribute("gen_ai.provider.name", PROVIDER)
        span.set_attribute("gen_ai.request.model", MODEL)
        span.set_attribute("gen_ai.input.messages", prompt)
        span.set_attribute("gen_ai.output.messages", said)
        span.set_attribute("gen_ai.usage.input_tokens", INPUT_TOKENS)
        span.set_attribute("gen_ai.usage.output_tokens", OUTPUT_TOKENS)

    def call(prompt: str) -> str:
        with tracer.start_as_current_span("chat") as span:
            said = answer(prompt)
            describe(span, prompt, said)
            return said

    async def acall(prompt: str) -> str:
        with tracer.start_as_current_span("chat") as span:
            said = answer(prompt)
            describe(span, prompt, said)
            return said

    return call, acall, provider.force_flush

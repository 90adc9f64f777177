"""Emits one call seen by two instrumentations: `emit_duplicates.py CASE`."""

import sys

from openai import OpenAI
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai import OpenAIInstrumentor as OpenLLMetry
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

ASKED = [{"role": "user", "content": "What is two and two?"}]

case = sys.argv[1]
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
for instrumentor in (OpenInference, OpenLLMetry):
    instrumentor().instrument(tracer_provider=provider)
answer = OpenAI().chat.completions.create(
    model="gpt-4o",
    messages=ASKED,
    **({"stream": True, "stream_options": {"include_usage": True}} if case == "stream" else {}),
)
if case == "stream":
    for _ in answer:
        pass
provider.shutdown()

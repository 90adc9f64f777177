"""Emits spans that carry Opik's attributes: `emit_opik.py CASE`.

Opik's own client speaks its REST API; over OTLP it receives OpenTelemetry spans to which its processor has added ids.
"""

import openai
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opik.integrations.otel import OpikSpanProcessor, attach_to_parent

provider = TracerProvider()
provider.add_span_processor(OpikSpanProcessor())
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("fixture")

with tracer.start_as_current_span("sums") as outer:
    attach_to_parent(
        outer,
        {
            "opik_trace_id": "0195f7a0-0000-7000-8000-000000000001",
            "opik_parent_span_id": "0195f7a0-0000-7000-8000-000000000002",
        },
    )
    outer.set_attributes({"thread_id": "s-1", "opik.tags": ["beta"], "opik.metadata.tier": "pro", "input": "2+2"})
    with tracer.start_as_current_span("chat gpt-4o", kind=trace.SpanKind.CLIENT) as span:
        answer = openai.OpenAI().chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "What is two and two?"}]
        )
        span.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.system": "openai",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.response.model": answer.model,
                "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
                "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
                "gen_ai.usage.cache_read.input_tokens": answer.usage.prompt_tokens_details.cached_tokens,
                "input": "What is two and two?",
                "output": answer.choices[0].message.content,
            }
        )
provider.shutdown()

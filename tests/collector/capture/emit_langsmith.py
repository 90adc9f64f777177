"""Emits LangSmith's spans over OTLP: `emit_langsmith.py CASE`."""

import os
import sys

os.environ.update(
    LANGSMITH_TRACING="true", LANGSMITH_OTEL_ENABLED="true", LANGSMITH_OTEL_ONLY="true",
    LANGSMITH_API_KEY="not-a-key", LANGSMITH_ENDPOINT=os.environ["SINK_URL"],
    OTEL_EXPORTER_OTLP_ENDPOINT=os.environ["SINK_URL"],
)  # fmt: skip

from langsmith import Client, traceable
from langsmith.wrappers import wrap_openai
from openai import OpenAI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
client = Client()
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is two and two?"}]


def chat() -> None:
    wrap_openai(OpenAI(), tracing_extra={"client": client}).chat.completions.create(
        model="gpt-4o",
        messages=ASKED,
        temperature=0.2,
        langsmith_extra={
            "client": client,
            "tags": ["beta"],
            "metadata": {"user_id": "u-1", "session_id": "s-1", "customer_id": "acme"},
        },
    )


@traceable(run_type="retriever", client=client)
def retrieve(query: str) -> list[dict[str, object]]:
    return [{"page_content": "Two and two is four.", "type": "Document", "metadata": {"page": 1}}]


@traceable(run_type="tool", client=client)
def weather(city: str) -> str:
    return f"rain in {city}"


@traceable(run_type="chain", name="sums", client=client)
def traced() -> str:
    retrieve("2+2")
    weather("Oslo")
    answer = wrap_openai(OpenAI(), tracing_extra={"client": client}).chat.completions.create(
        model="gpt-4o", messages=ASKED
    )
    return answer.choices[0].message.content


globals()[sys.argv[1]]()
client.flush()
provider.shutdown()

"""Emits OpenInference spans: `emit_openinference.py CASE`."""

import json
import sys

from openai import OpenAI
from openinference.instrumentation import using_attributes
from openinference.instrumentation.langchain import LangChainInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is two and two?"}]


def chat() -> None:
    with using_attributes(
        session_id="s-1", user_id="u-1", tags=["beta"], metadata={"customer_id": "acme", "tier": "pro"}
    ):
        OpenAI().chat.completions.create(model="gpt-4o", messages=ASKED, temperature=0.2)


def stream() -> None:
    for _ in OpenAI().chat.completions.create(
        model="gpt-4o", messages=ASKED, stream=True, stream_options={"include_usage": True}
    ):
        pass


def tools() -> None:
    OpenAI().chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Weather in Oslo?"}], tools=[WEATHER]
    )


def embeddings() -> None:
    OpenAI().embeddings.create(model="text-embedding-3-small", input=["two", "four"])


def responses() -> None:
    OpenAI().responses.create(model="gpt-4o", instructions="Be brief.", input="What is two and two?")


def langchain() -> None:
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_openai import ChatOpenAI

    chain = ChatPromptTemplate.from_messages([("user", "What is {a} and {b}?")]) | ChatOpenAI(model="gpt-4o")
    chain.invoke({"a": "two", "b": "two"})


def helpers() -> None:
    """A retriever, a reranker and a tool, by the conventions' own helper for manual spans."""
    from openinference.semconv.trace import DocumentAttributes, RerankerAttributes, SpanAttributes

    tracer = trace.get_tracer("openinference.instrumentation.fixture", "1")
    documents = [("d1", "Two and two is four.", 0.9), ("d2", "Two and three is five.", 0.4)]

    def written(prefix: str, found: list[tuple[str, str, float]]) -> dict[str, object]:
        out: dict[str, object] = {}
        for index, (name, content, score) in enumerate(found):
            out[f"{prefix}.{index}.{DocumentAttributes.DOCUMENT_ID}"] = name
            out[f"{prefix}.{index}.{DocumentAttributes.DOCUMENT_CONTENT}"] = content
            out[f"{prefix}.{index}.{DocumentAttributes.DOCUMENT_SCORE}"] = score
            out[f"{prefix}.{index}.{DocumentAttributes.DOCUMENT_METADATA}"] = json.dumps({"page": index})
        return out

    with tracer.start_as_current_span("retrieve") as span:
        span.set_attributes({SpanAttributes.OPENINFERENCE_SPAN_KIND: "RETRIEVER", SpanAttributes.INPUT_VALUE: "2+2"})
        span.set_attributes(written(SpanAttributes.RETRIEVAL_DOCUMENTS, documents))
    with tracer.start_as_current_span("rerank") as span:
        span.set_attributes(
            {
                SpanAttributes.OPENINFERENCE_SPAN_KIND: "RERANKER",
                RerankerAttributes.RERANKER_QUERY: "2+2",
                RerankerAttributes.RERANKER_MODEL_NAME: "rerank-v3.5",
                RerankerAttributes.RERANKER_TOP_K: 1,
            }
        )
        span.set_attributes(written(RerankerAttributes.RERANKER_INPUT_DOCUMENTS, documents))
        span.set_attributes(written(RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS, documents[:1]))
    with tracer.start_as_current_span("weather") as span:
        span.set_attributes(
            {
                SpanAttributes.OPENINFERENCE_SPAN_KIND: "TOOL",
                SpanAttributes.TOOL_NAME: "weather",
                SpanAttributes.TOOL_DESCRIPTION: "The weather in a city.",
                SpanAttributes.INPUT_VALUE: '{"city": "Oslo"}',
                SpanAttributes.OUTPUT_VALUE: "rain",
            }
        )


def main(case: str) -> None:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    # Both at once is how people come to have each call twice.
    if case != "langchain":
        OpenAIInstrumentor().instrument(tracer_provider=provider)
    if case.startswith("langchain"):
        LangChainInstrumentor().instrument(tracer_provider=provider)
    globals()["langchain" if case == "langchain_and_openai" else case]()
    provider.shutdown()


main(sys.argv[1])

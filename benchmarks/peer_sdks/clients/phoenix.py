"""Phoenix: `@tracer.llm` of arize-phoenix-otel with `batch=True`, as it advises for production.

Its default sends each span alone, in the caller's time.
"""

from __future__ import annotations

from facts import INPUT_TOKENS, MODEL, OUTPUT_TOKENS, PROVIDER, answer
from openinference.instrumentation import get_llm_attributes
from opentelemetry import trace
from phoenix.otel import register


def start(endpoint: str):
    """(sync call, async call, flush)."""
    provider = register(endpoint=f"{endpoint}/v1/traces", protocol="http/protobuf", batch=True, verbose=False)
    tracer = provider.get_tracer("benchmark")
    count = {"prompt": INPUT_TOKENS, "completion": OUTPUT_TOKENS, "total": INPUT_TOKENS + OUTPUT_TOKENS}
    facts = get_llm_attributes(provider=PROVIDER, model_name=MODEL, token_count=count)

    @tracer.llm
    def call(prompt: str) -> str:
        said = answer(prompt)
        trace.get_current_span().set_attributes(facts)
        return said

    @tracer.llm
    async def acall(prompt: str) -> str:
        said = answer(prompt)
        trace.get_current_span().set_attributes(facts)
        return said

    return call, acall, provider.force_flush

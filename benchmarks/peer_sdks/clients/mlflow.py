"""MLflow: `@mlflow.trace(span_type="LLM")` of mlflow-tracing, its package for production.

Sends in the background by default.
"""

from __future__ import annotations

import mlflow
from facts import INPUT_TOKENS, MODEL, OUTPUT_TOKENS, PROVIDER, answer


def start(endpoint: str):
    """(sync call, async call, flush)."""
    mlflow.set_tracking_uri(endpoint)
    mlflow.set_experiment("benchmark")
    facts = {
        "mlflow.llm.model": MODEL,
        "mlflow.llm.provider": PROVIDER,
        "mlflow.chat.tokenUsage": {
            "input_tokens": INPUT_TOKENS,
            "output_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        },
    }

    def describe() -> None:
        span = mlflow.get_current_active_span()
        if span is not None:
            span.set_attributes(facts)

    @mlflow.trace(span_type="LLM")
    def call(prompt: str) -> str:
        said = answer(prompt)
        describe()
        return said

    @mlflow.trace(span_type="LLM")
    async def acall(prompt: str) -> str:
        said = answer(prompt)
        describe()
        return said

    return call, acall, mlflow.flush_trace_async_logging

"""Traceloop (OpenLLMetry): `track_llm_call`, its way to report a call by hand; batches by default."""

from __future__ import annotations

from facts import INPUT_TOKENS, MODEL, OUTPUT_TOKENS, PROVIDER, answer
from opentelemetry import trace
from traceloop.sdk import Traceloop
from traceloop.sdk.tracing.manual import LLMMessage, LLMUsage, track_llm_call


def start(endpoint: str):
    """(sync call, async call, flush)."""
    Traceloop.init(app_name="benchmark", api_endpoint=endpoint, api_key="benchmark", telemetry_enabled=False)
    total = INPUT_TOKENS + OUTPUT_TOKENS
    usage = LLMUsage(prompt_tokens=INPUT_TOKENS, completion_tokens=OUTPUT_TOKENS, total_tokens=total)

    def call(prompt: str) -> str:
        with track_llm_call(vendor=PROVIDER, type="chat") as span:
            span.report_request(model=MODEL, messages=[LLMMessage(role="user", content=prompt)])
            said = answer(prompt)
            span.report_response(MODEL, [said])
            span.report_usage(usage)
            return said

    async def acall(prompt: str) -> str:
        with track_llm_call(vendor=PROVIDER, type="chat") as span:
            span.report_request(model=MODEL, messages=[LLMMessage(role="user", content=prompt)])
            said = answer(prompt)
            span.report_response(MODEL, [said])
            span.report_usage(usage)
            return said

    return call, acall, trace.get_tracer_provider().force_flush

"""OpenLIT: `start_trace` with `set_result` and `set_metadata`, sync and async; batches by default.

`@openlit.trace` knows no model and no tokens, and ends an async call's span before the call has begun.
"""

from __future__ import annotations

from pathlib import Path

import openlit
from facts import INPUT_TOKENS, MODEL, OUTPUT_TOKENS, PROVIDER, answer
from opentelemetry import trace


def start(endpoint: str):
    """(sync call, async call, flush)."""
    # Prices from a file: by default they are fetched from the internet while the program waits.
    prices = Path("prices.json")
    prices.write_text("{}", encoding="utf-8")
    openlit.init(otlp_endpoint=endpoint, service_name="benchmark", pricing_json=str(prices))

    def metadata(prompt: str) -> dict[str, object]:
        return {
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.request.model": MODEL,
            "gen_ai.input.messages": prompt,
            "gen_ai.usage.input_tokens": INPUT_TOKENS,
            "gen_ai.usage.output_tokens": OUTPUT_TOKENS,
        }

    def call(prompt: str) -> str:
        with openlit.start_trace(name="chat") as span:
            said = answer(prompt)
            span.set_result(said)
            span.set_metadata(metadata(prompt))
            return said

    async def acall(prompt: str) -> str:
        with openlit.start_trace(name="chat") as span:
            said = answer(prompt)
            span.set_result(said)
            span.set_metadata(metadata(prompt))
            return said

    return call, acall, trace.get_tracer_provider().force_flush

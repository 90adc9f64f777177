"""Opik: `@opik.track(type="llm")`, `update_current_span` inside; batches by default."""

from __future__ import annotations

import os

from facts import INPUT_TOKENS, MODEL, OUTPUT_TOKENS, PROVIDER, answer


def start(endpoint: str):
    """(sync call, async call, flush)."""
    os.environ["OPIK_URL_OVERRIDE"] = f"{endpoint}/api/"
    os.environ["OPIK_WORKSPACE"] = "default"
    import opik
    from opik import opik_context

    usage = {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    }

    @opik.track(type="llm")
    def call(prompt: str) -> str:
        said = answer(prompt)
        opik_context.update_current_span(model=MODEL, provider=PROVIDER, usage=usage)
        return said

    @opik.track(type="llm")
    async def acall(prompt: str) -> str:
        said = answer(prompt)
        opik_context.update_current_span(model=MODEL, provider=PROVIDER, usage=usage)
        return said

    return call, acall, opik.flush_tracker

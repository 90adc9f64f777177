"""Langfuse: `@observe(as_type="generation")`, `update_current_generation` inside; batches by default."""

from __future__ import annotations

from facts import INPUT_TOKENS, MODEL, OUTPUT_TOKENS, answer
from langfuse import Langfuse, observe


def start(endpoint: str):
    """(sync call, async call, flush)."""
    client = Langfuse(public_key="pk-lf-benchmark", secret_key="sk-lf-benchmark", base_url=endpoint)
    usage = {"input": INPUT_TOKENS, "output": OUTPUT_TOKENS}

    @observe(as_type="generation")
    def call(prompt: str) -> str:
        said = answer(prompt)
        client.update_current_generation(model=MODEL, usage_details=usage)
        return said

    @observe(as_type="generation")
    async def acall(prompt: str) -> str:
        said = answer(prompt)
        client.update_current_generation(model=MODEL, usage_details=usage)
        return said

    return call, acall, client.flush

"""Spanledger: `@observe(kind="llm")`, `update` inside; all defaults."""

from __future__ import annotations

from facts import INPUT_TOKENS, MODEL, OUTPUT_TOKENS, PROVIDER, answer

import spanledger


def start(endpoint: str):
    """(sync call, async call, flush)."""
    spanledger.init(endpoint)

    @spanledger.observe(kind="llm")
    def call(prompt: str) -> str:
        said = answer(prompt)
        spanledger.update(model=MODEL, provider=PROVIDER, input_tokens=INPUT_TOKENS, output_tokens=OUTPUT_TOKENS)
        return said

    @spanledger.observe(kind="llm")
    async def acall(prompt: str) -> str:
        said = answer(prompt)
        spanledger.update(model=MODEL, provider=PROVIDER, input_tokens=INPUT_TOKENS, output_tokens=OUTPUT_TOKENS)
        return said

    return call, acall, lambda: spanledger.flush(60)

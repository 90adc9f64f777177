"""Logfire: `logfire.span` with the GenAI attributes; batches by default.

Its console output, which is on by default, is off here: services turn it off.
"""

from __future__ import annotations

import logfire
from facts import INPUT_TOKENS, MODEL, OUTPUT_TOKENS, PROVIDER, answer


def start(endpoint: str):
    """(sync call, async call, flush)."""
    logfire.configure(
        send_to_logfire=True,
        token="pylf_v1_local_benchmark",
        service_name="benchmark",
        console=False,
        advanced=logfire.AdvancedOptions(base_url=endpoint),
    )

    def finish(span: logfire.LogfireSpan, said: str) -> None:
        span.set_attributes(
            {
                "gen_ai.output.messages": said,
                "gen_ai.usage.input_tokens": INPUT_TOKENS,
                "gen_ai.usage.output_tokens": OUTPUT_TOKENS,
            }
        )

    def asked(prompt: str) -> dict[str, str]:
        return {"gen_ai.provider.name": PROVIDER, "gen_ai.request.model": MODEL, "gen_ai.input.messages": prompt}

    def call(prompt: str) -> str:
        with logfire.span("chat", **asked(prompt)) as span:
            said = answer(prompt)
            finish(span, said)
            return said

    async def acall(prompt: str) -> str:
        with logfire.span("chat", **asked(prompt)) as span:
            said = answer(prompt)
            finish(span, said)
            return said

    return call, acall, logfire.force_flush

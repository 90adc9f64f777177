"""Spanledger's SDK: one decorator sends every LLM call's tokens, latency, cost and content over OpenTelemetry.

    import spanledger

    spanledger.init()

    @spanledger.observe
    def answer(question: str): ...

    with spanledger.context(customer="acme", feature="support"):
        answer("Where is my order?")

Nothing here raises into the program it observes. The vocabulary shared with the collector is in
`spanledger.semconv`, `spanledger.usage`, `spanledger.responses` and `spanledger.pricing`.
"""

from __future__ import annotations

from spanledger._internal.decorator import observe
from spanledger._internal.handle import Handle, current, update
from spanledger._internal.queue import Stats
from spanledger._internal.runtime import flush, shutdown, stats
from spanledger._internal.setup import init
from spanledger._internal.stamps import context
from spanledger.usage import Usage

__all__ = [
    "Handle",
    "Stats",
    "Usage",
    "context",
    "current",
    "flush",
    "init",
    "observe",
    "shutdown",
    "stats",
    "update",
]

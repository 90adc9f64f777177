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

from spanledger._internal.budgets.errors import BudgetExceeded, BudgetUnavailable, CallTooExpensive
from spanledger._internal.budgets.standing import BudgetState, budget
from spanledger._internal.context.carrying import carry, propagating
from spanledger._internal.context.stamps import context
from spanledger._internal.delivery.account import Stats
from spanledger._internal.observing.decorator import observe
from spanledger._internal.observing.guardrail import Verdict, guardrail
from spanledger._internal.observing.handle import Handle, current, update
from spanledger._internal.runtime import flush, shutdown, stats
from spanledger._internal.scores.scoring import feedback, score
from spanledger._internal.serverless import flush_after
from spanledger._internal.setup import init
from spanledger.usage import Usage

__all__ = [
    "BudgetExceeded",
    "BudgetState",
    "BudgetUnavailable",
    "CallTooExpensive",
    "Handle",
    "Stats",
    "Usage",
    "Verdict",
    "budget",
    "carry",
    "context",
    "current",
    "feedback",
    "flush",
    "flush_after",
    "guardrail",
    "init",
    "observe",
    "propagating",
    "score",
    "shutdown",
    "stats",
    "update",
]

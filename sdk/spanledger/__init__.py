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

from spanledger._internal.account import Stats
from spanledger._internal.budget_errors import BudgetExceeded, BudgetUnavailable, CallTooExpensive
from spanledger._internal.budgets import BudgetState, budget
from spanledger._internal.carrying import carry, propagating
from spanledger._internal.decorator import observe
from spanledger._internal.guardrail import Verdict, guardrail
from spanledger._internal.handle import Handle, current, update
from spanledger._internal.runtime import flush, shutdown, stats
from spanledger._internal.scoring import feedback, score
from spanledger._internal.serverless import flush_after
from spanledger._internal.setup import init
from spanledger._internal.stamps import context
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

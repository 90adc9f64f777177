"""Opik: OpenTelemetry's names on spans to which Opik's processor, or the user, has added Opik's."""

from __future__ import annotations

from spanledger_collector.normalise.dialect import Dialect

OPIK = Dialect(
    name="opik",
    scopes=("opik",),
    keys=("opik.",),
    fields={
        "session": ("thread_id", "gen_ai.conversation.id"),
        "tags": ("opik.tags",),
        "client_cost": ("gen_ai.cost.total_cost", "gen_ai.cost.total", "gen_ai.usage.cost"),
        "input": ("gen_ai.input.messages", "gen_ai.prompt", "input", "input.value"),
        "output": ("gen_ai.output.messages", "gen_ai.completion", "output", "output.value"),
    },
    metadata=("opik.metadata.",),
)

"""Real traces of seven agent frameworks, against what another product read out of them.

Its reading is independent and not always right; where we differ, docs/dialects.md says who is and why. The list of
differences here is exact: a new one, or one that vanished, fails.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spanledger_collector.normalise import Origin, normalise
from spanledger_collector.otlp import JSON, decode
from spanledger_store.columns import SPAN_COLUMNS, SpanBatch

TRACES = Path(__file__).parents[3] / "shared" / "data" / "framework_traces"

pytestmark = pytest.mark.skipif(not TRACES.is_dir(), reason=f"no framework traces at {TRACES}")

# Its words for a span's type; SPAN is its word for anything that is not a call.
KINDS = {"GENERATION": {"llm"}, "AGENT": {"agent"}, "TOOL": {"tool"}, "CHAIN": {"chain"}}
NO_CALL = {"span", "chain", "agent", "tool", "retrieval"}

Difference = tuple[str, str, str, Any, Any]

KNOWN: set[Difference] = {
    # (trace, span, what, theirs, ours)
    ("agno", "OpenAIChat.invoke", "model", "gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    ("agno", "OpenAIChat.invoke", "tokens", (1568, 423), (663, 225)),
    ("agno", "OpenAIChat.invoke", "tokens", (542, 235), (163, 20)),
    ("microsoft-agent", "invoke_agent 171105b7-59dd-49c0-9677-0b95395aa46a", "tokens", (44, 180), (None, None)),
    ("pydantic-ai", "chat gpt-4o", "model", "gpt-4o", "gpt-4o-2024-08-06"),
    ("vercel-aisdk", "ai.generateText", "kind", "GENERATION", "chain"),
    ("vercel-aisdk", "ai.generateText", "tokens", (14, 43), (None, None)),
    ("vercel-aisdk", "ai.generateText.doGenerate", "model", "gpt-5", "gpt-5-2025-08-07"),
}


def sums(row: dict[str, Any]) -> tuple[int | None, int | None]:
    """All input and all output of a row, as their products count them."""
    given = [row[name] for name in ("input_tokens", "cache_read_tokens", "cache_write_tokens")]
    made = [row[name] for name in ("output_tokens", "reasoning_tokens")]
    known = ([n for n in side if n is not None] for side in (given, made))
    first, second = (sum(side) if side else None for side in known)
    return first, second


def differences(file: Path) -> set[Difference]:
    trace = file.name.partition("-20")[0]
    batch = SpanBatch("t")
    assert normalise(decode(file.read_bytes(), JSON), Origin("p", "k", 1), batch, 100_000) == []
    rows = {row["span_id"]: row for row in (dict(zip(SPAN_COLUMNS, row, strict=True)) for row in batch.spans)}
    found: set[Difference] = set()
    for theirs in json.loads(file.with_name(file.name.replace(".otlp.", ".expected.")).read_text()):
        ours = rows[theirs["span_id"]]
        if ours["kind"] not in KINDS.get(theirs["type"], NO_CALL):
            found.add((trace, theirs["name"], "kind", theirs["type"], ours["kind"]))
        if (theirs["model"] or "") != ours["model"]:
            found.add((trace, theirs["name"], "model", theirs["model"], ours["model"]))
        usage = (theirs["usage"].get("input"), theirs["usage"].get("output"))
        if usage != sums(ours):
            found.add((trace, theirs["name"], "tokens", usage, sums(ours)))
    return found


def test_we_differ_from_another_reading_exactly_where_we_say() -> None:
    files = sorted(TRACES.glob("*.otlp.json"))
    assert len(files) == 7
    assert set().union(*(differences(file) for file in files)) == KNOWN


def test_whose_calls_these_are() -> None:
    """Their reading has no provider, so this one is from the traces themselves."""
    found: dict[str, set[str]] = {}
    for file in TRACES.glob("*.otlp.json"):
        batch = SpanBatch("t")
        normalise(decode(file.read_bytes(), JSON), Origin("p", "k", 1), batch, 100_000)
        rows = [dict(zip(SPAN_COLUMNS, row, strict=True)) for row in batch.spans]
        calls = [row for row in rows if row["is_billable"]]
        assert calls
        assert all(row["cost_usd"] for row in calls), file
        found[file.name.partition("-20")[0]] = {row["provider"] for row in calls}
    assert found == {
        "agno": {"openai"},
        "crewai": {""},
        "google-adk": {"gcp.gemini"},
        "microsoft-agent": {"openai"},
        "openai-agents": {"openai"},
        "pydantic-ai": {"openai"},
        "vercel-aisdk": {"openai"},
    }

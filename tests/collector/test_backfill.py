"""Exports through the whole line, on both engines: what the books say is what the files say, to the last digit."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spanledger_analytics.jobs import ledger
from spanledger_collector.backfill import Tally, read, request
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from tests.collector.backfill_exports import (
    anthropic_page,
    anthropic_result,
    langfuse_row,
    litellm_row,
    openai_page,
    openai_result,
    written,
)
from tests.collector.conftest import Line, open_line

SUMS = (
    "calls", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
    "other_tokens", "cost_usd", "client_cost_usd", "unpriced_calls",
)  # fmt: skip


@pytest.fixture
def line(engine: Engine, control: Control) -> Iterator[Line]:
    yield from open_line(engine, control)


def imported(line: Line, path: Path, customer_from: str = "") -> Tally:
    """The file through the door that every client uses; returns once it is stored and booked."""
    tally = Tally()
    records = list(read(path, tally, customer_from=customer_from))
    assert line.post(request(records).SerializeToString()).status_code == 200
    line.settle()
    ledger.run(line.collector.engine, line.collector.control)
    return tally


def books(line: Line) -> dict[str, Any]:
    row = line.collector.engine.rows(f"SELECT {', '.join(f'sum({name})' for name in SUMS)} FROM ledger")[0]
    return dict(zip(SUMS, row, strict=True))


def spans(line: Line, columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in line.collector.engine.rows(f"SELECT {columns} FROM spans ORDER BY start_time")]


def test_openai(line: Line, tmp_path: Path) -> None:
    results = [
        openai_result(),
        openai_result(project_id="proj_b", num_model_requests=89, batch=True),
        openai_result(model="never-heard-of", num_model_requests=10),
    ]
    path = written(tmp_path / "usage.json", openai_page(results, [openai_result()]))
    tally = imported(line, path, "project_id")
    rows = [*results, openai_result()]
    cached = sum(row["input_cached_tokens"] for row in rows)
    # One of the three that have a price is a batch, at half of it.
    cost = Decimal("2.5") * (700_002 * Decimal("2.5e-6") + 300_001 * Decimal("1.25e-6") + 70_007 * Decimal("1e-5"))
    assert books(line) == {
        "calls": 411 * 2 + 89 + 10,
        "input_tokens": sum(row["input_tokens"] for row in rows) - cached,
        "cache_read_tokens": cached,
        "cache_write_tokens": 0,
        "output_tokens": sum(row["output_tokens"] for row in rows),
        "reasoning_tokens": 0,
        "other_tokens": 0,
        "cost_usd": cost,
        "client_cost_usd": 0,
        "unpriced_calls": 10,
    }
    assert (tally.source, tally.rows, tally.spans, tally.calls) == ("openai", 4, 4, 921)
    found = spans(line, "customer, metadata['service_tier'], metadata['api_key_id'], duration_ns, toString(start_time)")
    assert sorted(found)[0] == ("proj_a", "", "key_1", None, "2026-01-01 00:00:00.000000000")
    assert {row[:2] for row in found} == {("proj_a", ""), ("proj_b", "batch")}


def test_anthropic(line: Line, tmp_path: Path) -> None:
    rows = [anthropic_result(), anthropic_result(workspace_id="wrkspc_b", service_tier="batch")]
    tally = imported(line, written(tmp_path / "usage.json", anthropic_page(rows)), "workspace_id")
    # 1,223,024 input tokens are at least seven calls of 200,000.
    tokens = (
        410_011 * Decimal("3e-6") + 800_009 * Decimal("3e-7") + 9_003 * Decimal("3.75e-6") + 4_001 * Decimal("6e-6")
        + 50_021 * Decimal("1.5e-5")
    )  # fmt: skip
    # The batch costs half, but for its searches.
    cost = Decimal("1.5") * tokens + 2 * 7 * Decimal("0.01")
    assert books(line) == {
        "calls": 14,
        "input_tokens": 2 * 410_011,
        "cache_read_tokens": 2 * 800_009,
        "cache_write_tokens": 2 * 9_003,
        "output_tokens": 2 * 50_021,
        "reasoning_tokens": 0,
        "other_tokens": 2 * (4_001 + 7),
        "cost_usd": cost,
        "client_cost_usd": 0,
        "unpriced_calls": 0,
    }
    assert sum(tally.notes.values()) == 2
    told = spans(line, "customer, metadata['service_tier'], metadata['calls']")
    assert sorted(told) == [("wrkspc_a", "standard", "at least"), ("wrkspc_b", "batch", "at least")]


def test_litellm(line: Line, tmp_path: Path) -> None:
    failure = litellm_row(
        3, status="failure", spend=0, prompt_tokens=0, completion_tokens=0, total_tokens=0, messages={}, response={},
        metadata={"error_information": {"error_class": "RateLimitError", "error_message": "429: slow down"}},
    )  # fmt: skip
    rows = [litellm_row(1), litellm_row(2, cache_hit="True", spend=0.0), failure, litellm_row(4, spend=1e-12)]
    tally = imported(line, written(tmp_path / "logs.jsonl", rows))
    stated = Decimal("0.0012345") + Decimal("1e-12")
    found = books(line)
    assert found == {
        "calls": 4,
        "input_tokens": 3 * 600,
        "cache_read_tokens": 3 * 400,
        "cache_write_tokens": 0,
        "output_tokens": 3 * (300 - 64),
        "reasoning_tokens": 3 * 64,
        "other_tokens": 0,
        "cost_usd": 2 * (600 * Decimal("2.5e-6") + 400 * Decimal("1.25e-6") + 300 * Decimal("1e-5")),
        "client_cost_usd": stated,
        "unpriced_calls": 0,
    }
    assert tally.stated_usd == stated
    first, _, failed, _ = spans(
        line,
        "customer, user, team, session, tags, provider, model, duration_ns, ttft_ns, status, error_type, "
        "status_message, input_preview, output_preview",
    )
    assert first == (
        "acme", "ann", "team-1", "s-1", ["checkout", "eu"], "openai", "gpt-4o", 3_000_000_000, 500_000_000, "ok", "",
        "", "hello", "good day",
    )  # fmt: skip
    assert failed[9:12] == ("error", "RateLimitError", "429: slow down")


def test_langfuse(line: Line, tmp_path: Path) -> None:
    root = langfuse_row(1, type="SPAN", name="answer", usageDetails={}, costDetails={}, model=None)
    rows = [root, langfuse_row(2, parentObservationId="obs-1"), langfuse_row(3, level="ERROR", statusMessage="late")]
    document = [{"id": "trace-1", "userId": "ann", "sessionId": "s-1", "tags": ["eu"], "observations": rows}]
    tally = imported(line, written(tmp_path / "traces.json", document), "metadata.tenant")
    # In Langfuse's words the buckets add up to the total.
    assert books(line) == {
        "calls": 2,
        "input_tokens": 2 * 700,
        "cache_read_tokens": 2 * 300,
        "cache_write_tokens": 0,
        "output_tokens": 2 * 200,
        "reasoning_tokens": 0,
        "other_tokens": 0,
        "cost_usd": 2 * (700 * Decimal("2.5e-6") + 300 * Decimal("1.25e-6") + 200 * Decimal("1e-5")),
        "client_cost_usd": 2 * Decimal("0.0037"),
        "unpriced_calls": 0,
    }
    assert (tally.spans, tally.calls, tally.stated_usd) == (3, 2, Decimal("0.0074"))
    found = spans(
        line,
        "name, kind, customer, user, session, tags, environment, prompt_name, prompt_version, ttft_ns, status, "
        "status_message, input_preview, output_preview",
    )
    assert found[1] == (
        "write", "llm", "acme", "ann", "s-1", ["eu"], "production", "support", "3", 1_000_000_000, "ok", "", "hello",
        "good day",
    )  # fmt: skip
    assert found[2][10:12] == ("error", "late")
    (trace, parent), (same, child) = spans(line, "trace_id, span_id")[0], spans(line, "trace_id, parent_span_id")[1]
    assert (trace, parent) == (same, child)


@pytest.mark.parametrize("kind", ["openai", "anthropic", "litellm", "langfuse"])
def test_twice_is_once(line: Line, tmp_path: Path, kind: str) -> None:
    rows: dict[str, Any] = {
        "openai": [openai_page([openai_result()], [openai_result(num_model_requests=3)])],
        "anthropic": [anthropic_page([anthropic_result()], [anthropic_result(output_tokens=5)])],
        "litellm": [litellm_row(1), litellm_row(2)],
        "langfuse": [langfuse_row(1), langfuse_row(2)],
    }
    path = written(tmp_path / "once.jsonl", rows[kind])
    imported(line, path)
    before, stored = books(line), line.stored()
    assert before["calls"] > 1
    # Another file with the same rows, so that no request is a copy of one before.
    again = written(tmp_path / "again.jsonl", rows[kind] + rows[kind])
    assert imported(line, again).repeated == stored
    assert (books(line), line.stored()) == (before, stored)


def test_a_bucket_that_has_grown_replaces_itself(line: Line, tmp_path: Path) -> None:
    """Today's bucket at noon, and again at midnight."""
    for requests, page in ((5, {"has_more": True, "next_page": "p"}), (411, {})):
        document = openai_page([openai_result(num_model_requests=requests)], **page)
        imported(line, written(tmp_path / f"{requests}.json", document))
    assert (books(line)["calls"], line.stored()) == (411, 1)


def test_csv_and_json_are_the_same_rows(line: Line, tmp_path: Path) -> None:
    rows = [langfuse_row(1), langfuse_row(2)]
    imported(line, written(tmp_path / "o.json", rows))
    before = books(line)
    path = tmp_path / "o.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        for row in rows:
            cells = [json.dumps(value) if isinstance(value, dict | list) else value for value in row.values()]
            writer.writerow(["" if cell is None else cell for cell in cells])
    assert imported(line, path).spans == 2
    assert (books(line), line.stored()) == (before, 2)

"""What the table of docs/sdk-overhead.md is made by: the endpoint counts what arrives, and the table hides nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks import sdk_peers
from benchmarks.peer_sdks import table

OURS = next(sdk for sdk in sdk_peers.SDKS if sdk.is_ours)
BARE = next(sdk for sdk in sdk_peers.SDKS if sdk.name == "otel")


@pytest.mark.parametrize("sdk", [OURS, BARE], ids=lambda sdk: sdk.name)
def test_the_endpoint_sees_every_call_with_all_its_facts(sdk: sdk_peers.Sdk) -> None:
    found = sdk_peers.loss(sdk_peers.Made(sdk, Path(sys.prefix), "this checkout"), 300)
    assert (found["calls"], found["lost"]) == (300, 0)
    assert found["captured"] == {
        "prompt": True,
        "answer": True,
        "model": True,
        "tokens": True,
        "cost": sdk.is_ours,
    }


def test_a_program_ends_while_nobody_answers() -> None:
    made = sdk_peers.Made(OURS, Path(sys.prefix), "this checkout")
    turns = sdk_peers.Turns()
    turns.all_started.set()
    found = sdk_peers.leave(made, 50, 60, turns, hang=True)
    assert not found["capped"]
    assert found["seconds"] > 0.5  # it tried


def test_calls_that_nobody_received_are_lost() -> None:
    made = sdk_peers.Made(BARE, Path(sys.prefix), "this checkout")
    with sdk_peers.Endpoint() as endpoint:
        endpoint.say("down")
        sdk_peers.run(made, "loss", endpoint.url, "--calls", "20")
        assert endpoint.say("count")["calls"] == 0
        endpoint.say("up")
        sdk_peers.run(made, "loss", endpoint.url, "--calls", "20")
        assert endpoint.say("count")["calls"] == 20


def test_every_sdk_has_its_program_and_its_name() -> None:
    programs = {path.stem for path in (sdk_peers.PROGRAMS / "clients").glob("*.py")}
    assert programs == {sdk.name for sdk in sdk_peers.SDKS} == set(table.NAMES)


def row(sdk: str, **figures: float) -> dict[str, Any]:
    """A row in which everything is 10, but for what is said."""
    of = {"sync_p50": 10, "sync_mean": 10, "async_p50": 10, "async_mean": 10, "cpu_us": 10, "import_s": 10,
          "ready_s": 10, "mb": 10, "lost": 10, "refused": 10, "arrived": 90} | figures  # fmt: skip
    captured = dict.fromkeys(("prompt", "answer", "model", "tokens", "cost"), True)
    return {
        "sdk": sdk, "version": "1", "packages": 3, **of,
        "loss": {"lost": of["lost"], "calls": 100, "loop_s": 1, "drained_s": 2, "bytes": 0, "captured": captured},
        "exit_refused": {"seconds": of["refused"], "capped": of["refused"] >= 300},
        "exit_hanging": {"seconds": 10, "capped": False},
        "recovered": {"calls": 100, "arrived": of["arrived"]},
    }  # fmt: skip


def test_the_table_says_where_another_is_better_and_what_was_waited_for_in_vain() -> None:
    rows = [row("otel", sync_p50=5, arrived=95), row("spanledger", lost=0), row("opik", refused=300)]
    said = table.not_first(rows)
    assert said[2:] == [
        "- sync p50 µs: 10, behind OpenTelemetry alone 5.",
        "- recovered %: 90.0, behind OpenTelemetry alone 95.0.",
    ]
    assert "> 300.0" in table.figures(rows)[-1]
    assert "**0**" in next(line for line in table.figures(rows) if "Spanledger" in line)
    assert table.not_first([row("spanledger"), row("otel")]) == ["Spanledger is first in every column."]


def test_the_table_goes_between_the_page_s_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.MARKS[0]}\nold\n{table.MARKS[1]}\nafter\n")
    result = {"date": "2026-01-01", "python": "3.11", "cores": 2, "load": 0.1, "rounds": 3, "cap": 300}
    table.write(page, {**result, "rows": [row("otel"), row("spanledger")]})
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "1.00 times the bare span's" in text
    assert all(mark in (sdk_peers.PAGE.read_text(encoding="utf-8")) for mark in table.MARKS)

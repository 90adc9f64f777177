"""A small month through the real SDK, collector, store and ledger, as the command runs it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spanledger.pricing import price
from spanledger_cli.demo.command import ANALYSES
from spanledger_cli.demo.plans import TracePlan
from spanledger_cli.demo.story import story
from spanledger_cli.demo.traffic import traffic
from spanledger_cli.demo.truth import FILE, end_of
from spanledger_cli.demo.volume import utc
from spanledger_cli.running import Running
from spanledger_store.control import Control, jobs
from spanledger_store.settings import StoreSettings
from tests.cli.conftest import Cli, Up, run, start

SMALL = ("--spans", "1500", "--days", "3", "--seed", "9", "--end", "2026-03-02T09:30:00")


@dataclass(frozen=True)
class Loaded:
    """A data directory with the small demo in it, what the command printed, and an `up` that serves it now."""

    data: Path
    printed: str
    up: Up

    def ask(self, sql: str) -> list[dict[str, object]]:
        answer = Running(self.up.process.pid, self.up.url, self.up.token).post("/api/v1/query", {"sql": sql})
        names = [column["name"] for column in answer["columns"]]
        return [dict(zip(names, row, strict=True)) for row in answer["rows"]]

    def truth(self) -> dict[str, Any]:
        return json.loads((self.data / FILE).read_text())

    def plans(self) -> list[TracePlan]:
        truth = self.truth()
        return list(traffic(story(truth["seed"], end_of(truth), truth["days"], truth["spans"])))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    data = tmp_path_factory.mktemp("demo") / "data"
    done = run("demo", "--no-serve", "--port", "0", "--data", str(data), *SMALL)
    assert done.returncode == 0, done.stderr + done.stdout
    with Control.open(StoreSettings(data=data)) as control:
        assert {each.name for each in jobs.states(control) if each.is_asked_for} == set(ANALYSES)
    up = start(data)
    yield Loaded(data, done.stdout, up)
    up.process.terminate()
    assert up.process.wait() == 0


def test_what_is_stored_is_what_was_planned_to_the_last_digit(loaded: Loaded) -> None:
    truth, plans = loaded.truth(), loaded.plans()
    kinds: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    spend = Decimal(0)
    for trace in plans:
        for span in trace.root.walk():
            kinds[span.kind] += 1
            if span.usage is None:
                continue
            tokens["input"] += span.usage.input_tokens or 0
            tokens["cache_read"] += span.usage.cache_read_tokens or 0
            tokens["output"] += span.usage.output_tokens or 0
            cost = price(span.usage, provider=span.provider, model=span.model, at=utc(trace.start_ns))
            if cost is not None and not span.cache_hit:
                spend += cost.total
    (row,) = loaded.ask(
        "SELECT count() AS spans, uniqExact(trace_id) AS traces, sum(input_tokens) AS input, "
        "sum(cache_read_tokens) AS cache_read, sum(output_tokens) AS output, sum(cost_usd) AS cost, "
        "(SELECT sum(cost_usd) FROM ledger) AS booked FROM spans",
    )
    assert (row["spans"], row["traces"]) == (kinds.total(), len(plans))
    assert {name: row[name] for name in tokens} == tokens
    assert Decimal(str(row["cost"])) == Decimal(str(row["booked"])) == spend
    assert truth["totals"]["spans"] == kinds.total()
    assert truth["totals"]["llm_calls"] == kinds["llm"]
    assert f"{kinds.total():,} spans" in loaded.printed
    assert "The ledger equals the sum of its spans" in loaded.printed


def test_rows_carry_what_the_plans_say(loaded: Loaded) -> None:
    wanted = {f"{trace.trace_id():032x}": trace for trace in loaded.plans()}
    rows = loaded.ask(
        "SELECT trace_id, customer, user, session, feature, team, environment, release, prompt_name, prompt_version, "
        "toUnixTimestamp64Nano(start_time) AS start_ns, duration_ns, status FROM spans WHERE parent_span_id = ''",
    )
    assert len(rows) == len(wanted)
    for row in rows:
        trace = wanted[str(row["trace_id"])]
        for name in ("customer", "user", "session", "feature", "team", "release", "prompt_name", "prompt_version"):
            assert row[name] == (getattr(trace, name) or ""), name
        assert int(str(row["start_ns"])) == trace.start_ns
        assert int(str(row["duration_ns"])) == trace.root.duration_ns
        assert (row["status"] == "error") == (trace.root.error is not None)


def test_content_and_embeddings_are_there(loaded: Loaded) -> None:
    (row,) = loaded.ask(
        "SELECT (SELECT count() FROM span_content WHERE input != '') AS texts, "
        "(SELECT count() FROM spans WHERE kind = 'llm') AS calls, "
        "(SELECT count() FROM embeddings WHERE length(vector) = 192) AS vectors, "
        "(SELECT countIf(isNull(cost_usd) AND status != 'error') FROM spans WHERE is_billable) AS unpriced, "
        "(SELECT countIf(ttft_ns > 0) FROM spans) AS streamed, "
        "(SELECT countIf(cache_hit) FROM spans) AS answered_from_cache",
    )
    assert row["vectors"] == row["calls"] != 0
    assert int(str(row["texts"])) > 0.95 * 1300
    assert int(str(row["unpriced"])) > 0
    assert int(str(row["streamed"])) > 100
    assert int(str(row["answered_from_cache"])) > 0


def test_started_again_it_sends_nothing_twice(loaded: Loaded) -> None:
    before = loaded.ask("SELECT count() AS rows FROM span_rows")
    again = run("demo", "--no-serve", "--port", "0", "--data", str(loaded.data))
    assert again.returncode == 0, again.stderr
    assert "already; nothing was sent" in again.stdout
    assert loaded.ask("SELECT count() AS rows FROM span_rows") == before


def test_a_month_cut_short_is_continued_without_doubling(loaded: Loaded) -> None:
    path, truth = loaded.data / FILE, loaded.truth()
    sums = "SELECT count() AS spans, sum(cost_usd) AS cost, (SELECT sum(cost_usd) FROM ledger) AS booked FROM spans"
    before = loaded.ask(sums)
    path.write_text(json.dumps(truth | {"totals": None}))
    again = run("demo", "--no-serve", "--port", "0", "--data", str(loaded.data))
    assert again.returncode == 0, again.stderr
    assert loaded.ask(sums) == before
    assert loaded.truth() == truth


def test_another_demo_in_the_same_directory_is_refused(loaded: Loaded, cli: Cli) -> None:
    refused = cli("demo", "--no-serve", "--port", "0", "--data", str(loaded.data), "--seed", "10")
    assert refused.exit_code == 2
    assert "holds a demo with --seed 9" in refused.stderr


def test_a_wrong_end_is_a_wrong_request(tmp_path: Path, cli: Cli) -> None:
    refused = cli("demo", "--no-serve", "--end", "yesterday", "--data", str(tmp_path / "data"))
    assert refused.exit_code == 2
    assert "is no time" in refused.stderr
    assert not (tmp_path / "data").exists()

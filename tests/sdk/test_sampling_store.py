"""The ledger of a sampled program is that of the whole one, in the store, to the last digit."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan

from spanledger import semconv
from spanledger._internal.sampling.sums import NAME
from spanledger_analytics.jobs import ledger
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.reports import coverage
from tests.cli.conftest import environment, start
from tests.cli.test_up import ask
from tests.collector.conftest import Line, open_line

from .test_sampling import NEVER, NOW, made, used
from .test_sampling import Line as Sampled

DAY = 86_400_000_000_000
SUMS = """
    SELECT toString(hour + INTERVAL {days:UInt8} DAY), customer, feature, provider, model, environment, release,
        calls, errors, unpriced_calls, cache_hits, input_tokens, cache_read_tokens, output_tokens, other_tokens,
        cost_usd, input_cost_usd, cache_read_cost_usd, output_cost_usd, other_cost_usd, client_cost_usd
    FROM ledger WHERE (hour < {noon:DateTime('UTC')}) = {early:Bool} ORDER BY ALL
"""


def history(shift: int) -> list[ReadableSpan]:
    chosen = random.Random(4)
    spans: list[ReadableSpan] = []
    models = (
        ("openai", "gpt-4o"),
        ("gcp.gemini", "gemini-2.5-pro"),
        ("vllm", "home-made"),
        ("anthropic", "claude-sonnet-4-5"),
    )
    for number in range(1, 401):
        provider, model = chosen.choice(models)
        tokens = chosen.choice([chosen.randrange(2_000), chosen.randrange(400_000)])
        attributes = used(model, tokens, **{
            semconv.PROVIDER_NAME: provider,
            semconv.CUSTOMER_ID: chosen.choice(["acme", "globex"]),
            semconv.FEATURE: chosen.choice(["chat", "search"]),
            semconv.USAGE_CACHE_READ_TOKENS: tokens // 3,
            semconv.USAGE_OTHER_PREFIX + "web_searches": chosen.randrange(3),
        })  # fmt: skip
        attributes[semconv.CACHE_HIT] = chosen.random() < 0.1
        at = NOW + shift + chosen.randrange(5 * 3600) * 10**9
        spans.append(
            made(chosen.getrandbits(128), number, attributes=attributes, start=at, failed=chosen.random() < 0.05)
        )
    return spans


@pytest.fixture
def stored(embedded: Engine, control: Control) -> Iterator[Line]:
    """A collector on the embedded engine."""
    yield from open_line(embedded, control)


def test_in_the_store(stored: Line) -> None:
    whole, line = history(-DAY), Sampled(NEVER)
    for span in history(0):
        line.give(span)
    sampled = line.end()
    assert len(sampled) < len(whole)
    for spans in (whole, sampled):
        assert stored.post(encode_spans(spans).SerializePartialToString()).status_code == 200
    stored.settle()
    engine, control = stored.collector.engine, stored.collector.control
    ledger.run(engine, control)
    noon = datetime.fromtimestamp(NOW / 1e9, UTC) - timedelta(hours=2)
    books = [engine.rows(SUMS, {"days": early, "noon": noon, "early": bool(early)}) for early in (1, 0)]
    assert books[0] == books[1]
    assert sum(row[7] for row in books[0]) == 400
    assert engine.rows("SELECT count() FROM spans WHERE name = {name:String}", {"name": NAME})[0][0] > 0
    # What clients count in metrics is set beside the calls that sums stand for, not beside the sums.
    counted: list[Any] = []
    for begin in (noon - timedelta(days=1), noon):
        frame = coverage.hours(engine, "default", begin, begin + timedelta(hours=12))
        counted.append([frame[f"span_{name}"].sum() for name in ("calls", "input_tokens", "output_tokens")])
    assert counted[0] == counted[1]
    assert counted[0][0] == 400


PROGRAM = """
import os, random, sys
import spanledger
spanledger.init(sys.argv[1], sample_rate=float(sys.argv[2]), release=sys.argv[3])
chosen = random.Random(3)
@spanledger.observe(kind="llm")
def ask(model, given, made, fails):
    if fails:
        raise RuntimeError("no")
    return {"id": f"{chosen.random()}", "model": model, "choices": [{"message": {"role": "assistant", "content": "x"}}],
            "usage": {"prompt_tokens": given, "completion_tokens": made}}
@spanledger.observe
def serve():
    for _ in range(chosen.randrange(1, 4)):
        try:
            ask(chosen.choice(["gpt-4o", "gpt-4.1-mini", "home-made"]), chosen.randrange(500), chosen.randrange(50),
                chosen.random() < 0.02)
        except RuntimeError:
            pass
for number in range(600):
    with spanledger.context(customer=chosen.choice("abc"), feature=chosen.choice("xy"), user=str(number % 7)):
        serve()
assert spanledger.flush(30)
stats = spanledger.stats()
assert stats.ended == stats.acknowledged + stats.sampled_out, stats
print(stats.acknowledged)
"""


def test_from_the_program_to_the_ledger(tmp_path: Path) -> None:
    up = start(tmp_path / "data")
    sent: dict[str, int] = {}
    try:
        for rate in ("1", "0.1", "0"):
            arguments = [sys.executable, "-c", PROGRAM, up.url, rate, f"rate-{rate}"]
            done = subprocess.run(arguments, env=environment(), capture_output=True, text=True, timeout=120)
            assert (done.returncode, done.stderr) == (0, "")
            sent[rate] = int(done.stdout)
        found: dict[str, Any] = {}
        while True:
            assert up.process.poll() is None
            for rate in sent:
                found[rate] = ask(
                    up,
                    "SELECT customer, feature, model, provider, sum(calls) AS c, sum(errors), sum(unpriced_calls), "
                    "sum(input_tokens), sum(output_tokens), sum(cost_usd), sum(client_cost_usd) FROM ledger "
                    f"WHERE release = 'rate-{rate}' GROUP BY ALL ORDER BY ALL",
                )
            calls = {rate: sum(int(str(row[4])) for row in rows) for rate, rows in found.items()}
            if len(set(calls.values())) == 1 and calls["1"]:
                break
            time.sleep(0.2)
        assert found["0.1"] == found["1"]
        assert found["0"] == found["1"]
        assert sent["0"] < sent["0.1"] < sent["1"] / 2
        users = [
            ask(up, f"SELECT user, sum(cost_usd) FROM spans WHERE release = 'rate-{rate}' AND is_billable "
                    "GROUP BY user ORDER BY user") for rate in sent
        ]  # fmt: skip
        assert users[0] == users[1] == users[2]
    finally:
        up.process.terminate()
        assert up.process.wait() == 0

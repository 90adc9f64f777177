"""Fills an empty installation with millions of realistic spans, fast enough to measure at scale.

    python benchmarks/seed.py --data DIR --spans 5000000 [--days 90] [--end 2026-11-01T00:00] [--seed 1]

The engine makes the rows itself (INSERT SELECT from numbers), in blocks and in order of time, so memory stays bounded
whatever the number. The same arguments make the same rows. What is in it: traces of five spans (agent, two model
calls, tool, embedding), three of them billable; about 40 customers, zipf; 8 features, 6 teams, 12 models of 7
providers; a session per two traces; log-normal latencies; 2 % failures; prompts with versions, tags, metadata and
attributes; for every span about 600 bytes of content in words of a zipf vocabulary, with an order number of its own;
one trace of 5,000 spans; a score for every fifth trace. Embedding vectors are not made: no page reads them. The hours
are marked and the ledger is computed by the product's own job. Prints what was made and how long it took, as JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from spanledger_analytics.jobs import ledger
from spanledger_store.control import Control, dirty
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings

SPANS_PER_TRACE = 5
BIG_TRACE, BIG_TRACE_SPANS = f"{0x5_000:032x}", 5_000
BLOCK = 250_000
DAYS = 90
PROJECT = "default"

# Words that searches look for. The first stands in about half of the contents, the second in one trace of ten thousand.
FREQUENT, RARE, ABSENT = "warranty", "zirconium", "xylophonist"
COMMON = ("account", "refund", "order", "invoice", "please", "contract", "delivery", "password", "address", FREQUENT)
LINE, LINES, VOCABULARY = 64, 2048, 6000

_MODELS = (
    ("anthropic", "claude-sonnet-4-5", 3.0, 15.0),
    ("openai", "gpt-4o", 2.5, 10.0),
    ("openai", "gpt-4o-mini", 0.15, 0.6),
    ("openai", "gpt-4.1", 2.0, 8.0),
    ("openai", "o4-mini", 1.1, 4.4),
    ("gcp.gemini", "gemini-2.5-pro", 1.25, 10.0),
    ("gcp.gemini", "gemini-2.5-flash", 0.3, 2.5),
    ("anthropic", "claude-haiku-4-5", 1.0, 5.0),
    ("mistral_ai", "mistral-large-latest", 2.0, 6.0),
    ("cohere", "command-r-plus", 2.5, 10.0),
    ("deepseek", "deepseek-chat", 0.27, 1.1),
    # Self-hosted, and nobody has entered a price.
    ("vllm", "llama-3.3-70b-instruct", 0.0, 0.0),
)
_CUSTOMERS = tuple(
    f"{first} {second}"
    for first, second in itertools.product(
        ("Northwind", "Acme", "Globex", "Initech", "Umbrella", "Hooli", "Stark", "Wayne"),
        ("Health", "Robotics", "Finance", "Retail", "Logistics"),
    )
)
_FEATURES = (
    ("support-copilot", "Support"), ("contract-review", "Legal"), ("semantic-search", "Search"),
    ("meeting-notes", "Productivity"), ("sql-agent", "Analytics"), ("onboarding-bot", "Growth"),
    ("ticket-triage", "Support"), ("code-assist", "R&D"),
)  # fmt: skip

# One row per span: what its identity, time and slice follow from. `n` is the trace, `s` the span within it.
_SOURCE = """
(
    SELECT
        *,
        lower(hex(MD5(concat({key:String}, toString(n))))) AS the_trace,
        lower(hex(reinterpretAsFixedString(sipHash64({key:String}, n)))) AS the_root,
        if(s = 0, the_root, lower(hex(reinterpretAsFixedString(sipHash64({key:String}, n, s))))) AS the_span,
        toInt64({start:Int64} + (intDiv(n, per_day) + share + 0.1 * sin(2 * pi() * share)) * 86400000000000) AS noted,
        noted + toInt64(sipHash64('jitter', {key:String}, n) % 600000000000) AS began,
        fromUnixTimestamp64Nano(began + toInt64([0, 40, 1900, 2600, 2750][s + 1] * pace * 1e6), 'UTC') AS the_start,
        toUInt32(1 + floor(exp(r1 * log(40)) - 1)) AS c,
        toUInt32(1 + (c * 7 + (r2 > 0.6) * 3) % 8) AS f,
        toUInt32(if(s = 4, 0, 1 + (f * 5 + (r3 > 0.8) * 3) % 12)) AS m,
        sipHash64('fail', {key:String}, n, s) % 50 = 0 AS failed,
        s IN (1, 3, 4) AS billed
    FROM
    (
        SELECT
            number AS i, intDiv(number, 5) AS n, number % 5 AS s,
            toUInt64(greatest(1, ceil({spans:UInt64} / 5 / {days:UInt32}))) AS per_day,
            n % per_day / per_day AS share,
            sipHash64('a', {key:String}, n) % 1000003 / 1000003 AS r1,
            sipHash64('b', {key:String}, n) % 1000003 / 1000003 AS r2,
            sipHash64('c', {key:String}, n) % 1000003 / 1000003 AS r3,
            (sipHash64('d', {key:String}, n) % 1000003 + 0.5) / 1000003 AS r4,
            -- Log-normal: a quarter of the time goes to a twentieth of the traces.
            exp(0.6 * sqrt(-2 * log(r4)) * cos(2 * pi() * r3)) AS pace
        FROM numbers({first:UInt64}, {many:UInt64})
    )
)
"""

_SPANS = """
INSERT INTO span_rows
    (project_id, trace_id, span_id, parent_span_id, name, kind, operation, start_time, duration_ns, ttft_ns, status,
     error_type, status_message, provider, request_model, model, response_id, finish_reason, customer, user, session,
     feature, team, environment, release, service, prompt_name, prompt_version, tags, metadata, input_tokens,
     cache_read_tokens, output_tokens, cost_usd, input_cost_usd, cache_read_cost_usd, output_cost_usd, price_source,
     is_billable, attributes, input_preview, output_preview, dialect, ingest_key, ingested_at)
WITH
    $models AS models, $providers AS providers, $in_prices AS in_prices, $out_prices AS out_prices,
    $customers AS customers, $features AS features, $teams AS teams, $corpus AS corpus
SELECT
    {project:String}, the_trace, the_span, if(s = 0, '', the_root),
    ['agent.run', 'chat', 'execute_tool lookup_order', 'chat', 'embeddings'][s + 1],
    ['agent', 'llm', 'tool', 'llm', 'embedding'][s + 1],
    ['invoke_agent', 'chat', 'execute_tool', 'chat', 'embeddings'][s + 1],
    the_start,
    toUInt64([6200, 1800, 650, 3100, 120][s + 1] * pace * 1e6),
    if(s IN (1, 3), toUInt64((250 + 300 * r3) * pace * 1e6), NULL),
    if(failed, 'error', 'ok'), if(failed, ['timeout', 'rate_limit', '504'][1 + n % 3], ''),
    if(failed, 'The upstream service did not answer in time', ''),
    multiIf(s = 4, 'openai', m > 0 AND billed, providers[m], '') AS the_provider,
    multiIf(s = 4, 'text-embedding-3-small', m > 0 AND billed, models[m], '') AS the_model, the_model,
    if(billed, concat('resp_', substring(the_span, 1, 12)), ''), if(s IN (1, 3) AND NOT failed, 'stop', ''),
    customers[c], concat('user-', toString(sipHash64('user', n) % 20000)), concat('session-', toString(intDiv(n, 2))),
    features[f], teams[f], if(sipHash64('env', n) % 12 = 0, 'staging', 'production'),
    concat('2026.', toString(intDiv(n, per_day * 7))), 'assistant-api',
    if(s IN (1, 3), concat('answer-', features[f]), ''),
    if(s IN (1, 3), concat('v', toString(1 + intDiv(n, per_day * 21))), ''),
    multiIf(n % 20 = 0, ['beta', 'vip'], n % 8 = 0, ['beta'], CAST([], 'Array(String)')),
    map('plan', ['free', 'team', 'enterprise'][1 + c % 3], 'region', ['eu', 'us'][1 + c % 2]),
    if(billed AND NOT failed, toUInt64(fresh), NULL), if(s IN (1, 3) AND NOT failed, toUInt64(cached), NULL),
    if(s IN (1, 3) AND NOT failed, toUInt64(written), NULL),
    if(priced, in_cost + cache_cost + out_cost, NULL), if(priced, in_cost, NULL), if(priced, cache_cost, NULL),
    if(priced, out_cost, NULL),
    multiIf(priced, 'genai-prices', billed AND failed, 'failed without usage', ''), billed,
    map('gen_ai.request.temperature', '0.2', 'gen_ai.request.max_tokens', toString(256 * (1 + n % 8)),
        'server.address', 'api.example.com', 'thread.name', concat('worker-', toString(n % 16)),
        'http.response.status_code', if(failed, '504', '200')),
    if(s = 2, '', substring(corpus, 1 + 64 * (sipHash64('in', n, s) % 2048), 120)),
    if(s = 2 OR failed, '', substring(corpus, 1 + 64 * (sipHash64('out', n, s) % 2048), 120)),
    'otel', 'seed', fromUnixTimestamp64Nano(began + 8000000000, 'UTC')
FROM
(
    SELECT
        *,
        if(s = 4, 0.02, in_prices[greatest(m, 1)]) AS in_price,
        if(s = 4, 0, out_prices[greatest(m, 1)]) AS out_price,
        billed AND NOT failed AND (m != 12) AS priced,
        floor(300 + 5000 * r2 * r2) AS fresh, floor(if(r1 > 0.5, 2000 * r3, 0)) AS cached,
        floor(30 + 700 * r3) AS written,
        toDecimal64(fresh * in_price / 1e6, 12) AS in_cost,
        toDecimal64(if(s = 4, 0, cached * in_price / 1e7), 12) AS cache_cost,
        toDecimal64(if(s = 4, 0, written * out_price / 1e6), 12) AS out_cost
    FROM $source
)
"""

_CONTENT = """
INSERT INTO span_content_rows
    (project_id, trace_id, span_id, start_time, input, output, system_instructions, input_length, output_length,
     attributes, resource, scope_name, scope_version, events, links, ingested_at)
WITH $corpus AS corpus
SELECT
    {project:String}, the_trace, the_span, the_start,
    concat('[{"role":"user","parts":[{"type":"text","content":"Order A',
           toString(sipHash64('order', n) % 10000000), ' ',
           if(n % 10007 = 7 AND s = 1, '$rare ', ''),
           substring(corpus, 1 + 64 * (sipHash64('w1', n, s) % 2045), 192), '"}]}]') AS said,
    concat('[{"role":"assistant","parts":[{"type":"text","content":"',
           substring(corpus, 1 + 64 * (sipHash64('w2', n, s) % 2045), 192), '"}],"finish_reason":"stop"}]') AS answered,
    if(s IN (1, 3), '[{"type":"text","content":"You are a careful assistant. Name the order."}]', ''),
    length(said), length(answered),
    map('gen_ai.request.temperature', '0.2'), map('service.name', 'assistant-api', 'host.name', 'api-7f9c'),
    'spanledger', '0.1.0', '[]', '[]', fromUnixTimestamp64Nano(began + 8000000000, 'UTC')
FROM $source
"""

_SCORES = """
INSERT INTO score_rows
    (project_id, trace_id, span_id, session, name, time, value, explanation, source, ingested_at)
SELECT {project:String}, the_trace, the_span, concat('session-', toString(intDiv(n, 2))), 'helpfulness', the_start,
       round(0.5 + r3 / 2, 2), 'It names the order and its state.', 'judge', the_start
FROM $source WHERE n % 5 = 0 AND s = 3
"""

# The big trace: a root, below it 2,500 spans in chains of ten, and 2,499 side by side.
_BIG_ROWS = """
(
    SELECT
        number AS j, {trace:String} AS the_trace,
        lower(hex(reinterpretAsFixedString(sipHash64({trace:String}, j)))) AS the_span,
        if(j % 10 = 1 OR j > 2500, 0, j - 1) AS parent,
        if(j = 0, '', lower(hex(reinterpretAsFixedString(sipHash64({trace:String}, parent))))) AS above,
        fromUnixTimestamp64Nano({began:Int64} + toInt64(number * 180000000), 'UTC') AS the_start
    FROM numbers({many:UInt64})
)
"""
_BIG = f"""
INSERT INTO span_rows
    (project_id, trace_id, span_id, parent_span_id, name, kind, operation, start_time, duration_ns, status, provider,
     request_model, model, customer, user, session, feature, team, environment, release, service, input_tokens,
     output_tokens, cost_usd, input_cost_usd, output_cost_usd, price_source, is_billable, attributes, dialect,
     ingested_at)
SELECT
    {{project:String}}, the_trace, the_span, above,
    if(j = 0, 'agent.batch', if(j % 2 = 0, 'chat', 'execute_tool step')),
    if(j = 0, 'agent', if(j % 2 = 0, 'llm', 'tool')), if(j % 2 = 0, 'chat', 'execute_tool'), the_start,
    if(j = 0, toUInt64(900000000000), toUInt64(150000000)), if(j % 500 = 499, 'error', 'ok'),
    if(j % 2 = 0 AND j > 0, 'openai', ''), if(j % 2 = 0 AND j > 0, 'gpt-4o', '') AS the_model, the_model,
    'Acme Robotics', 'user-1', 'session-big', 'code-assist', 'R&D', 'production', '2026.0', 'assistant-api',
    if(j % 2 = 0 AND j > 0, toUInt64(1200), NULL), if(j % 2 = 0 AND j > 0, toUInt64(200), NULL),
    if(j % 2 = 0 AND j > 0, toDecimal64(0.005, 12), NULL), if(j % 2 = 0 AND j > 0, toDecimal64(0.003, 12), NULL),
    if(j % 2 = 0 AND j > 0, toDecimal64(0.002, 12), NULL), if(j % 2 = 0 AND j > 0, 'genai-prices', ''),
    j % 2 = 0 AND j > 0, map('step', toString(j)), 'otel', the_start
FROM {_BIG_ROWS}
"""
_BIG_CONTENT = f"""
INSERT INTO span_content_rows
    (project_id, trace_id, span_id, start_time, input, output, input_length, output_length, attributes, scope_name,
     events, links, ingested_at)
SELECT
    {{project:String}}, the_trace, the_span, the_start,
    concat('[{{"role":"user","parts":[{{"type":"text","content":"Step ', toString(j), '"}}]}}]') AS said,
    '[{{"role":"assistant","parts":[{{"type":"text","content":"Done."}}]}}]' AS answered,
    length(said), length(answered),
    map('step', toString(j)), 'spanledger', '[]', '[]', the_start
FROM {_BIG_ROWS}
"""


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was made. Times are Unix seconds; `big_trace` is the trace of 5,000 spans."""

    spans: int
    project: str
    start: int
    end: int
    big_trace: str
    insert_seconds: float
    ledger_seconds: float
    ledger_hours: int
    disk_bytes: int


def corpus(seed: int) -> str:
    """Lines of 64 characters whose words follow a zipf law, in one text; the same for the same seed."""
    dice = random.Random(seed)
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in "aeiou"]
    invented: set[str] = set()
    while len(invented) < VOCABULARY - len(COMMON):
        invented.add("".join(dice.choices(syllables, k=dice.randint(2, 4))))
    words = [*COMMON, *sorted(invented, key=lambda word: (len(word), word))]
    lines: list[str] = []
    for _ in range(LINES):
        line = ""
        while len(line) < LINE - 1:
            word = words[int(VOCABULARY ** dice.random()) - 1]
            line += word + " "
        lines.append(line[: LINE - 1].rstrip().ljust(LINE))
    return "".join(lines)


def seed(
    engine: Engine,
    control: Control,
    spans: int,
    *,
    days: int = DAYS,
    end: datetime | None = None,
    key: int = 1,
    project: str = PROJECT,
    note: Callable[[str], None] = lambda _: None,
) -> Seeded:
    """Write about `spans` spans (a multiple of five, plus 5,000) over the `days` days before `end`, and their ledger.

    `end` is a full UTC hour and defaults to the next one. Raises ValueError where the store already holds spans.
    """
    if engine.rows("SELECT count() FROM span_rows")[0][0]:
        raise ValueError("the installation already holds spans; seed an empty one, with another --data")
    end = (end or datetime.now(UTC) + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(days=days)
    spans = max(spans // SPANS_PER_TRACE, 1) * SPANS_PER_TRACE
    shared: dict[str, Any] = {
        "project": project, "key": f"spanledger-{key}", "spans": spans, "days": days,
        "start": int(start.timestamp()) * 10**9,
    }  # fmt: skip
    statements = _statements(corpus(key))
    started = time.perf_counter()
    for first in range(0, spans, BLOCK):
        values = shared | {"first": first, "many": min(BLOCK, spans - first)}
        for statement in statements:
            engine.command(statement, values, {"max_query_size": 2**20})
        note(f"{first + values['many']:,} of {spans:,} spans, {time.perf_counter() - started:.0f} s")
    began = int((end - timedelta(days=1, hours=2)).timestamp()) * 10**9
    for statement in (_BIG, _BIG_CONTENT):
        engine.command(statement, {"project": project, "trace": BIG_TRACE, "began": began, "many": BIG_TRACE_SPANS})
    inserted = time.perf_counter()
    hours = engine.rows("SELECT DISTINCT toUnixTimestamp(toStartOfHour(start_time)) FROM span_rows")
    dirty.mark(control, [(project, datetime.fromtimestamp(row[0], UTC)) for row in hours])
    ledger.run(engine, control)
    return Seeded(
        spans=engine.rows("SELECT count() FROM span_rows")[0][0],
        project=project,
        start=int(start.timestamp()),
        end=int(end.timestamp()),
        big_trace=BIG_TRACE,
        insert_seconds=round(inserted - started, 1),
        ledger_seconds=round(time.perf_counter() - inserted, 1),
        ledger_hours=len(hours),
        disk_bytes=disk_bytes(engine),
    )


def disk_bytes(engine: Engine) -> int:
    """Bytes of all active parts of the database."""
    sql = "SELECT toUInt64(sum(bytes_on_disk)) FROM system.parts WHERE active AND database = {db:String}"
    return int(engine.rows(sql, {"db": engine.database})[0][0])


def settled(engine: Engine, seconds: float = 120) -> bool:
    """Wait until no merge runs, at most `seconds`; False where merges were still running then."""
    deadline, calm = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        calm = calm + 1 if not engine.rows("SELECT count() FROM system.merges")[0][0] else 0
        if calm == 3:
            return True
        time.sleep(1)
    return False


def _statements(text: str) -> list[str]:
    def array(values: object) -> str:
        return repr(list(values))  # type: ignore[call-overload]

    parts = {
        "models": array(model for _, model, _, _ in _MODELS),
        "providers": array(provider for provider, _, _, _ in _MODELS),
        "in_prices": array(price for _, _, price, _ in _MODELS),
        "out_prices": array(price for _, _, _, price in _MODELS),
        "customers": array(_CUSTOMERS),
        "features": array(name for name, _ in _FEATURES),
        "teams": array(team for _, team in _FEATURES),
        "corpus": f"'{text}'",
        "rare": RARE,
        "source": _SOURCE,
    }
    made: list[str] = []
    for statement in (_SPANS, _CONTENT, _SCORES):
        for name, value in parts.items():
            statement = statement.replace(f"${name}", value)
        made.append(statement)
    return made


def main() -> int:
    """Seed, print what was made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory of an empty installation; made if absent")
    parser.add_argument("--spans", type=int, default=5_000_000)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--end", type=datetime.fromisoformat, help="full UTC hour; else the next one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clickhouse-url", help="seed this server instead of the embedded engine")
    options = parser.parse_args()
    url = SecretStr(options.clickhouse_url) if options.clickhouse_url else None
    end = options.end.replace(tzinfo=UTC) if options.end else None
    settings = StoreSettings(data=options.data, clickhouse_url=url)
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        try:
            made = seed(
                engine, control, options.spans, days=options.days, end=end, key=options.seed,
                note=lambda text: print(text, file=sys.stderr),
            )  # fmt: skip
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        settled(engine)
    print(json.dumps(asdict(made), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

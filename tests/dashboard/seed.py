"""A fictional company's traffic, written by the engine itself: agent traces of seven spans, the same for the same
arguments. Errors, unpriced models, cached answers and calls nobody is named for are in it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from spanledger_store.engine import Engine
from spanledger_store.ledger import recompute

SPANS_PER_TRACE = 7

_SPANS = """
INSERT INTO span_rows
    (project_id, trace_id, span_id, parent_span_id, name, kind, operation, start_time, duration_ns, ttft_ns, status,
     error_type, status_message, provider, request_model, model, finish_reason, customer, user, session, feature,
     team, environment, release, service, prompt_name, prompt_version, tags, input_tokens, cache_read_tokens,
     cache_write_tokens, output_tokens, reasoning_tokens, cost_usd, input_cost_usd, cache_read_cost_usd,
     cache_write_cost_usd, output_cost_usd, price_source, is_billable, cache_hit, attributes, input_preview,
     output_preview, dialect, ingested_at)
WITH
    ['Northwind Health', 'Acme Robotics', 'Globex Finance', 'Initech', 'Umbrella Retail', 'Hooli Search', 'Stark Legal',
     'Wayne Logistics', 'Soylent Foods', 'Vandelay Imports', ''] AS customers,
    ['support-copilot', 'contract-review', 'semantic-search', 'meeting-notes', 'sql-agent', 'onboarding-bot',
     'ticket-triage', 'code-assist', ''] AS features,
    ['Support', 'Legal', 'Search', 'Productivity', 'Analytics', 'Growth', 'Support', 'R&D', ''] AS teams,
    ['claude-sonnet-4-5', 'gpt-5.1', 'gpt-5.1-mini', 'gemini-3-pro', 'llama-4-70b'] AS models,
    ['anthropic', 'openai', 'openai', 'gcp.gemini', 'vllm'] AS providers,
    [3, 1.25, 0.25, 2, 0] AS in_price,
    [15, 10, 2, 12, 0] AS out_price,
    [5, 4, 3, 3, 3, 4, 6, 9, 13, 17, 20, 21, 20, 21, 22, 21, 19, 16, 13, 10, 9, 8, 7, 6] AS hours,
    [0, 150, 1800, 1850, 3000, 3050, 4900] AS offsets,
    ['', 'root', 'root', 'retrieve', 'root', 'tool', 'root'] AS above,
    ['agent', 'llm', 'retrieval', 'embedding', 'tool', 'chain', 'llm'] AS kinds
SELECT
    {project:String},
    lower(hex(MD5(concat({project:String}, toString(n))))) AS trace,
    lower(hex(reinterpretAsFixedString(cityHash64('s', n, s)))),
    multiIf(s = 0, '', s = 3, lower(hex(reinterpretAsFixedString(cityHash64('s', n, 2)))),
            s = 5, lower(hex(reinterpretAsFixedString(cityHash64('s', n, 4)))),
            lower(hex(reinterpretAsFixedString(cityHash64('s', n, 0))))),
    multiIf(s = 0, concat(if(feature_name = '', 'adhoc', feature_name), '.run'), s = 1, concat('chat ', model_name),
            s = 2, 'retrieve.passages', s = 3, 'embeddings text-embedding-3-small', s = 4, 'execute_tool lookup_order',
            s = 5, 'GET orders-api/v2/search', concat('chat ', model_name)),
    kinds[s + 1],
    ['invoke_agent', 'chat', 'retrieval', 'embeddings', 'execute_tool', '', 'chat'][s + 1],
    fromUnixTimestamp64Nano(toInt64(began + toInt64(offsets[s + 1] * pace * 1e6)), 'UTC') AS start_time,
    toUInt64([8400, 1600, 1150, 130, 1850, 600 + 1200 * r2, 2300][s + 1] * pace * 1e6),
    if(s IN (1, 6), toUInt64((300 + 500 * r2) * pace * 1e6), NULL),
    if(fails AND s IN (5, 6), 'error', 'ok'),
    multiIf(fails AND s = 5, '504', fails AND s = 6, 'rate_limit', ''),
    multiIf(fails AND s = 5, '504 Gateway Timeout', fails AND s = 6, '429 Too Many Requests: slow down', ''),
    if(billed, if(s = 3, 'openai', providers[m]), ''),
    model_name, model_name,
    if(s IN (1, 6) AND NOT fails, 'stop', ''),
    customers[c] AS customer_name,
    if(customer_name = '', '', concat('user-', toString(cityHash64('u', n) % 400))),
    concat('session-', toString(intDiv(n, 4))),
    features[f] AS feature_name,
    teams[f],
    if(cityHash64('env', n) % 10 = 0, 'staging', 'production'),
    if(day_back < 9, 'v2.31.0', 'v2.30.4'),
    'assistant-api',
    if(s IN (1, 6), 'answer', ''), if(s IN (1, 6), if(day_back < 12, 'v7', 'v6'), ''),
    if(cityHash64('tag', n) % 6 = 0, ['beta'], CAST([] AS Array(String))),
    if(billed AND NOT cached, toUInt64(fresh), if(cached, 0, NULL)),
    if(s IN (1, 6), toUInt64(from_cache), NULL),
    NULL,
    if(s IN (1, 6), toUInt64(written), NULL),
    NULL,
    if(billed AND (model_name != 'llama-4-70b' OR cached), in_cost + cache_cost + out_cost, NULL),
    if(billed AND (model_name != 'llama-4-70b' OR cached), in_cost, NULL),
    if(billed AND (model_name != 'llama-4-70b' OR cached), cache_cost, NULL),
    NULL,
    if(billed AND (model_name != 'llama-4-70b' OR cached), out_cost, NULL),
    if(billed AND model_name != 'llama-4-70b', 'genai-prices', ''),
    billed,
    if(s = 6, cached, NULL),
    map('http.response.status_code', if(fails AND s = 5, '504', '200'), 'thread.name', 'worker-3'),
    if(s IN (1, 6), 'Where is my order?', ''), if(s IN (1, 6), 'It left the warehouse this morning.', ''),
    'gen_ai',
    now64(9)
FROM
(
    SELECT
        *,
        s IN (1, 3, 6) AS billed,
        cached_n AND s = 6 AS cached,
        toInt64({end:Int64} - day_back * 86400 - 86400 + hour_of_day * 3600 + floor(r1 * 3600)) * 1000000000
            + toInt64(cityHash64('ns', n) % 1000000000) AS began,
        if(s = 3, 'text-embedding-3-small', if(s IN (1, 6), models[m], '')) AS model_name,
        if(s = 3, 420, floor((700 + 5200 * r2 * f / 3) * if(c = 3 AND day_back < 4, 2.1, 1))) AS fresh,
        floor(if(cached_n OR day_back = 2, 0, 2600 * r3)) AS from_cache,
        if(fails, 0, floor(60 + 620 * r2 * r1)) AS written,
        toDecimal64(if(cached_n AND s = 6, 0, fresh * if(s = 3, 0.02, in_price[m]) / 1e6), 12) AS in_cost,
        toDecimal64(if(s = 3 OR (cached_n AND s = 6), 0, from_cache * in_price[m] / 1e7), 12) AS cache_cost,
        toDecimal64(if(s = 3 OR (cached_n AND s = 6), 0, written * out_price[m] / 1e6), 12) AS out_cost
    FROM
    (
        SELECT
            intDiv(number, 7) AS n,
            number % 7 AS s,
            cityHash64('r1', n) % 10007 / 10007 AS r1,
            cityHash64('r2', n) % 10007 / 10007 AS r2,
            cityHash64('r3', n) % 10007 / 10007 AS r3,
            toUInt32(1 + floor(11 * pow(cityHash64('c', n) % 10007 / 10007, 1.9))) AS c,
            toUInt32(1 + floor(9 * pow(cityHash64('f', n) % 10007 / 10007, 1.6))) AS f,
            toUInt32(1 + floor(5 * pow(cityHash64('m', n) % 10007 / 10007, 1.4))) AS m,
            toInt32(floor({days:UInt32} * pow(cityHash64('d', n) % 10007 / 10007, 1.15))) AS day_back,
            toInt64(arrayFirstIndex(x -> x > cityHash64('h', n) % 280, arrayCumSum(hours)) - 1) AS hour_of_day,
            0.35 + 1.3 * pow(r2, 3) + if(day_back < 9 AND m = 2, 0.5, 0) AS pace,
            cityHash64('e', n) % 100 < if(day_back = 1 AND m = 2, 14, 2) AS fails,
            cityHash64('cache', n) % 25 = 0 AS cached_n
        FROM numbers({spans:UInt64})
    )
)
"""

_CONTENT = """
INSERT INTO span_content_rows
    (project_id, trace_id, span_id, start_time, input, output, system_instructions, tool_definitions, input_length,
     output_length, attributes, resource, scope_name, scope_version, events, links, ingested_at)
WITH
    ['refund', 'warranty', 'indemnity', 'shipping', 'password', 'invoice'] AS topics,
    topics[1 + cityHash64('t', trace_id) % 6] AS topic
SELECT
    project_id, trace_id, span_id, start_time,
    if(kind = 'tool', '{"order":"A-1042"}',
       concat('[{"role":"user","parts":[{"type":"text","content":"Please help with my ', topic,
              ' question about order A-1042."}]},{"role":"assistant","parts":[{"type":"tool_call","id":"call_1",',
              '"name":"lookup_order","arguments":{"order":"A-1042"}}]},{"role":"tool","parts":[{"type":',
              '"tool_call_response","id":"call_1","response":{"status":"shipped"}}]}]')),
    if(status = 'error', '', if(kind = 'tool', '{"status":"shipped"}',
       concat('[{"role":"assistant","parts":[{"type":"text","content":"Your ', topic,
              ' is handled: the order left our warehouse this morning."}],"finish_reason":"stop"}]'))),
    if(kind = 'llm', '[{"type":"text","content":"You are a careful support agent. Cite the order number."}]', ''),
    '', 300, 120,
    map('gen_ai.request.temperature', '0.2', 'gen_ai.response.id', concat('resp_', substring(span_id, 1, 8))),
    map('service.name', service, 'host.name', 'api-7f9c'), 'spanledger', '0.1.0', '[]', '[]', ingested_at
FROM spans
WHERE project_id = {project:String} AND kind IN ('llm', 'tool')
"""

_SCORES = """
INSERT INTO score_rows
    (project_id, trace_id, span_id, session, name, time, value, label, explanation, source, ingested_at)
SELECT project_id, trace_id, span_id, session, 'helpfulness', start_time, 0.5 + cityHash64(trace_id) % 50 / 100, '',
       'The answer names the order and its state.', 'judge', now64(9)
FROM spans WHERE project_id = {project:String} AND kind = 'llm' AND cityHash64(trace_id, span_id) % 3 = 0
"""


def seed(engine: Engine, *, traces: int, days: int, end: datetime, project: str = "default") -> None:
    """Write `traces` traces over the `days` days before `end`, with content, scores and ledger."""
    params = {
        "project": project,
        "spans": traces * SPANS_PER_TRACE,
        "days": days,
        "end": int(end.replace(minute=0, second=0, microsecond=0).timestamp()),
    }
    engine.command(_SPANS, params)
    engine.command(_CONTENT, {"project": project})
    engine.command(_SCORES, {"project": project})
    rebuild(engine, project)


def rebuild(engine: Engine, project: str = "default") -> None:
    """Recompute the ledger of every hour that has spans."""
    rows = engine.rows(
        "SELECT DISTINCT toUnixTimestamp(toStartOfHour(start_time)) FROM span_rows WHERE project_id = {p:String}",
        {"p": project},
    )
    recompute(engine, [(project, datetime.fromtimestamp(row[0], UTC)) for row in rows])


def full_hour(moment: datetime) -> datetime:
    """The end of the UTC hour that `moment` lies in."""
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)

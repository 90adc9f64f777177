"""What every foreign client is told to send, and what must then be stored.

A trace is a request (`GET /ask`) with one call in it: gpt-4o, 1,000 tokens in and 100 out. Beside each call goes one
evaluation as a log record, and a histogram of tokens as metrics. `send.mjs` and `Send.java` tell the same.
"""

from __future__ import annotations

from decimal import Decimal

from tests.line.process import Up

Ids = set[tuple[str, str]]
CALL_USD = Decimal("0.0035")


def ids(printed: str) -> Ids:
    """The (trace, span) of each call, of lines that hold both."""
    return {(trace, span) for trace, span in (line.split() for line in printed.splitlines())}


def check(up: Up, service: str, sent: Ids) -> None:
    """All of the story is stored once: spans, ids, tokens, money, books, scores and points."""
    calls = len(sent)
    money = str((CALL_USD * calls).normalize())
    spans = f"FROM spans WHERE service = '{service}'"
    totals = [[2 * calls, calls, 1000 * calls, 100 * calls, money]]
    sums = (
        "SELECT toInt64(count()), toInt64(countIf(is_billable)), toInt64(sum(input_tokens)),"
        f" toInt64(sum(output_tokens)), sum(cost_usd) {spans}"
    )
    assert up.settled(sums, totals) == totals
    found = up.query(
        "SELECT c.trace_id, c.span_id FROM spans AS c JOIN spans AS r ON r.trace_id = c.trace_id"
        f" AND r.span_id = c.parent_span_id WHERE c.service = '{service}' AND c.model = 'gpt-4o'"
        " AND r.name = 'GET /ask'"
    )
    assert len(found) == calls
    assert {(trace, span) for trace, span in found} == sent
    scores = (
        "SELECT trace_id, span_id FROM scores WHERE name = 'relevance' AND value = 0.5 AND trace_id IN (SELECT trace_id"
    )
    rows = up.settled(f"SELECT toInt64(count()) FROM ({scores} {spans}))", [[calls]])
    assert rows == [[calls]]
    assert {(trace, span) for trace, span in up.query(f"{scores} {spans})")} == sent
    points = [["input", calls, 1000 * calls], ["output", calls, 100 * calls]]
    asked = (
        "SELECT token_type, toInt64(max(count)), toInt64(max(sum)) FROM metrics"
        f" WHERE service = '{service}' AND name = 'gen_ai.client.token.usage' GROUP BY 1 ORDER BY 1"
    )
    assert up.settled(asked, points) == points
    books = "SELECT (SELECT sum(cost_usd) FROM spans) = (SELECT sum(cost_usd) FROM ledger)"
    assert up.settled(books, [[1]]) == [[1]]

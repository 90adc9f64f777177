"""Logs on their way in: what is kept, refused or left aside, and that it meets its span whichever comes first."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanledger_analytics.jobs import joining, ledger
from spanledger_store import signals
from spanledger_store.control import Control, dirty, joins, quarantine
from spanledger_store.engine import Engine
from spanledger_store.errors import QueryError, StoreUnavailable
from spanledger_store.lifecycle import deletion
from spanledger_store.sql import load
from tests.collector.conftest import Line, open_line
from tests.collector.otlp_beside import evaluation, logs, record
from tests.collector.otlp_builder import chat, request, span

ASKED, MADE = (
    [{"role": "user", "parts": [{"type": "text", "content": "Where is my order?"}]}],
    [{"role": "assistant", "parts": [{"type": "text", "content": "On its way."}]}],
)
EVALUATION = "gen_ai.evaluation.result"
CONTENT = "SELECT input, output, input_length, output_length, system_instructions FROM span_content"
PREVIEWS = "SELECT input_preview, output_preview FROM spans"


@pytest.fixture
def both(engine: Engine, control: Control) -> Iterator[Line]:
    """A collector on each engine."""
    yield from open_line(engine, control)


def send(line: Line, *records: LogRecord) -> tuple[int, str]:
    """(rejected, message) of an answer that must be 200; everything is stored when this returns."""
    answer = line.client.post(
        "/v1/logs", content=logs(*records).SerializeToString(), headers={"content-type": "application/x-protobuf"}
    )
    assert answer.status_code == 200, answer.text
    line.settle()
    partial = ExportLogsServiceResponse.FromString(answer.content).partial_success
    return partial.rejected_log_records, partial.error_message


def trace(line: Line, *spans: Span) -> None:
    assert line.post(request(*spans).SerializeToString()).status_code == 200
    line.settle()


def jobs(line: Line) -> None:
    """Both jobs until neither has anything to do."""
    for _ in range(5):
        if not ledger.run(line.collector.engine, line.collector.control) + joining.run(
            line.collector.engine, line.collector.control
        ):
            return
    raise AssertionError("the jobs never come to rest")


def rows(line: Line, sql: str) -> Any:
    return line.collector.engine.rows(sql)


def details(of: Span, **extra: Any) -> LogRecord:
    return record(
        "gen_ai.client.inference.operation.details",
        {"gen_ai.input.messages": ASKED, "gen_ai.output.messages": json.dumps(MADE),
         "gen_ai.system_instructions": [{"type": "text", "content": "Be kind."}], **extra},
        of=of,
    )  # fmt: skip


def older(of: Span, at: int) -> list[LogRecord]:
    return [
        record("gen_ai.system.message", {"gen_ai.system": "openai"}, {"content": "Be kind."}, of=of, time=at),
        record("gen_ai.user.message", {"gen_ai.system": "openai"}, {"content": "Where is it?"}, of=of, time=at),
        record("", {"event.name": "gen_ai.choice"},
               {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Here."}},
               of=of, time=at + 1),
    ]  # fmt: skip


@pytest.mark.parametrize("first", ["event", "span", "together"])
def test_content_told_by_an_event_is_its_spans_content(both: Line, first: str) -> None:
    call = span(chat())
    steps = [lambda: send(both, details(call)), lambda: trace(both, call)]
    for step in steps if first != "span" else steps[::-1]:
        step()
        if first != "together":
            jobs(both)
    jobs(both)
    asked, made, asked_length, made_length, system = rows(both, CONTENT)[0]
    assert (json.loads(asked), json.loads(made)) == (ASKED, MADE)
    assert (asked_length, made_length) == (len(asked), len(made))
    assert json.loads(system)[0]["content"] == "Be kind."
    assert rows(both, PREVIEWS) == [("Where is my order?", "On its way.")]
    assert joins.count(both.collector.control) == 0


@pytest.mark.parametrize("event_first", [True, False])
def test_older_events_become_messages_in_order_and_late_ones_are_added(both: Line, event_first: bool) -> None:
    call = span(chat())
    system, user, choice = older(call, time.time_ns())
    if event_first:
        send(both, user, choice)
    trace(both, call)
    jobs(both)
    send(both, *([system] if event_first else [choice, user]))
    jobs(both)
    send(both, system, record("gen_ai.tool.message", {}, {"content": "parcel 7", "id": "t"}, of=call))
    jobs(both)
    asked, made = rows(both, CONTENT)[0][:2]
    assert {item["role"] for item in json.loads(asked)[:2]} == {"system", "user"}
    assert json.loads(asked)[2] == {"role": "tool", "parts": [{"type": "text", "content": "parcel 7"}], "id": "t"}
    assert [item["parts"][0]["content"] for item in json.loads(made)] == ["Here."]
    assert rows(both, PREVIEWS) == [("Where is it?", "Here.")]


def test_a_span_sent_again_ends_with_its_content_again_and_no_money_changes(both: Line) -> None:
    call = span(chat(1000))
    trace(both, call)
    send(both, details(call))
    jobs(both)
    before = rows(both, "SELECT sum(cost_usd), count() FROM spans")
    again = Span()
    again.CopyFrom(call)
    again.attributes.add(key="resent").value.string_value = "yes"
    trace(both, again)
    assert rows(both, PREVIEWS) == [("", "")]
    jobs(both)
    assert json.loads(rows(both, CONTENT)[0][0]) == ASKED
    assert rows(both, PREVIEWS) == [("Where is my order?", "On its way.")]
    assert rows(both, "SELECT attributes['resent'] FROM spans") == [("yes",)]
    assert rows(both, "SELECT sum(cost_usd), count() FROM spans") == before
    assert rows(both, "SELECT sum(calls), sum(cost_usd) FROM ledger") == [(1, before[0][0])]
    assert before[0][0] == 1000 * Decimal("2.5e-6") + 500 * Decimal("1e-5")


def test_what_a_span_carries_itself_is_not_replaced(line: Line) -> None:
    own = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "My own."}]}])
    call = span(chat(100, **{"gen_ai.input.messages": own}))
    trace(line, call)
    send(line, details(call))
    jobs(line)
    asked, made = rows(line, CONTENT)[0][:2]
    assert (json.loads(asked), json.loads(made)) == (json.loads(own), MADE)
    assert rows(line, PREVIEWS) == [("My own.", "On its way.")]
    assert rows(line, "SELECT attributes['spanledger.content.from_logs'] FROM span_content") == [
        ("output,system_instructions",)
    ]


def test_events_without_content_join_nothing(line: Line) -> None:
    call = span(chat())
    trace(line, call)
    empty = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant"}}
    send(line, record("gen_ai.choice", {}, empty, of=call), record("gen_ai.user.message", {}, {}, of=call))
    assert joins.count(line.collector.control) == 0
    jobs(line)
    assert rows(line, CONTENT)[0][:2] == ("", "")


@pytest.mark.parametrize("killed", ["joining_contents", "joining_previews", "clear"])
def test_a_job_cut_short_between_any_two_steps_ends_the_same(
    both: Line, killed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = span(chat())
    trace(both, call)
    send(both, details(call))
    ledger.run(both.collector.engine, both.collector.control)
    with monkeypatch.context() as patched:
        if killed == "clear":
            patched.setattr(joins, "clear", _die)
        else:
            real = both.collector.engine.command

            def command(sql: str, *rest: Any) -> None:
                real(sql, *rest)
                if sql.startswith(load(killed)[:40]):
                    _die()

            patched.setattr(both.collector.engine, "command", command)
        with pytest.raises(StoreUnavailable):
            joining.run(both.collector.engine, both.collector.control)
    assert joins.count(both.collector.control) == 1
    jobs(both)
    assert json.loads(rows(both, CONTENT)[0][0]) == ASKED
    assert rows(both, PREVIEWS) == [("Where is my order?", "On its way.")]
    versions = rows(both, "SELECT count() FROM span_content_rows")
    jobs(both)
    assert rows(both, "SELECT count() FROM span_content_rows") == versions


def _die(*_: object) -> None:
    raise StoreUnavailable("cut short")


def test_content_over_the_limit_is_cut_and_its_length_kept(engine: Engine, control: Control) -> None:
    for line in open_line(engine, control, max_content_chars=1000):
        call = span(chat())
        send(line, *[record("gen_ai.user.message", {}, {"content": "x" * 5000}, of=call, time=n) for n in _times(3)])
        trace(line, call)
        jobs(line)
        asked, _, length, _, _ = rows(line, CONTENT)[0]
        assert len(asked) < 3000 < 15_000 < length
        assert len(json.loads(asked)) == 3


def _times(count: int) -> list[int]:
    now = time.time_ns()
    return [now + n for n in range(count)]


@pytest.mark.parametrize("by", ["span", "response first", "response later"])
def test_an_evaluation_is_a_score_of_its_span(both: Line, by: str) -> None:
    call = span(chat(100, **{"gen_ai.response.id": "chatcmpl-1"}))
    values = evaluation("relevance", 0.75, **{"gen_ai.evaluation.score.label": "good",
                                              "gen_ai.evaluation.explanation": "to the point"})  # fmt: skip
    if by == "span":
        sent = record(EVALUATION, values, of=call)
    else:
        sent = record(EVALUATION, {**values, "gen_ai.response.id": "chatcmpl-1"})
    if by == "response later":
        trace(both, call)
        jobs(both)
    assert send(both, sent) == (0, "")
    jobs(both)
    if by != "response later":
        trace(both, call)
        jobs(both)
    send(both, sent)
    jobs(both)
    assert rows(both, "SELECT trace_id, span_id, name, value, label, explanation, source FROM scores") == [
        (call.trace_id.hex(), call.span_id.hex(), "relevance", 0.75, "good", "to the point", "tests")
    ]
    assert rows(both, "SELECT trace_id, span_id FROM logs") == [(call.trace_id.hex(), call.span_id.hex())]
    assert joins.count(both.collector.control) == 0


def test_evaluations_of_different_responses_at_one_moment_stay_apart(line: Line) -> None:
    calls = [span(chat(100, **{"gen_ai.response.id": f"r-{n}"})) for n in range(3)]
    now = time.time_ns()
    send(line, *[record(EVALUATION, evaluation("ok", n, **{"gen_ai.response.id": f"r-{n}"}), time=now)
                 for n in range(3)])  # fmt: skip
    trace(line, *calls)
    jobs(line)
    assert rows(line, "SELECT span_id, value FROM scores ORDER BY value") == [
        (call.span_id.hex(), float(n)) for n, call in enumerate(calls)
    ]


def test_a_label_without_a_value_has_no_value(line: Line) -> None:
    call = span(chat())
    send(
        line,
        record(EVALUATION, evaluation("tone", None, **{"gen_ai.evaluation.score.label": "pass"}), of=call),
    )
    assert rows(line, "SELECT value, label FROM scores") == [(None, "pass")]


def test_what_is_kept_of_other_logs(line: Line) -> None:
    call = span(chat())
    rejected, message = send(
        line,
        record(body="in a trace: " + "x" * 20_000, of=call, severity_text="ERROR"),
        record(body="elsewhere"),
        record(EVALUATION, evaluation("alone", 1.0)),
    )
    assert rejected == 0
    assert "1 log record(s): not kept" in message
    assert "names neither a span nor a response" in message
    found = rows(line, "SELECT trace_id, severity, length(body), body_length FROM logs ORDER BY body_length DESC")
    assert found[0] == (call.trace_id.hex(), "ERROR", 16_384, 20_012)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"trace_id": b"short"}, "trace_id is not 16 bytes"), ({"span_id": b"x" * 9}, "span_id is not 8 bytes"),
     ({"time": 17}, "time 17 is outside 2000 to 2100")],
)  # fmt: skip
def test_a_damaged_record_is_refused_alone_and_kept_in_quarantine(line: Line, fields: Any, reason: str) -> None:
    call = span(chat())
    rejected, message = send(line, details(call), record("gen_ai.user.message", {}, {"content": "x"}, **fields))
    assert rejected == 1
    assert reason in message
    assert rows(line, "SELECT count() FROM logs") == [(1,)]
    kept = quarantine.listing(line.collector.control)
    assert [(each.reason, each.span_count) for each in kept] == [("refused_log", 1)]
    payload = ExportLogsServiceRequest.FromString(quarantine.payload(line.collector.control, kept[0].id) or b"")
    assert payload.resource_logs[0].scope_logs[0].log_records[0].event_name == "gen_ai.user.message"


def test_a_record_without_a_time_has_that_of_its_arrival(line: Line) -> None:
    before = time.time_ns()
    send(line, record("gen_ai.user.message", {}, {"content": "x"}, of=span(chat()), time=0))
    assert before <= rows(line, "SELECT toUnixTimestamp64Nano(time) FROM logs")[0][0] <= time.time_ns()


def test_a_record_sent_again_is_one_row_and_two_alike_are_two(line: Line) -> None:
    call = span(chat())
    one = record("gen_ai.user.message", {}, {"content": "same"}, of=call)
    send(line, one, one)
    send(line, one, one, details(call))
    assert rows(line, "SELECT count() FROM logs") == [(3,)]


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_json_is_read_with_its_hex_ids(line: Line, encoding: str) -> None:
    call = span(chat())
    payload = json_format.MessageToDict(logs(details(call)))
    held = payload["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    held |= {"traceId": call.trace_id.hex(), "spanId": call.span_id.hex()}
    body = json.dumps(payload).encode()
    headers = {"content-type": "application/json", **({"content-encoding": encoding} if encoding else {})}
    answer = line.client.post("/v1/logs", content=gzip.compress(body) if encoding else body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})
    line.settle()
    assert rows(line, "SELECT trace_id, span_id FROM logs") == [(call.trace_id.hex(), call.span_id.hex())]


def test_a_body_that_is_no_logs_request_is_named(line: Line) -> None:
    answer = line.client.post("/v1/logs", content=b"{[", headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "not OTLP/JSON" in answer.json()["message"]


def test_a_row_the_store_refuses_is_set_aside_alone(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    real = signals.write

    def picky(engine: Engine, control: Control, batch: Any) -> None:
        if any("poison" in row for row in batch.rows["log_rows"]):
            raise QueryError("no such value")
        real(engine, control, batch)

    monkeypatch.setattr(signals, "write", picky)
    call = span(chat())
    send(line, *[record(body="poison" if n == 7 else f"fine {n}", of=call) for n in range(20)])
    assert rows(line, "SELECT count() FROM logs") == [(19,)]
    assert [each.reason for each in quarantine.listing(line.collector.control)] == ["refused_by_store"]
    text = line.client.get("/metrics").text
    assert 'spanledger_beside_total{outcome="stored",signal="logs"} 19.0' in text
    assert 'spanledger_beside_total{outcome="quarantined",signal="logs"} 1.0' in text


def test_logs_of_a_deleted_customers_calls_go_with_them(both: Line) -> None:
    mine, other = (span(chat(100, **{"gen_ai.response.id": f"r-{name}", "spanledger.customer.id": name}))
                   for name in ("acme", "globex"))  # fmt: skip
    trace(both, mine, other)
    send(both, *[record(EVALUATION, evaluation("ok", 1.0, **{"gen_ai.response.id": f"r-{name}"}))
                 for name in ("acme", "globex")])  # fmt: skip
    send(both, details(mine), details(other), record(body="of the trace", trace_id=mine.trace_id))
    jobs(both)
    engine, control = both.collector.engine, both.collector.control
    for table in ("audit_rows", "deletion_rows"):
        engine.command(f"TRUNCATE TABLE {table}")
    proof = deletion.delete(engine, control, deletion.Subject("customer", "acme"), interface="test")
    assert proof.complete
    jobs(both)
    left = {other.trace_id.hex()}
    for table in ("log_rows", "score_rows", "span_rows", "span_content_rows"):
        assert {row[0] for row in rows(both, f"SELECT DISTINCT trace_id FROM {table} WHERE trace_id != ''")} == left
    assert rows(both, "SELECT count() FROM log_rows WHERE response_id = 'r-acme'") == [(0,)]


def test_a_crash_between_rows_and_marks_repeats_both(both: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([True, True])
    real = joins.mark

    def mark(control: Control, subjects: Any) -> None:
        if subjects and next(failures, False):
            _die()
        real(control, subjects)

    monkeypatch.setattr(joins, "mark", mark)
    call = span(chat())
    trace(both, call)
    send(both, details(call))
    assert next(failures, None) is None
    jobs(both)
    assert json.loads(rows(both, CONTENT)[0][0]) == ASKED
    assert rows(both, "SELECT count() FROM log_rows") == [(1,)]


def test_a_price_that_is_being_changed_is_not_undone(both: Line) -> None:
    call = span(chat())
    trace(both, call)
    engine = both.collector.engine
    engine.command("TRUNCATE TABLE repricing_rows")
    engine.command(
        "INSERT INTO repricing_rows (run, project_id, start_time, trace_id, span_id, replaces)"
        " SELECT 'r', project_id, start_time, trace_id, span_id, ingested_at FROM spans"
    )
    send(both, details(call))
    jobs_once(both)
    assert rows(both, PREVIEWS) == [("", "")]
    engine.command("TRUNCATE TABLE repricing_rows")
    # Repricing marks the hours of what it changed, and the ledger job hands the span on.
    started = datetime.fromtimestamp(call.start_time_unix_nano / 1e9, UTC)
    dirty.mark(both.collector.control, [("default", started)])
    jobs(both)
    assert rows(both, PREVIEWS) == [("Where is my order?", "On its way.")]


def jobs_once(line: Line) -> None:
    ledger.run(line.collector.engine, line.collector.control)
    joining.run(line.collector.engine, line.collector.control)

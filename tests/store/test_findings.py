"""Findings in the store, people's words in the control database, and what a deletion leaves of both."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from spanledger_store import findings
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, clusters
from spanledger_store.control import findings as words
from spanledger_store.control.findings import Feedback, FindingInvalid, FindingUnknown, PlannedEvent, Verdict
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding
from spanledger_store.lifecycle.deletion import Subject, delete
from spanledger_store.reports.findings import one, report
from spanledger_store.writer import write
from tests.store.rows import span_row

AT = datetime(2026, 3, 24, 10, tzinfo=UTC)


def made(**values: object) -> Finding:
    held = Finding(
        project_id="default", id="a1", kind="anomaly", method="scan", slice={"customer": "acme", "feature": "chat"},
        start=AT, end=AT + timedelta(hours=5), grain="hour", first_detected_at=AT + timedelta(hours=2),
        detected_at=AT + timedelta(hours=5), severity="high", actual=12.5, expected=6.25, lower=5.0, upper=7.5,
        unit="USD", impact_usd=Decimal("6.250000000001"), score=7.25, p_value=1e-9, confidence=0.9999,
        evidence={"sentence": "twice the tokens", "example_traces": ["ab"]},
    )  # fmt: skip
    return replace(held, **values)  # type: ignore[arg-type]


def test_a_finding_comes_back_as_it_was_written(engine: Engine) -> None:
    vague = made(id="a2", slice={}, actual=None, expected=None, lower=None, upper=None, impact_usd=None, p_value=None)
    assert findings.write(engine, [made(), vague]) == 2
    assert findings.get(engine, "default", "a1") == made()
    assert findings.get(engine, "default", "a2") == vague
    with pytest.raises(FindingUnknown, match="no finding 'a9'"):
        findings.get(engine, "default", "a9")


def test_written_again_it_replaces_itself_and_counts_only_where_it_differs(engine: Engine) -> None:
    assert findings.write(engine, [made()]) == 1
    assert findings.write(engine, [made(detected_at=AT + timedelta(hours=9))]) == 0
    grown = made(end=AT + timedelta(hours=8), impact_usd=Decimal(9), state="ended")
    assert findings.write(engine, [grown, made(id="a2")]) == 2
    assert findings.get(engine, "default", "a1") == grown
    assert engine.rows("SELECT count() FROM findings")[0][0] == 2


def test_lists_are_by_time_kind_and_state(engine: Engine) -> None:
    day = timedelta(days=1)
    rows = [
        made(), made(id="b", start=AT + day, end=AT + 2 * day, state="ended"), made(id="c", kind="drift"),
        made(id="d", project_id="other"), made(id="e", state="withdrawn"),
    ]  # fmt: skip
    findings.write(engine, rows)
    listed = findings.listing(engine, "default", kinds=("anomaly",))
    assert [each.id for each in listed] == ["b", "a1", "e"]
    assert [each.id for each in findings.listing(engine, "default", start=AT + day)] == ["b"]
    assert [each.id for each in findings.listing(engine, "default", end=AT)] == []
    assert [each.id for each in findings.listing(engine, "default", states=("ended",))] == ["b"]


def test_the_id_follows_from_what_it_is_about() -> None:
    same = findings.identity("p", "anomaly", {"a": "1", "b": "2"}, AT)
    assert same == findings.identity("p", "anomaly", {"b": "2", "a": "1"}, AT)
    others = [
        findings.identity("q", "anomaly", {"a": "1", "b": "2"}, AT),
        findings.identity("p", "drift", {"a": "1", "b": "2"}, AT),
        findings.identity("p", "anomaly", {"a": "1"}, AT),
        findings.identity("p", "anomaly", {"a": "1", "b": "2"}, AT + timedelta(hours=1)),
        findings.identity("p", "anomaly", {"a": "1", "b": "2"}, AT, "price"),
    ]
    assert same not in others
    assert len(set(others)) == 5


def test_reports_show_what_people_said_the_last_word_counting(engine: Engine, control: Control) -> None:
    findings.write(engine, [made(), made(id="a2", slice={"feature": "chat"})])
    words.say(control, Feedback("default", "a1", Verdict.CONFIRMED, "yes", "Jo"))
    words.say(control, Feedback("default", "a1", Verdict.EXPECTED, "new contract", "Al"))
    shown = {each["id"]: each for each in report(engine, control, "default")}
    assert shown["a2"]["feedback"] is None
    assert shown["a1"]["feedback"]["verdict"] == "expected"
    assert shown["a1"]["feedback"]["who"] == "Al"
    assert shown["a1"]["impact_usd"] == "6.250000000001"
    assert [each["id"] for each in report(engine, control, "default", where={"customer": "acme"})] == ["a1"]
    assert one(engine, control, "default", "a2")["slice"] == {"feature": "chat"}


def test_plans_are_kept_once_and_can_be_taken_away(control: Control) -> None:
    plan = PlannedEvent("default", {"customer": "acme"}, AT, AT + timedelta(days=2), "launch", Decimal("2.50"))
    first = words.plan(control, plan)
    again = words.plan(control, replace(plan, factor=Decimal(3)))
    assert first.id == again.id
    (kept,) = words.plans(control, "default")
    assert (kept.factor, kept.note, kept.start, kept.end) == (Decimal(3), "launch", plan.start, plan.end)
    assert kept.as_json()["factor"] == "3"
    with pytest.raises(FindingUnknown, match="no planned event 'x'; it has: " + first.id):
        words.unplan(control, "default", "x")
    assert words.unplan(control, "default", first.id) == kept
    assert words.plans(control, "default") == []


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"slice": {"model": "gpt"}}, "'model' is nothing an event can be about"),
        ({"slice": {"customer": ""}}, "value of customer is empty"),
        ({"end": AT}, "before it begins"),
        ({"start": AT.replace(tzinfo=None)}, "has no time zone"),
        ({"factor": Decimal(0)}, "factor 0 is no multiple"),
        ({"factor": Decimal("NaN")}, "factor NaN is no multiple"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_a_reason(values: dict[str, object], says: str) -> None:
    held: dict[str, object] = {"project": "default", "slice": {}, "start": AT, "end": AT + timedelta(days=1)}
    with pytest.raises(FindingInvalid, match=says):
        PlannedEvent(**held | values)  # type: ignore[arg-type]


def test_deleting_a_customer_takes_its_findings_words_and_plans_along(engine: Engine, control: Control) -> None:
    named = made(id="a2", slice={"feature": "chat"}, evidence={"culprits": [{"value": "acme"}]})
    kept = made(id="a3", slice={"customer": "globex"}, evidence={"culprits": [{"value": "acmeville"}]})
    findings.write(engine, [made(), named, kept])
    words.say(control, Feedback("default", "a1", Verdict.CONFIRMED))
    words.say(control, Feedback("default", "a3", Verdict.CONFIRMED))
    words.plan(control, PlannedEvent("default", {"customer": "acme"}, AT, AT + timedelta(days=1)))
    proof = delete(engine, control, Subject("customer", "acme"), interface="test")
    assert proof.complete
    assert [(each.table, each.deleted) for each in proof.tables if each.table == findings.TABLE] == [
        (findings.TABLE, 2)
    ]
    assert [each.id for each in findings.listing(engine, "default")] == ["a3"]
    assert engine.rows("SELECT count() FROM finding_rows WHERE slice['customer'] = 'acme'")[0][0] == 0
    assert set(words.said(control, "default")) == {"a3"}
    assert words.plans(control, "default") == []


def test_deleting_a_trace_takes_it_out_of_findings_and_events(engine: Engine, control: Control) -> None:
    gone, kept = "ab" * 16, "cd" * 16
    spans = [span_row(trace_id=each, customer=name) for each, name in ((gone, "acme"), (kept, "globex"))]
    write(engine, control, SpanBatch("mentions", spans, [], []))
    shown = {
        "examples": {"new": [{"trace_id": gone, "asked": "my secret"}, {"trace_id": kept, "asked": "hello"}]},
        "example_traces": [gone, kept], "sentence": "it changed",
    }  # fmt: skip
    findings.write(engine, [made(id="d1", slice={}, kind="drift", evidence=shown), made(id="d2", slice={})])
    pairs = {"examples": [[gone, "0" * 16], [kept, "1" * 16]], "key": "k"}
    clusters.tell(control, clusters.Event("default", AT, "emergence", "c1", details=pairs))
    assert delete(engine, control, Subject("trace", gone), interface="test").complete
    found = {each.id: each for each in findings.listing(engine, "default")}
    assert found["d1"].evidence == {
        "examples": {"new": [{"trace_id": kept, "asked": "hello"}]}, "example_traces": [kept], "sentence": "it changed",
    }  # fmt: skip
    assert set(found) == {"d1", "d2"}
    assert engine.rows(f"SELECT count() FROM finding_rows WHERE position(evidence, '{gone}') > 0")[0][0] == 0
    (event,) = clusters.events(control, "default")
    assert event.details == {"examples": [[kept, "1" * 16]], "key": "k"}


def test_what_was_asked_is_read_when_a_finding_is_shown(engine: Engine, control: Control) -> None:
    """A text is gone from findings once its preview is, also from those of releases that wrote it down."""
    kept, gone = "ab" * 16, "cd" * 16
    row = span_row(trace_id=kept, span_id="1" * 16, input_preview="hello", start_time=int(AT.timestamp()) * 10**9)
    write(engine, control, SpanBatch("shown", [row], [], []))
    shown = {
        "examples": {
            "new": [
                {"trace_id": kept, "span_id": "1" * 16},
                {"trace_id": gone, "span_id": "2" * 16, "asked": "secret"},
            ],
            "gone": [],
        },
        "baseline": {"from": (AT - timedelta(days=1)).isoformat()},
    }
    drifted = made(id="d1", kind="drift", evidence=shown)
    findings.write(engine, [drifted, made()])
    texts = [
        found["evidence"]["examples"]["new"]
        for found in (*report(engine, control, "default", kinds=("drift",)), one(engine, control, "default", "d1"))
    ]
    assert [[each["asked"] for each in listed] for listed in texts] == [["hello", ""]] * 2
    assert one(engine, control, "default", "a1")["evidence"] == made().evidence

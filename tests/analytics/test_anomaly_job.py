"""The anomaly job: from spans to findings, again without a change, and with what people say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from spanledger_analytics.jobs import anomalies, ledger
from spanledger_store import findings
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, projects
from spanledger_store.control import findings as words
from spanledger_store.control.findings import Feedback, PlannedEvent, Verdict
from spanledger_store.engine import Engine
from spanledger_store.writer import write
from tests.store.rows import span_row

NOW = datetime(2026, 3, 28, 15, 20, tzinfo=UTC)
START = datetime(2026, 3, 25, 9, tzinfo=UTC)  # a Wednesday
PRICE = Decimal("0.00003")


def fill(engine: Engine, control: Control, *, more_tokens: float = 1.0, more_calls: float = 1.0) -> None:
    """Four weeks of three customers; from START on acme's chat has more of something, with a new prompt."""
    dice = np.random.default_rng(7)
    rows = []
    hours = int((NOW - timedelta(days=28) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) // 3600
    for hour in range(hours, int(NOW.timestamp()) // 3600 + 1):
        begins = datetime.fromtimestamp(hour * 3600, UTC)
        for customer, size in (("acme", 8.0), ("globex", 6.0), ("initech", 3.0)):
            changed = customer == "acme" and begins >= START
            for number in range(dice.poisson(size * (more_calls if changed else 1.0))):
                tokens = int(3000 * np.exp(dice.normal(0, 0.4)) * (more_tokens if changed else 1.0))
                at = begins + timedelta(seconds=float(dice.uniform(0, 3600)))
                if at > NOW:
                    continue
                cost = PRICE * tokens
                rows.append(
                    span_row(
                        trace_id=f"{hour:016x}{number:08x}{ord(customer[0]):08x}",
                        span_id=f"{hour:08x}{number:04x}{ord(customer[0]):04x}",
                        start_time=int(at.timestamp() * 1e9),
                        customer=customer,
                        feature="chat",
                        input_tokens=tokens,
                        output_tokens=0,
                        cost_usd=cost,
                        input_cost_usd=cost,
                        output_cost_usd=Decimal(0),
                        prompt_version="v8" if changed else "v7",
                        ingested_at=1,
                    )
                )
    write(engine, control, SpanBatch("anomalies", rows))
    ledger.run(engine, control)


def found(engine: Engine, state: str = "open") -> list[findings.Finding]:
    return [each for each in findings.listing(engine, "default") if each.state == state]


def test_more_tokens_become_one_finding_with_its_evidence_and_a_second_run_changes_nothing(
    engine: Engine, control: Control
) -> None:
    projects.ensure(control, "default")
    fill(engine, control, more_tokens=2.4)
    told: list[tuple[str, int, int]] = []
    assert anomalies.look(engine, control, "default", NOW, lambda *each: told.append(each)) == 1
    (finding,) = found(engine)
    assert finding.slice == {"customer": "acme", "feature": "chat"}
    assert finding.start == START
    assert START < finding.first_detected_at <= START + timedelta(hours=2)
    assert finding.end == NOW
    assert finding.severity == "high"
    evidence = finding.evidence
    assert (evidence["channel"], evidence["sign"]) == ("tokens", 1)
    assert evidence["factor"] == pytest.approx(2.4, rel=0.1)
    assert "acme's chat: 2." in evidence["sentence"]
    assert "with the new prompt version v8" in evidence["sentence"]
    assert evidence["culprits"][0] == {"dimension": "prompt_version", "value": "v8", "share": 1.0, "new": True}
    assert len(evidence["example_traces"]) == 5
    spent = engine.rows(
        "SELECT sum(cost_usd) FROM spans WHERE customer = 'acme' AND start_time >= {start:DateTime('UTC')}",
        {"start": START},
    )[0][0]
    assert finding.actual == pytest.approx(float(spent))
    assert finding.impact_usd is not None
    assert float(finding.impact_usd) == pytest.approx(float(spent) * (1 - 1 / 2.4), rel=0.1)
    assert finding.lower is not None
    assert finding.upper is not None
    assert finding.lower < float(spent) / 2.4 < finding.upper
    assert told[-1][1] == told[-1][2]
    assert anomalies.look(engine, control, "default", NOW) == 0
    later = NOW + timedelta(minutes=15)
    assert anomalies.look(engine, control, "default", later) == 1
    (again,) = found(engine)
    assert (again.id, again.first_detected_at, again.end) == (finding.id, finding.first_detected_at, later)


def test_what_people_say_is_heard(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    fill(embedded, control, more_tokens=2.4)
    anomalies.look(embedded, control, "default", NOW)
    (finding,) = found(embedded)
    words.say(control, Feedback("default", finding.id, Verdict.CONFIRMED))
    anomalies.look(embedded, control, "default", NOW)
    assert found(embedded) == [finding]
    words.say(control, Feedback("default", finding.id, Verdict.EXPECTED))
    assert anomalies.look(embedded, control, "default", NOW) == 1
    assert not found(embedded)
    assert [each.id for each in found(embedded, "known")] == [finding.id]


def test_a_launch_is_found_unless_it_was_planned(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    fill(embedded, control, more_calls=4.0)
    anomalies.look(embedded, control, "default", NOW)
    (finding,) = found(embedded)
    assert finding.evidence["channel"] == "volume"
    words.plan(control, PlannedEvent("default", {"customer": "acme"}, START, NOW + timedelta(days=1), "launch"))
    assert anomalies.look(embedded, control, "default", NOW) == 1
    assert not found(embedded)
    assert [each.id for each in found(embedded, "withdrawn")] == [finding.id]


def test_a_project_without_calls_has_no_findings(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    assert anomalies.run(embedded, control) == 0

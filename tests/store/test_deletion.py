"""Deleting by customer, user or trace: nothing of it is left, and nothing else is touched."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from spanledger_analytics.jobs import ledger as job
from spanledger_store import settling
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, dirty
from spanledger_store.engine import Engine
from spanledger_store.lifecycle import deletion
from spanledger_store.lifecycle.deletion import Subject, SubjectInvalid
from spanledger_store.writer import write
from tests.conftest import TABLES
from tests.store.rows import content_row, embedding_row, span_row
from tests.store.test_ledger import START, by_slice, spans

STORED = ("span_rows", "span_content_rows", "embedding_rows", "score_rows")
SCORE = {"value": 1.0, "label": "", "explanation": "", "source": "test", "ingested_at": START}


@pytest.fixture
def engine(engine: Engine) -> Engine:
    """The shared engine, with what deletions note down emptied too."""
    for table in ("audit_rows", "deletion_rows"):
        engine.command(f"TRUNCATE TABLE {table}")
    return engine


def score(engine: Engine, **values: Any) -> None:
    row = {"project_id": "default", "trace_id": "", "span_id": "", "session": "", "name": "good", "time": START}
    held = {**row, **SCORE, **values}
    engine.insert("score_rows", {name: [value] for name, value in held.items()}, f"score-{values}")


def store(engine: Engine, control: Control, name: str, rows: list[dict[str, Any]]) -> None:
    batch = SpanBatch(
        name,
        [span_row(**each) for each in rows],
        [content_row(**each, input="words") for each in rows],
        [embedding_row(**each) for each in rows],
    )
    write(engine, control, batch)


def count(engine: Engine, table: str, where: str = "1") -> int:
    return engine.rows(f"SELECT count() FROM {table} WHERE {where}")[0][0]


@settings(
    max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batches=st.lists(st.lists(spans, min_size=1, max_size=8), min_size=1, max_size=4),
    kind=st.sampled_from(["customer", "user", "trace"]),
    recomputed=st.booleans(),
)
def test_ledger_equals_spans_after_deleting_from_any_data(
    engine: Engine, control: Control, batches: list[list[dict[str, Any]]], kind: deletion.Kind, recomputed: bool
) -> None:
    """Spans come, come changed (from and to the subject), and the subject is deleted."""
    for table in TABLES:
        engine.command(f"TRUNCATE TABLE {table}")
    for number, batch in enumerate(batches):
        rows = [
            {**each, "user": each["customer"], "ingested_at": START + number * 1000 + i} for i, each in enumerate(batch)
        ]
        store(engine, control, f"step-{number}-{hash(str(rows))}", rows)
    if recomputed:
        job.run(engine, control)
    value = "0" * 32 if kind == "trace" else "acme"
    column = {"customer": "customer", "user": "user", "trace": "trace_id"}[kind]
    others = f"NOT (project_id = 'default' AND {column} = '{value}')"
    kept = engine.rows(f"SELECT project_id, start_time, trace_id, span_id FROM spans WHERE {others} ORDER BY ALL")
    proof = deletion.delete(engine, control, Subject(kind, value), interface="test")
    assert proof.complete
    assert proof.after.equal
    assert proof.before.equal
    for table in ("spans", "span_content", "embeddings"):
        found = engine.rows(f"SELECT DISTINCT project_id, start_time, trace_id, span_id FROM {table} ORDER BY ALL")
        assert found == kept
    assert count(engine, "span_rows", f"NOT ({others})") == 0
    if kind == "customer":
        assert count(engine, "ledger_rows", f"NOT ({others})") == 0
        assert count(engine, "ledger_day_rows", f"NOT ({others})") == 0
    assert proof.before.ledger_calls - proof.after.ledger_calls >= 0
    job.run(engine, control)
    said, written = by_slice(engine)
    assert said == written
    assert dirty.pending(control) == []


def test_the_proof_says_what_was_there_and_what_it_cost(engine: Engine, control: Control) -> None:
    mine = [{"span_id": f"{n:016x}", "cost_usd": Decimal("0.100000000001")} for n in range(3)]
    theirs = {"span_id": "f" * 16, "customer": "globex", "cost_usd": Decimal("0.25")}
    store(engine, control, "a", [*mine, theirs])
    store(engine, control, "again", [{**mine[0], "ingested_at": START}])
    score(engine, trace_id="0" * 31 + "1", span_id="0" * 16)
    proof = deletion.delete(engine, control, Subject("customer", "acme"), interface="test")
    assert [(each.table, each.before, each.deleted, each.after) for each in proof.tables] == [
        ("log_rows", 0, 0, 0),
        ("span_content_rows", 4, 4, 0),
        ("embedding_rows", 4, 4, 0),
        ("assignment_rows", 0, 0, 0),
        ("score_rows", 1, 1, 0),
        ("span_rows", 4, 4, 0),
        ("frozen_rows", 0, 0, 0),
        ("revenue_rows", 0, 0, 0),
        ("ledger_day_rows", 1, 1, 0),
        ("ledger_rows", 1, 1, 0),
    ]
    assert (proof.before.ledger_calls, proof.before.ledger_cost) == (4, Decimal("0.550000000003"))
    assert (proof.after.ledger_calls, proof.after.ledger_cost) == (1, Decimal("0.25"))
    assert proof.beside == 1
    assert engine.rows("SELECT customer, calls, cost_usd FROM ledger") == [("globex", 1, Decimal("0.25"))]
    again = deletion.delete(engine, control, Subject("customer", "acme"), interface="test")
    assert again.complete
    assert sum(each.deleted for each in again.tables) == 0


def test_scores_of_a_session_go_when_nothing_of_it_remains(engine: Engine, control: Control) -> None:
    store(
        engine,
        control,
        "a",
        [
            {"span_id": "1" * 16, "session": "whole"},
            {"span_id": "2" * 16, "session": "shared"},
            {"span_id": "3" * 16, "session": "shared", "customer": "globex", "trace_id": "3" * 32},
        ],
    )
    for number, values in enumerate(
        [{"session": "whole"}, {"session": "shared"}, {"trace_id": "0" * 31 + "1"}, {"trace_id": "3" * 32}]
    ):
        score(engine, **values, time=START + number)
    proof = deletion.delete(engine, control, Subject("customer", "acme"), interface="test")
    assert proof.complete
    left = engine.rows("SELECT trace_id, session FROM scores ORDER BY ALL")
    assert left == [("", "shared"), ("3" * 32, "")]


def test_an_older_version_that_named_the_subject_goes_alone(engine: Engine, control: Control) -> None:
    store(engine, control, "a", [{"customer": "acme", "ingested_at": START}])
    store(engine, control, "b", [{"customer": "globex", "ingested_at": START + 1}])
    proof = deletion.delete(engine, control, Subject("customer", "acme"), interface="test")
    assert proof.complete
    assert engine.rows("SELECT customer FROM span_rows") == [("globex",)]
    assert count(engine, "span_content") == 1


def test_a_trace_goes_with_contents_that_have_no_span(engine: Engine, control: Control) -> None:
    store(engine, control, "a", [{"trace_id": "a" * 32}, {"trace_id": "b" * 32}])
    engine.command("ALTER TABLE span_rows DELETE WHERE startsWith(trace_id, 'a')", settings={"mutations_sync": 2})
    assert deletion.delete(engine, control, Subject("trace", "a" * 32), interface="test").complete
    assert engine.rows("SELECT trace_id FROM span_content") == [("b" * 32,)]


def test_other_projects_keep_theirs(engine: Engine, control: Control) -> None:
    store(engine, control, "a", [{"project_id": "other"}])
    found = deletion.delete(engine, control, Subject("customer", "acme"), interface="test")
    assert sum(each.before for each in found.tables) == 0
    assert count(engine, "spans") == 1


def test_a_run_cut_short_is_finished_by_the_next(
    engine: Engine, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(engine, control, "a", [{}, {"span_id": "2" * 16, "customer": "globex"}])
    job.run(engine, control)
    real = settling.settle
    calls: list[int] = []

    def dies(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 3:  # the spans are gone, their hours are not recomputed
            raise KeyboardInterrupt
        real(*args)

    clear = engine.command
    monkeypatch.setattr(settling, "settle", dies)
    # A killed process clears nothing away either.
    monkeypatch.setattr(
        engine, "command", lambda sql, *rest: None if "ALTER TABLE deletion_rows" in sql else clear(sql, *rest)
    )
    with pytest.raises(KeyboardInterrupt):
        deletion.delete(engine, control, Subject("customer", "acme"), interface="test")
    monkeypatch.undo()
    assert engine.rows("SELECT customer FROM spans") == [("globex",)]
    dirty.clear(control, dirty.pending(control))
    assert deletion.delete(engine, control, Subject("customer", "acme"), interface="test").complete
    job.run(engine, control)
    said, written = by_slice(engine)
    assert said == written
    states = engine.rows("SELECT state FROM audit ORDER BY at")
    assert states == [("begun",), ("done",)]
    engine.command("TRUNCATE TABLE deletion_rows")


def test_the_audit_and_the_engine_s_mutations_do_not_hold_the_name(engine: Engine, control: Control) -> None:
    store(engine, control, "a", [{"user": "jane.doe@example.com"}])
    deletion.delete(engine, control, Subject("user", "jane.doe@example.com"), interface="test")
    deletion.delete(engine, control, Subject("user", "jane.doe@example.com"), interface="test")
    noted = engine.rows("SELECT action, project_id, subject, interface, state, counts, details FROM audit ORDER BY at")
    assert len(noted) == 2
    assert noted[0][:2] == ("delete", "default")
    assert noted[0][2] == noted[1][2]
    assert noted[0][2].startswith("user:")
    assert noted[0][3:5] == ("test", "done")
    assert noted[0][5]["span_rows"] == 1
    assert noted[0][6]["ledger_cost_before"] == "0.000750000000"
    assert "jane" not in str(noted)
    assert count(engine, "system.mutations", "command LIKE '%jane%' AND database = currentDatabase()") == 0
    assert count(engine, "deletion_rows") == 0


def test_nothing_of_it_stays_in_a_part_that_can_be_read(embedded: Engine, control: Control) -> None:
    """Rows are rewritten away, not hidden: no active file of the engine holds them."""
    store(embedded, control, "a", [{"user": "jane.doe@example.com"}, {"span_id": "2" * 16, "user": "x"}])
    deletion.delete(embedded, control, Subject("user", "jane.doe@example.com"), interface="test")
    hidden = embedded.rows("SELECT sum(has_lightweight_delete) FROM system.parts WHERE active")
    assert hidden == [(0,)]


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [("customer", "", "empty"), ("trace", "abc", "no trace id"), ("trace", "A" * 32, "no trace id"),
     ("model", "gpt-4o", "choose from")],
)  # fmt: skip
def test_a_subject_must_be_clear(kind: Any, value: str, says: str) -> None:
    with pytest.raises(SubjectInvalid, match=says):
        Subject(kind, value)


def test_a_preview_changes_nothing(engine: Engine, control: Control) -> None:
    store(engine, control, "a", [{}])
    assert deletion.preview(engine, Subject("customer", "acme")) == {
        "log_rows": 0, "span_content_rows": 1, "embedding_rows": 1, "assignment_rows": 0, "score_rows": 0,
        "span_rows": 1, "frozen_rows": 0, "revenue_rows": 0, "ledger_day_rows": 0, "ledger_rows": 0,
    }  # fmt: skip
    assert count(engine, "spans") == 1
    assert count(engine, "deletion_rows") == 0
    assert count(engine, "audit") == 0


def test_a_value_is_never_sql(engine: Engine, control: Control) -> None:
    store(engine, control, "a", [{"customer": "o'hara'); --"}, {"span_id": "2" * 16}])
    assert deletion.delete(engine, control, Subject("customer", "o'hara'); --"), interface="test").complete
    assert engine.rows("SELECT customer FROM spans") == [("acme",)]

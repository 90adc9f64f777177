"""Retention: rows go when they are due, the money of their calls stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger_analytics.jobs import ledger as job
from spanledger_store import ledger
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, dirty, keeping, projects
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreUnavailable
from spanledger_store.health import ledger_check
from spanledger_store.lifecycle import deletion, retention
from spanledger_store.lifecycle.deletion import Subject
from spanledger_store.lifecycle.retention import RetentionInvalid
from spanledger_store.pricing import repricing
from spanledger_store.writer import write
from tests.conftest import TABLES
from tests.store.rows import content_row, embedding_row, span_row

NOW = datetime(2026, 5, 28, 20, 26, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0)


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


def store(engine: Engine, control: Control, *rows: dict[str, Any], token: str = "") -> None:
    spans = [span_row(**each) for each in rows]
    contents = [content_row(input="hello", output="world", **each) for each in rows]
    vectors = [embedding_row(**each) for each in rows]
    write(engine, control, SpanBatch(token or str(hash(str(spans))), spans, contents, vectors))


def call(number: int, moment: datetime, cost: str = "0.5", **values: Any) -> dict[str, Any]:
    return {"span_id": f"{number:016x}", "start_time": ns(moment), "cost_usd": Decimal(cost), **values}


def run(engine: Engine, control: Control, now: datetime = NOW, **options: Any) -> dict[tuple[str, str], int]:
    found = retention.run(engine, control, now=now, interface="test", **options)
    return {(each.project, each.kind): each.rows for each in found}


def books(engine: Engine) -> Any:
    return engine.rows("SELECT customer, sum(calls), sum(cost_usd) FROM ledger GROUP BY customer ORDER BY customer")


def test_spans_go_at_the_day_and_their_money_stays(engine: Engine, control: Control) -> None:
    limit = TODAY - timedelta(days=10)
    store(
        engine,
        control,
        call(1, limit - timedelta(microseconds=1), "0.100000000001"),
        call(2, limit, "0.25"),
        call(3, limit - timedelta(days=400), "7", customer="globex", input_preview="hi"),
    )
    job.run(engine, control)
    before = books(engine)
    retention.choose(control, "default", {"spans": 10})
    due = {("default", "spans"): 2, ("default", "content"): 2, ("default", "embeddings"): 2}
    assert run(engine, control, dry_run=True) == due
    assert engine.rows("SELECT count() FROM spans") == [(3,)]
    assert run(engine, control) == due
    for table in ("spans", "span_content", "embeddings"):
        assert engine.rows(f"SELECT span_id FROM {table}") == [(f"{2:016x}",)]
    assert books(engine) == before
    assert ledger_check(engine, control).state == "ok"
    everything(engine, control)
    assert books(engine) == before
    assert set(run(engine, control).values()) == {0}
    noted = engine.rows(
        "SELECT state, counts['spans'], details['spans_before'] FROM audit WHERE action = 'retention' ORDER BY at"
    )
    assert noted[-1] == ("done", 2, "2026-05-18")


def everything(engine: Engine, control: Control) -> None:
    """Every hour that has books, recomputed."""
    hours = engine.rows("SELECT DISTINCT project_id, hour FROM ledger_rows")
    ledger.recompute(engine, [(project, hour.replace(tzinfo=UTC)) for project, hour in hours])


def test_a_late_span_counts_once_and_a_repeated_one_never_again(engine: Engine, control: Control) -> None:
    old = TODAY - timedelta(days=40)
    store(engine, control, call(1, old, "1"))
    retention.choose(control, "default", {"spans": 30})
    run(engine, control)
    store(engine, control, call(1, old, "1"), token="again")
    store(engine, control, call(2, old, "2"), call(2, old, "2"), token="late")
    job.run(engine, control)
    assert books(engine) == [("acme", 2, Decimal(3))]
    assert ledger_check(engine, control).state == "ok"
    for _ in range(2):
        run(engine, control)
        everything(engine, control)
        assert books(engine) == [("acme", 2, Decimal(3))]
        assert engine.rows("SELECT count() FROM span_rows") == [(0,)]
    assert engine.rows("SELECT sum(length(identities)) FROM frozen") == [(2,)]


def test_whole_months_leave_the_disk_and_others_stay(engine: Engine, control: Control) -> None:
    projects.ensure(control, "other")
    old = datetime(2025, 1, 15, tzinfo=UTC)
    store(engine, control, call(1, old), call(2, datetime(2025, 2, 10, tzinfo=UTC)), token="a")
    store(engine, control, call(3, datetime(2025, 2, 10, tzinfo=UTC), project_id="other"), token="b")
    store(engine, control, call(4, datetime(2025, 2, 20, tzinfo=UTC)), token="c")
    retention.choose(control, "default", {"spans": 1})
    run(engine, control, now=datetime(2025, 2, 15, 23, 59, tzinfo=UTC))
    left = "SELECT partition_id, sum(rows) FROM system.parts WHERE database = currentDatabase() AND table = 'span_rows'"
    assert [row[0] for row in engine.rows(f"{left} AND active GROUP BY 1")] == ["202502"]
    assert engine.rows("SELECT span_id FROM spans ORDER BY 1") == [(f"{3:016x}",), (f"{4:016x}",)]
    run(engine, control, now=datetime(2025, 3, 15, tzinfo=UTC))
    assert engine.rows("SELECT span_id FROM spans") == [(f"{3:016x}",)]
    assert ledger_check(engine, control).state in ("ok",)


def test_content_goes_before_its_spans_and_takes_the_previews(engine: Engine, control: Control) -> None:
    store(engine, control, call(1, NOW - timedelta(days=9), input_preview="secret", output_preview="words"))
    store(engine, control, call(2, NOW, input_preview="kept"))
    job.run(engine, control)
    retention.choose(control, "default", {"content": 7})
    assert run(engine, control) == {("default", "content"): 2}
    assert engine.rows("SELECT input_preview, output_preview FROM spans ORDER BY start_time") == [
        ("", ""),
        ("kept", ""),
    ]
    assert engine.rows("SELECT count() FROM span_content") == [(1,)]
    assert engine.rows("SELECT count() FROM embeddings") == [(2,)]
    assert books(engine) == [("acme", 2, Decimal(1))]


def test_books_go_only_when_asked_and_never_before_their_spans(engine: Engine, control: Control) -> None:
    with pytest.raises(RetentionInvalid, match="the ledger cannot be kept 100 days while spans are kept for ever"):
        retention.choose(control, "default", {"ledger": 100})
    with pytest.raises(RetentionInvalid, match="content for 0 days"):
        retention.choose(control, "default", {"content": 0})
    with pytest.raises(RetentionInvalid, match="'cake' is no class"):
        retention.choose(control, "default", {"cake": 1})
    assert keeping.days(control) == {}
    store(engine, control, call(1, NOW - timedelta(days=200)), call(2, NOW - timedelta(days=50)))
    job.run(engine, control)
    retention.choose(control, "default", {"ledger": 100, "spans": 30})
    run(engine, control)
    assert books(engine) == [("acme", 1, Decimal("0.5"))]
    assert engine.rows("SELECT count() FROM frozen") == [(1,)]
    assert engine.rows("SELECT sum(calls), count() FROM ledger_days") == [(1, 1)]
    assert ledger_check(engine, control).state == "ok"


def test_deleting_a_customer_takes_its_frozen_books(engine: Engine, control: Control) -> None:
    old = TODAY - timedelta(days=40)
    store(engine, control, call(1, old, "1"), call(2, old, "2", customer="globex"), call(3, NOW, "4"))
    job.run(engine, control)
    retention.choose(control, "default", {"spans": 30})
    run(engine, control)
    proof = deletion.delete(engine, control, Subject("customer", "acme"), interface="test")
    assert proof.complete
    assert [(each.table, each.deleted, each.after) for each in proof.tables if each.table == "frozen_rows"] == [
        ("frozen_rows", 1, 0)
    ]
    assert (proof.before.span_calls, proof.after.span_calls) == (3, 1)
    assert books(engine) == [("globex", 1, Decimal(2))]
    everything(engine, control)
    assert books(engine) == [("globex", 1, Decimal(2))]
    assert engine.rows("SELECT count() FROM ledger_rows WHERE customer = 'acme'") == [(0,)]


def test_repricing_leaves_expired_calls_and_counts_them(engine: Engine, control: Control) -> None:
    old = TODAY - timedelta(days=40)
    store(engine, control, call(1, old, "1"), call(2, old, "1", model="gpt-4"))
    retention.choose(control, "default", {"spans": 30})
    run(engine, control)
    store(engine, control, call(1, old, "1"), call(3, old, "9"), token="late")
    job.run(engine, control)
    period = repricing.Period(old, old + timedelta(days=1))
    assert repricing.expired_calls(engine, period) == 2
    assert repricing.expired_calls(engine, repricing.Period(old, old + timedelta(days=1), model="gpt-4")) == 1
    changed = repricing.reprice(engine, control, period, interface="test")
    assert sum(each.calls for each in changed.values()) == 1
    cost = sum((each.new_cost for each in changed.values()), Decimal(2))
    assert books(engine) == [("acme", 3, cost)]
    assert ledger_check(engine, control).state == "ok"


@contextmanager
def breaking(engine: Engine, after: int) -> Iterator[None]:
    """The engine is lost after so many statements that change something."""
    real, left = engine.command, after

    def command(*args: Any, **kwargs: Any) -> None:
        nonlocal left
        if left == 0:
            raise StoreUnavailable("cut short")
        left -= 1
        real(*args, **kwargs)

    engine.command = command  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    except StoreUnavailable:
        pass
    finally:
        del engine.command  # pyright: ignore[reportAttributeAccessIssue]


identity = st.tuples(st.integers(0, 5), st.integers(0, 3))
arrivals = st.lists(st.tuples(identity, st.sampled_from(["acme", "globex"]), st.booleans()), min_size=1, max_size=5)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), arrivals),
        st.tuples(st.just("expire"), st.tuples(st.integers(1, 5), st.none() | st.integers(0, 8))),
        st.tuples(st.just("recompute"), st.none()),
        st.tuples(st.just("reprice"), st.none()),
        st.tuples(st.just("delete"), st.sampled_from(["acme", "globex"])),
    ),
    min_size=2,
    max_size=8,
)


def amount(number: int, day: int) -> Decimal:
    return Decimal(number * 7 + day + 1) / 1000


def follow(engine: Engine, control: Control, history: list[tuple[str, Any]]) -> None:
    """Plays a history, and keeps books of its own: what was acknowledged and not deleted, each call once."""
    for table in TABLES:
        engine.command(f"TRUNCATE TABLE {table}")
    with control.write() as connection:
        connection.exec_driver_sql("DELETE FROM retention")
    retention.choose(control, "default", {"spans": 1})
    dirty.clear(control, dirty.pending(control))
    versions: dict[tuple[int, int], list[tuple[str, bool]]] = {}
    frozen: dict[tuple[int, int], tuple[str, bool]] = {}
    for number, (what, how) in enumerate([*history, ("recompute", None)]):
        if what == "arrive":
            rows = []
            for i, ((n, day), customer, billable) in enumerate(how):
                moment = TODAY - timedelta(days=day)
                values = call(n, moment, str(amount(n, day)), customer=customer, is_billable=billable, call_count=2)
                rows.append(span_row(**values, model="no-such-model", ingested_at=ns(NOW) + number * 1000 + i))
                # A call of closed books is what it was; any other is what arrived last.
                if (n, day) not in frozen:
                    versions.setdefault((n, day), []).append((customer, billable))
            write(engine, control, SpanBatch(f"{number}-{hash(str(rows))}", rows))
        elif what == "expire":
            keep, cut = how
            if cut is not None:
                with breaking(engine, cut):
                    run(engine, control, now=NOW + timedelta(days=1 - keep))
            run(engine, control, now=NOW + timedelta(days=1 - keep))
            for key in [key for key in versions if key[1] > keep]:
                gone = versions.pop(key)
                if any(billable for _, billable in gone):
                    frozen[key] = gone[-1] if gone[-1][1] else ("", False)
        elif what == "reprice":
            period = repricing.Period(TODAY - timedelta(days=9), TODAY + timedelta(days=1))
            repricing.reprice(engine, control, period, interface="test")
        elif what == "delete":
            deletion.delete(engine, control, Subject("customer", how), interface="test")
            frozen = {key: each for key, each in frozen.items() if each[0] != how}
            versions = {
                key: [each for each in held if each[0] != how] for key, held in versions.items() if held[-1][0] != how
            }
        else:
            job.run(engine, control)
            want: dict[str, tuple[int, Decimal]] = {}
            known = {key: held[-1] for key, held in versions.items()} | frozen
            for (n, day), (customer, billable) in known.items():
                if billable:
                    calls, cost = want.get(customer, (0, Decimal(0)))
                    want[customer] = (calls + 2, cost + amount(n, day))
            assert books(engine) == [(name, *want[name]) for name in sorted(want)]
            assert ledger_check(engine, control).state == "ok"
    everything(engine, control)
    assert engine.rows(ledger.differences()) == []


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps)
def test_books_are_all_calls_ever_acknowledged_less_the_deleted(
    embedded: Engine, control: Control, history: list[tuple[str, Any]]
) -> None:
    follow(embedded, control, history)


def test_books_hold_on_either_engine(engine: Engine, control: Control) -> None:
    late = [((1, 3), "acme", True), ((2, 3), "globex", True), ((3, 0), "acme", True)]
    again = [((1, 3), "globex", True), ((4, 3), "acme", True)]
    follow(
        engine,
        control,
        [
            ("arrive", late), ("expire", (1, 3)), ("arrive", again), ("recompute", None), ("reprice", None),
            ("expire", (1, None)), ("arrive", again), ("recompute", None), ("delete", "globex"),
        ],
    )  # fmt: skip

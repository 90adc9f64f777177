"""The account beside the store: what is there, what is not any more, by key and hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, tallies
from spanledger_store.control.tallies import COUNTS, Line, Snapshot, SpoolState
from spanledger_store.engine import Engine
from spanledger_store.reports.accounting import Account, by, entries
from spanledger_store.writer import write
from tests.store.rows import span_row

HOUR = 3_600_000_000_000
RECEIVED = 495_000 * HOUR
START = datetime.fromtimestamp(RECEIVED / 1e9, UTC)


def tell(control: Control, spool: str, *lines: Line) -> None:
    state = SpoolState(spool, "host", "/data", START, 0, 0, 0, 1, None, 1, 1, "")
    tallies.report(control, Snapshot(spool, 1, list(lines), 0, 0, 0, None), state)


def line(key: str, hour: int, waiting: int = 0, **counts: int) -> Line:
    return Line("default", key, hour, "traces", dict.fromkeys(COUNTS, 0) | counts, waiting)


def store(engine: Engine, control: Control) -> None:
    common = {"project_id": "default", "ingest_key": "k1", "is_billable": True}
    rows = [
        span_row(**common, span_id=f"{n:016x}", ingested_at=RECEIVED + n, cost_usd=None, price_source="",
                 warnings=["content truncated"] if n == 0 else [])
        for n in range(3)
    ]  # fmt: skip
    # The first one again, an hour later, with a price: one span, of the later hour.
    again = span_row(**common, span_id=f"{0:016x}", ingested_at=RECEIVED + HOUR, cost_usd=Decimal(1), price_source="x")
    write(engine, control, SpanBatch("one", spans=rows))
    write(engine, control, SpanBatch("two", spans=[again]))


def test_spans_are_counted_once_where_they_came_last(engine: Engine, control: Control) -> None:
    store(engine, control)
    hour = RECEIVED // HOUR
    tell(control, "a", line("k1", hour, acknowledged=2, stored=2), line("k1", hour + 1, acknowledged=1, stored=1))
    tell(control, "b", line("k1", hour, acknowledged=2, stored=1, waiting=1), line("k2", hour, refused=4))
    found = entries(engine, control, START, START + timedelta(hours=2))
    first, other, second = (each.account for each in found)
    assert [(each.key, each.hour) for each in found] == [
        ("k1", START), ("k2", START), ("k1", START + timedelta(hours=1)),
    ]  # fmt: skip
    assert (first.acknowledged, first.stored, first.waiting, first.missing) == (4, 3, 1, 0)
    assert (first.present, first.absent, first.unpriced, first.truncated) == (2, 1, 2, 0)
    assert (second.present, second.absent, second.unpriced) == (1, 0, 0)
    assert (other.received, other.refused, other.present) == (4, 4, 0)
    total = by(found, lambda _: "")[""]
    assert (total.acknowledged, total.present, total.exported) == (5, 3, None)
    assert entries(engine, control, START, START + timedelta(hours=1), "another") == []
    assert [each.key for each in entries(engine, control, START + timedelta(hours=1), START + timedelta(hours=2))] == [
        "k1"
    ]


def test_unknown_is_not_nothing() -> None:
    assert (Account(exported=None) + Account(exported=None)).exported is None
    assert (Account(exported=2) + Account()).exported == 2
    assert (Account(dropped=0) + Account()).dropped == 0

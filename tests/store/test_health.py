"""The checks say what is wrong, exactly then, and one that breaks does not hide the others."""

from __future__ import annotations

import sqlite3
import time
from collections import namedtuple
from decimal import Decimal
from pathlib import Path

import pytest

from spanledger_analytics.jobs import ledger as job
from spanledger_store import health
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, dirty, jobs, keys, quarantine
from spanledger_store.engine import Engine
from spanledger_store.writer import write
from tests.store.rows import span_row

START = 1_780_002_000_000_000_000


def states(found: list[health.Check]) -> dict[str, str]:
    return {each.name: each.state for each in found}


def filled(engine: Engine, control: Control) -> None:
    rows = [
        span_row(
            span_id=f"{n:016x}",
            start_time=START + n * 10**12,
            cost_usd=None if n % 3 else Decimal("0.000000000001"),
            price_source="" if n % 3 else "test",
            model=f"m{n % 3}",
            other_tokens={"audio_input": n},
        )
        for n in range(30)
    ]
    write(engine, control, SpanBatch("filled", spans=rows))


def test_an_empty_installation_is_well(engine: Engine, control: Control, tmp_path: Path) -> None:
    found = health.checks(engine, control, tmp_path / "spool.db")
    assert {name: state for name, state in states(found).items() if name != "disk"} == dict.fromkeys(
        ["engine", "migrations", "control", "spool", "quarantine", "dirty hours", "ledger", "accounting", "prices",
         "coverage", "authentication", "jobs", "notices", "packages"], "ok"
    )  # fmt: skip
    assert engine.database in found[0].detail


def test_the_ledger_is_compared_exactly(engine: Engine, control: Control) -> None:
    filled(engine, control)
    assert health.ledger_check(engine, control).state == "ok"  # every hour that differs is marked
    job.run(engine, control)
    assert health.ledger_check(engine, control).state == "ok"
    engine.command(
        "INSERT INTO ledger_rows SELECT * REPLACE (cost_usd + toDecimal128('0.000000000001', 12) AS cost_usd,"
        " revision + 1 AS revision) FROM ledger_rows FINAL WHERE calls > 0 LIMIT 1"
    )
    wrong = health.ledger_check(engine, control)
    assert wrong.state == "fail"
    assert "cost_usd -1E-12" in wrong.detail or "cost_usd -0.000000000001" in wrong.detail
    dirty.mark(control, [(each.project_id, each.hour) for each in _hours(engine)])
    assert health.ledger_check(engine, control).state == "ok"
    job.run(engine, control)
    assert dirty.count(control) == 0
    assert health.ledger_check(engine, control).state == "ok"


def _hours(engine: Engine) -> list[dirty.DirtyHour]:
    from datetime import UTC, datetime

    rows = engine.rows("SELECT DISTINCT project_id, toUnixTimestamp(hour) FROM ledger")
    return [dirty.DirtyHour(project, datetime.fromtimestamp(at, UTC), 0) for project, at in rows]


def test_a_lost_hour_is_named(embedded: Engine, control: Control) -> None:
    filled(embedded, control)
    dirty.clear(control, dirty.pending(control))
    found = health.ledger_check(embedded, control)
    assert found.state == "fail"
    assert "default 2026-05-28" in found.detail
    assert "calls +" in found.detail


def test_unpriced_models_are_counted(embedded: Engine, control: Control) -> None:
    filled(embedded, control)
    job.run(embedded, control)
    found = health.prices_check(embedded)
    assert found.state == "warn"
    assert "20 of 30 billable calls have no price: m1 (openai) 10, m2 (openai) 10" in found.detail


def test_what_waits_is_a_warning_only_where_nobody_serves_it(control: Control, tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE entries (received_at INTEGER, spans INTEGER, bytes INTEGER)")
        connection.execute("INSERT INTO entries VALUES (?, 7, 2097152)", (time.time_ns(),))
    connection.close()
    assert health.spool_check(path, running=True).state == "ok"
    stopped = health.spool_check(path, running=False)
    assert (stopped.state, stopped.remedy) == ("warn", "Start the collector to store them: spanledger up")
    assert "7 item(s) in 1 request(s), 2.0 MiB" in stopped.detail
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entries SET received_at = 0")
    connection.close()
    assert health.spool_check(path, running=True).state == "warn"
    from datetime import UTC, datetime

    dirty.mark(control, [("default", datetime(2026, 1, 1, tzinfo=UTC))])
    assert health.dirty_check(control, running=True).state == "ok"
    assert health.dirty_check(control, running=False).state == "warn"


def test_quarantine_names_reasons(control: Control) -> None:
    for n in range(3):
        quarantine.add(
            control, project_id="default", reason="undecodable", detail="tag 0", span_count=1, payload=bytes([n])
        )
    found = health.quarantine_check(control)
    assert found.state == "warn"
    assert "undecodable: 3 request(s) with 3 span(s); the newest: tag 0" in found.detail


def test_authentication_says_who_may_do_what(control: Control) -> None:
    assert "sending and reading needs no key" in health.authentication_check(control).detail
    keys.create(control, "default", "a", "ingest")
    assert health.authentication_check(control).detail.startswith("reading needs no key")
    keys.create(control, "default", "b", "read")
    assert health.authentication_check(control).detail == "sending and reading need a key"


def test_a_missing_migration_fails(embedded: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from spanledger_store import migrate

    found = migrate.shipped()
    extra = migrate.Migration(9999, "later", "SELECT 1")
    monkeypatch.setattr(migrate, "shipped", lambda: [*found, extra])
    check = health.migrations_check(embedded)
    assert (check.state, check.detail) == ("fail", "not applied: 9999_later")


def test_a_full_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    for free, state in ((health.GIB // 4, "fail"), (2 * health.GIB, "warn"), (90 * health.GIB, "ok")):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: usage(100 * health.GIB, 0, free))
        assert health.disk_check(tmp_path).state == state


def test_a_check_that_breaks_is_a_finding(embedded: Engine, control: Control, tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_bytes(b"not a database at all, only text")
    found = health.checks(embedded, control, tmp_path / "spool.db")
    assert states(found)["spool"] == "fail"
    assert len(found) == 15


def test_jobs_that_fail_or_belong_to_nobody_are_named(control: Control) -> None:
    assert health.jobs_check(control, running=True).state == "ok"
    jobs.announce(control, {"books": 60.0})
    assert health.jobs_check(control, running=False).state == "ok"
    alone = health.jobs_check(control, running=True)
    assert (alone.state, alone.detail) == ("warn", "no worker has books")
    jobs.hold(control, "a", ["books"])
    assert health.jobs_check(control, running=True).state == "ok"
    jobs.failed(control, "a", "books", error="no ink", seconds=1, retry_seconds=60)
    failing = health.jobs_check(control, running=True)
    assert (failing.state, failing.detail) == ("fail", "books failed 1 time(s) in a row: no ink")

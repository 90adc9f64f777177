"""The account adds up for every key and hour, whatever happened, and arrives in the control database."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_collector import reporting
from spanledger_collector.errors import Busy
from spanledger_collector.reporting import Reporter
from spanledger_collector.spool import Entry, Spool
from spanledger_collector.tally import Slot, slot
from spanledger_store import health
from spanledger_store.columns import HOUR_NS
from spanledger_store.control import Control, tallies
from spanledger_store.control.tallies import Line
from spanledger_store.engine import Engine
from tests.collector.conftest import Line as Collecting
from tests.collector.otlp_builder import chat, request, span

MIB = 1 << 20
NOW = 1_780_000_000_000_000_000
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "again", "done", "aside", "twice", "refuse", "reopen", "full"]),
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(1, 40),
    ),
    max_size=40,
)


def lines(spool: Spool) -> dict[Slot, Line]:
    return {slot_of(line): line for line in spool.snapshot().lines}


def slot_of(line: Line) -> Slot:
    return Slot(line.project, line.key, line.hour, line.signal)


class Model:
    """What the counters must be, counted a second time in the plainest way."""

    def __init__(self) -> None:
        self.counts: defaultdict[Slot, Counter[str]] = defaultdict(Counter)
        self.waiting: Counter[Slot] = Counter()

    def check(self, spool: Spool) -> None:
        found = lines(spool)
        assert {at: {k: v for k, v in line.counts.items() if v} for at, line in found.items()} == {
            at: {k: v for k, v in counts.items() if v} for at, counts in self.counts.items()
        }
        for at, line in found.items():
            assert line.waiting == self.waiting[at]
            assert line.missing == 0


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_the_counters_are_exact_after_any_sequence(steps: list[tuple[str, int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "spool.db"
        spool, model, sent = Spool(path, MIB), Model(), list[tuple[str, int, bytes, int]]()
        try:
            for number, (what, key, hour, items) in enumerate(steps):
                at = slot("p", f"k{key}", NOW + hour * HOUR_NS, "traces")
                here = [entry for entry in spool.take(0, 10**9) if entry.slot == at]
                if what == "reopen":
                    spool.close()
                    spool = Spool(path, MIB)
                elif what == "refuse":
                    spool.count_refused(at, items).result(10)
                    model.counts[at]["refused"] += items
                elif what in ("put", "again"):
                    key_of, moment, body, count = f"k{key}", NOW + hour * HOUR_NS, b"body %d" % number, items
                    if what == "again" and sent:
                        key_of, moment, body, count = sent[items % len(sent)]
                    fresh = spool.put(
                        project="p", key=key_of, body=body, spans=count, received_at=moment, refused=1
                    ).result(10)
                    of = slot("p", key_of, moment, "traces")
                    if fresh:
                        sent.append((key_of, moment, body, count))
                        model.counts[of].update(requests=1, acknowledged=count, refused=1)
                        model.waiting[of] += count
                    else:
                        model.counts[of]["repeated"] += count
                elif what == "full":
                    spool._writer.submit(lambda c: c.execute("PRAGMA max_page_count = 1")).result(10)
                    with pytest.raises(Busy):
                        spool.put(
                            project="p", key="k", body=random.randbytes(500_000), spans=9, received_at=NOW
                        ).result(10)
                    spool._writer.submit(lambda c: c.execute("PRAGMA max_page_count = 1000000")).result(10)
                elif here:
                    aside = {at: here[0].spans} if what == "aside" else {}
                    spool.done(here, aside)
                    if what == "twice":
                        spool.done(here, {at: 1})
                    total = sum(entry.spans for entry in here)
                    model.counts[at].update(stored=total - aside.get(at, 0), quarantined=aside.get(at, 0))
                    model.waiting[at] -= total
                model.check(spool)
            stats = spool.stats()
            assert stats.spans == sum(model.waiting.values())
            assert stats.entries == len(spool.take(0, 10**9))
        finally:
            spool.close()


WRITER = """
import pathlib, random, sys, time
from spanledger_collector.spool import Spool
spool = Spool(pathlib.Path(sys.argv[1]), 1 << 30)
number = time.time_ns()
while True:
    futures = [spool.put(project="p", key=f"k{i % 3}", body=b"%d" % (number + i), spans=1 + i,
                         received_at=time.time_ns()) for i in range(20)]
    for future in futures:
        future.result()
    number += 20
    entries = spool.take(0, 60)
    spool.done(entries, {entries[0].slot: 1})
    print(number, flush=True)
"""


def test_kill_9_at_any_moment_leaves_an_account_that_adds_up(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    draw = random.Random(7)
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        writer.stdout.readline()
        threading.Event().wait(draw.uniform(0, 0.3))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        spool = Spool(path, 1 << 30)
        found = spool.snapshot()
        assert found.lines
        assert [line.missing for line in found.lines] == [0] * len(found.lines)
        assert found.items == spool.stats().spans == sum(entry.spans for entry in spool.take(0, 10**9))
        spool.close()


def test_what_an_older_release_left_waiting_counts_as_acknowledged(tmp_path: Path) -> None:
    body = zstandard.compress(b"an older request")
    with closing(sqlite3.connect(tmp_path / "spool.db")) as older:
        older.execute(
            "CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL, project TEXT NOT NULL,"
            " key TEXT NOT NULL, received_at INTEGER NOT NULL, spans INTEGER NOT NULL, bytes INTEGER NOT NULL,"
            " body BLOB NOT NULL)"
        )
        older.execute("INSERT INTO entries VALUES (1, x'00', 'default', 'k', ?, 3, ?, ?)", (NOW, len(body), body))
        older.commit()
    for _ in range(2):
        spool = Spool(tmp_path / "spool.db", MIB)
        (line,) = spool.snapshot().lines
        assert (line.counts["acknowledged"], line.waiting, line.missing) == (3, 3, 0)
        spool.close()


def test_hours_long_over_are_forgotten_unless_something_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", MIB)
    old = NOW - 401 * 24 * HOUR_NS
    for number, moment in enumerate((old, old - HOUR_NS, NOW)):
        spool.put(project="p", key="", body=b"%d" % number, spans=1, received_at=moment).result(10)
    waiting, *rest = spool.take(0, 100)
    spool.done(rest)
    later = NOW + 2 * HOUR_NS
    spool.put(project="p", key="", body=b"later", spans=1, received_at=later).result(10)
    spool.done(spool.take(rest[-1].id, 100))
    assert {line.hour for line in spool.snapshot().lines} == {waiting.slot.hour, NOW // HOUR_NS, later // HOUR_NS}
    spool.close()


def report(spool: Spool, control: Control, error: str | None = None) -> None:
    Reporter(spool, control, lambda: error).report()


def test_reports_carry_what_changed_and_survive_a_restored_file(tmp_path: Path, control: Control) -> None:
    spool = Spool(tmp_path / "spool.db", MIB)
    reporter = Reporter(spool, control, lambda: "the store is away")
    for number in range(3):
        spool.put(project="p", key="k", body=b"%d" % number, spans=5, received_at=NOW).result(10)
        reporter.report()
    moment = datetime.fromtimestamp(NOW / 1e9, UTC)
    ((identity, line),) = tallies.lines(control, moment - timedelta(hours=1), moment)
    assert (identity, line.counts["acknowledged"], line.waiting) == (spool.identity, 15, 15)
    (state,) = tallies.spools(control)
    assert (state.items, state.entries, state.last_error) == (15, 3, "the store is away")
    assert state.oldest_at == moment
    assert tallies.revision(control, spool.identity) == spool.snapshot().revision
    spool.done(spool.take(0, 100))
    # The control database has seen a later state than this file: everything is told anew.
    with control.write() as connection:
        connection.exec_driver_sql("UPDATE spools SET revision = 1000")
        connection.exec_driver_sql("UPDATE tallies SET acknowledged = 99")
    report(spool, control)
    ((_, line),) = tallies.lines(control, moment - timedelta(hours=1), moment)
    assert (line.counts["acknowledged"], line.counts["stored"], line.waiting, line.missing) == (15, 15, 0, 0)
    spool.close()


def state_of(control: Control, embedded: Engine, spool: Path, *, running: bool = True) -> health.Check:
    return health.accounting_check(embedded, control, spool, running=running)


def test_doctor_names_key_hour_and_number(tmp_path: Path, control: Control, embedded: Engine) -> None:
    spool = Spool(tmp_path / "spool.db", MIB)
    now = datetime.now(UTC)
    received = int(now.timestamp() * 1e9)
    spool.put(project="p", key="k1", body=b"1", spans=7, received_at=received).result(10)
    report(spool, control)
    assert state_of(control, embedded, spool.path).state == "ok"
    with control.write() as connection:
        connection.exec_driver_sql("UPDATE tallies SET waiting = 4")
    wrong = state_of(control, embedded, spool.path)
    assert wrong.state == "fail"
    assert f"project p, key k1, {now:%Y-%m-%d %H:00} UTC, traces: 7 acknowledged, 4 waiting" in wrong.detail
    assert "3 missing" in wrong.detail
    assert "spool.db" in wrong.remedy
    spool.close()


def test_a_spool_file_that_is_gone_is_missed(tmp_path: Path, control: Control, embedded: Engine) -> None:
    spool = Spool(tmp_path / "spool.db", MIB)
    spool.put(project="p", key="k1", body=b"1", spans=7, received_at=int(datetime.now(UTC).timestamp() * 1e9)).result(
        10
    )
    report(spool, control)
    spool.close()
    later = replace(tallies.spools(control)[0], reported_at=datetime.now(UTC) - timedelta(minutes=10))
    with control.write() as connection:
        connection.exec_driver_sql("UPDATE spools SET reported_at = ?", (str(later.reported_at.replace(tzinfo=None)),))
    elsewhere = state_of(control, embedded, Path("/another/spool.db"))
    assert elsewhere.state == "warn"
    assert "7 acknowledged item(s)" in elsewhere.detail
    assert state_of(control, embedded, spool.path, running=False).state == "ok"
    for leftover in tmp_path.glob("spool.db*"):
        leftover.unlink()
    fresh = Spool(tmp_path / "spool.db", MIB)
    report(fresh, control)
    lost = state_of(control, embedded, spool.path)
    assert lost.state == "fail"
    assert "project p, key k1" in lost.detail
    assert "Another file is in its place" in lost.detail
    fresh.close()


def test_a_control_database_that_is_away_is_said_once_and_made_up_for(
    tmp_path: Path, control: Control, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spanledger_store.errors import StoreUnavailable

    spool = Spool(tmp_path / "spool.db", MIB)
    spool.put(project="p", key="", body=b"1", spans=7, received_at=NOW).result(10)
    reporter = Reporter(spool, control, lambda: None)
    with monkeypatch.context() as patch:

        def away(*_: object) -> None:
            raise StoreUnavailable("the control database: it is away")

        patch.setattr(reporting.tallies, "report", away)
        reporter.report()
        reporter.report()
    assert caplog.text.count("it is away") == 1
    reporter.report()
    assert tallies.spools(control)[0].items == 7
    spool.close()


def test_the_account_of_a_line_adds_up_to_the_store(line: Collecting) -> None:
    good = request(*(span(chat(100)) for _ in range(40))).SerializeToString()
    assert line.post(good).status_code == 200
    assert line.post(good).status_code == 200
    bad = span(chat(1))
    bad.trace_id = b"\0" * 16
    assert line.post(request(span(chat(1)), bad).SerializeToString()).status_code == 200
    assert line.post(request(bad).SerializeToString()).status_code == 200
    (again,) = (span(chat(5)) for _ in range(1))
    for extra in (1, 2):
        assert line.post(request(again, span(chat(extra))).SerializeToString()).status_code == 200
    line.settle()
    answer = line.client.get("/api/v1/accounting").json()
    (account,) = answer["accounts"]
    expected = {"received": 87, "acknowledged": 45, "repeated": 40, "refused": 2, "waiting": 0, "stored": 45}
    expected |= {"quarantined": 0, "missing": 0, "present": 44, "absent": 1}
    assert (account["exported"], account["dropped"]) == (None, None)
    assert {name: account[name] for name in expected} == expected
    assert answer["spools"][0]["items"] == 0
    assert line.client.get("/api/v1/accounting?start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z").status_code == 400


def test_a_damaged_entry_is_counted_where_it_came_from(line: Collecting) -> None:
    line.collector.pipeline.stop(0)
    spool = line.collector.spool
    for key in ("whole", "damaged"):
        body = request(*(span(chat(1)) for _ in range(3))).SerializeToString()
        spool.put(project="default", key=key, body=body, spans=3, received_at=NOW).result(10)
    whole, damaged = spool.take(0, 10)
    from spanledger_collector.delivery import unreadable

    hurt = replace(damaged, packed=b"not zstd at all")
    assert isinstance(hurt, Entry)
    assert unreadable([whole, hurt], 1000) == {damaged.slot: 3}


def test_what_the_sdk_dropped_arrives_with_its_numbers(line: Collecting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue in front of a slow collector, end to end: the account says what `spanledger.stats()` says."""
    import uvicorn
    from opentelemetry.sdk.trace import TracerProvider

    import spanledger
    from spanledger._internal import runtime
    from spanledger._internal.delivery import queue
    from tests.line.process import free_port

    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16")
    monkeypatch.setattr(queue, "PATIENCE", 0.001)
    server = uvicorn.Server(
        uvicorn.Config(line.client.app, port=(port := free_port()), lifespan="off", log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.02)

    @spanledger.observe
    def work(number: int) -> int:
        return number

    provider = TracerProvider(shutdown_on_exit=False)
    spanledger.init(f"http://127.0.0.1:{port}", tracer_provider=provider)
    running = runtime.active
    assert running is not None
    for number in range(3000):
        work(number)
    assert spanledger.shutdown(30)
    running.exporter.join(20)
    server.should_exit = True
    thread.join(20)
    stats = spanledger.stats()
    assert stats.dropped["queue_full"] > 0
    assert stats.acknowledged + stats.dropped["queue_full"] == 3000
    line.settle()
    accounts = line.client.get("/api/v1/accounting").json()["accounts"]
    spans = [each for each in accounts if each["signal"] == "traces"]

    def total(name: str) -> int:
        return sum(each[name] or 0 for each in spans)

    assert total("dropped") == stats.dropped["queue_full"]
    assert total("exported") == stats.acknowledged == total("acknowledged") == total("present")
    (check,) = (each for each in line.client.get("/api/v1/doctor").json()["checks"] if each["name"] == "accounting")
    assert check["state"] == "warn"
    assert f"gave up {stats.dropped['queue_full']} span(s)" in check["detail"]

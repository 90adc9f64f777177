from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from spanledger_collector.errors import Busy, SpoolFull
from spanledger_collector.spool import RESERVE, Spool

MIB = 1 << 20


def used(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.iterdir())


def put(spool: Spool, body: bytes, spans: int = 1, project: str = "default") -> bool:
    return spool.put(project=project, key="", body=body, spans=spans, received_at=time.time_ns()).result(10)


def test_entries_come_back_in_order_and_leave_when_done(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", MIB)
    for index in range(5):
        assert put(spool, b"body %d" % index, spans=10)
    taken = spool.take(0, 25)
    assert [entry.body() for entry in taken] == [b"body 0", b"body 1"]
    rest = spool.take(taken[-1].id, 1000)
    assert [entry.body() for entry in rest] == [b"body 2", b"body 3", b"body 4"]
    spool.done(taken)
    assert [entry.body() for entry in spool.take(0, 1000)] == [b"body 2", b"body 3", b"body 4"]
    assert (spool.stats().entries, spool.stats().spans) == (3, 30)
    spool.close()


def test_what_was_not_done_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Spool(tmp_path / "spool.db", MIB)
    put(first, b"kept", spans=7)
    put(first, b"stored", spans=3)
    first.done([entry for entry in first.take(0, 100) if entry.body() == b"stored"])
    first.close()
    second = Spool(tmp_path / "spool.db", MIB)
    assert [entry.body() for entry in second.take(0, 100)] == [b"kept"]
    assert second.stats().spans == 7
    second.close()


def test_the_same_body_is_kept_once_per_project_even_after_it_was_stored(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", MIB)
    assert put(spool, b"same") is True
    assert put(spool, b"same") is False
    assert put(spool, b"same", project="other") is True
    spool.done(spool.take(0, 100))
    assert put(spool, b"same") is False
    assert spool.take(0, 100) == []
    stats = spool.stats()
    assert (stats.entries, stats.bytes, stats.accepted_spans, stats.duplicate_requests) == (0, 0, 2, 2)
    spool.close()


def test_a_full_spool_says_later_and_takes_again_when_drained(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", MIB)
    put(spool, os.urandom(900_000))
    with pytest.raises(SpoolFull, match="SPANLEDGER_SPOOL_MAX_BYTES") as caught:
        put(spool, os.urandom(300_000))
    assert caught.value.status == 429
    assert caught.value.retry_after > 0
    spool.done(spool.take(0, 100))
    assert put(spool, os.urandom(300_000))
    spool.close()


def test_a_disk_that_refuses_is_busy_and_nothing_is_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", 64 * MIB)
    put(spool, b"before")
    limit = spool._writer.submit(lambda connection: connection.execute("PRAGMA max_page_count = 20").fetchone())
    limit.result(5)
    with pytest.raises(Busy, match="full"):
        put(spool, os.urandom(4_000_000))
    assert spool.stats().entries == 1
    spool._writer.submit(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchone()).result(5)
    assert put(spool, b"after")
    assert [entry.body() for entry in spool.take(0, 10)] == [b"before", b"after"]
    spool.close()


def test_a_closed_spool_refuses(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", MIB)
    spool.close()
    with pytest.raises(Busy, match="shutting down"):
        put(spool, b"late")


def test_room_that_the_log_no_longer_needs_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "spool.db-wal"
    spool = Spool(tmp_path / "spool.db", 100 * MIB)
    for _ in range(16):
        put(spool, os.urandom(MIB))
    spool.done(spool.take(0, 1000))
    grown = log.stat().st_size
    assert grown > 10 * MIB
    # All is stored; the disk has room for one request more, but not for the log being worked off beside it.
    usage = shutil.disk_usage(tmp_path)
    capacity = RESERVE + 3 * MIB + used(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=capacity - used(path)))
    body = os.urandom(MIB)
    with pytest.raises(Busy, match="room left on its disk"):
        put(spool, body)
    deadline = time.monotonic() + 30
    while log.stat().st_size and time.monotonic() < deadline:
        time.sleep(0.01)
    assert put(spool, body)
    spool.close()


WRITER = """
import sys, time, pathlib
from spanledger_collector.spool import Spool
spool = Spool(pathlib.Path(sys.argv[1]), 1 << 30)
number = 0
while True:
    futures = [spool.put(project="p", key="", body=b"%d" % (number + i), spans=1, received_at=time.time_ns())
               for i in range(20)]
    for future in futures:
        future.result()
    number += 20
    print(number, flush=True)
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    acknowledged = 0
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(15)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.read().splitlines(keepends=True)
        writer.wait()
        writer.stdout.close()
        acknowledged = max(acknowledged, int([line for line in lines if line.endswith("\n")][-1]))
    spool = Spool(path, 1 << 30)
    found = {int(entry.body()) for entry in spool.take(0, 10_000_000)}
    assert found >= set(range(acknowledged))
    spool.close()


def test_a_spool_of_the_release_that_took_spans_only_is_upgraded_in_place(tmp_path: Path) -> None:
    body = zstandard.compress(b"an older request")
    with closing(sqlite3.connect(tmp_path / "spool.db")) as older:
        older.execute(
            "CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL, project TEXT NOT NULL,"
            " key TEXT NOT NULL, received_at INTEGER NOT NULL, spans INTEGER NOT NULL, bytes INTEGER NOT NULL,"
            " body BLOB NOT NULL)"
        )
        older.execute("INSERT INTO entries VALUES (1, x'00', 'default', '', 5, 3, ?, ?)", (len(body), body))
        older.commit()
    for _ in range(2):
        spool = Spool(tmp_path / "spool.db", MIB)
        assert [(entry.signal, entry.body()) for entry in spool.take(0, 1)] == [("traces", b"an older request")]
        spool.close()


def test_one_body_as_two_signals_is_two_requests(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", MIB)
    for name in ("traces", "logs", "metrics"):
        taken = spool.put(project="default", key="", body=b"same", spans=1, received_at=time.time_ns(), signal=name)
        assert taken.result(10)
    assert [entry.signal for entry in spool.take(0, 100)] == ["traces", "logs", "metrics"]
    spool.close()

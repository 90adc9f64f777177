"""A damaged spool: what can be read goes on, what cannot is counted, and the counters add up."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from spanledger_collector import salvage
from spanledger_collector import spool as spools
from spanledger_collector.errors import Busy
from spanledger_collector.spool import Entry, Spool
from spanledger_store.control import Control, quarantine

PAGE = 16384
MIB = 1 << 20
REQUESTS, SPANS = 60, 7


def fill(path: Path) -> None:
    """Requests of every size, a third of them stored already; the file is closed in order."""
    spool = Spool(path, 64 * MIB)
    futures = [
        spool.put(
            project="default", key="k", body=os.urandom(200 + 900 * number), spans=SPANS, received_at=time.time_ns()
        )
        for number in range(REQUESTS)
    ]
    assert all(future.result(10) for future in futures)
    spool.done(spool.take(0, SPANS * REQUESTS // 3))
    spool.close()


def damage(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(os.urandom(PAGE))


def root(path: Path, name: str) -> int:
    """The first page of a table or index, counted from 0."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0] - 1


def readable(entry: Entry) -> bool:
    try:
        return bool(entry.body())
    except zstandard.ZstdError:
        return False


def adds_up(path: Path, control: Control) -> tuple[int, int]:
    """(waiting, quarantined) spans of a mended spool, whose counters must equal them."""
    salvage.mend(path, control)
    spool = Spool(path, 64 * MIB)
    taken = spool.take(0, 1_000_000)
    waiting = sum(entry.spans for entry in taken)
    # What the damage left in the middle of a request's bytes is found by their checksum, and set aside by the pipeline.
    assert sum(not readable(entry) for entry in taken) <= 1
    for line in spool.snapshot().lines:
        counts = line.counts
        assert counts["acknowledged"] == line.waiting + counts["stored"] + counts["quarantined"]
    assert spool.stats().spans == waiting
    assert spool.put(project="default", key="k", body=os.urandom(9), spans=1, received_at=time.time_ns()).result(10)
    spool.close()
    named = [each for each in quarantine.listing(control) if each.reason == salvage.REASON]
    return waiting, sum(each.span_count for each in named)


def test_a_sound_spool_is_left_alone(tmp_path: Path, control: Control) -> None:
    path = tmp_path / "spool.db"
    fill(path)
    before = path.read_bytes()
    salvage.mend(path, control)
    assert path.read_bytes() == before
    salvage.mend(tmp_path / "none.db", control)


@pytest.mark.parametrize("part", [0.15, 0.35, 0.5, 0.65, 0.85])
def test_whatever_page_is_damaged_every_span_is_waiting_or_named(part: float, tmp_path: Path, control: Control) -> None:
    path = tmp_path / "spool.db"
    fill(path)
    damage(path, int(path.stat().st_size // PAGE * part))
    waiting, named = adds_up(path, control)
    assert waiting + named == SPANS * REQUESTS * 2 // 3
    assert waiting > 0


@pytest.mark.parametrize("name", ["entries", "entries_slots", "tally", "seen", "spool"])
def test_a_table_or_index_that_is_gone_costs_no_more_than_what_was_in_it(
    name: str, tmp_path: Path, control: Control, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "spool.db"
    fill(path)
    damage(path, root(path, name))
    waiting, named = adds_up(path, control)
    assert waiting + named == SPANS * REQUESTS * 2 // 3
    if name != "entries":
        assert named == 0
    assert "was damaged" in caplog.text
    assert len(list(tmp_path.glob("spool.db.damaged-*"))) == 1
    assert adds_up(path, control) == (waiting + 1, named)


def test_a_file_that_is_none_is_kept_and_a_new_one_begun(
    tmp_path: Path, control: Control, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "spool.db"
    fill(path)
    damage(path, 0)
    assert adds_up(path, control) == (0, 0)
    assert "how many more cannot be known" in caplog.text
    assert len(list(tmp_path.glob("spool.db.damaged-*"))) == 1


def test_a_mending_that_was_cut_short_is_taken_up(tmp_path: Path, control: Control) -> None:
    path = tmp_path / "spool.db"
    fill(path)
    ready = tmp_path / "spool.db.mended-20260101T000000"
    path.rename(ready)
    path.write_bytes(b"the damaged file")
    (tmp_path / "spool.db-wal").write_bytes(b"its log")
    waiting, _ = adds_up(path, control)
    assert waiting == SPANS * REQUESTS * 2 // 3
    assert (tmp_path / "spool.db.damaged-20260101T000000").read_bytes() == b"the damaged file"
    assert (tmp_path / "spool.db.damaged-20260101T000000-wal").read_bytes() == b"its log"
    assert not ready.exists()


def test_a_disk_with_little_room_is_not_filled_and_can_be_worked_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "spool.db", MIB)
    assert spool.put(project="p", key="", body=b"one", spans=1, received_at=time.time_ns()).result(10)
    monkeypatch.setattr(spools, "RESERVE", 1 << 60)
    with pytest.raises(Busy, match="Free some space") as caught:
        spool.put(project="p", key="", body=b"two", spans=1, received_at=time.time_ns())
    assert caught.value.status == 503
    spool.done(spool.take(0, 10))
    assert spool.stats().entries == 0
    spool.close()

"""`backup` and `restore`: nothing acknowledged before is lost, and nothing bad is restored."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from spanledger_analytics.jobs import ledger
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, dirty, keys, quarantine
from spanledger_store.engine import Engine
from spanledger_store.health import ledger_check
from spanledger_store.lifecycle import backup, restoring
from spanledger_store.lifecycle.backup import BackupRefused
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from spanledger_store.writer import write
from tests.cli.conftest import run
from tests.conftest import LAUNCHER
from tests.line.process import Up
from tests.line.test_crash import Sender
from tests.store.rows import content_row, embedding_row, span_row


@pytest.mark.long
def test_a_backup_under_load_has_all_that_was_acknowledged_before(tmp_path: Path) -> None:
    up = Up(tmp_path / "data")
    senders = [Sender(up.url) for _ in range(2)]
    for sender in senders:
        sender.start()
    wait = threading.Event()
    while sum(sender.acknowledged for sender in senders) < 1500:
        wait.wait(0.02)
    before = sum(sender.acknowledged for sender in senders)
    made = run("backup", str(tmp_path / "backup"), "--data", str(tmp_path / "data"))
    assert made.returncode == 0, made.stderr
    after = sum(sender.acknowledged for sender in senders)
    up.kill()
    for sender in senders:
        sender.stopping.set()
        sender.join()
    restored = run("restore", str(tmp_path / "backup"), "--data", str(tmp_path / "restored"))
    assert restored.returncode == 0, restored.stderr
    up = Up(tmp_path / "restored")
    wait_for = "SELECT count() FROM spans"
    doctor = {"checks": [{"name": "spool", "detail": "waiting"}]}
    for _ in range(200):
        done = run("doctor", "--format", "json", "--data", str(tmp_path / "restored"))
        doctor = {each["name"]: each for each in json.loads(done.stdout)}
        if doctor["spool"]["detail"].startswith("empty"):
            break
        wait.wait(0.1)
    found = int(up.query(wait_for)[0][0])
    # Two requests at most are on their way, acknowledged by the server and not yet counted by their senders.
    assert before <= found <= after + 100
    books = "SELECT toInt64(sum(calls)), toString(sum(cost_usd)) FROM ledger"
    spans = "SELECT toInt64(count()), toString(sum(cost_usd)) FROM spans"
    assert up.settled(books, up.query(spans)) == up.query(spans)
    assert doctor["ledger"]["state"] == "ok"
    up.kill()


@pytest.fixture(scope="module")
def backing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A ClickHouse server that may write backups where these tests do."""
    home = tmp_path_factory.mktemp("backing")
    command = [sys.executable, str(LAUNCHER), "--data", str(home), "--stdin", "--set", "backups.allowed_path=/"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline().removeprefix("READY "))
    yield f"http://{ready['host']}:{ready['ports']['http']}"
    process.stdin.close()
    process.wait(60)
    process.stdout.close()


def place(url: str, data: Path, database: str) -> StoreSettings:
    return StoreSettings(data=data, clickhouse_url=SecretStr(url), database=database)


@pytest.fixture
def made(backing_server: str, tmp_path: Path) -> tuple[Path, str]:
    """A backup of a few spans, a key and a quarantined request; and the server it came from."""
    settings = place(backing_server, tmp_path / "data", f"a{abs(hash(tmp_path)):x}")
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        rows = [{"span_id": f"{n:016x}", "cost_usd": Decimal("0.100000000001")} for n in range(7)]
        batch = SpanBatch(
            "a",
            [span_row(**each) for each in rows],
            [content_row(**each) for each in rows],
            [embedding_row(**each) for each in rows],
        )
        write(engine, control, batch)
        ledger.run(engine, control)
        write(engine, control, SpanBatch("b", [span_row(span_id="a" * 16)]))
        keys.create(control, "default", "mine", "ingest")
        quarantine.add(control, project_id="default", reason="odd", detail="d", span_count=1, payload=b"\0\xff")
        backup.backup(engine, control, tmp_path / "no-spool.db", tmp_path / "backup")
    return tmp_path / "backup", backing_server


def test_everything_comes_back_from_a_server(made: tuple[Path, str], tmp_path: Path) -> None:
    source, url = made
    settings = place(url, tmp_path / "new", f"b{abs(hash(tmp_path)):x}")
    found = restoring.restore(settings, source, "spool.db")
    assert (found["span_rows"], found["span_content_rows"], found["embedding_rows"]) == (8, 7, 7)
    with Engine(settings) as engine, Control.open(settings) as control:
        # The hour that was marked and not recomputed is up to date as well.
        assert engine.rows("SELECT sum(calls), sum(cost_usd) FROM ledger") == [(8, Decimal("0.700750000007"))]
        assert ledger_check(engine, control).state == "ok"
        assert [each.name for each in keys.listing(control)] == ["mine"]
        (kept,) = quarantine.listing(control)
        assert quarantine.payload(control, kept.id) == b"\0\xff"
        write(engine, control, SpanBatch("c", [span_row(span_id="b" * 16)]))
        assert len(dirty.pending(control)) == 1
    with pytest.raises(BackupRefused, match=r"new is not empty; name a new directory with --data"):
        restoring.restore(settings, source, "spool.db")
    with pytest.raises(BackupRefused, match=r"database b[0-9a-f]+ is not empty"):
        restoring.restore(settings.model_copy(update={"data": tmp_path / "other"}), source, "spool.db")
    assert not (tmp_path / "other").exists()
    assert not (tmp_path / ".other.restoring").exists()


def test_what_is_damaged_or_newer_is_refused(made: tuple[Path, str], tmp_path: Path) -> None:
    source, url = made
    settings = place(url, tmp_path / "new", f"c{abs(hash(tmp_path)):x}")

    def refused(says: str) -> None:
        with pytest.raises(BackupRefused, match=says):
            restoring.restore(settings, source, "spool.db")
        assert not settings.data.exists()

    manifest = json.loads((source / "manifest.json").read_text())
    victim = source / max(manifest["files"], key=lambda name: manifest["files"][name]["bytes"])
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused(f"{victim.name} is damaged")
    victim.unlink()
    refused(f"{victim.name} is missing")
    victim.write_bytes(whole)
    newer = {**manifest, "spanledger": "9.0", "migrations": manifest["migrations"] | {"9999": "x"}}
    (source / "manifest.json").write_text(json.dumps(newer))
    refused("made by Spanledger 9.0, with migration 9999")
    (source / "manifest.json").write_text(json.dumps({**manifest, "rows": {"span_rows": [9, 9]}}))
    refused("span_rows has 8 rows after the restore; the backup was made of 9 to 9")
    (source / "manifest.json").write_text("{")
    refused("cannot be read")
    (source / "manifest.json").unlink()
    refused("has no manifest.json")


def test_a_server_that_may_not_write_there_says_what_to_do(clickhouse_url: str, tmp_path: Path) -> None:
    settings = place(clickhouse_url, tmp_path / "data", f"d{abs(hash(tmp_path)):x}")
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        with pytest.raises(BackupRefused, match="--engine-at"):
            backup.backup(engine, control, tmp_path / "no-spool.db", tmp_path / "backup")
        with pytest.raises(BackupRefused, match="is not empty"):
            backup.backup(engine, control, tmp_path / "no-spool.db", tmp_path / "data")

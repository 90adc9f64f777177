"""A project written as Parquet and read again is the same project, to the nanosecond and the last digit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spanledger_analytics.jobs import ledger as job
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, projects
from spanledger_store.engine import Engine
from spanledger_store.health import ledger_check
from spanledger_store.lifecycle import parquet, retention
from spanledger_store.lifecycle.parquet import ExportInvalid, Selection
from spanledger_store.writer import write
from tests.store.rows import content_row, embedding_row, span_row

START = 1_780_000_000_123_456_789
MONTH = 30 * 24 * 3_600_000_000_000
DIM = "EXCEPT (project_id)"


@pytest.fixture
def filled(engine: Engine, control: Control, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Calls of three months, those of the oldest frozen; pages so small that each month has several."""
    monkeypatch.setattr(parquet, "PAGE", 3)
    rows: list[dict[str, Any]] = [
        {
            "span_id": f"{n:016x}", "start_time": START - (n % 3) * MONTH + n, "customer": f"c{n % 2}",
            "cost_usd": Decimal(f"0.{n:012d}") if n else None, "metadata": {"a": "ä\0b"}, "tags": ["x", "y"],
            "other_tokens": {"audio": n}, "is_billable": n != 5, "call_count": 1 + n % 2, "ttft_ns": n,
        }
        for n in range(20)
    ]  # fmt: skip
    vectors = [embedding_row(**each, vector=[0.5, -1.0, 0.0078125]) for each in rows]
    contents = [content_row(**each, input="question", events="[]") for each in rows]
    write(engine, control, SpanBatch("a", [span_row(**each) for each in rows], contents, vectors))
    engine.insert(
        "score_rows",
        {"project_id": ["default"], "trace_id": ["0" * 31 + "1"], "name": ["good"], "time": [START], "value": [0.1]},
        "score",
    )
    retention.choose(control, "default", {"spans": 50})
    retention.run(engine, control, now=datetime.fromtimestamp(START // 10**9, UTC), interface="test")
    job.run(engine, control)
    return engine


def held(engine: Engine, project: str) -> dict[str, Any]:
    """Everything of a project, but its name."""
    names = [each.view for each in parquet.DATASETS]
    found: dict[str, Any] = {}
    for name in names:
        view = "SELECT * REPLACE (hex(duration_digest) AS duration_digest, hex(ttft_digest) AS ttft_digest) FROM frozen"
        source = f"({view})" if name == "frozen" else name
        found[name] = engine.query(
            f"SELECT * {DIM} FROM {source} WHERE project_id = {{p:String}} ORDER BY ALL", {"p": project}
        ).rows()
    return found


def load(engine: Engine, control: Control, source: Path, project: str | None = None) -> dict[str, Any]:
    return parquet.load_export(engine, control, source, project=project, interface="test")


def test_a_project_goes_out_and_in_and_in_again(filled: Engine, control: Control, tmp_path: Path) -> None:
    made = parquet.export(filled, control, Selection("default"), tmp_path / "out")
    # Twelve or more spans are left in two months, the rest is frozen.
    assert made["rows"]["frozen"] > 0
    assert made["rows"]["spans"] == filled.rows("SELECT count() FROM spans")[0][0] < 20
    books = filled.rows("SELECT sum(calls), sum(cost_usd) FROM ledger")[0]
    assert (made["calls"], Decimal(made["cost_usd"])) == tuple(books)
    spans = sorted((tmp_path / "out" / "spans").iterdir())
    assert len(spans) == 2
    schema = pq.read_schema(spans[0])
    assert schema.field("cost_usd").type == pa.decimal128(18, 12)
    assert schema.field("start_time").type == pa.timestamp("ns", "UTC")
    for _ in range(2):
        found = load(filled, control, tmp_path / "out", "copy")
        assert (found["ledger_calls"], Decimal(found["ledger_cost_usd"])) == tuple(books)
        assert held(filled, "copy") == held(filled, "default")
        assert ledger_check(filled, control).state == "ok"
    # Into the project itself, it changes nothing either.
    before = held(filled, "default")
    load(filled, control, tmp_path / "out")
    assert held(filled, "default") == before
    noted = filled.rows("SELECT state, counts['spans'] FROM audit WHERE action = 'import' AND project_id = 'copy'")
    assert set(noted) == {("done", made["rows"]["spans"])}


def test_a_part_of_a_project(filled: Engine, control: Control, tmp_path: Path) -> None:
    hour = datetime.fromtimestamp(START // 10**9, UTC).replace(minute=0, second=0)
    made = parquet.export(filled, control, Selection("default", hour, hour + timedelta(hours=1)), tmp_path / "out")
    assert made["rows"]["spans"] == 7
    assert set(made["files"]) == {
        f"{name}/month=2026-05.parquet" for name in ("spans", "span_content", "embeddings", "ledger", "scores")
    }
    with pytest.raises(ExportInvalid, match="not on a full hour"):
        parquet.export(filled, control, Selection("default", hour + timedelta(minutes=1)), tmp_path / "b")
    with pytest.raises(projects.ProjectUnknown, match="no project 'nix'"):  # pyright: ignore[reportPrivateImportUsage]
        parquet.export(filled, control, Selection("nix"), tmp_path / "c")
    with pytest.raises(ExportInvalid, match="is not empty"):
        parquet.export(filled, control, Selection("default"), tmp_path / "out")


def test_damage_is_named_and_nothing_is_stored(filled: Engine, control: Control, tmp_path: Path) -> None:
    source = tmp_path / "out"
    parquet.export(filled, control, Selection("default"), source)
    before = held(filled, "default")
    victim = next((source / "spans").iterdir())
    whole = victim.read_bytes()
    victim.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    with pytest.raises(ExportInvalid, match=f"{victim.name} is damaged"):
        load(filled, control, source, "damaged")
    victim.unlink()
    with pytest.raises(ExportInvalid, match=f"{victim.name} is missing"):
        load(filled, control, source, "damaged")
    victim.write_bytes(whole)
    manifest = json.loads((source / "manifest.json").read_text())
    (source / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))
    with pytest.raises(ExportInvalid, match="has format 2"):
        load(filled, control, source, "damaged")
    (source / "manifest.json").unlink()
    with pytest.raises(ExportInvalid, match=r"has no manifest\.json"):
        load(filled, control, source, "damaged")
    assert held(filled, "default") == before
    assert filled.rows("SELECT count() FROM spans WHERE project_id = 'damaged'") == [(0,)]

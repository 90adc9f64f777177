"""Any table as a file: every row, every digit, in every form, on both engines."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spanledger_analytics.jobs import ledger as job
from spanledger_store import tables
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.lifecycle.parquet import ExportInvalid, Selection
from spanledger_store.tables import TABLES, Asked, Form
from spanledger_store.writer import write
from tests.store.rows import content_row, embedding_row, span_row

FIRST = datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC)
EXACT = Decimal("123456.123456789012")


@pytest.fixture
def filled(engine: Engine, control: Control) -> Engine:
    """Calls over two months, some with everything that is hard to write."""
    rows, contents, vectors = [], [], []
    for n in range(25):
        at = int((FIRST + timedelta(hours=n)).timestamp()) * 10**9 + n
        ids = {"trace_id": f"{n:032x}", "span_id": f"{n:016x}", "start_time": at}
        cost = EXACT if n == 3 else Decimal(n) / 7 if n % 2 else None
        rows.append(
            span_row(
                **ids, customer=("acme", 'gl"obex,\n', "")[n % 3], cost_usd=cost, tags=["a,b", "ü"],
                metadata={"k": 'v"'}, ttft_ns=None if n % 4 else 2**62,
            )
        )  # fmt: skip
        contents.append(content_row(**ids, input="line\nline"))
        vectors.append(embedding_row(**ids, model="m"))
    write(engine, control, SpanBatch("filled", rows, contents, vectors))
    job.run(engine, control)
    return engine


def asked(table: str, form: Form, where: dict[str, list[str]] | None = None, **bounds: datetime) -> Asked:
    return Asked(table, form, Selection("default", **bounds), where or {})


def whole(engine: Engine, wanted: Asked) -> bytes:
    return b"".join(tables.chunks(engine, wanted))


def frame(engine: Engine, wanted: Asked) -> pl.DataFrame:
    held = io.BytesIO(whole(engine, wanted))
    made = pl.from_arrow(pq.read_table(held) if wanted.form is Form.PARQUET else pa.ipc.open_file(held).read_all())
    assert isinstance(made, pl.DataFrame)
    return made


@pytest.mark.parametrize("form", [Form.PARQUET, Form.ARROW])
@pytest.mark.parametrize("size", [3, 20_000])
def test_every_row_once_whatever_the_page(
    filled: Engine, form: Form, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_PAGE", size)
    made = frame(filled, asked("spans", form))
    expected = filled.query("SELECT * FROM spans ORDER BY start_time, trace_id, span_id")
    assert made.height == 25
    for column in ("start_time", "trace_id", "customer", "cost_usd", "ttft_ns", "tags", "input_tokens"):
        assert made[column].to_list() == expected[column].to_list(), column
    assert made["cost_usd"][3] == EXACT


@pytest.mark.parametrize("size", [4, 20_000])
def test_csv_has_every_digit(filled: Engine, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_PAGE", size)
    text = whole(filled, asked("spans", Form.CSV)).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 25
    assert rows[3]["cost_usd"] == f"{EXACT:f}"
    assert [row["cost_usd"] for row in rows[:2]] == ["", "0.142857142857"]
    assert rows[1]["customer"] == 'gl"obex,\n'
    assert rows[2]["start_time"] == "2026-10-01T01:59:59.000000002Z"
    assert json.loads(rows[0]["tags"]) == ["a,b", "ü"]
    assert json.loads(rows[0]["metadata"]) == {"k": 'v"'}
    assert rows[0]["ttft_ns"] == str(2**62)
    # Nothing and an empty text are two things.
    last = text.rstrip("\n").rsplit("\n", 1)[1]
    assert ',"",' in last


def test_every_table_in_every_form(filled: Engine) -> None:
    for table in sorted(TABLES):
        count = filled.rows(f"SELECT count() FROM {table} WHERE project_id = 'default'")[0][0]
        assert len(list(csv.reader(io.StringIO(whole(filled, asked(table, Form.CSV)).decode())))) == count + 1, table
        for form in (Form.PARQUET, Form.ARROW):
            found = frame(filled, asked(table, form))
            assert found.height == count, table
            assert "project_id" in found.columns


def test_findings_of_one_moment_span_pages(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their id is a text, unlike that of frozen books."""
    monkeypatch.setattr(tables, "_PAGE", 2)
    filled.command("TRUNCATE TABLE finding_rows")
    filled.command(
        "INSERT INTO finding_rows (project_id, id, kind, start, revision)"
        " SELECT 'default', concat('f', toString(number)), 'cost', toDateTime64('2026-10-01', 9, 'UTC'), 1"
        " FROM numbers(7)"
    )
    found = frame(filled, asked("findings", Form.PARQUET))
    filled.command("TRUNCATE TABLE finding_rows")
    assert found["id"].to_list() == [f"f{n}" for n in range(7)]


def test_filters_and_bounds_choose_rows(filled: Engine) -> None:
    first, last = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 1, 12, tzinfo=UTC)

    def count(where: dict[str, list[str]] | None = None, **bounds: datetime) -> int:
        return frame(filled, asked("spans", Form.ARROW, where, **bounds)).height

    assert count({"customer": ["acme"]}) == 9
    assert count({"customer": ["acme", ""]}) == 17
    assert count({"customer": ["acme"], "ttft_ns": [str(2**62)]}) == 3
    assert count({"customer": ["acme'; DROP TABLE span_rows; --"]}) == 0
    assert count(start=first) == 24
    assert count(start=first, end=last) == 12
    assert count({"is_billable": ["true"]}) == 25
    assert whole(filled, asked("spans", Form.CSV, {"customer": ["nobody"]})).count(b"\n") == 1
    other = Asked("spans", Form.CSV, Selection("elsewhere"))
    assert whole(filled, other).count(b"\n") == 1


def test_progress_ends_where_it_should(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_PAGE", 10)
    told: list[tuple[str, int, int]] = []
    list(tables.chunks(filled, asked("spans", Form.CSV), lambda *each: told.append(each)))
    assert told[-1] == ("writing spans", 25, 25)
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told})


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (asked("keys", Form.CSV), "no table 'keys' to export; choose from: .*ledger"),
        (asked("spans", Form.CSV, {"custommer": ["a"]}), "spans has no column 'custommer'; it has: project_id"),
        (asked("spans", Form.CSV, {"customer` OR 1": ["a"]}), "has no column"),
        (asked("spans", Form.CSV, start=FIRST, end=FIRST), "ends at 2026-09-30 23:59, not after its start"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_byte(embedded: Engine, wanted: Asked, says: str) -> None:
    with pytest.raises(ExportInvalid, match=says):
        next(tables.chunks(embedded, wanted))


def test_filters_are_read_from_text() -> None:
    assert tables.filters(["customer=a=b", "customer=", "model=m"]) == {"customer": ["a=b", ""], "model": ["m"]}
    for text in ("customer", "=a"):
        with pytest.raises(ExportInvalid, match="is no filter; use COLUMN=VALUE"):
            tables.filters([text])


def test_a_file_is_there_once_it_is_whole(filled: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "spans.parquet"
    made = tables.write(filled, asked("spans", Form.PARQUET), target)
    assert made == {"rows": 25, "bytes": target.stat().st_size}
    assert target.stat().st_mode & 0o777 == 0o600

    def broken(*_: Any) -> Any:
        yield b"begun"
        raise KeyboardInterrupt

    monkeypatch.setattr(tables, "chunks", broken)
    with pytest.raises(KeyboardInterrupt):
        tables.write(filled, asked("spans", Form.CSV), tmp_path / "cut.csv")
    with pytest.raises(ExportInvalid, match=r"cannot be written|No such file"):
        tables.write(filled, asked("spans", Form.CSV), tmp_path / "nowhere" / "x.csv")
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["spans.parquet"]

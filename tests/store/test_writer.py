from __future__ import annotations

from decimal import Decimal

import pytest

from spanledger_store.columns import SpanBatch, hours_of
from spanledger_store.control import Control, dirty
from spanledger_store.engine import Engine
from spanledger_store.errors import QueryError, StoreUnavailable
from spanledger_store.writer import write
from tests.store.rows import content_row, embedding_row, span_row

TIME = 1_780_000_123_456_789_012


def test_every_column_comes_back_as_it_went_in(engine: Engine, control: Control) -> None:
    row = span_row(
        start_time=TIME,
        tags=["a", "ü"],
        metadata={"k": "v\n'\"\\"},
        other_tokens={"input_audio_tokens": 7},
        cost_usd=Decimal("0.000000000001"),
        cache_hit=False,
        warnings=["w"],
    )
    batch = SpanBatch(
        "t", [row], [content_row(start_time=TIME, input="[]")], [embedding_row(start_time=TIME, model="m")]
    )
    write(engine, control, batch)
    found = engine.query("SELECT * FROM spans").to_dicts()[0]
    assert found["start_time"].timestamp() == pytest.approx(TIME / 1e9)
    assert engine.rows("SELECT toUnixTimestamp64Nano(start_time) FROM spans") == [(TIME,)]
    assert found["cost_usd"] == Decimal("0.000000000001")
    assert (found["cache_hit"], found["ttft_ns"], found["reasoning_tokens"]) == (False, None, None)
    assert engine.rows("SELECT tags, metadata, other_tokens FROM spans") == [
        (["a", "ü"], {"k": "v\n'\"\\"}, {"input_audio_tokens": 7})
    ]
    assert engine.rows("SELECT input FROM span_content") == [("[]",)]
    assert engine.rows("SELECT model, vector FROM embeddings") == [("m", [0.5, 1.0])]


def test_a_span_written_again_is_one_span_and_the_last_word_wins(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("a", [span_row(cost_usd=Decimal(1), ingested_at=1)]))
    write(engine, control, SpanBatch("a", [span_row(cost_usd=Decimal(1), ingested_at=1)]))
    write(engine, control, SpanBatch("b", [span_row(cost_usd=Decimal(2), ingested_at=2)]))
    assert engine.rows("SELECT count(), sum(cost_usd) FROM spans") == [(1, Decimal(2))]


def test_the_same_batch_is_not_even_written_twice(engine: Engine, control: Control) -> None:
    for _ in range(3):
        write(engine, control, SpanBatch("one-token", [span_row(ingested_at=1)]))
    assert engine.rows("SELECT count() FROM span_rows") == [(1,)]


def test_spans_of_many_months_go_in_together(engine: Engine, control: Control) -> None:
    month = 31 * 86_400 * 10**9
    rows = [span_row(start_time=TIME - n * month, span_id=f"{n:016x}") for n in range(130)]
    write(engine, control, SpanBatch("wide", rows))
    assert engine.rows("SELECT count() FROM spans") == [(130,)]
    assert dirty.count(control) == 130


def test_a_value_no_column_takes_is_a_query_error_and_marks_nothing(engine: Engine, control: Control) -> None:
    with pytest.raises((QueryError, StoreUnavailable)):
        write(engine, control, SpanBatch("bad", [span_row(cost_usd=Decimal(10**9))]))
    assert dirty.pending(control) == []


def test_hours_are_full_utc_hours() -> None:
    found = hours_of([("p", TIME), ("p", TIME + 1), ("q", TIME)])
    assert {(project, hour.isoformat()) for project, hour in found} == {
        ("p", "2026-05-28T20:00:00+00:00"),
        ("q", "2026-05-28T20:00:00+00:00"),
    }

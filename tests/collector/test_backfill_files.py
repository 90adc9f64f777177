"""Files as they come: what is detected, what is refused, and that every row is accounted for."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_collector.backfill import SOURCES, FileRefused, Record, Tally, read, request
from spanledger_collector.backfill.cells import Cells
from spanledger_collector.normalise.spans import Origin, normalise
from spanledger_store.columns import SPAN_COLUMNS, SpanBatch
from tests.collector.backfill_exports import (
    anthropic_page,
    anthropic_result,
    langfuse_row,
    litellm_row,
    openai_page,
    openai_result,
    written,
)


def taken(path: Path, **options: Any) -> tuple[list[Record], Tally]:
    tally = Tally()
    records = list(read(path, tally, **options))
    assert tally.rows == tally.spans + tally.repeated + tally.left_out.total() + len(tally.refused)
    assert tally.spans == len(records)
    return records, tally


def row(record: Record) -> dict[str, Any]:
    """The span as the normaliser reads it."""
    batch = SpanBatch("t")
    assert normalise(request([record]), Origin("default", "", 1), batch, 10_000) == []
    return dict(zip(SPAN_COLUMNS, batch.spans[0], strict=True))


@pytest.mark.parametrize(
    ("document", "source"),
    [
        (openai_page([openai_result()]), "openai"),
        ([openai_page([openai_result()]), openai_page([], [openai_result()])], "openai"),
        (anthropic_page([anthropic_result()]), "anthropic"),
        ([litellm_row()], "litellm"),
        ({"data": [litellm_row()], "total": 1, "page": 1}, "litellm"),
        ([langfuse_row()], "langfuse"),
        ({"data": [langfuse_row()], "meta": {"page": 1}}, "langfuse"),
        ({"id": "t", "timestamp": "2026-01-01T00:00:00Z", "observations": [langfuse_row()]}, "langfuse"),
    ],
)
def test_the_source_shows_in_the_rows(tmp_path: Path, document: Any, source: str) -> None:
    plain, packed = written(tmp_path / "e.json", document), tmp_path / "e.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(document).encode()))
    for path in (plain, packed):
        records, tally = taken(path)
        assert records
        assert (tally.source, tally.refused) == (source, [])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ('{"data": [', "is not JSON: Expecting value in line 1, column 11"),
        ("hello", "is neither JSON nor CSV with a header: its first line is 'hello'"),
        ('[{"a": 1, "b": 2}]', "looks like no export that is known (openai, anthropic, litellm, langfuse)"),
        (json.dumps(openai_page([{"amount": {"value": 1.5, "currency": "usd"}, "line_item": None,
                                  "object": "organization.costs.result", "project_id": None}])),
         "holds openai's costs or summaries without the usage"),
        (json.dumps(anthropic_page([{"amount": "123.45", "currency": "USD", "cost_type": "tokens"}])),
         "Export this instead: GET /v1/organizations/usage_report/messages"),
        (json.dumps([{"id": "t", "timestamp": "2026-01-01T00:00:00Z", "tags": [], "observations": ["o-1"]}]),
         "holds langfuse's costs or summaries"),
    ],
)  # fmt: skip
def test_a_file_that_is_none(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "e.json"
    path.write_text(content)
    with pytest.raises(FileRefused) as refused:
        taken(path)
    assert str(path) in str(refused.value)
    assert says in str(refused.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for name, content, says in (
        ("a", b"\x1f\x8b\x08\x00cut", "damaged gzip"),
        ("b", b'{"a": "\xff\xfe"}', "not text in UTF-8"),
        ("c", None, "cannot be read: No such file"),
    ):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(FileRefused, match=says):
            taken(path)


def test_an_export_of_nothing_is_no_failure(tmp_path: Path) -> None:
    for number, document in enumerate([[], openai_page(), openai_page([]), {"data": []}]):
        assert taken(written(tmp_path / f"{number}.json", document)) == ([], Tally())


@pytest.mark.parametrize(
    ("damaged", "says"),
    [
        (litellm_row(2, startTime="yesterday"), "startTime is 'yesterday', not a time between 2000 and 2100"),
        (litellm_row(2, startTime="1970-01-01T00:00:00Z"), "not a time between 2000 and 2100"),
        (litellm_row(2, endTime="2026-01-01T00:00:00Z"), "endTime 2026-01-01T00:00:00Z is before startTime"),
        (litellm_row(2, request_id=""), "it has no request_id"),
        (litellm_row(2, prompt_tokens=-5), "prompt_tokens is '-5', not a whole number from 0"),
        (litellm_row(2, completion_tokens=1.5), "completion_tokens is '1.5', not a whole number from 0"),
        (litellm_row(2, spend="much"), "spend is 'much', not an amount of US dollars"),
        (litellm_row(1, spend=9), "an earlier row is about the same call or bucket and says something else"),
        (["no", "row"], "it is \"no\", not an object"),
    ],
)  # fmt: skip
def test_a_damaged_row_is_named_and_the_others_are_read(tmp_path: Path, damaged: Any, says: str) -> None:
    document = [litellm_row(1), damaged, litellm_row(3)]
    records, tally = taken(written(tmp_path / "e.json", document))
    assert len(records) == 2
    where, reason = tally.refused[0]
    assert where.startswith("[1]")
    assert says in reason


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (openai_result(num_model_requests=None), "it has no num_model_requests"),
        (openai_result(num_model_requests=0), "num_model_requests is 0, and yet it has tokens"),
        (openai_result(object="organization.usage.vector_stores.result"), "which is not usage of a model"),
        (openai_result(input_audio_tokens=3, input_cached_audio_tokens=4), "more than input_audio_tokens 3"),
        (anthropic_result(context_window="2M"), "context_window is '2M', not one of 0-200k, 200k-1M"),
        (anthropic_result(amount="5", currency="EUR"), "currency is 'EUR', not 'USD'"),
        (anthropic_result(starting_at="x"), "starting_at is 'x'"),
    ],
)
def test_a_damaged_bucket_is_named(tmp_path: Path, result: dict[str, Any], says: str) -> None:
    page = openai_page if "object" in result else anthropic_page
    good = openai_result() if "object" in result else anthropic_result()
    _, tally = taken(written(tmp_path / "e.json", page([good, result])))
    assert tally.spans == 1
    assert tally.refused[0][0] == "data[0].results[1]"
    assert says in tally.refused[0][1]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    good = [json.dumps(litellm_row(number)) for number in range(1, 4)]
    path.write_text("\n".join([good[0], good[1][:40], "", good[2], '{"spend": NaN}']))
    records, tally = taken(path)
    assert len(records) == 2
    assert [where for where, _ in tally.refused] == ["line 2", "line 5"]
    assert "NaN is not a number in JSON" in tally.refused[1][1]
    table = tmp_path / "e.csv"
    table.write_text("request_id,startTime,spend\na,2026-01-01T00:00:00Z,0.5\nb,2026-01-01\nc,2026-01-01,0.25\n")
    records, tally = taken(table)
    assert (len(records), tally.stated_usd) == (2, 0.75)
    assert tally.refused == [("line 3", "it has 2 cells where the header has 3")]


def test_what_is_no_call_is_left_out_and_counted(tmp_path: Path) -> None:
    empty = openai_result(num_model_requests=0, input_tokens=0, output_tokens=0, input_cached_tokens=0)
    free = openai_result(object="organization.usage.moderations.result")
    _, tally = taken(written(tmp_path / "e.json", openai_page([empty, empty | {"model": "b"}, free, openai_result()])))
    assert (tally.spans, tally.refused) == (1, [])
    assert sorted(tally.left_out.values()) == [1, 2]


def test_a_named_source_is_believed(tmp_path: Path) -> None:
    path = written(tmp_path / "e.json", [litellm_row()])
    assert taken(path, source=SOURCES["litellm"])[1].spans == 1
    assert taken(path, source=SOURCES["langfuse"])[1].refused == [("[0]", "it has no id")]


def test_the_customer_is_where_one_says(tmp_path: Path) -> None:
    path = written(tmp_path / "e.json", [langfuse_row(1), langfuse_row(2, metadata={})])
    records, tally = taken(path, customer_from="metadata.tenant")
    assert [row(record)["customer"] for record in records] == ["acme", ""]
    assert tally.without_customer == 1


def test_a_bucket_without_a_model_has_no_price_and_says_so(tmp_path: Path) -> None:
    records, tally = taken(written(tmp_path / "e.json", openai_page([openai_result(model=None)])))
    found = row(records[0])
    assert (found["cost_usd"], found["price_source"], found["call_count"]) == (None, "", 411)
    assert tally.notes == {"rows without a model have no price: export with group_by=model": 1}


def test_anthropic_calls_fall_in_the_tier_of_their_window(tmp_path: Path) -> None:
    short = anthropic_result(uncached_input_tokens=1_000_000, cache_read_input_tokens=0, cache_creation={},
                             output_tokens=0, server_tool_use={})  # fmt: skip
    rows = [short, short | {"context_window": "200k-1M"}, short | {"context_window": None, "requests": 31}]
    records, _ = taken(written(tmp_path / "e.json", anthropic_page(rows)))
    assert [record.calls for record in records] == [5, 1, 31]
    # The price list has another price above 200,000 input tokens of one call.
    below, above, told = (row(record)["cost_usd"] for record in records)
    assert (below, above, told) == (3, 6, 3)


def test_a_users_report_states_calls_and_cents(tmp_path: Path) -> None:
    told = anthropic_result(requests=128, amount="41280.5", currency="USD", actor={"user_id": "user_1"})
    records, tally = taken(written(tmp_path / "e.json", {"data": [told | {"starting_at": "2026-03-04T00:00:00Z"}]}))
    found = row(records[0])
    assert (found["call_count"], str(found["client_cost_usd"]), found["user"]) == (128, "412.805000000000", "user_1")
    assert (found["metadata"].get("calls"), str(tally.stated_usd)) == (None, "412.805000000000")


def test_langfuse_columns_of_older_exports(tmp_path: Path) -> None:
    old = langfuse_row(usageDetails={}, costDetails={}, promptTokens=11, completionTokens=5, totalTokens=16,
                       calculatedTotalCost=0.25, usage={"input": None, "unit": "TOKENS"})  # fmt: skip
    records, tally = taken(written(tmp_path / "e.json", [old]))
    found = row(records[0])
    assert (found["input_tokens"], found["output_tokens"], str(tally.stated_usd)) == (11, 5, "0.250000000000")


def test_ids_of_opentelemetry_stay_themselves(tmp_path: Path) -> None:
    path = written(tmp_path / "e.json", [langfuse_row(id="0123456789abcdef", traceId="ab" * 16)])
    span = taken(path)[0][0].span
    assert (span.trace_id.hex(), span.span_id.hex()) == ("ab" * 16, "0123456789abcdef")


COUNT = st.integers(0, 2**40)


@given(
    fresh=COUNT,
    cached=COUNT,
    audio=COUNT,
    cached_audio=COUNT,
    made=COUNT,
    calls=st.integers(1, 2**30),
    new=st.booleans(),
)
def test_openai_buckets_add_up(
    fresh: int, cached: int, audio: int, cached_audio: int, made: int, calls: int, new: bool
) -> None:
    """Whichever way a page tells modalities, each token is in one bucket."""
    result = openai_result(
        input_tokens=fresh + cached + audio + cached_audio, input_cached_tokens=cached + cached_audio,
        input_cached_audio_tokens=cached_audio, output_tokens=made, num_model_requests=calls,
        input_audio_tokens=audio if new else audio + cached_audio,
        **({"input_uncached_tokens": fresh + audio, "input_text_tokens": fresh} if new else {}),
    )  # fmt: skip
    found = row(SOURCES["openai"].read(Cells(result | {"start_time": 1_767_225_600}), ""))
    other = found["other_tokens"]
    assert (found["input_tokens"], found["cache_read_tokens"] or 0) == (fresh, cached)
    assert (other.get("input_audio_tokens", 0), other.get("cache_audio_read_tokens", 0)) == (audio, cached_audio)
    assert (found["output_tokens"], found["call_count"]) == (made, calls)


@given(parts=st.tuples(*[COUNT] * 5))
def test_anthropic_buckets_stay_disjoint(parts: tuple[int, ...]) -> None:
    fresh, read_back, short, long, made = parts
    result = anthropic_result(
        uncached_input_tokens=fresh, cache_read_input_tokens=read_back, output_tokens=made,
        cache_creation={"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
    )  # fmt: skip
    found = row(SOURCES["anthropic"].read(Cells(result | {"starting_at": "2026-01-01T00:00:00Z"}), ""))
    assert (found["input_tokens"], found["cache_read_tokens"], found["cache_write_tokens"]) == (fresh, read_back, short)
    assert (found["other_tokens"].get("cache_write_1h_tokens", 0), found["output_tokens"]) == (long, made)

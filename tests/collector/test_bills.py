"""Bills as they come: what each row means, what is refused, and that every row is accounted for."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from spanledger_collector.bills import SOURCES, FileRefused, Tally, read
from spanledger_store.billing.bills import BillInvalid, BillLine, from_json
from tests.collector import bill_exports as exports
from tests.collector.backfill_exports import openai_page, openai_result
from tests.collector.bill_exports import filled, written


def taken(path: Path, seen: dict[int, Decimal] | None = None, **options: Any) -> tuple[list[BillLine], Tally]:
    tally = Tally()
    lines = list(read(path, tally, {} if seen is None else seen, **options))
    assert tally.rows == tally.taken + tally.repeated + tally.left_out.total() + len(tally.refused)
    assert tally.lines == len(lines)
    return lines, tally


def told(line: BillLine, *names: str) -> tuple[Any, ...]:
    return tuple(str(getattr(line, name)) for name in names)


def at(nanoseconds: int) -> str:
    return f"{datetime.fromtimestamp(nanoseconds // 10**9, UTC):%Y-%m-%dT%H:%M}"


def test_openai(tmp_path: Path) -> None:
    lines, tally = taken(written(tmp_path / "costs.json", exports.OPENAI))
    assert (tally.source, tally.rows, tally.amounts) == ("openai", 3, {"USD": Decimal("0.9558865")})
    assert [told(line, "sku", "usage_class", "amount", "label", "kind") for line in lines] == [
        ("gpt-4o-2024-08-06, input", "input", "0.895874", "proj_a", "usage"),
        ("gpt-4o-2024-08-06, cached input", "cache_read", "0.0000125", "proj_a", "usage"),
        ("web search tool calls", "other", "0.06", "proj_b", "usage"),
    ]
    assert (at(lines[0].start), at(lines[0].end)) == ("2026-05-01T00:00", "2026-05-02T00:00")
    assert [line.model for line in lines] == ["gpt-4o-2024-08-06", "gpt-4o-2024-08-06", ""]


def test_anthropic_writes_cents(tmp_path: Path) -> None:
    lines, tally = taken(written(tmp_path / "cost.json", exports.ANTHROPIC))
    assert tally.amounts == {"USD": Decimal("1.3578912")}
    assert told(lines[0], "amount", "model", "usage_class", "service_tier", "label") == (
        "1.2378912", "claude-sonnet-4-20250514", "input", "batch", "wrkspc_1",
    )  # fmt: skip
    assert told(lines[1], "amount", "sku", "model", "usage_class") == ("0.12", "Web Search Usage", "", "other")


def test_aws_keeps_bedrock_and_counts_the_rest(tmp_path: Path) -> None:
    lines, tally = taken(written(tmp_path / "cur.csv", filled(exports.CUR)))
    assert dict(tally.left_out) == {"other services than Amazon Bedrock": 1}
    assert [told(line, "kind", "sku", "usage_class", "quantity", "unit", "amount") for line in lines] == [
        ("usage", "USE1-Claude3Sonnet-input-tokens", "input", "1234567.000", "tokens", "3.7037010000"),
        ("usage", "Claude 3.5 Sonnet (Amazon Bedrock Edition)", "output", "0.5", "units", "7.5"),
        ("tax", "Amazon Bedrock", "other", "None", "tokens", "1.07"),
    ]
    assert told(lines[0], "provider", "account", "label", "region") == (
        "aws.bedrock", "111122223333", "444455556666", "us-east-1",
    )  # fmt: skip
    assert (at(lines[0].start), at(lines[2].end)) == ("2026-05-01T05:00", "2026-06-01T00:00")


def test_the_report_before_cur_2_reads_alike(tmp_path: Path) -> None:
    (line,), tally = taken(written(tmp_path / "old.csv", [exports.OLD_CUR]))
    assert tally.source == "aws-cur"
    assert told(line, "sku", "usage_class", "quantity", "amount", "account") == (
        "USE1-NovaLite-output-tokens", "output", "10000", "0.0024", "111122223333",
    )  # fmt: skip


def test_cost_explorer_has_a_column_for_each_service(tmp_path: Path) -> None:
    lines, tally = taken(written(tmp_path / "costs.csv", exports.COST_EXPLORER))
    assert (tally.source, tally.rows, tally.left_out.total()) == ("cost-explorer", 5, 2)
    assert [(at(line.start)[:10], line.sku, str(line.amount)) for line in lines] == [
        ("2026-05-01", "Amazon Bedrock", "4.25"),
        ("2026-05-01", "Claude 3.5 Sonnet (Amazon Bedrock Edition)", "2.5"),
        ("2026-05-02", "Amazon Bedrock", "6.25"),
    ]


def test_azure_in_its_own_currency(tmp_path: Path) -> None:
    lines, tally = taken(written(tmp_path / "usage.csv", filled(exports.AZURE)))
    assert (tally.amounts, tally.left_out.total()) == ({"EUR": Decimal("-0.48735")}, 1)
    assert told(lines[0], "kind", "sku", "usage_class", "quantity", "unit", "amount", "label") == (
        "usage", "gpt 4o 0806 Inp glbl Tokens", "input", "5500.0", "tokens", "0.01265", "sub-1",
    )  # fmt: skip
    assert told(lines[1], "kind", "amount", "quantity") == ("credit", "-0.5", "None")
    assert at(lines[0].start) == "2026-05-01T00:00"


def test_gcp_and_its_credits(tmp_path: Path) -> None:
    lines, tally = taken(written(tmp_path / "billing.jsonl", filled(exports.GCP)))
    assert (tally.rows, tally.taken, tally.lines, tally.left_out.total()) == (3, 2, 4, 1)
    assert [told(line, "kind", "sku", "amount") for line in lines] == [
        ("usage", "Gemini 2.0 Flash Text Input - Predictions", "0.4321"),
        ("credit", "Committed spend", "-0.1"),
        ("credit", "Promotion", "-0.0321"),
        ("tax", "Tax", "0.08"),
    ]
    assert told(lines[0], "provider", "usage_class", "quantity", "unit", "label", "region") == (
        "gcp.vertex_ai", "input", "2880667", "count", "proj-1", "us-central1",
    )  # fmt: skip
    assert at(lines[0].start) == "2026-05-01T07:00"


def test_gcp_as_its_console_saves_it(tmp_path: Path) -> None:
    (line,), tally = taken(written(tmp_path / "table.csv", exports.GCP_TABLE))
    assert tally.left_out.total() == 1
    assert told(line, "provider", "amount", "currency", "usage_class") == ("gcp.gemini", "1010.00", "USD", "output")
    assert (at(line.start), at(line.end)) == ("2026-05-01T00:00", "2026-05-02T00:00")


@pytest.mark.parametrize("name", ["focus.csv", "focus.parquet"])
def test_focus_from_table_and_parquet(tmp_path: Path, name: str) -> None:
    rows = filled(exports.FOCUS)
    path = tmp_path / name
    if path.suffix == ".parquet":
        frame = pl.DataFrame(rows).with_columns(
            pl.col("BilledCost").cast(pl.Float64), pl.col("ConsumedQuantity").replace("", None).cast(pl.Float64),
            pl.col("ChargePeriodStart", "ChargePeriodEnd").str.to_datetime(time_zone="UTC"),
        )  # fmt: skip
        frame.write_parquet(path)
    else:
        written(path, rows)
    lines, tally = taken(path)
    assert (tally.source, tally.left_out.total(), tally.amounts) == ("focus", 1, {"USD": Decimal("1.0")})
    line = lines[0]
    assert told(line, "provider", "kind", "sku", "usage_class", "account", "label") == (
        "aws.bedrock", "usage", "Claude Sonnet 4 Input Tokens", "input", "acc", "sub",
    )  # fmt: skip
    assert (line.amount, line.quantity, line.unit, lines[1].kind) == (Decimal("1.5"), 500_000, "tokens", "credit")


def test_every_kind_is_detected_and_none_takes_another_s(tmp_path: Path) -> None:
    files = {
        "openai": written(tmp_path / "a.json", exports.OPENAI),
        "anthropic": written(tmp_path / "b.json", exports.ANTHROPIC),
        "aws-cur": written(tmp_path / "c.csv", filled(exports.CUR)),
        "cost-explorer": written(tmp_path / "d.csv", exports.COST_EXPLORER),
        "azure": written(tmp_path / "e.csv", filled(exports.AZURE)),
        "gcp": written(tmp_path / "f.jsonl", filled(exports.GCP)),
        "focus": written(tmp_path / "g.csv", filled(exports.FOCUS)),
    }
    assert files.keys() == SOURCES.keys()
    assert {name: taken(path)[1].source for name, path in files.items()} == {name: name for name in files}


def test_usage_is_not_a_bill_and_other_files_are_refused(tmp_path: Path) -> None:
    usage = written(tmp_path / "usage.json", openai_page([openai_result()]))
    with pytest.raises(FileRefused, match=r"holds usage of openai, not costs.*spanledger import usage"):
        taken(usage)
    with pytest.raises(FileRefused, match="looks like no bill that is known"):
        taken(written(tmp_path / "other.csv", "a,b\n1,2\n"))
    with pytest.raises(FileRefused, match="cannot be read"):
        taken(tmp_path / "absent.csv")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(FileRefused, match="no Parquet file"):
        taken(tmp_path / "broken.parquet")


def test_a_damaged_row_is_named_and_the_others_come(tmp_path: Path) -> None:
    rows = filled([*exports.CUR, {"line_item_unblended_cost": "a lot"}, {"line_item_currency_code": ""},
                   {"line_item_usage_start_date": "yesterday"}])  # fmt: skip
    lines, tally = taken(written(tmp_path / "cur.csv", rows))
    assert len(lines) == 3
    assert [why for _, why in tally.refused] == [
        "line_item_unblended_cost is 'a lot', not a number such as 12.34",
        "it has no line_item_currency_code",
        "line_item_usage_start_date is 'yesterday', not a time between 2000 and 2100",
    ]
    assert tally.refused[0][0] == "line 6"


def test_a_page_twice_counts_once_and_another_amount_is_refused(tmp_path: Path) -> None:
    twice = written(tmp_path / "twice.json", {"data": [*exports.OPENAI["data"], *exports.OPENAI["data"]]})
    lines, tally = taken(twice)
    assert (len(lines), tally.repeated) == (3, 3)
    changed = json.loads(json.dumps(exports.OPENAI))
    changed["data"][0]["results"][0]["amount"]["value"] = 5
    seen: dict[int, Decimal] = {}
    taken(twice, seen)
    _, tally = taken(written(tmp_path / "changed.json", changed), seen)
    assert tally.repeated == 2
    assert [why for _, why in tally.refused] == [
        "an earlier row has the same names and time, and another amount (0.895874, here 5); that one is imported"
    ]


def test_rows_of_a_table_that_are_named_alike_are_charges_each(tmp_path: Path) -> None:
    path = written(tmp_path / "usage.csv", filled(exports.AZURE[:1] * 2))
    seen: dict[int, Decimal] = {}
    lines, _ = taken(path, seen)
    assert len({line.id for line in lines}) == len(lines) == 2
    # The same file once more is the same two.
    again, tally = taken(path, seen)
    assert (again, tally.repeated) == ([], 2)
    assert [line.id for line in taken(path)[0]] == [line.id for line in lines]


def test_provider_and_account_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "costs.json.gz"
    path.write_bytes(gzip.compress(json.dumps(exports.OPENAI).encode()))
    lines, _ = taken(path, provider="azure.ai.openai", account="org-1")
    assert {told(line, "provider", "account", "file") for line in lines} == {("azure.ai.openai", "org-1", path.name)}


def test_a_line_survives_json(tmp_path: Path) -> None:
    lines, _ = taken(written(tmp_path / "gcp.jsonl", filled(exports.GCP)))
    for line in lines:
        again = from_json(json.loads(json.dumps(line.as_json())))
        assert (again, again.id) == (line, line.id)
    with pytest.raises(BillInvalid, match="has no shoe_size"):
        from_json({**lines[0].as_json(), "shoe_size": 9})
    with pytest.raises(BillInvalid, match="no code such as USD"):
        from_json({**lines[0].as_json(), "currency": "dollars"})

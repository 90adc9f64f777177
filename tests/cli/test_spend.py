"""`spend` prints the ledger, exactly, whatever it is split by."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from spanledger_analytics.jobs import ledger
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from spanledger_store.writer import write
from tests.cli.conftest import Cli
from tests.store.rows import span_row

PENNY = Decimal("0.000000000001")


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 10**9  # type: ignore[misc]


ROWS = [
    {
        "customer": "acme",
        "model": "gpt-4o",
        "cost_usd": Decimal("123456.789012345678"),
        "start_time": at(2026, 3, 1, 23),
    },
    {"customer": "acme", "model": "gpt-4o", "cost_usd": PENNY, "start_time": at(2026, 3, 2, 1)},
    {"customer": "", "model": "gpt-4o", "cost_usd": Decimal(2), "start_time": at(2026, 3, 2, 1)},
    {"customer": "acme", "model": "own", "cost_usd": None, "price_source": "", "start_time": at(2026, 3, 2, 1)},
    {"customer": "acme", "model": "gpt-4o", "cost_usd": Decimal(7), "start_time": at(2026, 4, 1, 0)},
]


@pytest.fixture(scope="module")
def books(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an installation with a few calls in its ledger."""
    data = tmp_path_factory.mktemp("spend")
    settings = StoreSettings(data=data, clickhouse_url=SecretStr(clickhouse_url), database="spend")
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        rows = [span_row(span_id=f"{n:016x}", **values) for n, values in enumerate(ROWS)]
        write(engine, control, SpanBatch("spend", spans=rows))
        ledger.run(engine, control)
    return {
        "SPANLEDGER_DATA": str(data),
        "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url,
        "SPANLEDGER_DATABASE": "spend",
    }


MARCH = ("--from", "2026-03-01", "--to", "2026-04-01")


def test_every_digit_is_printed(cli: Cli, books: dict[str, str]) -> None:
    found = cli("spend", *MARCH, "--format", "csv", **books)
    assert found.exit_code == 0, found.stderr
    assert list(csv.reader(io.StringIO(found.stdout)))[1:] == [
        ["acme", "gpt-4o", "2", "0", "0", "200", "100", "123456.789012345679"],
        ["(unattributed)", "gpt-4o", "1", "0", "0", "100", "50", "2"],
        ["acme", "own", "1", "0", "1", "100", "50", ""],
    ]


def test_the_table_has_a_total_and_says_what_is_unpriced(cli: Cli, books: dict[str, str]) -> None:
    found = cli("spend", *MARCH, **books)
    lines = [line.split() for line in found.stdout.splitlines() if line.strip()]
    assert lines[-2] == ["acme", "own", "1", "0", "1", "100", "50", "unpriced"]
    assert lines[-1] == ["total", "4", "0", "1", "400", "200", "123458.789012345679"]


def test_json_keeps_the_unknown_unknown(cli: Cli, books: dict[str, str]) -> None:
    rows = json.loads(cli("spend", *MARCH, "--by", "model", "--format", "json", **books).stdout)
    assert [(row["model"], row["cost_usd"]) for row in rows] == [("gpt-4o", "123458.789012345679"), ("own", None)]


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("UTC", ["2026-03-01", "2026-03-02"]),
        ("Europe/Berlin", ["2026-03-02"]),
        ("America/New_York", ["2026-03-01", "2026-03-31"]),
    ],
)
def test_days_are_days_of_the_zone(cli: Cli, books: dict[str, str], zone: str, days: list[str]) -> None:
    rows = json.loads(cli("spend", *MARCH, "--by", "day", "--tz", zone, "--format", "json", **books).stdout)
    assert [row["day"] for row in rows] == days


def test_a_month_ends_where_the_zone_says(cli: Cli, books: dict[str, str]) -> None:
    where = ("--from", "2026-01-01", "--to", "2027-01-01", "--by", "month,customer", "--format", "json")
    rows = json.loads(cli("spend", *where, "--tz", "America/New_York", **books).stdout)
    assert {row["month"] for row in rows} == {"2026-03"}
    assert [row["month"] for row in json.loads(cli("spend", *where, **books).stdout)] == [
        "2026-03",
        "2026-03",
        "2026-04",
    ]


@pytest.mark.parametrize(
    "by", ["feature", "team", "provider", "prompt", "environment", "release", "hour", "day", "month", "year,customer"]
)
def test_every_split_adds_up_to_the_same(cli: Cli, books: dict[str, str], by: str) -> None:
    rows = json.loads(cli("spend", *MARCH, "--by", by, "--format", "json", **books).stdout)
    assert sum(Decimal(row["cost_usd"] or 0) for row in rows) == Decimal("123458.789012345679")
    assert sum(row["calls"] for row in rows) == 4


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--by", "colour"), "names 'colour'"),
        (("--by", "model,model"), "repeats"),
        (("--by", ","), "empty"),
        (("--tz", "Mars/Olympus"), "no time zone"),
        (("--tz", "../../etc/passwd"), "no time zone"),
        (("--from", "yesterday"), "no time"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "not before"),
        (("--from", "2026-02-01T00:30",), "whole UTC hours"),
        (("--from", "2026-02-01", "--to", "2026-02-02", "--tz", "Asia/Kolkata"), "whole UTC hours"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_says_why(cli: Cli, tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    found = cli("spend", *args, "--data", str(tmp_path))
    assert found.exit_code == 2
    assert says in found.stderr


def test_query_in_every_format(cli: Cli, books: dict[str, str]) -> None:
    sql = "SELECT customer, sum(cost_usd) AS cost, [1, 2] AS list FROM ledger WHERE customer != '' GROUP BY 1"
    assert cli("query", sql, "--format", "csv", **books).stdout == (
        'customer,cost,list\nacme,123463.789012345679,"[1, 2]"\n'
    )
    assert cli("query", sql, "--format", "json", **books).stdout == (
        '[\n{"customer": "acme", "cost": "123463.789012345679", "list": [1, 2]}\n]\n'
    )
    assert "123463.789012345679" in cli("query", sql, **books).stdout
    assert cli("query", "SELECT 1 WHERE 0", "--format", "json", **books).stdout == "[]\n"


def test_doctor_on_a_server(cli: Cli, books: dict[str, str]) -> None:
    found = cli("doctor", **books)
    assert "ClickHouse" in found.stdout
    assert "1 of 5 billable calls have no price: own (openai) 1" in found.stdout
    assert "ledger: equals the sum of the spans, exactly" in found.stdout


def test_migrate_says_what_it_does(cli: Cli, books: dict[str, str], clickhouse_url: str) -> None:
    fresh = books | {"SPANLEDGER_DATABASE": "fresh"}
    planned = cli("migrate", "--dry-run", **fresh)
    assert planned.stdout.startswith("would apply 0001_")
    assert "older than this release" in cli("query", "SELECT 1", **fresh).stderr
    assert cli("migrate", **fresh).stdout == planned.stdout.replace("would apply", "applied")
    assert cli("migrate", **fresh).stdout.startswith("nothing to do: all ")

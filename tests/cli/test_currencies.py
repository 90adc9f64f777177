"""Currencies and cost centres on the command line, without a server and through a running `up`."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from pydantic import SecretStr

from spanledger_analytics.jobs import ledger
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from spanledger_store.writer import write
from tests.cli.conftest import Cli, Up, start
from tests.cli.test_spend import MARCH, ROWS
from tests.store.rows import span_row

EUR = ("--currency", "EUR")


@pytest.fixture
def books(clickhouse_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation with a few calls in its ledger."""
    settings = StoreSettings(data=tmp_path / "data", clickhouse_url=SecretStr(clickhouse_url), database="currencies")
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        for table in ("span_rows", "ledger_rows", "ledger_day_rows", "ledger_total_rows"):
            engine.command(f"TRUNCATE TABLE {table}")
        rows = [span_row(span_id=f"{n:016x}", **values) for n, values in enumerate(ROWS)]
        write(engine, control, SpanBatch(f"currencies-{tmp_path}", spans=rows))
        ledger.run(engine, control)
    return {
        "SPANLEDGER_DATA": str(tmp_path / "data"),
        "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url,
        "SPANLEDGER_DATABASE": "currencies",
    }


def spent(cli: Cli, books: dict[str, str], *args: str) -> list[dict[str, Any]]:
    found = cli("spend", *MARCH, *args, "--format", "json", **books)
    assert found.exit_code == 0, found.stderr
    return json.loads(found.stdout)


def test_each_day_is_converted_at_its_own_rate(cli: Cli, books: dict[str, str], tmp_path: Path) -> None:
    missing = cli("spend", *MARCH, *EUR, **books)
    assert missing.exit_code == 1
    assert "no rate of EUR yet. Set one with: spanledger currencies set EUR" in missing.stderr
    file = tmp_path / "rates.csv"
    file.write_text("currency,from,rate\nEUR,2026-01-01,0.5\nEUR,2026-03-02,3\n")
    assert cli("currencies", "import", str(file), **books).stdout == "Set 2 rate(s).\n"
    (row,) = spent(cli, books, *EUR, "--by", "customer", "--customer", "acme", "--model", "gpt-4o")
    assert row["cost_eur"] == "61728.394506172842"  # 123456.789012345678 / 2 + 3 * 0.000000000001
    assert cli("currencies", "remove", "EUR", "--from", "2026-03-02", **books).exit_code == 0
    listed = json.loads(cli("currencies", "list", "--format", "json", **books).stdout)
    assert listed == [{"currency": "EUR", "from": "2026-01-01", "rate": "0.5"}]
    assert cli("currencies", "set", "eur", "--rate", "0.6", "--from", "2026-03-02", **books).exit_code == 0
    assert len(json.loads(cli("currencies", "list", "--format", "json", **books).stdout)) == 2


def test_spend_by_centre_is_all_of_it(cli: Cli, books: dict[str, str]) -> None:
    total = Decimal("123458.789012345679")
    assert [(row["center"], row["cost_usd"]) for row in spent(cli, books, "--by", "center")] == [
        ("(unallocated)", str(total))
    ]
    rule = ("--split", "Sales=1,Research=2", "--customer", "acme", "--from", "2026-03-02")
    shown = json.loads(cli("centers", "preview", "acme", *rule, "--days", "3000", "--format", "json", **books).stdout)
    assert {row["center"] for row in shown} >= {"Sales", "Research"}
    assert cli("centers", "set", "acme", *rule, **books).exit_code == 0
    assert cli("centers", "set", "rest", "--center", "House", "--customer", "(unattributed)", **books).exit_code == 0
    found = {row["center"]: row for row in spent(cli, books, "--by", "center")}
    assert sum(Decimal(row["cost_usd"] or 0) for row in found.values()) == total
    assert found["House"]["cost_usd"] == "2"
    assert found["(unallocated)"]["cost_usd"] == "123456.789012345678"
    assert found["Research"]["cost_usd"] == "0.000000000001"
    assert "Sales=1, Research=2" in cli("centers", "list", **books).stdout
    assert "Removed 1 version(s)" in cli("centers", "remove", "acme", "--from", "2026-03-02", **books).stdout
    assert "it has: rest from 1970-01-01" in cli("centers", "remove", "acme", **books).stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("currencies", "set", "Euro", "--rate", "1", "--from", "2026-01-01"), "'EURO' is no currency"),
        (("currencies", "set", "EUR", "--rate", "much", "--from", "2026-01-01"), "'much' is no number"),
        (("currencies", "set", "EUR", "--rate", "1", "--from", "soon"), "'soon' is no day"),
        (("currencies", "import", "/nowhere.csv"), "cannot be read"),
        (("centers", "set", "x"), "one of --center, --split and --in-proportion"),
        (("centers", "set", "x", "--center", "A", "--split", "B=1"), "one of --center, --split and --in-proportion"),
        (("centers", "set", "x", "--split", "A=lots"), "'A=lots' is no share"),
        (("centers", "set", "x", "--center", "A", "--among", "B"), "--among says who shares"),
        (("centers", "set", "x", "--center", "A", "--from", "2026-02-01", "--to", "2026-01-01"), "before it begins"),
        (("spend", "--units", "--waste"), "different tables"),
        (("spend", "--units", "--by", "day"), "units cannot be split by day"),
        (("spend", "--waste", "--by", "model", "--currency", "EUR"), "waste are in US dollars"),
    ],
)
def test_what_cannot_be_asked_says_why(cli: Cli, books: dict[str, str], args: tuple[str, ...], says: str) -> None:
    found = cli(*args, **books)
    assert found.exit_code == 2, found.stderr
    assert says in found.stderr


def test_units_waste_and_caching_are_tables(cli: Cli, books: dict[str, str]) -> None:
    (units,) = spent(cli, books, "--units", "--by", "provider")
    assert (units["calls"], units["unpriced_calls"], units["sessions"]) == (4, 1, 0)
    assert (units["cost_per_session"], units["cost_per_call"]) == (None, "41152.929670781893")
    (waste,) = spent(cli, books, "--waste", "--by", "provider")
    assert (waste["class"], waste["calls"], waste["unknown_calls"]) == ("useful", 4, 1)
    assert spent(cli, books, "--caching", "--by", "provider") == []


def test_through_a_running_up(cli: Cli, tmp_path: Path) -> None:
    """The same commands over HTTP, and the API's own answer beside them."""
    up: Up = start(tmp_path / "data")
    try:
        data = ("--data", str(up.data))
        assert cli("currencies", "set", "EUR", "--rate", "0.9", "--from", "2026-01-01", *data).exit_code == 0
        assert json.loads(cli("currencies", "list", "--format", "json", *data).stdout)[0]["rate"] == "0.9"
        kept = cli("centers", "set", "a/b", "--center", "A", *data)
        assert kept.exit_code == 2
        rule = ("all of it", "--split", "A=1,B=1", *data)
        assert cli("centers", "preview", *rule).exit_code == 0
        assert cli("centers", "set", *rule).exit_code == 0
        assert json.loads(cli("centers", "list", "--format", "json", *data).stdout)[0]["shares"] == {"A": "1", "B": "1"}
        for args in (["--by", "center", *EUR], ["--by", "day,customer"], ["--units"], ["--waste"], ["--caching"]):
            found = cli("spend", *args, "--format", "json", *data)
            assert (found.exit_code, found.stdout) == (0, "[]\n"), found.stderr
        with urlopen(f"{up.url}/api/v1/spend?{urlencode({'by': 'model', 'view': 'lines'})}") as answer:
            body = json.load(answer)
        assert body["columns"][0] == {"name": "model", "type": "String"}
        assert body["rows"] == []
        assert body["total"] == ["total", "0", "0", "0", "0", "0", "0"]
        wrong = cli("spend", "--units", "--by", "day", *data)
        assert "units cannot be split by day" in wrong.stderr
        assert "Removed 1 version(s)" in cli("centers", "remove", "all of it", *data).stdout
        assert "Removed 1 rate(s)" in cli("currencies", "remove", "EUR", *data).stdout
    finally:
        up.process.terminate()
        assert up.process.wait() == 0

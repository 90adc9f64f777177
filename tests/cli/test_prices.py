"""`prices` on the command line: what would change, setting it, applying it, and what it made."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from spanledger_analytics.jobs import ledger
from spanledger_cli import price_files
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from spanledger_store.writer import write
from tests.cli.conftest import Cli, start
from tests.store.rows import span_row

NOW = datetime.now(UTC)
SINCE = f"{NOW - timedelta(days=3):%Y-%m-%d}"
HOUSE = ("house", "--model", "gpt-4o", "--input", "2.25", "--output", "9")


@pytest.fixture
def books(clickhouse_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation with three calls of two customers in its ledger."""
    name = f"prices_{abs(hash(str(tmp_path)))}"
    settings = StoreSettings(data=tmp_path / "data", clickhouse_url=SecretStr(clickhouse_url), database=name)
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        begun = int((NOW - timedelta(hours=20)).timestamp()) * 10**9
        rows = [
            span_row(span_id=f"{n:016x}", trace_id=f"{n:032x}", start_time=begun + n, customer=customer)
            for n, customer in enumerate(["acme", "acme", "globex"])
        ]
        write(engine, control, SpanBatch("prices", spans=rows))
        ledger.run(engine, control)
    return {
        "SPANLEDGER_DATA": str(tmp_path / "data"),
        "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url,
        "SPANLEDGER_DATABASE": name,
    }


def told(cli: Cli, books: dict[str, str], *args: str) -> Any:
    found = cli("prices", *args, "--format", "json", **books)
    assert found.exit_code == 0, found.stderr
    return json.loads(found.stdout)


def test_looked_at_set_applied_and_undone(cli: Cli, books: dict[str, str]) -> None:
    looked = told(cli, books, "set", *HOUSE, "--customer", "acme", "--dry-run", "--since", SINCE)
    assert [(each["customer"], each["calls"], each["new_cost"]) for each in looked] == [("acme", 2, "0.001350000000")]
    assert told(cli, books, "list") == []
    (made,) = told(cli, books, "set", *HOUSE, "--customer", "acme", "--note", "contract 7")
    assert (made["version"], made["rates"], made["note"]) == (1, {"input": "2.25", "output": "9"}, "contract 7")
    shown = cli("prices", "list", **books).stdout
    assert "input=2.25, output=9" in shown
    assert "always" in shown
    done = told(
        cli, books, "set", *HOUSE, "--customer", "acme", "--from", "always", "--rate", "web_searches=0.01",
        "--apply-from", SINCE,
    )  # fmt: skip
    assert [(each["model"], each["changed"]) for each in done] == [("gpt-4o", 3)]
    made = told(cli, books, "sources", "--from", SINCE, "--to", f"{NOW + timedelta(days=1):%Y-%m-%d}")
    assert {(each["price_source"], each["calls"]) for each in made} >= {("own house v2", 2)}
    assert [each["version"] for each in told(cli, books, "history", "house")] == [2, 1]
    assert [each["version"] for each in told(cli, books, "show", "house")] == [2]
    looked = told(cli, books, "remove", "house", "--at", "always", "--dry-run", "--since", SINCE)
    assert [(each["customer"], each["calls"]) for each in looked] == [("acme", 2)]
    assert told(cli, books, "remove", "house", "--at", "always")[0]["withdrawn_at"] is not None
    assert told(cli, books, "list") == []


def test_a_price_that_holds_is_not_replaced_unasked(cli: Cli, books: dict[str, str]) -> None:
    assert cli("prices", "set", *HOUSE, **books).exit_code == 0
    again = cli("prices", "set", *HOUSE[:-1], "8", **books)
    assert again.exit_code == 2
    assert "house holds since always; say from when the new one does: --from" in again.stderr
    later = told(cli, books, "set", *HOUSE[:-1], "8", "--from", "2026-12-01")
    assert [(each["version"], each["end"]) for each in later] == [(1, "2026-12-01T00:00:00+00:00"), (2, None)]


def test_what_is_exported_can_be_imported(cli: Cli, books: dict[str, str], tmp_path: Path) -> None:
    for args in (
        ("set", *HOUSE, "--rate", "input>200000=4.5", "--provider", "openai", "--class", "batch", "--to", "2030-01-01"),
        ("discount", "less, not", "--percent", "12.5"),
        ("discount", "less", "--percent", "12.5", "--customer", 'a "quoted", one', "--every-project"),
        ("commit", "agreed", "--amount", "5000", "--provider", "openai", "--from", "2026-01-01"),
        ("gpu", "rack", "--model", "llama*", "--hourly", "2.10", "--gpus", "8", "--by", "duration"),
    ):
        found = cli("prices", *args, **books)
        assert found.exit_code == (2 if args[1] == "less, not" else 0), found.stderr
    before = told(cli, books, "list")
    for form in ("csv", "json"):
        file = tmp_path / f"prices.{form}"
        file.write_text(cli("prices", "export", "--format", form, **books).stdout)
        assert told(cli, books, "import", str(file)) == []  # all of it holds already
        assert told(cli, books, "list") == before
        for name in ("house", "agreed", "rack"):
            assert cli("prices", "remove", name, "--at", "always", **books).exit_code == 0
        assert len(told(cli, books, "import", str(file))) == 3
        again = told(cli, books, "list")
        unkept = ("version", "created_at")
        assert [{k: v for k, v in each.items() if k not in unkept} for each in again] == [
            {k: v for k, v in each.items() if k not in unkept} for each in before
        ]
        before = again


def test_commitments_are_lines_beside_the_ledger(cli: Cli, books: dict[str, str]) -> None:
    month = f"{NOW - timedelta(hours=20):%Y-%m}"
    agreed = ("commit", "agreed", "--amount", "1", "--from", f"{month}-01")
    assert cli("prices", *agreed, **books).exit_code == 0
    (line,) = told(cli, books, "lines", "--from", f"{month}-01", "--to", f"{month}-02")
    assert (Decimal(line["used"]), Decimal(line["unused"])) == (Decimal("0.00225"), Decimal("0.99775"))
    assert line["entry"] == "own agreed v1"


def test_through_a_running_up(cli: Cli, tmp_path: Path) -> None:
    up = start(tmp_path / "data")
    at = {"SPANLEDGER_DATA": str(up.data)}
    try:
        assert told(cli, at, "set", *HOUSE)[0]["version"] == 1
        assert told(cli, at, "history", "house")[0]["version"] == 1
        looked = cli("prices", "discount", "less", "--percent", "5", "--dry-run", **at)
        assert looked.exit_code == 0, looked.stderr
        assert "would have another price" in looked.stderr
        assert told(cli, at, "lines", "--from", "2026-01-01", "--to", "2026-02-01") == []
        assert told(cli, at, "sources", "--from", "2026-01-01", "--to", "2026-02-01") == []
        assert told(cli, at, "remove", "house", "--at", "2026-12-01")[0]["end"] == "2026-12-01T00:00:00+00:00"
        missing = cli("prices", "show", "none", **at)
        assert (missing.exit_code, "it has: house" in missing.stderr) == (1, True)
    finally:
        up.process.terminate()
        assert up.process.wait() == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("set", "a", "--model", "gpt-4o"), "price a has no rate"),
        (("set", "a", "--model", "m", "--input", "cheap"), "'cheap' is no number"),
        (("set", "a", "--model", "m", "--rate", "input"), "'input' is no rate"),
        (("set", "a", "--model", "m", "--input", "1", "--from", "soon"), "--from 'soon' is no time"),
        (("set", "a", "--model", "m", "--input", "1", "--class", "slow"), "class 'slow' is none"),
        (("discount", "a", "--percent", "120"), "120 for percent"),
        (("commit", "a", "--amount", "5", "--from", "2026-01-15"), "the first of a month"),
        (("gpu", "a", "--model", "m", "--hourly", "2", "--by", "luck"), "share 'luck'"),
        (("lines", "--from", "2026-02-01", "--to", "2026-01-01"), "Swap them"),
        (("remove", "a", "--dry-run"), "--at always"),
    ],
)
def test_what_cannot_be_says_why(cli: Cli, tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    found = cli("prices", *args, "--data", str(tmp_path))
    assert found.exit_code == 2, found.stdout
    assert says in found.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no price"),
        ("name,colour\nhouse,red\n", "a column 'colour'"),
        ('name,rates\nhouse,"input=1"\nbad,"input=x"\n', "line 3: rate input 'x' is no number"),
        ("name,rates\nhouse,input\n", "line 2: 'input' is no rate"),
        ("name,rates\nhouse,input=1,output=2\n", "more values than there are columns"),
        ("[{]", "is no JSON"),
        ("[3]", "something else than prices"),
        ('[{"name": "house"}]', "price 1: price house has no rate"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(cli: Cli, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "prices.txt"
    file.write_text(text)
    found = cli("prices", "import", str(file), "--data", str(tmp_path))
    assert found.exit_code == 2
    assert says in found.stderr


def test_numbers_in_files_keep_their_digits(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text('{"prices": [{"name": "a", "rates": {"input": 0.1000000000000000055, "output": 3}}]}')
    assert price_files.read(file)[0]["rates"] == {"input": "0.1000000000000000055", "output": "3"}

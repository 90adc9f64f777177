"""Bills, margins and FOCUS on the command line: in a directory nobody serves, and through a running `up`."""

from __future__ import annotations

import csv
import json
import time
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import Result

from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from tests.cli.conftest import Cli
from tests.collector.backfill_exports import openai_page, openai_result
from tests.collector.bill_exports import DAY, MAY, OPENAI, written

PERIOD = ("--from", "2026-05-01", "--to", "2026-06-01")


class Place:
    """An installation to ask: a server's database that nobody serves, or a running `up`."""

    def __init__(self, cli: Cli, project: str, environment: dict[str, str]) -> None:
        self._cli = cli
        self._environment = environment
        self.project = project

    def run(self, *args: str) -> Result:
        """A finished command about this test's own project."""
        return self._cli(*args, "--project", self.project, **self._environment)

    def asked(self, *args: str, code: int = 0) -> str:
        """What a command prints that ends with `code`."""
        done = self.run(*args)
        assert done.exit_code == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(params=["alone", "served"])
def place(request: pytest.FixtureRequest, cli: Cli, tmp_path: Path) -> Place:
    """A place with one bucket of usage in its ledger."""
    if request.param == "alone":
        url = request.getfixturevalue("clickhouse_url")
        database = f"b{abs(hash(tmp_path)):x}"
        held = StoreSettings(data=tmp_path / "data", clickhouse_url=SecretStr(url), database=database)
        with Engine(held) as engine:
            migrate(engine)
        environment = {
            "SPANLEDGER_DATA": str(tmp_path / "data"),
            "SPANLEDGER_CLICKHOUSE_URL": url,
            "SPANLEDGER_DATABASE": database,
        }
    else:
        environment = {"SPANLEDGER_DATA": str(request.getfixturevalue("up").data)}
    found = Place(cli, f"bills-{abs(hash(tmp_path)):x}"[:32], environment)
    bucket = openai_page([openai_result(batch=False)])
    bucket["data"][0] |= {"start_time": MAY, "end_time": MAY + DAY}
    usage = written(tmp_path / "usage.json", bucket)
    found.asked("import", "usage", str(usage), "--customer-from", "project_id")
    deadline = time.monotonic() + 120
    while json.loads(found.asked("spend", "--from", "2026-05-01", "--format", "json")) == []:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def test_from_the_bill_to_the_margin(place: Place, tmp_path: Path) -> None:
    bill = written(tmp_path / "costs.json", OPENAI)
    dry = place.run("import", "bill", str(bill), "--dry-run")
    assert "3 lines would be new" in dry.stderr
    assert json.loads(place.asked("bills", "list", "--format", "json")) == []
    (file,) = json.loads(place.asked("import", "bill", str(bill), "--output", "json"))
    assert (file["source"], file["rows"], file["lines"], file["amounts"]) == ("openai", 3, 3, "0.9558865 USD")
    assert "0 changed, 3 the same" in place.run("import", "bill", str(bill)).stderr
    (kept,) = json.loads(place.asked("bills", "list", "--format", "json"))
    assert (kept["provider"], kept["lines"], Decimal(kept["amount"])) == ("openai", 3, Decimal("0.9558865"))

    found = json.loads(place.asked("reconcile", *PERIOD, "--format", "json", code=4))
    rows = {row["items"][0]: row for row in found["rows"]}
    cost = Decimal(json.loads(place.asked("spend", "--from", "2026-05-01", "--by", "model", "--format", "json"))[0]
                   ["cost_usd"])  # fmt: skip
    model = rows["gpt-4o-2024-08-06, cached input"]
    assert (Decimal(model["ledger"]), model["status"]) == (cost, "unexplained")
    assert rows["web search tool calls"]["model"] is None
    for row in found["rows"]:
        terms = sum((Decimal(term["amount"]) for term in row["terms"]), Decimal(row["unexplained"]))
        assert terms == Decimal(row["bill"]) - Decimal(row["ledger"])
    assert place.asked("reconcile", *PERIOD, "--tolerance-usd", "100", "--provider", "openai").count("matched") == 2

    place.asked("bills", "map", "web search*", "gpt-4o-2024-08-06")
    mapped = json.loads(place.asked("reconcile", *PERIOD, "--format", "json", code=4))
    assert len(mapped["rows"]) == 1
    assert json.loads(place.asked("bills", "models", "--format", "json")) == [
        {"pattern": "web search*", "model": "gpt-4o-2024-08-06"}
    ]
    place.asked("bills", "unmap", "web search*")

    revenue = written(tmp_path / "revenue.csv", "customer,month,amount\nproj_a,2026-05,100\nproj_a,2026-05-01,7\n")
    done = place.run("import", "revenue", str(revenue))
    assert (done.exit_code, "proj_a has 100 USD for 2026-05 already" in done.stderr) == (1, True)
    (margin,) = json.loads(place.asked("margin", *PERIOD, "--format", "json"))
    assert Decimal(margin["margin_usd"]) == 100 - cost

    place.asked("export", "focus", *PERIOD, "--out", str(tmp_path / "focus.csv"))
    with (tmp_path / "focus.csv").open(newline="") as file_:
        assert sum((Decimal(row["BilledCost"]) for row in csv.DictReader(file_)), Decimal(0)) == cost
    # What we write we read: the export is a bill like any other, and worth the same.
    dry = json.loads(place.asked("import", "bill", str(tmp_path / "focus.csv"), "--dry-run", "--output", "json"))
    amount, currency = dry[0]["amounts"].split()
    assert (dry[0]["source"], Decimal(amount), currency) == ("focus", cost, "USD")


def test_what_cannot_be_is_said(place: Place, tmp_path: Path) -> None:
    other = written(tmp_path / "other.csv", "a,b\n1,2\n")
    for args, code, message in (
        (("import", "bill", str(other)), 1, "looks like no bill that is known"),
        (("import", "bill", str(tmp_path / "absent")), 1, "cannot be read: No such file"),
        (("import", "revenue", str(other)), 1, "has no column 'customer'"),
        (("reconcile", "--from", "May", "--to", "2026-06-01"), 2, "--from 'May' is no day"),
        (("reconcile", *PERIOD, "--tolerance", "150%"), 2, "more than the whole bill"),
        (("reconcile", "--from", "2026-06-01", "--to", "2026-05-01"), 1, "before that"),
        (("margin", "--from", "2026-05-02", "--to", "2026-06-01"), 1, "not the first day of a month"),
        (("export", "focus", *PERIOD, "--out", str(tmp_path / "a.txt")), 1, "neither .parquet nor .csv"),
        (("bills", "unmap", "x"), 1, "has no pattern 'x'"),
    ):
        done = place.run(*args)
        assert (done.exit_code, message in done.stderr) == (code, True), f"{args}: {done.exit_code} {done.stderr}"

"""`why` says the same through a running `up`, through its API and without it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from spanledger_analytics.jobs import ledger
from spanledger_cli.bars import bar, waterfall
from spanledger_cli.running import Running
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from spanledger_store.writer import write
from tests.analytics.test_explaining import DAY, MONDAY, day
from tests.cli.conftest import Cli, Up, start
from tests.store.rows import span_row

CUSTOMERS = ("acme", "bravo", "charlie", "delta", "echo")
PERIOD = ("--from", "2026-03-10", "--to", "2026-03-11")


@pytest.fixture(scope="module")
def books(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an installation whose acme has made its prompts three times as long on Tuesday."""
    data = tmp_path_factory.mktemp("why")
    settings = StoreSettings(data=data, clickhouse_url=SecretStr(clickhouse_url), database="why")
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        calls = [*day(MONDAY, CUSTOMERS), *day(MONDAY + DAY, CUSTOMERS, 3, "v2")]
        rows = [span_row(span_id=f"{n:016x}", start_time=int(at.timestamp()) * 10**9, **values)
                for n, (at, values) in enumerate(calls)]  # fmt: skip
        write(engine, control, SpanBatch("why", spans=rows))
        ledger.run(engine, control)
    return {
        "SPANLEDGER_DATA": str(data),
        "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url,
        "SPANLEDGER_DATABASE": "why",
    }


@pytest.fixture(scope="module")
def serving(books: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Generator[Up]:
    """`up` over the same store, from a data directory of its own."""
    up = start(tmp_path_factory.mktemp("serving") / "data", **books | {"SPANLEDGER_DATA": ""})
    yield up
    up.process.terminate()
    assert up.process.wait() == 0


def test_the_page_says_it_shows_it_and_names_the_culprit(cli: Cli, books: dict[str, str]) -> None:
    done = cli("why", *PERIOD, **books)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Spend rose by $0.40 (+40 %) on 2026-03-10: acme used 3.0 times the tokens per call")
    assert [line.strip().split("  ")[0] for line in lines if "█" in line] == [
        "2026-03-09T00:00 to 2026-03-10T00:00", "Input tokens per call", "2026-03-10T00:00 to 2026-03-11T00:00",
    ]  # fmt: skip
    assert "since prompt version v2" in done.stdout


def test_json_has_everything_and_csv_the_terms(cli: Cli, books: dict[str, str]) -> None:
    document = json.loads(cli("why", *PERIOD, "--format", "json", **books).stdout)
    assert (document["before"], document["after"]) == ("1.000000000000", "1.400000000000")
    assert document["culprits"][0]["slice"] == {"customer": "acme"}
    rows = list(csv.DictReader(io.StringIO(cli("why", *PERIOD, "--format", "csv", **books).stdout)))
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal(document["change"])


@pytest.mark.long
def test_the_api_and_a_running_up_answer_the_same(cli: Cli, books: dict[str, str], serving: Up, tmp_path: Path) -> None:
    asked = ("why", *PERIOD, "--customer", "acme", "--by", "model", "--format", "json")
    alone = json.loads(cli(*asked, **books).stdout)
    up = Running(serving.process.pid, serving.url, serving.token)
    path = "/api/v1/why?from=2026-03-10T00:00:00&to=2026-03-11T00:00:00Z&customer=acme&by=model"
    assert up.get(path) == alone
    through = cli(
        "why", *PERIOD, "--customer", "acme", "--by", "model", "--format", "json", "--data", str(serving.data)
    )
    assert json.loads(through.stdout) == alone


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--from", "2026-03-11", "--to", "2026-03-10"), "is not before"),
        (("--from", "yesterday"), "is no time"),
        (("--by", "user"), "choose from customer"),
        (("--against", "2026"), "nothing to compare with"),
        (("--from", "2026-03-10T00:30", "--to", "2026-03-11"), "whole UTC hours"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_remedy(
    cli: Cli, books: dict[str, str], arguments: tuple[str, ...], complaint: str
) -> None:
    done = cli("why", *arguments, **books)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_bars_begin_where_the_last_one_ended() -> None:
    zero, ten = Decimal(0), Decimal(10)
    assert bar(zero, ten, zero, ten, 10) == "█" * 10
    assert bar(Decimal(4), Decimal(7), zero, ten, 10) == "    ███"
    assert bar(Decimal(7), Decimal(4), zero, ten, 10) == "    ███"
    assert bar(zero, Decimal("0.001"), zero, ten, 10) == "▏"
    assert bar(zero, Decimal("2.5"), zero, ten, 10) == "██▌"
    assert waterfall(("before", zero), [], ("after", zero)).row_count == 2

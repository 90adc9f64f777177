"""`delete` and `reprice` on the command line, alone and through a running `up`."""

from __future__ import annotations

import http.client
import json
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from spanledger_analytics.jobs import ledger
from spanledger_cli.main import app
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, keys
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from spanledger_store.writer import write
from tests.cli.conftest import Cli, Up, run, start
from tests.store.rows import content_row, span_row

ROWS = [
    {"span_id": "1" * 16, "cost_usd": Decimal("0.100000000001")},
    {"span_id": "2" * 16, "customer": "globex", "cost_usd": None, "price_source": ""},
]
WHERE = ("--from", "2026-05-28", "--to", "2026-05-30")  # the rows' default start lies in it


def fill(settings: StoreSettings) -> None:
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        batch = SpanBatch("rows", [span_row(**each) for each in ROWS], [content_row(**each) for each in ROWS])
        write(engine, control, batch)
        ledger.run(engine, control)


@pytest.fixture
def books(clickhouse_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation with two calls."""
    database = f"d{abs(hash(tmp_path)):x}"
    fill(StoreSettings(data=tmp_path, clickhouse_url=SecretStr(clickhouse_url), database=database))
    return {
        "SPANLEDGER_DATA": str(tmp_path),
        "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url,
        "SPANLEDGER_DATABASE": database,
    }


def asked(cli: Cli, sql: str, **env: str) -> list[dict[str, object]]:
    return json.loads(cli("query", sql, "--format", "json", **env).stdout)


def test_delete_prints_its_proof(cli: Cli, books: dict[str, str]) -> None:
    found = cli("delete", "--customer", "acme", "--yes", **books)
    assert found.exit_code == 0, found.stderr
    lines = [line.split() for line in found.stdout.splitlines()]
    assert ["span_rows", "1", "1", "0"] in lines
    assert ["span_content_rows", "1", "1", "0"] in lines
    assert ["ledger", "before", "2", "0.100000000001"] in lines
    assert ["ledger", "after", "1", "0.000000000000"] in lines
    assert "Kept: 1 span(s) of the same traces" in found.stdout
    assert asked(cli, "SELECT customer FROM spans", **books) == [{"customer": "globex"}]
    assert "Nothing of customer acme" in cli("delete", "--customer", "acme", "--yes", **books).stdout
    assert "equals the sum of the spans, exactly" in cli("doctor", **books).stdout


@pytest.mark.parametrize(("typed", "code", "left"), [("acme\n", 0, 1), ("Acme\n", 2, 2), ("", 2, 2)])
def test_delete_asks_for_the_name(cli: Cli, books: dict[str, str], typed: str, code: int, left: int) -> None:
    found = CliRunner().invoke(app, ["delete", "--customer", "acme"], env=books, input=typed)
    assert found.exit_code == code
    assert "This deletes 1 span_content_rows, 1 span_rows, 1 ledger_day_rows, 1 ledger_rows, for good." in found.stderr
    assert asked(cli, "SELECT count() AS n FROM spans", **books) == [{"n": left}]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "nothing says what to delete"),
        (("--customer", "a", "--user", "b"), "--customer and --user"),
        (("--customer", ""), "is empty"),
        (("--trace", "abc"), "no trace id"),
    ],
)
def test_delete_wants_exactly_one_clear_name(cli: Cli, tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    found = cli("delete", *args, "--data", str(tmp_path))
    assert found.exit_code == 2
    assert says in found.stderr


def test_reprice_shows_then_does_then_has_nothing_to_do(cli: Cli, books: dict[str, str]) -> None:
    def repriced(*args: str) -> list[dict[str, object]]:
        found = cli("reprice", *WHERE, *args, "--format", "json", **books)
        assert found.exit_code == 0, found.stderr
        return json.loads(found.stdout)

    cost = {"provider": "openai", "model": "gpt-4o", "calls": 2, "unpriced": 0, "new_cost": "0.001500000000"}
    first = {**cost, "changed": 2, "newly_priced": 1, "old_cost": "0.100000000001"}
    assert repriced("--dry-run") == [first]
    assert repriced() == [first]
    assert repriced() == [{**cost, "changed": 0, "newly_priced": 0, "old_cost": "0.001500000000"}]
    assert repriced("--customer", "nobody") == []
    spent = asked(cli, "SELECT sum(cost_usd) AS cost, sum(unpriced_calls) AS unpriced FROM ledger", **books)
    assert [(Decimal(str(row["cost"])), row["unpriced"]) for row in spent] == [(Decimal("0.0015"), 0)]
    table = cli("reprice", *WHERE, **books).stdout.split()
    assert table[-7:] == ["total", "2", "0", "0", "0", "0.001500000000", "0.001500000000"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--from", "yesterday", "--to", "2026-01-01"), "no time"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "not before"),
        (("--from", "1890-02-01", "--to", "2026-01-01"), "between 2000 and 2100"),
    ],
)
def test_reprice_says_what_cannot_be(cli: Cli, tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    found = cli("reprice", *args, "--data", str(tmp_path))
    assert found.exit_code == 2
    assert says in found.stderr


@pytest.fixture
def serving(tmp_path: Path, clickhouse_url: str) -> tuple[Up, dict[str, str]]:
    """`up` over a ClickHouse server with two calls in it, and a read key made."""
    database = f"u{abs(hash(tmp_path)):x}"
    settings = StoreSettings(data=tmp_path / "data", clickhouse_url=SecretStr(clickhouse_url), database=database)
    settings.data.mkdir()
    fill(settings)
    with Control.open(settings) as control:
        _, secret = keys.create(control, "default", "eyes", "read")
    extra = {"SPANLEDGER_CLICKHOUSE_URL": clickhouse_url, "SPANLEDGER_DATABASE": database}
    return start(settings.data, **extra), {**extra, "SECRET": secret}


def status(up: Up, path: str, body: object, secret: str) -> int:
    parts = urlsplit(up.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {secret}"} if secret else {})
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_while_up_runs_they_go_through_it_and_only_the_local_token_may(serving: tuple[Up, dict[str, str]]) -> None:
    up, env = serving
    try:
        secret = env.pop("SECRET")
        delete = {"kind": "customer", "value": "acme"}
        reprice = {"start": "2026-05-28T00:00:00Z", "end": "2026-05-30T00:00:00Z"}
        for path, body in (("/api/v1/delete", delete), ("/api/v1/reprice", reprice)):
            assert status(up, path, body, "") == 401
            assert status(up, path, body, secret) == 403
        assert status(up, "/api/v1/query", {"sql": "SELECT 1"}, secret) == 200
        assert status(up, "/api/v1/delete", {**delete, "kind": "trace"}, up.token) == 400
        assert status(up, "/api/v1/reprice", {**reprice, "start": "2026-05-28T00:00:00"}, up.token) == 422
        # Without the server's address the store could not be reached but through `up`.
        priced = run("reprice", *WHERE, "--data", str(up.data), "--format", "json")
        assert [(each["calls"], each["changed"]) for each in json.loads(priced.stdout)] == [(2, 2)], priced.stderr
        done = run("delete", "--customer", "acme", "--yes", "--data", str(up.data))
        assert done.returncode == 0, done.stderr
        assert ["span_rows", "2", "2", "0"] in [line.split() for line in done.stdout.splitlines()]
        noted = run(
            "query", "SELECT action, interface FROM audit ORDER BY at", "--data", str(up.data), "--format", "csv"
        )
        assert noted.stdout.split() == ["action,interface", "reprice,api", "delete,api"]
        left = run("query", "SELECT customer FROM spans", "--data", str(up.data), "--format", "csv")
        assert left.stdout.split() == ["customer", "globex"]
    finally:
        up.process.terminate()
        assert up.process.wait() == 0


def test_an_open_door_on_loopback_is_not_open_for_changes(up: Up) -> None:
    assert status(up, "/api/v1/query", {"sql": "SELECT 1"}, "") == 200
    assert status(up, "/api/v1/delete", {"kind": "customer", "value": "acme"}, "") == 403
    assert status(up, "/api/v1/reprice", {"start": "2026-05-28T00:00:00Z", "end": "2026-05-30T00:00:00Z"}, "") == 403

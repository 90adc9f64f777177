"""`import usage` on the command line, alone and through a running `up`."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from spanledger_collector.errors import SpoolFull
from spanledger_collector.spool import Spool
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from tests.cli.conftest import Cli, Up, run
from tests.collector.backfill_exports import litellm_row, openai_page, openai_result, written

SAMPLES = sorted((Path(__file__).parents[2] / "examples" / "history").iterdir())
ASK = "SELECT project_id, sum(calls) AS calls, sum(client_cost_usd) AS stated FROM ledger GROUP BY 1 ORDER BY 1"


@pytest.fixture
def books(clickhouse_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an empty installation."""
    database = f"u{abs(hash(tmp_path)):x}"
    with Engine(
        StoreSettings(data=tmp_path / "data", clickhouse_url=SecretStr(clickhouse_url), database=database)
    ) as engine:
        migrate(engine)
    return {
        "SPANLEDGER_DATA": str(tmp_path / "data"),
        "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url,
        "SPANLEDGER_DATABASE": database,
    }


def asked(cli: Cli, books: dict[str, str]) -> list[tuple[str, str, Decimal]]:
    found = json.loads(cli("query", ASK, "--format", "json", **books).stdout)
    return [(each["project_id"], str(each["calls"]), Decimal(each["stated"])) for each in found]


def test_files_of_every_kind_in_one_command(cli: Cli, books: dict[str, str]) -> None:
    files = [str(path) for path in SAMPLES]
    dry = cli("import", "usage", *files, "--dry-run", "--output", "json", **books)
    assert dry.exit_code == 0, dry.stderr
    assert {each["source"]: each["calls"] for each in json.loads(dry.stdout)} == {
        "anthropic": 8, "langfuse": 1, "litellm": 2, "openai": 750,
    }  # fmt: skip
    assert asked(cli, books) == []
    for _ in range(2):
        done = cli("import", "usage", *files, "--project", "history", "--output", "json", **books)
        assert (done.exit_code, done.stdout) == (0, dry.stdout), done.stderr
        assert "1 row(s): the report has no number of calls" in done.stderr
        assert asked(cli, books) == [("history", "761", Decimal("0.005495"))]
    assert "equals the sum of the spans, exactly" in cli("doctor", **books).stdout


def test_what_was_deleted_comes_back_when_it_is_imported_again(cli: Cli, books: dict[str, str], tmp_path: Path) -> None:
    path = str(written(tmp_path / "logs.jsonl", [litellm_row(1), litellm_row(2, end_user="other")]))
    cli("import", "usage", path, **books)
    assert cli("delete", "--customer", "acme", "--yes", **books).exit_code == 0
    assert asked(cli, books) == [("default", "1", Decimal("0.0012345"))]
    assert cli("import", "usage", path, **books).exit_code == 0
    assert asked(cli, books) == [("default", "2", Decimal("0.002469"))]


def test_a_full_spool_is_waited_for(
    cli: Cli, books: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[SpoolFull] = []
    put = Spool.put

    def counted(self: Spool, **request: Any) -> Any:
        try:
            return put(self, **request)
        except SpoolFull as error:
            refused.append(error)
            raise

    monkeypatch.setattr(Spool, "put", counted)
    noise = random.Random(7)
    rows = [
        litellm_row(1, request_id=f"r{number}", messages=[{"role": "user", "content": noise.randbytes(100_000).hex()}])
        for number in range(40)
    ]
    path = str(written(tmp_path / "large.jsonl", rows))
    done = cli("import", "usage", path, SPANLEDGER_SPOOL_MAX_BYTES=str(1024 * 1024), **books)
    assert done.exit_code == 0, done.stderr
    assert refused
    assert asked(cli, books) == [("default", "40", 40 * Decimal("0.0012345"))]


def test_damage_is_named_and_the_rest_is_stored(cli: Cli, books: dict[str, str], tmp_path: Path) -> None:
    bad = written(tmp_path / "bad.jsonl", [litellm_row(1), litellm_row(2, startTime=None), litellm_row(3)])
    cut = tmp_path / "cut.json"
    cut.write_text(json.dumps(openai_page([openai_result()]))[:-20])
    good = written(tmp_path / "good.json", openai_page([openai_result()]))
    done = cli("import", "usage", str(bad), str(cut), str(good), "--customer-from", "project_id", **books)
    assert done.exit_code == 1
    assert f"refused: {bad}, line 2: it has no startTime" in done.stderr
    assert f"error: {cut} is not JSON:" in done.stderr
    assert f"error: {bad}: no row has a value 'project_id', so no customer is known" in done.stderr
    assert asked(cli, books) == [("default", "413", Decimal("0.002469"))]


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("nowhere.json",), 1, "error: nowhere.json cannot be read: No such file or directory."),
        ((str(SAMPLES[0]), "--project", "Not a slug"), 1, "'Not a slug' cannot be a project"),
        ((str(SAMPLES[0]), "--format", "bill"), 2, "'bill' is not one of"),
    ],
)
def test_what_cannot_be_imported(cli: Cli, books: dict[str, str], args: tuple[str, ...], code: int, says: str) -> None:
    found = cli("import", "usage", *args, **books)
    assert found.exit_code == code
    assert says in found.stderr


@pytest.mark.long
def test_through_a_running_up(up: Up, tmp_path: Path) -> None:
    path = written(tmp_path / "many.jsonl", [litellm_row(1, request_id=f"r{number}") for number in range(2_500)])
    for _ in range(2):
        done = run("import", "usage", str(path), "--project", "past", "--output", "json", "--data", str(up.data))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)[0]["spans"] == 2_500
    sql = "SELECT count() AS n, sum(client_cost_usd) AS stated FROM spans WHERE project_id = 'past'"
    found = json.loads(run("query", sql, "--format", "json", "--data", str(up.data)).stdout)
    assert (int(found[0]["n"]), Decimal(found[0]["stated"])) == (2_500, 2_500 * Decimal("0.0012345"))
    done = run("import", "usage", str(path), "--project", "Not a slug", "--data", str(up.data))
    assert done.returncode == 1
    assert "'Not a slug' cannot be a project" in done.stderr


def test_spans_of_any_project_are_for_this_machines_user_alone(up: Up) -> None:
    import httpx

    answer = httpx.post(f"{up.url}/api/v1/import/usage?project=past", content=b"")
    assert answer.status_code == 403

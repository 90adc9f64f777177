"""`retention`, `export project` and `import project` on the command line, alone and through a running `up`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from spanledger_analytics.jobs import ledger
from spanledger_analytics.jobs import retention as job
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, keeping
from spanledger_store.engine import Engine
from spanledger_store.lifecycle import retention
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from spanledger_store.writer import write
from tests.cli.conftest import Cli, run, start
from tests.store.rows import content_row, span_row

OLD = int((datetime.now(UTC) - timedelta(days=20)).timestamp()) * 10**9
ROWS = [
    {"span_id": "1" * 16, "start_time": OLD, "cost_usd": Decimal("0.100000000001")},
    {"span_id": "2" * 16, "start_time": OLD + 20 * 86400 * 10**9, "cost_usd": Decimal("0.25")},
]
ASK = "SELECT project_id, sum(calls) AS calls, sum(cost_usd) AS cost FROM ledger GROUP BY 1 ORDER BY 1"


def fill(settings: StoreSettings) -> None:
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        write(engine, control, SpanBatch("a", [span_row(**each) for each in ROWS], [content_row(**e) for e in ROWS]))
        ledger.run(engine, control)


@pytest.fixture
def books(clickhouse_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation with an old call and a new one."""
    database = f"l{abs(hash(tmp_path)):x}"
    fill(StoreSettings(data=tmp_path / "data", clickhouse_url=SecretStr(clickhouse_url), database=database))
    return {
        "SPANLEDGER_DATA": str(tmp_path / "data"),
        "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url,
        "SPANLEDGER_DATABASE": database,
    }


def test_retention_is_set_shown_and_run(cli: Cli, books: dict[str, str]) -> None:
    found = cli("retention", "set", "--content", "30d", "--spans", "2w", "--format", "json", **books)
    assert found.exit_code == 0, found.stderr
    kept = {each["class"]: each["kept"] for each in json.loads(found.stdout)}
    assert kept == {
        "content": "14d", "embeddings": "14d", "scores": "forever", "logs": "forever", "metrics": "forever",
        "spans": "14d", "ledger": "forever",
    }  # fmt: skip
    due = cli("retention", "run", "--dry-run", "--format", "json", **books)
    rows = {each["class"]: each["rows"] for each in json.loads(due.stdout)}
    assert rows == {"content": 1, "embeddings": 0, "spans": 1}
    assert cli("retention", "run", "--format", "json", **books).stdout == due.stdout
    assert json.loads(cli("query", "SELECT count() AS n FROM spans", "--format", "json", **books).stdout) == [{"n": 1}]
    totals = json.loads(cli("query", ASK, "--format", "json", **books).stdout)
    assert [(str(each["calls"]), each["cost"]) for each in totals] == [("2", "0.350000000001")]
    assert "equals the sum of the spans, exactly" in cli("doctor", **books).stdout
    moment = datetime.fromtimestamp(OLD // 10**9, UTC)
    period = ("--from", f"{moment:%Y-%m-%d}", "--to", f"{moment + timedelta(days=1):%Y-%m-%d}")
    assert "1 call(s) keep the prices they had" in cli("reprice", *period, **books).stderr
    assert cli("retention", "set", "--spans", "forever", **books).exit_code == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--spans", "soon"), "--spans 'soon' is no length of time; use 30d, 8w, 2y or forever."),
        ((), "nothing to set; name a class, such as --content 30d."),
        (("--spans", "1d", "--project", "nix"), "there is no project 'nix'"),
        (("--ledger", "9d"), "the ledger cannot be kept 9 days while spans are kept for ever"),
    ],
)
def test_what_cannot_be_kept(cli: Cli, books: dict[str, str], args: tuple[str, ...], says: str) -> None:
    found = cli("retention", "set", *args, **books)
    assert found.exit_code in (1, 2)
    assert says in found.stderr


def test_the_daily_job_does_each_day_once(embedded: Engine, control: Control) -> None:
    write(embedded, control, SpanBatch("job", [span_row(**each) for each in ROWS]))
    assert job.run(embedded, control) == 0
    retention.choose(control, "default", {"spans": 10})
    assert job.run(embedded, control) == 1
    assert keeping.last_run(control) == datetime.now(UTC).date()
    write(embedded, control, SpanBatch("late", [span_row(**{**ROWS[0], "span_id": "3" * 16})]))
    assert job.run(embedded, control) == 0


def test_all_of_it_through_a_running_up(tmp_path: Path) -> None:
    data, out = str(tmp_path / "data"), str(tmp_path / "out")
    up = start(tmp_path / "data")
    try:
        for arguments in (("retention", "set", "--spans", "9d"), ("retention", "run"), ("export", "project", out)):
            done = run(*arguments, "--data", data)
            assert done.returncode == 0, done.stderr
        done = run("import", "project", out, "--project", "Not a slug", "--data", data)
        assert done.returncode == 1
        assert "'Not a slug' cannot be a project" in done.stderr
        done = run("import", "project", out, "--project", "copy", "--data", data)
        assert done.stdout.startswith("project copy: 0 spans, 0 calls"), done.stderr
        done = run("backup", str(tmp_path / "none" / "b"), "--data", data)
        assert "none does not exist" in done.stderr
        assert run("backup", str(tmp_path / "b"), "--data", data).returncode == 0
        assert "serves" in run("restore", str(tmp_path / "b"), "--data", data).stderr
    finally:
        up.process.terminate()
        assert up.process.wait() == 0


def test_an_export_is_imported_under_another_name(cli: Cli, books: dict[str, str], tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    found = cli("export", "project", out, **books)
    assert found.exit_code == 0, found.stderr
    assert "2 spans" in found.stdout
    for _ in range(2):
        found = cli("import", "project", out, "--project", "copy", **books)
        assert found.exit_code == 0, found.stderr
        assert found.stderr == ""
    totals = json.loads(cli("query", ASK, "--format", "json", **books).stdout)
    assert [(each["project_id"], each["cost"]) for each in totals] == [
        ("copy", "0.350000000001"),
        ("default", "0.350000000001"),
    ]

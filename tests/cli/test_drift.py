"""`drift` on the command line: what was found, and every look."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from spanledger_store import findings
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, projects
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.quality import drift
from spanledger_store.settings import StoreSettings
from spanledger_store.writer import write
from tests.cli.conftest import Cli
from tests.line.process import Up
from tests.store.rows import span_row
from tests.store.test_drift import BEGIN, look
from tests.store.test_findings import made

SAID = "What is asked in feature chat has changed since 3 Apr"


def fill(settings: StoreSettings) -> None:
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        for table in (drift.TABLE, findings.TABLE):
            engine.command(f"TRUNCATE TABLE {table}")
        projects.ensure(control, "default")
        at = int((BEGIN + timedelta(days=2)).timestamp() * 1e9)
        write(engine, control, SpanBatch("looked", [span_row(start_time=at, release="7")], []))
        drift.write(engine, "default", [look(1), look(2, alarmed=True, evidence=2000.0), look(9, p_value=None)])
        told = {"kind": "drift", "slice": {"feature": "chat"}, "evidence": {"sentence": SAID}, "impact_usd": None}
        findings.write(engine, [made(id="d1", start=BEGIN + timedelta(days=2), **told), made(id="a1")])


@pytest.fixture
def looked(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an installation with looks and a finding."""
    data = tmp_path_factory.mktemp("drift")
    fill(StoreSettings(data=data, clickhouse_url=SecretStr(clickhouse_url), database="drift"))
    return {
        "SPANLEDGER_DATA": str(data), "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url, "SPANLEDGER_DATABASE": "drift",
    }  # fmt: skip


def test_findings_and_looks_are_listed(cli: Cli, looked: dict[str, str]) -> None:
    found = cli("drift", "list", **looked)
    assert found.exit_code == 0, found.stderr
    assert SAID in found.stdout
    assert "a1" not in found.stdout
    assert [each["id"] for each in json.loads(cli("drift", "list", "--format", "json", **looked).stdout)] == ["d1"]
    lines = cli("drift", "looks", "--from", "2026-04-01", "--to", "2026-04-04", "--format", "csv", **looked).stdout
    assert [line.split(",")[0] for line in lines.splitlines()] == ["day", "2026-04-02", "2026-04-03"]
    for asked, says in (
        (("looks", "--from", "yesterday"), "--from 'yesterday' is no time"),
        (("looks", "--from", "0001-01-01"), "not between 2000 and 2100"),
        (("looks", "--from", "2026-04-04", "--to", "2026-04-01"), "swap them"),
        (("list", "--from", "2026-04-04", "--to", "2026-04-01"), "swap them"),
        (("looks", "--project", "nobody"), "there is no project 'nobody'"),
        (("list", "--project", "nobody"), "there is no project 'nobody'"),
        (("compare", "--from", "0001-01-01", "--to", "0001-02-01"), "not between 2000 and 2100"),
        (("compare", "--to", "2100-01-01", "--from", "2000-01-02"), "not between 2000 and 2100"),
        (("compare", "--of", "thoughts"), "'thoughts' cannot be compared"),
        (("compare", "--against", "nothing"), "no baseline 'nothing'"),
    ):
        wrong = cli("drift", *asked, **looked)
        assert (wrong.exit_code, says in wrong.stderr) == (2, True), wrong.stderr


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_every_list_is_printed_in_every_format(cli: Cli, looked: dict[str, str], form: str) -> None:
    for asked in (("list",), ("looks", "--from", "2026-04-01", "--to", "2026-04-04"), ("baselines", "list")):
        found = cli("drift", *asked, "--format", form, **looked)
        assert (found.exit_code, bool(found.stdout)) == (0, True), found.stderr


def test_through_a_running_up(cli: Cli, looked: dict[str, str]) -> None:
    up = Up(Path(looked["SPANLEDGER_DATA"]), 0, ("-m", "spanledger_cli"), **looked)
    try:
        assert SAID in cli("drift", "list", **looked).stdout
        asked = ("--from", "2026-04-01", "--to", "2026-05-01", "--format", "json")
        assert [each["alarmed"] for each in json.loads(cli("drift", "looks", *asked, **looked).stdout)] == [
            False, True, False,
        ]  # fmt: skip
        for wrong in (("looks", "--project", "nobody"), ("compare", "--of", "x"), ("baselines", "unpin", "x")):
            assert cli("drift", *wrong, **looked).exit_code == 2
    finally:
        up.stop()


def test_baselines_are_pinned_listed_and_unpinned(cli: Cli, looked: dict[str, str]) -> None:
    period = ("--from", "2026-04-01", "--to", "2026-04-08")
    pinned = cli("drift", "baselines", "pin", "spring", *period, "--release", "7", "--by", "Jo", **looked)
    assert pinned.exit_code == 0, pinned.stderr
    assert "release 7" in pinned.stdout
    (kept,) = json.loads(cli("drift", "baselines", "list", "--format", "json", **looked).stdout)
    assert (kept["name"], kept["versions"], kept["who"]) == ("spring", {"release": "7"}, "Jo")
    refused = cli("drift", "baselines", "pin", "a@b", *period, **looked)
    assert refused.exit_code == 2
    assert "'a@b' cannot be a baseline's" in refused.stderr
    for wrong, says in (
        (("same", *period), "'same' cannot be a baseline's"),
        (("x", "--from", "2099-01-01", "--to", "2099-02-01"), "name a stretch that has begun"),
        (("x", *period, "--feature", "nosuch"), "has the feature 'nosuch'"),
        (("x", *period, "--project", "nobody"), "there is no project 'nobody'"),
    ):
        found = cli("drift", "baselines", "pin", *wrong, **looked)
        assert (found.exit_code, says in found.stderr) == (2, True), found.stderr
    assert cli("drift", "baselines", "unpin", "spring", **looked).exit_code == 0
    assert json.loads(cli("drift", "baselines", "list", "--format", "json", **looked).stdout) == []


def test_a_comparison_says_what_it_could_not_test(cli: Cli, looked: dict[str, str]) -> None:
    period = ("--from", "2026-04-01", "--to", "2026-04-08", "--against", "week")
    told = cli("drift", "compare", *period, **looked)
    assert told.exit_code == 0, told.stderr
    assert "too little" in told.stdout
    assert "not tested" in told.stdout
    assert cli("drift", "compare", *period, "--format", "csv", **looked).stdout.startswith("what,differs,p")
    found = json.loads(cli("drift", "compare", *period, "--format", "json", **looked).stdout)
    assert found["reference"]["to"] == "2026-04-01T00:00:00+00:00"
    assert not found["changed"]

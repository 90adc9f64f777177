"""`anomalies` on the command line: listing, saying, planning."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from pydantic import SecretStr

from spanledger_store import findings
from spanledger_store.control import Control, projects
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from tests.cli.conftest import Cli
from tests.store.test_findings import AT, made

WHOLE = "acme's chat: twice the tokens"


@pytest.fixture
def books(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an installation with two anomalies."""
    data = tmp_path_factory.mktemp("anomalies")
    settings = StoreSettings(data=data, clickhouse_url=SecretStr(clickhouse_url), database="anomalies")
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        projects.ensure(control, "default")
        engine.command("TRUNCATE TABLE finding_rows")
        ended = made(
            id="b2",
            slice={"feature": "search"},
            start=AT - timedelta(days=9),
            end=AT - timedelta(days=8),
            state="ended",
        )
        findings.write(engine, [made(evidence={"sentence": WHOLE}), ended])
    return {
        "SPANLEDGER_DATA": str(data), "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url, "SPANLEDGER_DATABASE": "anomalies",
    }  # fmt: skip


def test_the_list_says_what_happened_and_what_it_cost(cli: Cli, books: dict[str, str]) -> None:
    found = cli("anomalies", "list", **books)
    assert found.exit_code == 0, found.stderr
    first, second = [line for line in found.stdout.splitlines() if line.split()[:1] in (["a1"], ["b2"])]
    assert "high" in first
    assert "customer=acme, feature=chat" in first
    assert "6.25" in first
    assert WHOLE in first
    assert "ended" in second


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (("--open",), ["a1"]),
        (("--customer", "acme"), ["a1"]),
        (("--feature", "search"), ["b2"]),
        (("--from", "2026-03-20"), ["a1"]),
        (("--to", "2026-03-20T00:00+00:00"), ["b2"]),
    ],
)
def test_the_list_can_be_narrowed(cli: Cli, books: dict[str, str], options: tuple[str, ...], ids: list[str]) -> None:
    found = json.loads(cli("anomalies", "list", *options, "--format", "json", **books).stdout)
    assert [each["id"] for each in found] == ids
    assert all(each["impact_usd"] == "6.250000000001" for each in found)


def test_what_somebody_says_is_shown(cli: Cli, books: dict[str, str]) -> None:
    said = cli("anomalies", "feedback", "a1", "expected", "--note", "new contract", "--by", "Jo", **books)
    assert said.exit_code == 0, said.stderr
    shown = json.loads(cli("anomalies", "show", "a1", **books).stdout)
    assert {name: shown["feedback"][name] for name in ("verdict", "note", "who")} == {
        "verdict": "expected", "note": "new contract", "who": "Jo",
    }  # fmt: skip
    missing = cli("anomalies", "feedback", "zz", "expected", **books)
    assert missing.exit_code == 1
    assert "no finding 'zz'" in missing.stderr


def test_plans_are_made_listed_and_taken_away(cli: Cli, books: dict[str, str]) -> None:
    asked = (
        "--customer",
        "acme",
        "--from",
        "2026-04-01",
        "--to",
        "2026-04-03T12:00",
        "--factor",
        "2.5",
        "--format",
        "json",
    )
    (made_,) = json.loads(cli("anomalies", "plan", *asked, **books).stdout)
    assert (made_["start"], made_["end"], made_["factor"]) == (
        "2026-04-01T00:00:00+00:00",
        "2026-04-03T12:00:00+00:00",
        "2.5",
    )
    (listed,) = json.loads(cli("anomalies", "plans", "--format", "json", **books).stdout)
    assert listed == made_
    assert cli("anomalies", "unplan", made_["id"], **books).exit_code == 0
    assert json.loads(cli("anomalies", "plans", "--format", "json", **books).stdout) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--from", "soon", "--to", "2026-04-03"), "--from 'soon' is no time"),
        (("--from", "2026-04-03", "--to", "2026-04-01"), "before it begins"),
        (("--from", "2026-04-01", "--to", "2026-04-03", "--factor", "many"), "--factor 'many' is no number"),
        (("--from", "2026-04-01", "--to", "2026-04-03", "--factor", "-1"), "factor -1 is no multiple"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(cli: Cli, books: dict[str, str], options: tuple[str, ...], says: str) -> None:
    found = cli("anomalies", "plan", *options, **books)
    assert found.exit_code == 2
    assert says in found.stderr

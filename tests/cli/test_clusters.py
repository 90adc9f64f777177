"""`clusters` on the command line: listing, showing, and what people make of them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from pydantic import SecretStr

from spanledger_analytics.jobs import clusters as job
from spanledger_store.control import Control, projects
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from tests.analytics.test_clusters_job import NOW, TOPICS, fill
from tests.cli.conftest import Cli, Up, run

WEEK = ("--from", (NOW - timedelta(days=10)).isoformat(), "--to", NOW.isoformat())


@pytest.fixture(scope="module")
def place(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an installation with clusters of three topics."""
    data = tmp_path_factory.mktemp("clusters")
    settings = StoreSettings(data=data, clickhouse_url=SecretStr(clickhouse_url), database="clusters_cli")
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        projects.ensure(control, "default")
        fill(engine, control, list(TOPICS)[:3], 420, first=0, at=NOW, days=8)
        assert job.run(engine, control, now=NOW) == 1
    return {
        "SPANLEDGER_DATA": str(data), "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url,
        "SPANLEDGER_DATABASE": "clusters_cli",
    }  # fmt: skip


def listed(cli: Cli, place: dict[str, str], *more: str) -> dict[str, int]:
    found = cli("clusters", "list", *WEEK, *more, "--format", "json", **place)
    assert found.exit_code == 0, found.stderr
    return {each["name"]: each["cluster"] for each in json.loads(found.stdout) if each["cluster"]}


def test_the_list_has_calls_and_shares(cli: Cli, place: dict[str, str]) -> None:
    found = cli("clusters", "list", *WEEK, **place)
    assert found.exit_code == 0, found.stderr
    assert "parcel" in found.stdout
    assert "%" in found.stdout
    rows = json.loads(cli("clusters", "list", *WEEK, "--format", "json", **place).stdout)
    assert sum(each["calls"] for each in rows) == 420
    assert sum(each["share"] for each in rows) == pytest.approx(1.0, abs=1e-4)
    assert len(listed(cli, place, "--search", "parcel")) == 1


def test_names_mergers_and_hiding(cli: Cli, place: dict[str, str]) -> None:
    names = listed(cli, place)
    numbers = sorted(names.values())
    first, second, third = (str(each) for each in numbers)
    assert cli("clusters", "rename", first, "Late parcels", "--by", "Jo", **place).exit_code == 0
    assert listed(cli, place)["Late parcels"] == int(first)
    assert cli("clusters", "merge", second, first, **place).exit_code == 0
    assert second not in map(str, listed(cli, place).values())
    round_ = cli("clusters", "merge", first, second, **place)
    assert round_.exit_code == 2
    assert "merge the other way round" in round_.stderr
    assert cli("clusters", "hide", third, **place).exit_code == 0
    assert list(listed(cli, place).values()) == [int(first)]
    assert set(listed(cli, place, "--hidden").values()) == {int(first), int(third)}
    for undone in (("merge", second, "0"), ("hide", third, "--undo"), ("rename", first, "")):
        assert cli("clusters", *undone, **place).exit_code == 0
    assert listed(cli, place) == names


def test_one_is_shown_whole(cli: Cli, place: dict[str, str]) -> None:
    number = listed(cli, place, "--search", "parcel").popitem()[1]
    shown = json.loads(cli("clusters", "show", str(number), *WEEK, **place).stdout)
    assert shown["cluster"] == number
    assert len(shown["customers"]) == 8
    assert shown["typical"][0]["exemplar"] == 1
    missing = cli("clusters", "show", "77", *WEEK, **place)
    assert missing.exit_code == 1
    assert "no calls of a cluster 77" in missing.stderr
    unknown = cli("clusters", "rename", "77", "x", **place)
    assert "no cluster 77; its numbers are 1 to 3" in unknown.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--from", "soon"), "--from 'soon' is no time"),
        (("--from", "2026-04-03", "--to", "2026-04-01"), "swap them"),
    ],
)
def test_a_stretch_that_cannot_be_is_refused(
    cli: Cli, place: dict[str, str], options: tuple[str, ...], says: str
) -> None:
    found = cli("clusters", "list", *options, **place)
    assert found.exit_code == 2
    assert says in found.stderr


def test_a_refit_here_needs_vectors_of_the_last_weeks(cli: Cli, place: dict[str, str]) -> None:
    found = cli("clusters", "refit", **place)
    assert found.exit_code == 0, found.stderr
    assert "too few vectors" in found.stdout


def test_a_running_up_is_asked(up: Up) -> None:
    place = {"SPANLEDGER_DATA": str(up.data)}
    found = run("clusters", "list", "--format", "json", **place)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == []
    assert "300 calls have a vector" in run("clusters", "list", **place).stdout
    assert "Asked for" in run("clusters", "refit", **place).stdout
    events = json.loads(run("clusters", "events", "--format", "json", **place).stdout)
    assert [each["kind"] for each in events] == ["asked"]
    refused = run("clusters", "rename", "1", "x", **place)
    assert refused.returncode == 1
    assert "it has none yet" in refused.stderr
    assert run("clusters", "show", "1", **place).returncode == 1

"""`clusters` on the command line: listing, showing, and what people make of them."""

from __future__ import annotations

import csv
import io
import json
import sys
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
    assert missing.exit_code == 2
    assert "no cluster 77; its numbers are 1 to 3" in missing.stderr
    unknown = cli("clusters", "rename", "77", "x", **place)
    assert "no cluster 77; its numbers are 1 to 3" in unknown.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--from", "soon"), "--from 'soon' is no time"),
        (("--from", "2026-04-03", "--to", "2026-04-01"), "swap them"),
        (("--from", "0001-01-01"), "not between 2000 and 2100"),
    ],
)
def test_a_stretch_that_cannot_be_is_refused(
    cli: Cli, place: dict[str, str], options: tuple[str, ...], says: str
) -> None:
    found = cli("clusters", "list", *options, **place)
    assert found.exit_code == 2
    assert says in found.stderr


def test_the_list_in_every_format_is_bounded(cli: Cli, place: dict[str, str]) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("clusters", "list", *WEEK, "--format", "csv", **place).stdout)))
    whole = json.loads(cli("clusters", "list", *WEEK, "--format", "json", **place).stdout)
    assert [row["cost_usd"] for row in rows] == [each["cost_usd"] for each in whole]
    for form, stream in (("table", "stdout"), ("csv", "stderr"), ("json", "stderr")):
        found = cli("clusters", "list", *WEEK, "--limit", "1", "--format", form, **place)
        assert f"{len(whole) - 1} more: --limit {len(whole)} shows all" in getattr(found, stream)
    assert cli("clusters", "events", "--format", "csv", **place).stdout.startswith("at,kind,before")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("--search", "zzzz"), "matches search 'zzzz'"),
        (("--customer", "nobody"), "matches customer 'nobody'"),
        (("--feature", "nosuch"), "matches feature 'nosuch'"),
    ],
)
def test_what_matches_nothing_is_named(cli: Cli, place: dict[str, str], asked: tuple[str, ...], says: str) -> None:
    found = cli("clusters", "list", *WEEK, *asked, **place)
    assert (found.exit_code, says in found.stdout, "300 calls" in found.stdout) == (0, True, False)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("rename", "77", "x"), "no cluster 77"),
        (("rename", "1", "two\nlines"), "in one line"),
        (("rename", "1", "x", "--by", "y" * 5000), "cannot be who says so"),
        (("merge", "1", "1"), "cannot be a part of itself"),
        (("list", "--project", "nobody"), "no project 'nobody'"),
        (("events", "--project", "nobody"), "no project 'nobody'"),
        (("show", "1", "--to", "9999-01-01"), "not between 2000 and 2100"),
        (("show", "0", "--from", "2020-01-01", "--to", "2020-01-02"), "no calls of a cluster 0"),
    ],
)
def test_a_wrong_request_exits_2(cli: Cli, place: dict[str, str], asked: tuple[str, ...], says: str) -> None:
    found = cli("clusters", *asked, **place)
    assert (found.exit_code, says in found.stderr) == (2, True), found.stderr


def test_without_the_extra_the_remedy_is_named(
    cli: Cli, place: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.startswith(("spanledger_analytics", "umap", "numba"))]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("numba", "scipy", "umap", "sklearn"):
        monkeypatch.setitem(sys.modules, name, None)
    for asked in (("clusters", "refit"), ("drift", "compare"), ("jobs", "run", "drift")):
        found = cli(*asked, **place)
        assert (found.exit_code, "pip install 'spanledger[analytics]'" in found.stderr) == (1, True), found.stderr


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
    assert refused.returncode == 2
    assert "it has none yet" in refused.stderr
    assert run("clusters", "show", "1", **place).returncode == 2

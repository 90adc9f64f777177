"""`embeddings` on the command line: what there is, and choosing the embedder."""

from __future__ import annotations

import json

import pytest
from pydantic import SecretStr

from spanledger_analytics.jobs import embedding as job
from spanledger_store.control import Control, projects
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from tests.analytics.test_embedding_job import NOW, fill
from tests.cli.conftest import Cli, Up, run


@pytest.fixture(scope="module")
def place(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an installation with 300 calls, embedded as of then."""
    data = tmp_path_factory.mktemp("embeddings")
    settings = StoreSettings(data=data, clickhouse_url=SecretStr(clickhouse_url), database="embeddings")
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        projects.ensure(control, "default")
        fill(engine, control, 300)
        assert job.run(engine, control, now=NOW, seconds=120) == 300
    return {
        "SPANLEDGER_DATA": str(data), "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url, "SPANLEDGER_DATABASE": "embeddings",
    }  # fmt: skip


def test_the_status_says_what_there_is(cli: Cli, place: dict[str, str]) -> None:
    cli("embeddings", "set", "--days", "400", **place)
    found = json.loads(cli("embeddings", "status", "--format", "json", **place).stdout)
    assert found["settings"]["embedder"] == "lexical"
    assert found["lexical"]["model"] == "lexical-v1-2026-03-28"
    assert 0 <= found["lexical"]["unseen"] < 0.2
    assert found["error"] == ""


def test_settings_are_kept_one_by_one(cli: Cli, place: dict[str, str]) -> None:
    set_ = cli("embeddings", "set", "--embedder", "http://127.0.0.1:1/v1#m", "--key", "env:KEY", **place)
    assert set_.exit_code == 0, set_.stderr
    cli("embeddings", "set", "--rate", "0.5", "--most-a-day", "5000", **place)
    held = json.loads(cli("embeddings", "status", "--format", "json", **place).stdout)["settings"]
    assert (held["embedder"], held["key"], held["rate"], held["most_a_day"]) == (
        "http://127.0.0.1:1/v1#m", "env:KEY", 0.5, 5000,
    )  # fmt: skip
    cli("embeddings", "set", "--embedder", "lexical", **place)
    held = json.loads(cli("embeddings", "status", "--format", "json", **place).stdout)["settings"]
    assert (held["embedder"], held["key"], held["rate"]) == ("lexical", "", 0.5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "nothing to change"),
        (("--rate", "2"), "rate 2.0 is no share"),
        (("--key", "sk-123"), "env:NAME or file:PATH"),
        (("--most-a-day", "0"), "0 calls a day"),
    ],
)
def test_what_cannot_be_is_refused(cli: Cli, place: dict[str, str], options: tuple[str, ...], says: str) -> None:
    found = cli("embeddings", "set", *options, **place)
    assert found.exit_code == 2
    assert says in found.stderr


def test_a_running_up_is_asked(up: Up) -> None:
    place = {"SPANLEDGER_DATA": str(up.data)}
    changed = run("embeddings", "set", "--days", "7", **place)
    assert changed.returncode == 0, changed.stderr
    assert "7 days back" in changed.stdout
    found = json.loads(run("embeddings", "status", "--format", "json", **place).stdout)
    assert found["settings"]["days"] == 7
    assert found["models"] == []
    refused = run("embeddings", "set", "--rate", "7", **place)
    assert refused.returncode == 1
    assert "rate 7.0 is no share" in refused.stderr

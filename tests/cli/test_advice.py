"""`advice` says the same in a directory and through a running `up`, and names what cannot be."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from spanledger.usage import Usage
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings
from tests.cli.conftest import Cli, Up, start
from tests.store.test_advice import AT, Written


@pytest.fixture(scope="module")
def calls(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an installation with two dear calls of yesterday that nobody waited for."""
    data = tmp_path_factory.mktemp("advice")
    settings = StoreSettings(data=data, clickhouse_url=SecretStr(clickhouse_url), database="advice")
    ago = (datetime.now(UTC) - AT - timedelta(days=1)).total_seconds()
    with Engine(settings) as engine:
        migrate(engine)
        made = Written()
        made.call(Usage(10_000, 0, 0, 1000), seconds=ago)
        made.call(Usage(20_000, 0, 0, 1000), seconds=ago)
        made.put(engine)
    return {
        "SPANLEDGER_DATA": str(data),
        "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url,
        "SPANLEDGER_DATABASE": "advice",
    }


@pytest.fixture(scope="module")
def serving(calls: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Generator[Up]:
    """`up` over the same store, from a data directory of its own."""
    up = start(tmp_path_factory.mktemp("serving") / "data", **calls | {"SPANLEDGER_DATA": ""})
    yield up
    up.process.terminate()
    assert up.process.wait() == 0


def test_a_directory_and_a_running_up_say_the_same(cli: Cli, calls: dict[str, str], serving: Up) -> None:
    asked = ("advice", "--kind", "model", "--kind", "batch", "--candidate", "gpt-4o-mini", "--format", "json")
    here = json.loads(cli(*asked, **calls).stdout)
    there = json.loads(cli(*asked, "--data", str(serving.data)).stdout)
    assert here["lines"] == there["lines"]
    model, batch = here["lines"]
    assert (model["candidate"], batch["kind"]) == ("gpt-4o-mini", "batch")
    assert Decimal(batch["saved_usd"]) == Decimal(batch["cost_usd"]) / 2
    assert model["calls"] == batch["calls"] == 2
    assert model["example_traces"] == [f"{2:032x}", f"{1:032x}"]


def test_tables_and_lines(cli: Cli, calls: dict[str, str]) -> None:
    done = cli("advice", "--candidate", "gpt-4o-mini", **calls)
    assert done.exit_code == 0, done.output
    assert "gpt-4o-mini" in done.stdout
    assert "no vectors of questions are kept" in done.stderr
    lines = cli("advice", "--kind", "batch", "--format", "csv", **calls).stdout.splitlines()
    assert lines[0].startswith("kind,feature,model,candidate,calls,cost_usd,saved_usd")
    assert len(lines) == 2


def test_what_cannot_be_is_named(cli: Cli, calls: dict[str, str], serving: Up, tmp_path: Path) -> None:
    for more in (calls, {"SPANLEDGER_DATA": str(serving.data)}):
        done = cli("advice", "--candidate", "gpt-99", **more)
        assert done.exit_code != 0
        assert "'gpt-99' has no price in the list" in done.stderr
    assert cli("advice", "--data", str(tmp_path / "none")).exit_code == 1

"""The API's routes about drift: baselines, and comparisons where somebody can make them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from spanledger_collector import CollectorSettings, create_app, guarded
from spanledger_store.control import Control, projects
from spanledger_store.engine import Engine
from spanledger_store.quality.drift_request import Comparison
from spanledger_store.scope import Dimension

LOCAL = {"authorization": "Bearer local"}
PATH = "/api/v1/drift/baselines"
BODY = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-08T00:00:00Z", "slice": {"feature": "chat"}, "who": "Jo"}


@pytest.fixture
def asked() -> list[Comparison]:
    """What was asked to be compared."""
    return []


@pytest.fixture
def client(embedded: Engine, control: Control, asked: list[Comparison]) -> Iterator[TestClient]:
    """A collector to which somebody lent the methods."""
    projects.ensure(control, "default")
    for leftover in Path(embedded.settings.data).glob("spool.db*"):
        leftover.unlink()

    def compare(wanted: Comparison) -> dict[str, Any]:
        asked.append(wanted)
        return {"changed": False}

    settings = CollectorSettings(local_token=SecretStr("local"))
    app = create_app(embedded, control, settings, compare_drift=compare)
    with TestClient(guarded(app), base_url="http://127.0.0.1:8787") as made:
        yield made


def test_baselines_need_the_local_token_and_hold(client: TestClient) -> None:
    assert client.put(f"{PATH}/v1", json=BODY).status_code == 403
    kept = client.put(f"{PATH}/v1", json=BODY, headers=LOCAL).json()
    assert (kept["name"], kept["slice"], kept["from"]) == ("v1", {"feature": "chat"}, "2026-03-01T00:00:00+00:00")
    assert client.get(PATH).json() == [kept]
    refused = client.put(f"{PATH}/previous", json=BODY, headers=LOCAL)
    assert (refused.status_code, "'previous' cannot" in refused.json()["detail"]) == (400, True)
    assert client.delete(f"{PATH}/v2", headers=LOCAL).status_code == 404
    assert client.delete(f"{PATH}/v1", headers=LOCAL).json()["name"] == "v1"
    assert client.get(PATH).json() == []


def test_comparisons_go_to_who_knows_the_methods(client: TestClient, asked: list[Comparison]) -> None:
    body = {
        "from": "2026-03-01", "to": "2026-03-08", "of": "outputs", "filters": {"model": ["b"]}, "other": {"model": "a"},
    }  # fmt: skip
    assert client.post("/api/v1/drift/compare", json=body).json() == {"changed": False}
    assert asked[0].reference.filters == {Dimension.MODEL: ("a",)}
    wrong = client.post("/api/v1/drift/compare", json={"of": "thoughts"})
    assert (wrong.status_code, "'thoughts' cannot be compared" in wrong.json()["detail"]) == (400, True)
    assert client.post("/api/v1/drift/compare", json={"against": "v9"}).status_code == 404

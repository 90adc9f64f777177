"""The API's routes about drift: baselines, and comparisons where somebody can make them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from spanledger_collector import CollectorSettings, create_app, guarded
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, projects
from spanledger_store.engine import Engine
from spanledger_store.quality.drift_request import Comparison
from spanledger_store.scope import Dimension
from spanledger_store.writer import write
from tests.store.rows import span_row

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
    at = int(datetime(2026, 3, 3, tzinfo=UTC).timestamp() * 1e9)
    write(embedded, control, SpanBatch("drift", [span_row(start_time=at)], []))
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


def test_comparisons_that_cannot_be_are_refused(client: TestClient) -> None:
    for body, says in (
        ({"from": "0001-01-01", "to": "0001-02-01"}, "from '0001-01-01' is not between 2000 and 2100"),
        ({"from": "2000-01-01", "to": "2100-01-01"}, "against 'previous'"),
        ({"against": "0001-01-01..0001-02-01"}, "not between 2000 and 2100"),
        ({"project": "nobody"}, "there is no project 'nobody'"),
    ):
        found = client.post("/api/v1/drift/compare", json=body)
        assert (found.status_code, says in found.json()["detail"]) == (400, True), body


def test_an_unknown_project_and_impossible_times_are_told(client: TestClient) -> None:
    for path in ("/api/v1/drift", "/api/v1/drift/looks", PATH):
        found = client.get(f"{path}?project=nobody")
        assert (found.status_code, "no project 'nobody'" in found.json()["detail"]) == (400, True)
    for path in ("/api/v1/drift", "/api/v1/drift/looks"):
        for times, says in (
            ("from=0001-01-01T00:00:00Z", "2000 and 2100"), ("to=9999-01-01T00:00:00Z", "2000 and 2100"),
            ("from=2026-03-09&to=2026-03-02", "swap them"),
        ):  # fmt: skip
            found = client.get(f"{path}?{times}")
            assert (found.status_code, says in found.json()["detail"]) == (400, True), times


def test_a_baseline_that_can_never_work_is_not_pinned(client: TestClient) -> None:
    for change, says in (
        ({"slice": {"feature": "nosuch"}}, "has the feature 'nosuch'"),
        ({"slice": {}, "versions": {"release": "9"}}, "has the release '9'"),
        ({"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}, "has no calls from 2020-01-01"),
        ({"from": "2099-01-01T00:00:00Z", "to": "2099-02-01T00:00:00Z"}, "name a stretch that has begun"),
        ({"from": "0001-01-01T00:00:00Z"}, "2000 and 2100"),
    ):
        found = client.put(f"{PATH}/v1", json=BODY | change, headers=LOCAL)
        assert (found.status_code, says in found.json()["detail"]) == (400, True), found.json()
    assert client.get(PATH).json() == []


def test_a_missing_extra_is_named(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")

    def compare(wanted: Comparison) -> dict[str, Any]:
        raise ModuleNotFoundError("import of numba halted; None in sys.modules", name="numba")

    settings = CollectorSettings(local_token=SecretStr("local"))
    app = create_app(embedded, control, settings, compare_drift=compare)
    with TestClient(guarded(app), base_url="http://127.0.0.1:8787") as client:
        found = client.post("/api/v1/drift/compare", json={})
    assert (found.status_code, "pip install 'spanledger[analytics]'" in found.json()["detail"]) == (501, True)

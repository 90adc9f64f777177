"""The API's routes about anomalies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from spanledger_store import findings
from spanledger_store.control import Control, projects
from spanledger_store.engine import Engine
from tests.collector.conftest import Line, open_line
from tests.store.test_findings import made

LOCAL = {"authorization": "Bearer local"}
LIST = "/api/v1/anomalies"
PLAN = {"slice": {"customer": "acme"}, "start": "2026-04-01T00:00:00Z", "end": "2026-04-03T00:00:00Z", "factor": "2.5"}


@pytest.fixture
def line(embedded: Engine, control: Control) -> Iterator[Line]:
    """A collector whose local token is `local`, with two anomalies and a finding of another kind."""
    projects.ensure(control, "default")
    rows = [made(), made(id="a2", slice={"feature": "chat"}, state="ended"), made(id="d1", kind="drift")]
    findings.write(embedded, rows)
    yield from open_line(embedded, control, local_token=SecretStr("local"))


def test_anomalies_are_listed_narrowed_and_shown(line: Line) -> None:
    assert [each["id"] for each in line.client.get(LIST).json()] == ["a1", "a2"]
    assert [each["id"] for each in line.client.get(f"{LIST}?state=open").json()] == ["a1"]
    assert [each["id"] for each in line.client.get(f"{LIST}?customer=acme").json()] == ["a1"]
    assert line.client.get(f"{LIST}?to=2026-01-01T00:00:00Z").json() == []
    shown = line.client.get(f"{LIST}/a2").json()
    assert (shown["slice"], shown["feedback"], shown["impact_usd"]) == ({"feature": "chat"}, None, "6.250000000001")
    assert line.client.get(f"{LIST}/zz").status_code == 404


def test_feedback_is_kept_with_the_finding(line: Line) -> None:
    body = {"verdict": "false-positive", "note": "a test"}
    assert line.client.post(f"{LIST}/a1/feedback", json=body).status_code == 403
    assert line.client.post(f"{LIST}/a1/feedback", json=body, headers=LOCAL).json()["verdict"] == "false-positive"
    assert line.client.get(f"{LIST}/a1").json()["feedback"]["note"] == "a test"
    assert line.client.post(f"{LIST}/zz/feedback", json=body, headers=LOCAL).status_code == 404
    assert line.client.post(f"{LIST}/a1/feedback", json={"verdict": "nice"}, headers=LOCAL).status_code == 422


def test_plans_come_and_go(line: Line) -> None:
    assert line.client.post("/api/v1/plans", json=PLAN).status_code == 403
    kept = line.client.post("/api/v1/plans", json=PLAN, headers=LOCAL).json()
    assert kept["factor"] == "2.5"
    assert line.client.get("/api/v1/plans").json() == [kept]
    bad = line.client.post("/api/v1/plans", json=PLAN | {"slice": {"model": "x"}}, headers=LOCAL)
    assert (bad.status_code, "'model' is nothing" in bad.json()["detail"]) == (400, True)
    assert line.client.delete(f"/api/v1/plans/{kept['id']}", headers=LOCAL).status_code == 200
    assert line.client.delete(f"/api/v1/plans/{kept['id']}", headers=LOCAL).status_code == 404

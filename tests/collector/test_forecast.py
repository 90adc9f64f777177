"""The API about forecasts: complete answers, and clear ones where a question has none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.outlook import forecasts
from tests.collector.conftest import Line, open_line
from tests.store.spending import spend
from tests.store.test_forecasts import made, stored


@pytest.fixture
def today() -> datetime:
    """The day the API will take for today: of the test, not of the run, which may go past midnight."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def ahead(embedded: Engine, control: Control, today: datetime) -> Iterator[Line]:
    """Acme has spent 24 of 36 yesterday, and is expected to spend 2 of 3 a day."""
    embedded.command("TRUNCATE TABLE forecast_rows")
    yesterday = today - timedelta(hours=5)
    spend(embedded, control, [(yesterday, "24", {"customer": "acme"}), (yesterday, "12", {"customer": "b"})])
    forecasts.save(embedded, "default", "day", today, today, [
        made("", "", stored(["3"] * 90, begins=today)), made("customer", "acme", stored(["2"] * 90, begins=today)),
        made("customer", "b", stored(["1"] * 90, begins=today)),
    ])  # fmt: skip
    yield from open_line(embedded, control)


def test_the_newest_forecast_by_customer(ahead: Line, today: datetime) -> None:
    found = ahead.client.get("/api/v1/forecast?by=customer&days=30&limit=5000").json()
    assert found["begins"] == today.isoformat()
    whole, *rest = found["lines"]
    assert whole["value"] is None
    assert Decimal(whole["ahead"]["expected"]) == 90
    assert {each["value"]: Decimal(each["ahead"]["expected"]) for each in rest} == {"acme": 60, "b": 30}
    assert whole["limit"]["chance_over"] == 0
    assert set(whole["month"]["bands"]) == {"50", "80", "90"}
    one = ahead.client.get("/api/v1/forecast?by=customer&value=b&steps=true").json()
    assert [each["value"] for each in one["lines"]] == [None, "b"]
    assert len(one["lines"][1]["steps"]) == 90
    month = datetime.fromisoformat(found["month"]["end"])
    assert month.astimezone(UTC).day == 1


def test_a_scenario(ahead: Line) -> None:
    body = {"scenario": "volume:acme=2", "by": "customer", "days": 10}
    found = ahead.client.post("/api/v1/forecast/scenario", json=body).json()
    assert found["recent"] == {"days": 30, "cost": "36", "scenario": "60", "unpriced_calls": 0}
    assert [Decimal(each["ahead_scenario"]) for each in found["lines"]] == [50, 40, 10]


def test_how_forecasts_turned_out(ahead: Line) -> None:
    found = ahead.client.get("/api/v1/forecast/accuracy").json()
    assert found["lines"] == []
    assert found["months"] == []


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/api/v1/forecast?by=colour", None, "'colour'"),
        ("/api/v1/forecast?days=900", None, "1 to 90"),
        ("/api/v1/forecast?tz=Mars/Olympus", None, "no time zone"),
        ("/api/v1/forecast/scenario", {"scenario": "volume:nobody=2"}, "no recent call has the customer 'nobody'"),
        ("/api/v1/forecast/scenario", {"scenario": "more"}, "is no change"),
    ],
)
def test_what_cannot_be_answered_says_why(ahead: Line, path: str, body: dict[str, str] | None, says: str) -> None:
    answer = ahead.client.get(path) if body is None else ahead.client.post(path, json=body)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]

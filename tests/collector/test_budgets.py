"""The API about budgets: who may ask and change, what SDKs are told, and that nobody waits for the store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from spanledger_collector.board import asked_of
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, keys, projects
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreUnavailable
from spanledger_store.writer import write
from tests.collector.conftest import Line, open_line
from tests.store.rows import span_row

LOCAL = {"authorization": "Bearer local"}
STATE = "/api/v1/budgets/state"


@pytest.fixture
def board(embedded: Engine, control: Control) -> Iterator[Line]:
    """A collector whose local token is `local`."""
    yield from open_line(embedded, control, local_token=SecretStr("local"))


def put(line: Line, name: str, **body: Any) -> Any:
    answer = line.client.put(f"/api/v1/budgets/{name}", json={"amount": "10", "period": "year", **body}, headers=LOCAL)
    assert answer.status_code == 200, answer.text
    return answer.json()


def spend(line: Line, dollars: str, **more: Any) -> None:
    now = time.time_ns()
    row = span_row(span_id=f"{now:016x}"[-16:], start_time=now, cost_usd=Decimal(dollars), **more)
    write(line.collector.engine, line.collector.control, SpanBatch(str(now), [row]))
    line.collector.board.read()


def told(line: Line, query: str = "", **headers: str) -> dict[str, Any]:
    answer = line.client.get(f"{STATE}{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return {each["name"]: each for each in answer.json()["budgets"]}


def test_a_call_counts_as_soon_as_it_is_stored(board: Line) -> None:
    put(board, "all", enforcement="block")
    spend(board, "2.5")
    spend(board, "0.000000000001")
    state = told(board)["all"]
    assert (state["spent"], state["limit"], state["enforcement"]) == ("2.500000000001", "10", "block")
    assert datetime.fromisoformat(state["resets_at"]) == datetime(datetime.now(UTC).year + 1, 1, 1, tzinfo=UTC)


def test_only_what_calls_count_towards_is_told(board: Line) -> None:
    put(board, "acme", slice={"customer": "acme"})
    put(board, "globex", slice={"customer": "globex"})
    put(board, "each", per="customer", carry_over=True)
    spend(board, "1", customer="acme")
    spend(board, "2", customer="initech")
    found = told(board, "?customer=acme&customer=new&colour=red")
    assert set(found) == {"acme", "each"}
    assert found["each"]["values"] == {"acme": {"limit": "10", "spent": "1"}}
    assert (found["each"]["limit"], found["each"]["spent"]) == ("10", "0")  # of whoever has spent nothing
    assert set(told(board)["each"]["values"]) == {"acme", "initech"}
    assert asked_of([("customer", "a"), ("customer", "b"), ("colour", "red")]) == {"customer": ["a", "b"]}


def test_polling_is_cheap_and_a_change_is_seen(board: Line) -> None:
    put(board, "all")
    board.collector.board.read()
    first = board.client.get(STATE)
    assert first.headers["cache-control"] == "private, max-age=2"
    same = {"if-none-match": first.headers["etag"]}
    again = board.client.get(STATE, headers=same)
    assert (again.status_code, again.content) == (304, b"")
    assert float(again.headers["x-spanledger-behind"]) < 60
    spend(board, "1")
    assert board.client.get(STATE, headers=same).json()["budgets"][0]["spent"] == "1"


def test_a_change_shows_without_being_waited_for(board: Line) -> None:
    put(board, "all")
    deadline = time.monotonic() + 20
    while "all" not in told(board):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert board.client.delete("/api/v1/budgets/all", headers=LOCAL).status_code == 200
    while "all" in told(board):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_store_that_is_away_leaves_the_last_state_and_says_how_old_it_is(
    board: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(board, "all")
    spend(board, "3")

    def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(board.collector.engine, "rows", away)
    board.collector.board.read()
    held = board.collector.board.reading
    assert held is not None
    before = held.behind()
    assert told(board)["all"]["spent"] == "3"
    time.sleep(0.01)
    assert float(board.client.get(STATE).headers["x-spanledger-behind"]) > 0
    assert held.behind() > before


def test_what_waits_in_the_spool_is_said_to_be_missing(board: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    spool = board.collector.spool
    seen = spool.snapshot()
    monkeypatch.setattr(spool, "snapshot", lambda _after=-1: replace(seen, oldest=time.time_ns() - 9_000_000_000))
    board.collector.board.read()
    assert float(board.client.get(STATE).headers["x-spanledger-behind"]) >= 9


def test_an_ingest_key_may_ask_for_its_own_project_and_nothing_else(board: Line, control: Control) -> None:
    projects.ensure(control, "other")
    put(board, "theirs", project="other")
    put(board, "ours")
    board.collector.board.read()
    _, secret = keys.create(control, "other", "app", "ingest")
    keys.create(control, "default", "people", "read")
    board.collector.access._needed.clear()
    sender = {"authorization": f"Bearer {secret}"}
    assert set(told(board, "?project=default", **sender)) == {"theirs"}
    assert board.client.get("/api/v1/budgets", headers=sender).status_code == 401
    assert board.client.get(STATE).status_code == 401
    assert board.client.get(STATE, headers={"authorization": "Bearer sl_ingest_wrong"}).status_code == 401


def test_a_page_elsewhere_cannot_ask_through_a_name_of_its_own(board: Line) -> None:
    assert board.client.get(STATE, headers={"host": "evil.example"}).status_code == 403


def test_only_this_machines_command_line_changes_budgets(board: Line, control: Control) -> None:
    _, secret = keys.create(control, "default", "people", "read")
    for headers in ({}, {"authorization": f"Bearer {secret}"}):
        body = {"amount": "10", "period": "month"}
        assert board.client.put("/api/v1/budgets/b", json=body, headers=headers).status_code in (401, 403)
        assert board.client.delete("/api/v1/budgets/b", headers=headers).status_code in (401, 403)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"amount": "-1"}, "amount -1 is no sum"),
        ({"amount": "0.0000000000001"}, "more than 12 decimal places"),
        ({"zone": "Mars/Olympus"}, "'Mars/Olympus' is no time zone"),
        ({"slice": {"colour": "red"}}, "'colour' is nothing a budget can be about"),
        ({"slice": {"customer": ""}}, "value of customer is empty"),
        ({"slice": {"customer": "acme"}, "per": "customer"}, "one value already"),
        ({"project": "nowhere"}, "there is no project 'nowhere'"),
    ],
)
def test_a_budget_that_cannot_be_is_refused_with_a_reason(board: Line, body: dict[str, Any], says: str) -> None:
    asked = {"amount": "10", "period": "month", **body}
    answer = board.client.put("/api/v1/budgets/b", json=asked, headers=LOCAL)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


def test_people_see_how_each_stands(board: Line) -> None:
    put(board, "all", owner="Jo", enforcement="block")
    spend(board, "10")
    answer = board.client.get("/api/v1/budgets").json()
    assert [each["owner"] for each in answer["budgets"]] == ["Jo"]
    (state,) = answer["states"]
    assert (state["status"], state["share"], state["remaining"], state["used_up"]) == ("used up", 1.0, "0", True)
    missing = board.client.delete("/api/v1/budgets/none", headers=LOCAL)
    assert (missing.status_code, missing.json()["detail"]) == (
        404,
        "project 'default' has no budget 'none'; it has: all.",
    )

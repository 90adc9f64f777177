"""Own prices in a running collector: who may change them, and that spans have them within seconds, in every process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from spanledger.pricebook import Book, Price
from spanledger_collector.pricewatch import PriceWatch
from spanledger_store.control import Control, keys, prices
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreUnavailable
from tests.collector.conftest import Line, open_line
from tests.collector.otlp_builder import chat, request, span

LOCAL = {"authorization": "Bearer local"}
PATH = "/api/v1/prices"
HOUSE = {"name": "house", "model": "gpt-4o", "rates": {"input": "2.25", "output": "9"}}
# 100 tokens in and 50 out.
OWN, LISTED = Decimal("0.000675"), Decimal("0.00075")


@pytest.fixture
def door(embedded: Engine, control: Control) -> Iterator[Line]:
    """A collector whose local token is `local`."""
    yield from open_line(embedded, control, local_token=SecretStr("local"))


def put(line: Line, *wanted: dict[str, Any]) -> Any:
    answer = line.client.post(PATH, json={"prices": list(wanted)}, headers=LOCAL)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stored(line: Line, columns: str = "cost_usd, price_source") -> list[tuple[Any, ...]]:
    line.settle()
    return line.collector.engine.rows(f"SELECT {columns} FROM spans ORDER BY ingested_at, cost_usd")


def send(line: Line, **values: Any) -> None:
    assert line.post(request(span(chat(**values))).SerializeToString()).status_code == 200


def test_a_price_that_is_set_is_the_next_calls(door: Line) -> None:
    send(door)
    assert [cost for cost, _ in stored(door)] == [LISTED]
    told = put(door, HOUSE)
    assert [(each["name"], each["version"]) for each in told["opened"]] == [("house", 1)]
    send(door)
    assert stored(door)[1] == (OWN, "own house v1")
    assert door.client.delete(f"{PATH}/house", headers=LOCAL).status_code == 200
    send(door)
    assert stored(door)[2][0] == LISTED


def test_a_change_by_another_process_is_seen_without_a_restart(door: Line) -> None:
    prices.put(
        door.collector.control, Price("house", model="gpt-4o", rates={"input": Decimal(0), "output": Decimal(0)})
    )
    deadline = time.monotonic() + 30
    while door.collector.prices.sealed is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    send(door)
    assert stored(door) == [(Decimal(0), "own house v1")]


def test_the_processes_beside_this_one_have_the_book_too(embedded: Engine, control: Control) -> None:
    """More spans than this process would prepare by itself, before and after a change."""
    for line in open_line(embedded, control, local_token=SecretStr("local"), processes=1):
        for expected in (LISTED, OWN):
            if expected == OWN:
                put(line, HOUSE)
            line.post(request(*(span(chat()) for _ in range(400))).SerializeToString())
            # A process begins with reading the price list, which takes long on a busy machine.
            deadline = time.monotonic() + 240
            while line.collector.spool.stats().entries:
                assert time.monotonic() < deadline, line.collector.pipeline.last_error
                time.sleep(0.05)
            found = line.collector.engine.rows(f"SELECT count() FROM spans WHERE cost_usd = {expected}")
            assert found == [(400,)]


def test_a_customers_own_price_finds_the_customer_wherever_its_name_is(door: Line) -> None:
    put(door, {**HOUSE, "customer": "acme"}, {"name": "less", "kind": "discount", "percent": "50", "feature": "chat"})
    send(door, **{"spanledger.customer.id": "acme"})
    send(door, **{"spanledger.metadata.customer_id": "acme"})
    send(door, **{"spanledger.customer.id": "globex", "spanledger.feature": "chat"})
    found = stored(door, "customer, cost_usd, price_source")
    assert [row[:2] for row in found] == [("acme", OWN), ("acme", OWN), ("globex", LISTED / 2)]
    assert found[2][2].endswith("openai/gpt-4o, discount less v1")


@pytest.mark.parametrize(
    ("attributes", "tier", "half"),
    [
        ({"gen_ai.openai.response.service_tier": "flex", "gen_ai.openai.request.service_tier": "auto"}, "flex", True),
        ({"openai.response.service_tier": "default", "openai.request.service_tier": "flex"}, "default", False),
        ({"openai.request.service_tier": "auto"}, "", False),
        ({"spanledger.metadata.service_tier": "batch"}, "batch", True),
        ({"spanledger.metadata.service_tier": "auto", "openai.response.service_tier": "flex"}, "flex", True),
        ({"spanledger.metadata.service_tier": "priority"}, "priority", None),
    ],
)
def test_a_span_says_its_class_of_service(door: Line, attributes: dict[str, str], tier: str, half: bool | None) -> None:
    send(door, **attributes)
    ((cost, source, told),) = stored(door, "cost_usd, price_source, metadata['service_tier']")
    assert told == tier
    if half is not None:
        assert cost == (LISTED / 2 if half else LISTED)
        assert ("batch" in source or "flex" in source) is half
    else:
        assert "priority" in source


def test_an_own_price_of_a_class_is_for_that_class(door: Line) -> None:
    put(door, {**HOUSE, "service": "batch"})
    send(door, **{"spanledger.metadata.service_tier": "batch"})
    send(door)
    assert [cost for cost, _ in stored(door)] == [OWN, LISTED]


def test_only_this_machine_may_change_prices(door: Line) -> None:
    _, secret = keys.create(door.collector.control, "default", "reader", "read")
    reader = {"authorization": f"Bearer {secret}"}
    now = datetime.now(UTC)
    stretch = {"start": (now - timedelta(days=1)).isoformat(), "end": now.isoformat()}
    assert door.client.post(PATH, json={"prices": [HOUSE]}, headers=reader).status_code == 403
    assert door.client.post(f"{PATH}/preview", json=stretch, headers=reader).status_code == 403
    assert door.client.delete(f"{PATH}/house", headers=reader).status_code == 403
    assert door.client.get(PATH, headers=reader).json()["prices"] == []
    for path in ("lines", "sources"):
        assert door.client.get(f"{PATH}/{path}", params=stretch, headers=reader).status_code == 200


def test_what_cannot_be_is_refused_with_a_reason(door: Line) -> None:
    for body, said in (
        ({"prices": [{"name": "a"}]}, "no rate"),
        ({"prices": [HOUSE, {**HOUSE, "name": "b", "project": "nowhere"}]}, "nowhere"),
        ({"prices": [{**HOUSE, "rates": {"input": 0.1}}]}, "exact number"),
    ):
        answer = door.client.post(PATH, json=body, headers=LOCAL)
        assert (answer.status_code, said in answer.text) == (400, True)
    assert door.client.get(PATH, headers=LOCAL).json()["prices"] == []
    assert door.client.get(f"{PATH}/house/history", headers=LOCAL).status_code == 404
    assert door.client.delete(f"{PATH}/house", headers=LOCAL).status_code == 404


def test_a_preview_and_what_it_was_about(door: Line) -> None:
    send(door, **{"spanledger.customer.id": "acme"})
    door.settle()
    now = datetime.now(UTC)
    stretch = {"start": (now - timedelta(days=1)).isoformat(), "end": (now + timedelta(hours=1)).isoformat()}
    told = door.client.post(f"{PATH}/preview", json={"prices": [HOUSE], **stretch}, headers=LOCAL).json()
    ((line),) = told["slices"]
    assert (line["customer"], Decimal(line["old_cost"]), Decimal(line["new_cost"])) == ("acme", LISTED, OWN)
    assert door.client.get(PATH, headers=LOCAL).json()["prices"] == []
    put(door, HOUSE)
    body = {"remove": ["house"], **stretch}
    told = door.client.post(f"{PATH}/preview", json=body, headers=LOCAL).json()
    assert told["slices"] == []  # the stored call never had it
    (source,) = door.client.get(f"{PATH}/sources", params=stretch, headers=LOCAL).json()["sources"]
    assert (source["calls"], Decimal(source["cost_usd"])) == (1, LISTED)


def test_a_control_database_that_is_away_leaves_the_book(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    prices.put(control, Price("house", rates={"input": Decimal(1)}))
    watch = PriceWatch(control)
    watch.start()
    try:
        held = watch.sealed
        assert held is not None
        asked: list[int] = []

        def away(_: Control) -> int:
            asked.append(1)
            raise StoreUnavailable("away")

        monkeypatch.setattr(prices, "revision", away)
        deadline = time.monotonic() + 30
        while len(asked) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert watch.sealed is held
        monkeypatch.undo()
        prices.remove(control, "default", "house", None)
        while watch.sealed is not None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        watch.stop()
    assert held.open().entries == Book([*held.open().entries]).entries

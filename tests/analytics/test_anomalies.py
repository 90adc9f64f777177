"""The detector of changes in the ledger: what it finds, what it leaves alone, and that it never looks ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pytest

from spanledger_analytics.methods.anomalies.cells import Cells
from spanledger_analytics.methods.anomalies.detection import detect
from spanledger_analytics.methods.anomalies.events import Event, Heard, Past, Planned, Settings
from spanledger_analytics.methods.anomalies.scan import Channel
from tests.analytics.spend_lines import FIRST, Change, Hour, hour, lines, nothing

ANY = Settings()
DAY = 22  # a Tuesday


def past(frame: pl.DataFrame) -> Past:
    return Past(Cells.of(frame), Cells.of(frame, dimensions=("customer", "feature")))


def found(
    change: Change, *, seed: int = 3, until: int = hour(30), settings: Settings = ANY, **more: object
) -> Sequence[Event]:
    return detect(past(lines(seed, change)), FIRST, until, settings, **more)  # type: ignore[arg-type]


def told(events: Sequence[Event]) -> list[tuple[Channel, dict[str, str], int, int]]:
    return [(each.channel, dict(each.where), each.start, each.seen) for each in events]


def longer_prompts(each: Hour) -> None:
    if (
        each.customer == "customer-1"
        and each.feature == "chat"
        and (each.day, each.hour) >= (DAY, 10)
        and each.day < 26
    ):
        each.tokens *= 2.2


def cold_cache(each: Hour) -> None:
    if each.feature == "agent" and (each.day, each.hour) >= (DAY, 9) and each.day < 25:
        each.cached = 0.0


def launch(each: Hour) -> None:
    if each.customer == "customer-0" and each.feature == "search" and DAY <= each.day < 25:
        each.calls *= 3.5


def outage(each: Hour) -> None:
    if each.customer == "customer-0" and (each.day, each.hour) >= (DAY, 9) and each.day < 24:
        each.calls *= 0.02


def dearer_model(each: Hour) -> None:
    if each.customer == "customer-0" and each.feature == "chat" and (each.day, each.hour) >= (DAY, 9):
        each.model = "gamma"


def test_tokens_per_call_that_doubled_are_found_in_their_slice_within_two_hours() -> None:
    (event,) = found(longer_prompts)
    assert event.channel is Channel.TOKENS
    assert event.where == {"customer": "customer-1", "feature": "chat"}
    assert event.first_where == event.where
    assert abs(event.start - hour(DAY, 10)) <= 1
    assert event.seen <= hour(DAY, 12)
    assert event.end is not None
    assert abs(event.end - hour(26)) <= 12
    assert event.factor == pytest.approx(2.2, rel=0.1)
    assert event.impact == pytest.approx(event.actual * (1 - 1 / 2.2), rel=0.15)


def test_a_cache_that_stops_is_one_event_of_the_feature_and_not_one_per_customer() -> None:
    (event,) = found(cold_cache)
    assert (event.channel, dict(event.where)) == (Channel.PRICE, {"feature": "agent"})
    assert event.seen <= hour(DAY, 11)


def test_more_calls_are_found_and_are_no_anomaly_when_they_were_planned() -> None:
    (event,) = found(launch)
    assert (event.channel, dict(event.where)) == (Channel.VOLUME, {"customer": "customer-0", "feature": "search"})
    assert event.sign == 1
    slice_, customer = {"customer": "customer-0", "feature": "search"}, {"customer": "customer-0"}
    for where, factor in ((slice_, None), (slice_, 3.5), (customer, None)):
        assert not found(launch, planned=[Planned(where, hour(DAY), hour(25), factor)])


def test_more_than_was_planned_is_told() -> None:
    (event,) = found(
        launch, planned=[Planned({"customer": "customer-0", "feature": "search"}, hour(DAY), hour(25), 1.2)]
    )
    assert event.channel is Channel.VOLUME


def test_a_plan_covers_calls_and_not_what_they_take() -> None:
    plan = Planned({"customer": "customer-1"}, hour(DAY), hour(26))
    assert [each.channel for each in found(longer_prompts, planned=[plan])] == [Channel.TOKENS]


def test_calls_that_stay_away_are_found_too() -> None:
    events = found(outage)
    assert [each.sign for each in events] == [-1]
    assert events[0].where == {"customer": "customer-0"}
    assert events[0].impact < 0


def test_opposite_changes_that_leave_the_total_alone_are_both_found() -> None:
    def swap(each: Hour) -> None:
        if each.feature == "agent" and DAY <= each.day < 26 and each.customer in ("customer-0", "customer-1"):
            each.tokens *= 1.9 if each.customer == "customer-0" else 0.35

    events = found(swap)
    assert sorted((each.where["customer"], each.sign) for each in events) == [("customer-0", 1), ("customer-1", -1)]


def test_a_dearer_model_is_found_and_an_equal_one_is_not() -> None:
    events = found(dearer_model)
    assert [each.channel for each in events] == [Channel.PRICE]
    assert events[0].where.get("model") == "gamma" or events[0].where == {"customer": "customer-0", "feature": "chat"}

    def renamed(each: Hour) -> None:
        if each.feature == "chat" and (each.day, each.hour) >= (DAY, 9):
            each.model = "alpha-2"

    frame = lines(3, dearer_model).with_columns(model=pl.col("model").replace("gamma", "alpha-2"))
    cost = pl.when(pl.col("model") == "alpha-2").then(pl.col("cost_usd") / 3).otherwise(pl.col("cost_usd"))
    assert not detect(past(frame.with_columns(cost_usd=cost)), FIRST, hour(30), ANY)


def test_a_new_customer_is_no_anomaly_of_anybody() -> None:
    def newcomer(each: Hour) -> None:
        if each.customer == "customer-2" and each.day < 16:
            each.calls = 0.0

    assert not found(newcomer)


@pytest.mark.parametrize("seed", range(6))
def test_an_ordinary_month_has_no_anomaly(seed: int) -> None:
    assert not found(nothing, seed=100 + seed, settings=Settings())


def test_what_is_found_by_an_hour_does_not_depend_on_what_comes_later() -> None:
    frame = lines(3, longer_prompts)
    until = hour(DAY, 13)
    early = frame.filter(pl.col("at").dt.epoch("s") < until * 3600)
    strange = frame.with_columns(
        cost_usd=pl.when(pl.col("at").dt.epoch("s") >= until * 3600)
        .then(pl.col("cost_usd") * 50)
        .otherwise(pl.col("cost_usd"))
    )
    results = [detect(past(each), FIRST, until, ANY) for each in (early, frame, strange)]
    assert told(results[0])
    assert told(results[0]) == told(results[1]) == told(results[2])
    whole = [each for each in detect(past(strange), FIRST, hour(30), ANY) if each.seen <= until]
    assert [each[2:] for each in told(whole)] == [each[2:] for each in told(results[0])]


def test_neither_the_order_of_lines_nor_the_currency_matters() -> None:
    frame = lines(3, cold_cache)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=4)
    yen = frame.with_columns(pl.col("cost_usd") * 150)
    first = detect(past(frame), FIRST, hour(30), ANY)
    assert told(first) == told(detect(past(shuffled), FIRST, hour(30), ANY))
    assert told(first) == told(detect(past(yen), FIRST, hour(30), replace(ANY, usd=ANY.usd * 150)))


def test_people_who_say_that_it_is_expected_are_heard() -> None:
    (event,) = found(longer_prompts)
    heard = Heard(event.where, event.channel, 1, event.start - 2, event.start + 1000, event.factor)
    (again,) = found(longer_prompts, heard=[heard])
    assert again.silent
    (other,) = found(longer_prompts, heard=[replace(heard, factor=1.3)])
    assert not other.silent


def test_an_earlier_event_is_not_told_again_and_its_hours_are_not_the_usual() -> None:
    (event,) = found(longer_prompts)
    later = detect(past(lines(3, longer_prompts)), hour(27), hour(30), ANY, known=[event])
    assert not later


def test_nothing_is_found_in_nothing() -> None:
    empty = lines(3).clear()
    assert detect(past(empty), FIRST, hour(3), ANY) == []
    assert detect(past(lines(3)), hour(3), hour(3), ANY) == []

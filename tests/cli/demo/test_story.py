"""Thirty seeds tell thirty stories, and each can be found out."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from spanledger.pricing import price
from spanledger.usage import Usage
from spanledger_cli.demo.company import CUSTOMERS, FEATURES, MODELS, NEWCOMERS, affinities
from spanledger_cli.demo.events import INCIDENTS
from spanledger_cli.demo.story import full_hour, story
from spanledger_cli.demo.volume import HOUR_NS

END = datetime(2026, 3, 2, 9, tzinfo=UTC)
STORIES = [story(seed, END) for seed in range(30)]


def test_the_same_arguments_tell_the_same_story() -> None:
    assert story(3, END) == story(3, END)
    assert story(3, END) != story(4, END)
    assert story(3, END) != story(3, END - timedelta(hours=1))


def test_the_end_is_cut_to_the_full_hour() -> None:
    assert story(3, END + timedelta(minutes=59)) == story(3, END)
    assert full_hour(datetime(2026, 3, 1, 5, 30)) == datetime(2026, 3, 1, 5, tzinfo=UTC)  # noqa: DTZ001


@pytest.mark.parametrize("told", STORIES, ids=lambda told: f"seed{told.seed}")
def test_every_story_has_each_event_once_and_inside_the_window(told) -> None:
    kinds = Counter(event.type for event in told.events)
    assert set(kinds.values()) == {1}
    assert set(kinds) == {*INCIDENTS, "planned_launch", "new_customer", "weekend_dip"}
    for event in told.events:
        assert told.start_ns <= event.start_ns < event.end_ns <= told.end_ns
        assert event.is_incident == (event.type in INCIDENTS)


@pytest.mark.parametrize("told", STORIES, ids=lambda told: f"seed{told.seed}")
def test_no_two_events_that_change_calls_share_a_feature(told) -> None:
    names = [
        event.where["feature"]
        for event in told.events
        if event.type in ("token_increase", "cache_failure", "latency_regression", "planned_launch", "new_topic")
    ]
    # The new topic may be where a cache fails; the rest keep apart.
    assert len(set(names)) >= len(names) - 1


@pytest.mark.parametrize("told", STORIES, ids=lambda told: f"seed{told.seed}")
def test_incidents_leave_a_history_before_them_and_start_in_working_hours(told) -> None:
    for event in told.events:
        if event.type in INCIDENTS:
            assert event.start_ns >= told.start_ns + 15 * 24 * HOUR_NS - HOUR_NS
        if event.type in ("cache_failure", "latency_regression", "error_burst"):
            started = datetime.fromtimestamp(event.start_ns / 1e9, UTC)
            assert started.weekday() < 5
            assert 8 <= started.hour < 14


def test_slices_differ_between_seeds() -> None:
    slices = {tuple(sorted(event.where.items())) for told in STORIES for event in told.of_type("token_increase")}
    providers = {event.where["provider"] for told in STORIES for event in told.of_type("error_burst")}
    topics = {event.details["topic"] for told in STORIES for event in told.of_type("new_topic")}
    assert len(slices) >= 6
    assert len(providers) >= 3
    assert len(topics) >= 4


def test_a_short_window_has_a_story_too() -> None:
    told = story(5, END, days=3, spans=2000)
    assert {*INCIDENTS} <= {event.type for event in told.events}
    assert told.hours == 72


def test_an_impossible_window_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one day"):
        story(1, END, days=0)


def test_all_models_have_prices_but_the_self_hosted_one() -> None:
    for model in MODELS.values():
        cost = price(Usage(input_tokens=1000, output_tokens=100), provider=model.provider, model=model.name, at=END)
        assert (cost is None) == (model.provider == "self_hosted"), model


def test_a_successor_costs_what_its_predecessor_does() -> None:
    usage = Usage(input_tokens=1000, cache_read_tokens=900, cache_write_tokens=80, output_tokens=700)
    for feature in FEATURES:
        if feature.successor is None:
            continue
        costs: set[Decimal] = set()
        for name in (feature.models[0][0], feature.successor):
            cost = price(usage, provider=MODELS[name].provider, model=name, at=END)
            assert cost is not None
            costs.add(cost.total)
        assert len(costs) == 1, feature.name


def test_each_customer_divides_itself_among_its_features() -> None:
    for customer in (*CUSTOMERS, *NEWCOMERS):
        shares = [affinities()[customer.name, feature.name] for feature in FEATURES]
        assert sum(shares) == pytest.approx(1.0)
        assert any(shares)

"""The plans themselves are measured: what the story says is so, and where it says nothing, nothing is."""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import pytest

from spanledger.pricing import price
from spanledger_cli.demo.company import FEATURE, MODELS
from spanledger_cli.demo.plans import SpanPlan, TracePlan
from spanledger_cli.demo.story import story
from spanledger_cli.demo.traffic import session_counts, traffic
from spanledger_cli.demo.volume import HOUR_NS

END = datetime(2026, 3, 2, 9, tzinfo=UTC)


def digest(plans: Iterable[TracePlan]) -> str:
    found = hashlib.sha256()
    for plan in plans:
        found.update(repr(plan).encode())
    return found.hexdigest()


def tokens(span: SpanPlan) -> int:
    assert span.usage is not None
    return (span.usage.total_input or 0) + (span.usage.total_output or 0)


def test_the_same_seed_makes_the_same_plans() -> None:
    first = digest(traffic(story(1, END, 4, 3000)))
    assert digest(traffic(story(1, END, 4, 3000))) == first
    assert digest(traffic(story(2, END, 4, 3000))) != first


def test_traces_come_in_order_within_the_window(month) -> None:
    starts = [trace.start_ns for trace in month.traces]
    assert starts == sorted(starts)
    assert month.story.start_ns <= starts[0]
    assert max(trace.end_ns for trace in month.traces) <= month.story.end_ns


def test_the_number_of_spans_is_about_what_was_asked_for(month) -> None:
    spans = sum(1 for trace in month.traces for _ in trace.root.walk())
    assert spans == pytest.approx(month.story.spans, rel=0.06)


def test_ids_are_unique(month) -> None:
    assert len({trace.trace_id() for trace in month.traces}) == len(month.traces)


def test_traces_are_two_to_some_fifteen_spans_and_three_levels_deep(month) -> None:
    def depth(span: SpanPlan) -> int:
        return 1 + max((depth(child) for child in span.children), default=0)

    sizes = [sum(1 for _ in trace.root.walk()) for trace in month.traces]
    assert min(sizes) == 2
    assert 12 <= max(sizes) <= 24
    assert max(depth(trace.root) for trace in month.traces) == 3


def test_messages_of_a_session_stay_with_their_topic(month) -> None:
    topics: defaultdict[str, set[str]] = defaultdict(set)
    turns: Counter[str] = Counter()
    for trace in month.traces:
        if trace.session:
            topics[trace.session].add(trace.topic)
            turns[trace.session] += 1
    longer = [session for session, count in turns.items() if count > 1]
    assert len(longer) > 500
    assert statistics.mean(len(topics[session]) == 1 for session in longer) > 0.75


def test_questions_vary(month) -> None:
    questions = [trace.root.messages[0][1] for trace in month.traces]
    assert len(set(questions)) > 0.5 * len(questions)
    assert all("{" not in question for question in questions)


def test_working_hours_and_weekends_show(month) -> None:
    by_weekday: Counter[int] = Counter()
    by_hour: Counter[int] = Counter()
    for trace in month.traces:
        at = datetime.fromtimestamp(trace.start_ns / 1e9, UTC)
        by_weekday[at.weekday()] += 1
        by_hour[at.hour] += 1
    working = statistics.mean(by_weekday[day] for day in range(5))
    assert statistics.mean((by_weekday[5], by_weekday[6])) < 0.55 * working
    assert by_hour[14] > 4 * by_hour[3]


def test_some_calls_belong_to_nobody_and_some_to_staging(month) -> None:
    nobody = statistics.mean(trace.feature is None for trace in month.traces)
    staging = statistics.mean(trace.environment == "staging" for trace in month.traces)
    assert 0.005 < nobody < 0.025
    assert 0.015 < staging < 0.05
    assert all(trace.customer is None for trace in month.traces if trace.environment == "staging")


def test_the_prompt_change_multiplies_tokens_in_its_slice_only(month) -> None:
    event = month.event("token_increase")
    inside: list[int] = []
    before: list[int] = []
    others: dict[bool, list[int]] = {True: [], False: []}
    for trace, span in month.calls():
        if span.usage is None or trace.feature != event.where["feature"] or trace.customer is None:
            continue
        during = event.start_ns <= trace.start_ns < event.end_ns
        if trace.customer == event.where["customer"]:
            (inside if during else before).append(tokens(span))
            assert (trace.prompt_version == event.where["prompt_version"]) == during
        else:
            others[during].append(tokens(span))
    factor = event.effects["tokens_per_call"]
    assert statistics.mean(inside) / statistics.mean(before) == pytest.approx(factor, rel=0.2)
    assert statistics.mean(others[True]) / statistics.mean(others[False]) == pytest.approx(1.0, abs=0.15)


def test_the_cache_stops_hitting_where_it_is_said_to(month) -> None:
    event = month.event("cache_failure")
    feature = FEATURE[event.where["feature"]]
    hits: dict[bool, list[bool]] = {True: [], False: []}
    costs: dict[bool, list[float]] = {True: [], False: []}
    for trace, span in month.calls():
        if trace.feature == feature.name and span.usage is not None:
            during = event.start_ns <= trace.start_ns < event.end_ns
            hits[during].append(bool(span.usage.cache_read_tokens))
            cost = price(span.usage, provider=span.provider, model=span.model, at=END)
            assert cost is not None
            costs[during].append(float(cost.total))
    assert statistics.mean(hits[False]) == pytest.approx(event.effects["cache_hit_share_before"], abs=0.03)
    assert statistics.mean(hits[True]) < 0.12
    rise = statistics.mean(costs[True]) / statistics.mean(costs[False])
    assert rise == pytest.approx(event.effects["cost_per_call"], rel=0.2)


def test_the_release_slows_the_tail_and_not_the_price(month) -> None:
    event = month.event("latency_regression")
    durations: dict[str, list[int]] = defaultdict(list)
    costs: dict[str, list[float]] = defaultdict(list)
    for trace, span in month.calls():
        if trace.feature == event.where["feature"] and span.usage is not None and span.model is not None:
            durations[span.model].append(span.duration_ns)
            cost = price(span.usage, provider=span.provider, model=span.model, at=END)
            costs[span.model].append(float(cost.total if cost else 0))
            if span.model == event.where["model"] and trace.environment == "production":
                assert trace.release == event.where["release"]
    old, new = str(event.details["model_before"]), event.where["model"]
    assert np.quantile(durations[new], 0.95) > event.effects["p95_duration_at_least"] * np.quantile(
        durations[old], 0.95
    )
    assert np.median(durations[new]) < 1.35 * np.median(durations[old])
    assert np.median(costs[new]) == pytest.approx(np.median(costs[old]), rel=0.15)


def test_errors_burst_at_one_provider_and_are_retried(month) -> None:
    event = month.event("error_burst")
    failed: dict[tuple[bool, bool], list[bool]] = defaultdict(list)
    for trace, span in month.calls():
        there = span.provider == event.where["provider"]
        # A trace that begins before the burst lives through its own conditions.
        failed[there, event.start_ns <= trace.start_ns < event.end_ns].append(span.error is not None)
        assert span.attempt == 1 or span.gap_ns > 300_000_000
    noise = 3 * (0.25 / len(failed[True, True])) ** 0.5
    assert statistics.mean(failed[True, True]) == pytest.approx(event.effects["error_share"], abs=noise)
    assert statistics.mean(failed[True, False]) < 0.03
    assert statistics.mean(failed[False, True]) < 0.06


def test_the_new_topic_is_silent_before_and_has_its_share_after(month) -> None:
    event = month.event("new_topic")
    told, sessions = set(), set()
    for trace in month.traces:
        new = trace.topic == event.details["topic"]
        assert not new or trace.start_ns >= event.start_ns
        if trace.feature == event.where["feature"] and trace.start_ns >= event.start_ns:
            sessions.add(trace.session or trace.key)
            if new:
                told.add(trace.session or trace.key)
    assert len(told) / len(sessions) == pytest.approx(event.effects["session_share"], abs=0.04)


def test_a_launch_adds_sessions_and_leaves_every_other_trace_alone() -> None:
    told = story(6, END, 10, 12_000)
    with_launch = {trace.key: trace for trace in traffic(told)}
    without = {trace.key: trace for trace in traffic(told.without("planned_launch"))}
    (event,) = told.of_type("planned_launch")
    assert all(with_launch[key] == trace for key, trace in without.items())
    added = [trace for key, trace in with_launch.items() if key not in without]
    assert added
    # A session that began during the launch may end after it.
    assert all(event.start_ns - HOUR_NS <= trace.start_ns for trace in added)
    assert {trace.feature for trace in added} <= {event.where["feature"], None}
    assert {trace.customer for trace in added} <= {event.where["customer"], None}


def test_a_newcomer_is_absent_before_and_ramps_up(month) -> None:
    event = month.event("new_customer")
    starts = [trace.start_ns for trace in month.traces if trace.customer == event.where["customer"]]
    assert min(starts) >= event.start_ns
    assert len(starts) > 200


def test_the_dip_is_a_weekend_below_the_others(month) -> None:
    event = month.event("weekend_dip")
    counts = session_counts(month.story)
    totals = np.sum([per_hour for (customer, _), per_hour in counts.items() if customer in _usual(month)], axis=0)
    first = (event.start_ns - month.story.start_ns) // HOUR_NS
    dip = totals[first : first + 48].sum()
    weeks = [totals[first - 168 * week : first - 168 * week + 48].sum() for week in (1, 2)]
    assert 0.6 < dip / statistics.mean(weeks) < 0.95


def _usual(month):
    return [customer for customer in month.story.customers if customer is not month.story.newcomer]


def test_every_span_costs_what_its_model_costs_or_is_unpriced(month) -> None:
    spend = 0.0
    unpriced = set()
    for _, span in month.calls():
        if span.usage is None:
            assert span.error is not None
            continue
        cost = price(span.usage, provider=span.provider, model=span.model, at=END)
        if cost is None:
            unpriced.add(span.model)
        else:
            spend += float(cost.total)
    assert unpriced == {name for name, model in MODELS.items() if model.provider == "self_hosted"}
    # Some two thousand dollars at the full size of 110,000 spans.
    assert 800 < spend < 2000

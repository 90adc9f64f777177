"""Metrics on their way in, and what they say beside the spans."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from spanledger_store import health
from spanledger_store.control import Control, quarantine
from spanledger_store.engine import Engine
from tests.collector.conftest import Line, open_line
from tests.collector.otlp_beside import histogram, metrics
from tests.collector.otlp_builder import any_value, attributes, chat, request, span

HOUR = 3_600 * 10**9
MINUTE = 60 * 10**9
NOON = 1_780_000_000_000_000_000 // (24 * HOUR) * 24 * HOUR + 12 * HOUR
DURATION, TOKENS = "gen_ai.client.operation.duration", "gen_ai.client.token.usage"
CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai"}


@pytest.fixture
def both(engine: Engine, control: Control) -> Iterator[Line]:
    """A collector on each engine."""
    yield from open_line(engine, control)


def send(line: Line, message: ExportMetricsServiceRequest) -> tuple[int, str]:
    """(rejected, message) of an answer that must be 200; everything is stored when this returns."""
    headers = {"content-type": "application/x-protobuf"}
    answer = line.client.post("/v1/metrics", content=message.SerializeToString(), headers=headers)
    assert answer.status_code == 200, answer.text
    line.settle()
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    return partial.rejected_data_points, partial.error_message


def coverage(line: Line, start: int = NOON - HOUR, end: int = NOON + 6 * HOUR) -> dict[tuple[int, str], dict[str, Any]]:
    """The report's rows by (hours after noon, model)."""
    stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 10**9)) for at in (start, end)]
    answer = line.client.get("/api/v1/coverage", params={"start": stamp[0], "end": stamp[1]})
    assert answer.status_code == 200, answer.text
    noon = time.strftime("%H", time.gmtime(NOON // 10**9))
    return {(int(row["hour"][11:13]) - int(noon), row["model"]): row for row in answer.json()["hours"]}


def calls(total: int, at: int, start: int = NOON, temporality: int = 2, **more: Any) -> Metric:
    return histogram(DURATION, total * 0.5, total, {**CALL, **more}, time_ns=at, start=start, temporality=temporality)


def test_a_histogram_comes_back_as_it_was_sent(both: Line) -> None:
    made = histogram(TOKENS, 120.0, 3, {**CALL, "gen_ai.token.type": "input", "user.id": "u-1"}, time_ns=NOON + 5,
                     start=NOON, bounds=(1.0, 4.0, 16.0))  # fmt: skip
    point = made.histogram.data_points[0]
    point.min, point.max = 10.0, 60.0
    assert send(both, metrics(made)) == (0, "")
    found = both.collector.engine.rows(
        "SELECT name, kind, temporality, model, token_type, operation, count, sum, min, max, bounds, buckets,"
        " toUnixTimestamp64Nano(time), toUnixTimestamp64Nano(assumeNotNull(start_time)), service FROM metrics"
    )
    assert found == [(TOKENS, "histogram", "cumulative", "gpt-4o", "input", "chat", 3, 120.0, 10.0, 60.0,
                      [1.0, 4.0, 16.0], [0, 0, 0, 3], NOON + 5, NOON, "tests")]  # fmt: skip
    assert "u-1" not in str(both.collector.engine.rows("SELECT attributes, resource FROM metric_rows"))


def test_an_exponential_histogram_and_a_sum_come_back_as_they_were_sent(line: Line) -> None:
    made = Metric(name=TOKENS)
    made.exponential_histogram.aggregation_temporality = 1  # pyright: ignore[reportAttributeAccessIssue]
    point = made.exponential_histogram.data_points.add(time_unix_nano=NOON + 1, start_time_unix_nano=NOON, count=6,
                                                       sum=99.5, scale=2, zero_count=1)  # fmt: skip
    point.positive.offset = -3
    point.positive.bucket_counts.extend([2, 3])
    point.attributes.extend(attributes(CALL))
    dropped = Metric(name="otel.sdk.processor.span.processed")
    dropped.sum.aggregation_temporality = 2  # pyright: ignore[reportAttributeAccessIssue]
    dropped.sum.is_monotonic = True
    counter = dropped.sum.data_points.add(time_unix_nano=NOON + 1, start_time_unix_nano=NOON, as_int=17)
    counter.attributes.add(key="error.type", value=any_value("queue_full"))
    send(line, metrics(made, dropped))
    engine = line.collector.engine
    assert engine.rows("SELECT temporality, count, sum, scale, zero_count, positive_offset, buckets FROM metrics"
                       " WHERE kind = 'exponential_histogram'") == [("delta", 6, 99.5, 2, 1, -3, [2, 3])]  # fmt: skip
    assert engine.rows("SELECT value, monotonic, error_type FROM metrics WHERE kind = 'sum'") == [
        (17.0, True, "queue_full")
    ]
    answer = line.client.get(
        "/api/v1/coverage", params={"start": "2026-01-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}
    )
    assert answer.json()["sdk"] == []
    stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 10**9)) for at in (NOON - HOUR, NOON + HOUR)]
    found = line.client.get("/api/v1/coverage", params={"start": stamp[0], "end": stamp[1]}).json()["sdk"]
    assert [(row["name"], row["error_type"], row["spans"]) for row in found] == [
        ("otel.sdk.processor.span.processed", "queue_full", 17)
    ]


@pytest.mark.parametrize("temporality", [1, 2])
def test_points_of_either_temporality_add_up_to_the_calls_of_each_hour(both: Line, temporality: int) -> None:
    made: list[Metric] = []
    before = 0
    for minute in range(1, 181):
        at = NOON + minute * MINUTE
        total = minute * 3
        if temporality == 2:
            made.append(calls(total, at))
        else:
            made.append(calls(total - before, at, at - MINUTE, temporality=1))
        before = total
    for metric in made:
        send_later = metrics(metric)
        both.client.post("/v1/metrics", content=send_later.SerializeToString(),
                         headers={"content-type": "application/x-protobuf"})  # fmt: skip
    both.settle()
    found = coverage(both)
    assert {key[0]: row["metric_calls"] for key, row in found.items()} == {0: 180, 1: 180, 2: 180}
    assert {row["span_calls"] for row in found.values()} == {None}
    # A stretch that begins in the middle knows what came before it.
    assert {key[0]: row["metric_calls"] for key, row in coverage(both, NOON + HOUR).items()} == {1: 180, 2: 180}


def test_counters_that_begin_anew_repeat_or_lose_points_are_counted_once(both: Line) -> None:
    quarter = 15 * MINUTE
    send(both, metrics(calls(10, NOON + quarter)))
    send(both, metrics(calls(30, NOON + 2 * quarter)))
    failed = calls(5, NOON + 2 * quarter, NOON, 2, **{"error.type": "timeout"})
    send(both, metrics(calls(30, NOON + 2 * quarter), failed))
    # Restarted, and said so; then fell back without saying so; then a point was lost between two.
    anew = NOON + 2 * quarter + MINUTE
    send(both, metrics(calls(7, NOON + 3 * quarter, anew)))
    send(both, metrics(calls(2, NOON + 4 * quarter, anew)))
    send(both, metrics(calls(12, NOON + 7 * quarter, anew)))
    assert {key[0]: row["metric_calls"] for key, row in coverage(both).items()} == {0: 30 + 5 + 7 + 2, 1: 10}


def test_two_processes_are_two_counters(line: Line) -> None:
    for number in range(2):
        resource = {"service.name": "tests", "service.instance.id": f"i-{number}"}
        send(line, metrics(calls(4 + number, NOON + MINUTE), resource=resource))
        send(line, metrics(calls(6 + number, NOON + 2 * MINUTE), resource=resource))
    assert [row["metric_calls"] for row in coverage(line).values()] == [13]


def test_a_series_that_does_not_say_when_it_began_counts_from_its_second_point(line: Line) -> None:
    send(line, metrics(calls(1000, NOON + MINUTE, 0)))
    send(line, metrics(calls(1007, NOON + 2 * MINUTE, 0)))
    assert [row["metric_calls"] for row in coverage(line).values()] == [7]


def test_what_sampling_hid_is_the_difference_and_doctor_says_so(both: Line) -> None:
    now = time.time_ns()
    start = now - 2 * HOUR
    usage = [
        histogram(TOKENS, total, 100, {**CALL, "gen_ai.token.type": kind}, time_ns=now - MINUTE, start=start)
        for kind, total in (("input", 10_000), ("output", 5_000))
    ]
    tools = histogram(DURATION, 9.0, 50, {"gen_ai.operation.name": "execute_tool"}, time_ns=now - MINUTE, start=start)
    send(both, metrics(calls(100, now - MINUTE, start), *usage, tools))
    sampled = [span(chat(100, **{"gen_ai.usage.cache_read.input_tokens": 40}), start=now - 2 * MINUTE + n)
               for n in range(10)]  # fmt: skip
    assert both.post(request(*sampled).SerializeToString()).status_code == 200
    both.settle()
    found = list(coverage(both, now - 3 * HOUR, now + HOUR).values())
    sums = {name: sum(row[name] or 0 for row in found) for name in found[0] if name not in ("hour", "model")}
    assert sums == {"metric_calls": 100, "span_calls": 10, "metric_input_tokens": 10_000, "span_input_tokens": 1000,
                    "metric_output_tokens": 5000, "span_output_tokens": 500}  # fmt: skip
    check = health.coverage_check(both.collector.engine)
    assert (check.name, check.state) == ("coverage", "warn")
    assert "100 call(s); no span tells of 90" in check.detail
    rest = [span(chat(100), start=now - 2 * MINUTE + n) for n in range(90)]
    assert both.post(request(*rest).SerializeToString()).status_code == 200
    both.settle()
    assert health.coverage_check(both.collector.engine).state == "ok"


def test_metrics_of_other_kinds_are_answered_and_left_aside(line: Line) -> None:
    other = Metric(name="http.server.request.duration")
    other.gauge.data_points.add(time_unix_nano=NOON, as_double=1.0)
    rejected, message = send(line, metrics(other, calls(1, NOON + 1)))
    assert rejected == 0
    assert "1 data point(s): not kept" in message
    assert line.collector.engine.rows("SELECT name FROM metrics") == [(DURATION,)]
    only = ExportMetricsServiceRequest()
    only.CopyFrom(metrics(other))
    send(line, only)
    assert line.collector.spool.stats().accepted_spans == 1


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda point: setattr(point, "time_unix_nano", 0), "time_unix_nano 0 is outside"),
        (lambda point: setattr(point, "start_time_unix_nano", NOON + HOUR), "after the point's time"),
        (lambda point: point.bucket_counts.append(1), "3 bucket_counts for 1 explicit_bounds"),
    ],
)
def test_a_damaged_point_is_refused_alone_and_kept_in_quarantine(line: Line, damage: Any, reason: str) -> None:
    bad, good = calls(1, NOON + 1), calls(2, NOON + 2)
    damage(bad.histogram.data_points[0])
    rejected, message = send(line, metrics(bad, good))
    assert rejected == 1
    assert reason in message
    assert line.collector.engine.rows("SELECT count FROM metrics") == [(2,)]
    kept = quarantine.listing(line.collector.control)
    assert [(each.reason, each.span_count) for each in kept] == [("refused_point", 1)]
    held = ExportMetricsServiceRequest.FromString(quarantine.payload(line.collector.control, kept[0].id) or b"")
    assert len(held.resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points) == 1


def test_a_point_sent_again_is_one_row(line: Line) -> None:
    send(line, metrics(calls(3, NOON + 1)))
    send(line, metrics(calls(3, NOON + 1), calls(4, NOON + 2)))
    assert line.collector.engine.rows("SELECT count() FROM metrics") == [(2,)]


@pytest.mark.parametrize(
    ("params", "words"),
    [({"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "must be before end"),
     ({"start": "2020-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "at most 93 days")],
)  # fmt: skip
def test_a_stretch_that_makes_no_sense_is_refused(line: Line, params: dict[str, str], words: str) -> None:
    answer = line.client.get("/api/v1/coverage", params=params)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]

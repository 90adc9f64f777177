"""The SDK's own counters arrive where they add up with everybody else's, and hold up nobody."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

import spanledger
from spanledger._internal.delivery import queue, reporting
from spanledger._internal.delivery.account import Stats
from spanledger._internal.delivery.reporting import EXPORTED, PROCESSED, counters, encode

from .sink import Sink

Start = Callable[..., Any]


@spanledger.observe
def work(text: str = "") -> str:
    return text


def told(request: ExportMetricsServiceRequest) -> dict[tuple[str, str], int]:
    """(metric, error) -> count of one report."""
    found: dict[tuple[str, str], int] = {}
    for metric in request.resource_metrics[0].scope_metrics[0].metrics:
        assert metric.sum.is_monotonic
        assert metric.sum.aggregation_temporality == 2
        for point in metric.sum.data_points:
            labels = {each.key: each.value.string_value for each in point.attributes}
            assert 0 < point.start_time_unix_nano <= point.time_unix_nano
            found[metric.name, labels.get("error.type", "")] = point.as_int
    return found


def resource(request: ExportMetricsServiceRequest) -> dict[str, str]:
    return {each.key: each.value.string_value for each in request.resource_metrics[0].resource.attributes}


def ended(counts: dict[tuple[str, str], int]) -> int:
    """Spans whose fate a report tells, each once."""
    return sum(count for (name, error), count in counts.items() if name == EXPORTED or error)


def wait_for_the_thread(start: Callable[[], object]) -> None:
    from spanledger._internal import runtime

    running = runtime.active
    start()
    assert running is not None
    running.exporter.join(10)


def test_every_reason_is_counted_in_one_place() -> None:
    stats = Stats(ended=40, acknowledged=20, dropped={"queue_full": 7, "shutdown": 3, "http_400": 4, "too_large": 6})
    assert counters(stats) == {
        (EXPORTED, ""): 20,
        (EXPORTED, "http_400"): 4,
        (EXPORTED, "too_large"): 6,
        (PROCESSED, ""): 30,
        (PROCESSED, "queue_full"): 7,
        (PROCESSED, "shutdown"): 3,
    }
    assert ended(counters(stats)) == 40
    assert counters(Stats(started=3)) == {}


def test_the_end_tells_what_became_of_every_span(start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setattr(queue, "PATIENCE", 0.01)
    held = threading.Event()
    answer = sink.answer

    def slow(number: int) -> Any:
        held.wait(20)
        return answer(number)

    sink.answer = slow
    start()
    for _ in range(200):
        work()
    held.set()
    assert spanledger.flush(20)
    wait_for_the_thread(spanledger.shutdown)
    stats = spanledger.stats()
    assert stats.dropped["queue_full"] > 0
    (report,) = sink.reports
    counts = told(report)
    assert counts[EXPORTED, ""] == stats.acknowledged == len(sink.spans)
    assert counts[PROCESSED, "queue_full"] == stats.dropped["queue_full"]
    assert ended(counts) == stats.ended == 200


def test_a_report_goes_once_a_minute_and_only_with_news(
    start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "INTERVAL", 0.0)
    start()
    for expected in (1, 2):
        work()
        assert spanledger.flush(10)
        # Another round of the thread: what was told is told once.
        for _ in range(200):
            if len(sink.reports) >= expected:
                break
            threading.Event().wait(0.02)
    wait_for_the_thread(spanledger.shutdown)
    assert [told(each)[EXPORTED, ""] for each in sink.reports] == [1, 2]
    assert len({resource(each)["service.instance.id"] for each in sink.reports}) == 1


def test_within_the_minute_nothing_is_reported_and_a_collector_without_metrics_is_left_alone(
    start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    work()
    assert spanledger.flush(10)
    assert sink.reports == []
    spanledger.shutdown()
    monkeypatch.setattr(reporting, "INTERVAL", 0.0)
    sink.reports.clear()
    sink.takes_reports = False
    start()
    for _ in range(3):
        work()
        assert spanledger.flush(10)
    wait_for_the_thread(spanledger.shutdown)
    assert sink.reports == []
    assert spanledger.stats().acknowledged == 3


def test_processes_are_told_apart_and_a_given_name_is_kept() -> None:
    from opentelemetry.sdk.resources import Resource

    one = resource(encode({(EXPORTED, ""): 1}, Resource({"service.name": "shop"}), "made", 5))
    assert one == {"service.name": "shop", "service.instance.id": "made"}
    two = resource(encode({(EXPORTED, ""): 1}, Resource({"service.instance.id": "pod-7"}), "made", 5))
    assert two == {"service.instance.id": "pod-7"}


def test_a_short_program_reports_at_its_end_and_a_fork_for_itself(sink: Sink) -> None:
    code = """
        import os, spanledger
        spanledger.init()
        @spanledger.observe
        def work(): return 5
        work()
        child = os.fork()
        if child == 0:
            work(); work()
            spanledger.shutdown()
            os._exit(0)
        os.waitpid(child, 0)
    """
    from spanledger._internal import runtime

    assert runtime.active is None
    import os

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "SPANLEDGER_ENDPOINT": sink.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(told(each)[EXPORTED, ""] for each in sink.reports) == [1, 2]
    assert len({resource(each)["service.instance.id"] for each in sink.reports}) == 2

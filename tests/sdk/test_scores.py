"""Scores and feedback: what is said of a call arrives with it, whenever and from wherever it is said."""

from __future__ import annotations

import logging
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import spanledger
from spanledger import semconv
from spanledger._internal.delivery import queue
from spanledger.testing import capture
from tests.cli.conftest import Up, environment
from tests.cli.conftest import start as start_up
from tests.cli.test_up import ask, until

from .sink import OK, Sink, Told

Start = Callable[..., Any]
VALUE, LABEL = semconv.EVALUATION_SCORE_VALUE, semconv.EVALUATION_SCORE_LABEL


@spanledger.observe
def work() -> spanledger.Handle:
    spanledger.score("inside", 0.5)
    return spanledger.current()


def only(sink: Sink) -> Told:
    assert spanledger.flush()
    (told,) = sink.logs
    return told


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.25, {VALUE: 0.25}),
        (3, {VALUE: 3.0}),
        (True, {VALUE: 1.0, LABEL: "true"}),
        (False, {VALUE: 0.0, LABEL: "false"}),
        ("good", {LABEL: "good"}),
        (Decimal("0.1"), {VALUE: 0.1}),
    ],
)
def test_a_value_is_a_number_a_flag_or_a_word(sdk: Sink, value: Any, expected: dict[str, Any]) -> None:
    before = time.time_ns()
    assert spanledger.score("q", value, trace_id="ab" * 16, span_id="cd" * 8, explanation="why", source="judge")
    told = only(sdk)
    assert (told.event, told.trace_id, told.span_id) == ("gen_ai.evaluation.result", "ab" * 16, "cd" * 8)
    assert before <= told.time <= time.time_ns()
    rest = {semconv.EVALUATION_NAME: "q", semconv.EVALUATION_EXPLANATION: "why", semconv.EVALUATION_SOURCE: "judge"}
    assert told.attributes == {**expected, **rest}
    assert told.resource["telemetry.sdk.language"] == "python"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"value": math.nan}, "value=nan"),
        ({"value": -math.inf}, "value=-inf"),
        ({"value": " "}, "value=' '"),
        ({"value": [1]}, r"value=\[1\]"),
        ({"value": 10**400}, "too large"),
        ({"name": " ", "value": 1, "response_id": "r"}, "name=' '"),
        ({"value": 1, "trace_id": "12"}, "trace_id='12'"),
        ({"value": 1, "trace_id": "0" * 32}, "trace_id='000"),
        ({"value": 1, "trace_id": "zz" * 16}, "32 hex digits"),
        ({"value": 1, "span_id": "cd" * 8}, "pass trace_id= as well"),
        ({"value": 1}, "no call around it"),
    ],
)
def test_what_cannot_be_sent_is_named_once(
    sdk: Sink, caplog: pytest.LogCaptureFixture, arguments: dict[str, Any], named: str
) -> None:
    for _ in range(2):
        assert spanledger.score(**{"name": "q", **arguments}) is False
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert re.search(named, warnings[0]), warnings
    assert spanledger.flush()
    assert sdk.logs == []


def test_it_is_of_the_call_around_it_or_of_the_one_that_is_named(sdk: Sink) -> None:
    handle = work()
    spanledger.score("later", 1, span=handle)
    spanledger.score("trace", 1, trace_id=int(handle.trace_id, 16))
    spanledger.score("response", 1, response_id="resp-1")
    assert spanledger.flush()
    found = {told.attributes[semconv.EVALUATION_NAME]: told for told in sdk.logs}
    call = sdk.named("work")
    assert (found["inside"].trace_id, found["inside"].span_id) == (call.trace_id, call.span_id)
    assert (found["later"].trace_id, found["later"].span_id) == (call.trace_id, call.span_id)
    assert (found["trace"].trace_id, found["trace"].span_id) == (call.trace_id, "")
    assert (found["response"].trace_id, found["response"].attributes[semconv.RESPONSE_ID]) == ("", "resp-1")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, (1.0, "up")), ("up", (1.0, "up")), (False, (0.0, "down")), ("down", (0.0, "down")), (4.5, (4.5, None))],
)
def test_feedback(sdk: Sink, value: Any, expected: tuple[float, str | None]) -> None:
    assert spanledger.feedback(value, "Thanks!", response_id="r")
    told = only(sdk).attributes
    assert (told[VALUE], told.get(LABEL)) == expected
    assert (told[semconv.EVALUATION_NAME], told[semconv.EVALUATION_SOURCE]) == ("feedback", "user")
    assert told[semconv.EVALUATION_EXPLANATION] == "Thanks!"
    assert spanledger.feedback("sideways", response_id="r") is False  # type: ignore[arg-type]


def test_they_are_counted_apart_from_spans_and_sent_again(sdk: Sink) -> None:
    sdk.answer = lambda number: (503, {"retry-after": "0"}, b"") if number == 1 else OK
    for number in range(700):
        spanledger.score("q", number, response_id="r")
    assert spanledger.flush()
    assert sorted(told.attributes[VALUE] for told in sdk.logs) == list(range(700))
    stats = spanledger.stats()
    assert (stats.ended, stats.started, stats.lost) == (0, 0, 0)
    assert stats.scores is not None
    assert (stats.scores.ended, stats.scores.acknowledged, stats.scores.retries) == (700, 700, 1)


def test_a_full_queue_drops_and_counts(
    start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setattr(queue, "PATIENCE", 0.01)
    sink.answer = lambda _number: (503, {}, b"")
    start()
    for number in range(50):
        spanledger.score("q", number, response_id="r")
    spanledger.shutdown(timeout=0.1)
    scores = spanledger.stats().scores
    assert scores is not None
    assert (scores.ended, scores.lost, scores.queued + scores.in_flight) == (50, 50, 0)
    assert scores.dropped.keys() == {"queue_full", "shutdown"}
    assert "50 of 50 scores were lost" in caplog.text


def test_texts_are_masked_and_a_mask_that_fails_lets_none_through(start: Start, sink: Sink) -> None:
    def mask(text: str) -> str:
        if "crash" in text:
            raise ValueError("no")
        return text.replace("Ann", "[NAME]")

    start(mask=mask)
    spanledger.feedback("up", "Ann is nice", response_id="1")
    spanledger.feedback("up", "Ann, crash", response_id="2")
    assert spanledger.flush()
    found = {told.attributes[semconv.RESPONSE_ID]: told.attributes for told in sink.logs}
    assert found["1"][semconv.EVALUATION_EXPLANATION] == "[NAME] is nice"
    assert "Ann" not in str(found["2"])
    assert found["2"][VALUE] == 1.0


def test_what_cannot_be_delivered_waits_on_disk_for_the_next_run(start: Start, sink: Sink, tmp_path: Path) -> None:
    sink.answer = lambda _number: (503, {}, b"")
    start(buffer_dir=tmp_path)
    for number in range(5):
        spanledger.score("q", number, response_id="r")
    spanledger.shutdown(timeout=0.2)
    scores = spanledger.stats().scores
    assert scores is not None
    assert (scores.buffered, scores.lost) == (5, 0)
    sink.answer = lambda _number: OK
    start(buffer_dir=tmp_path)
    spanledger.score("q", 5, response_id="r")
    spanledger.shutdown()
    assert sorted(told.attributes[VALUE] for told in sink.logs) == list(range(6))
    assert sink.spans == []


def test_an_address_for_spans_alone_gets_no_scores(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{sink.url}/spans")
    start(endpoint=None)
    assert spanledger.score("q", 1, response_id="r") is False
    assert f"no /v1/logs beside {sink.url}/spans" in caplog.text
    assert spanledger.flush()
    assert sink.requests == 0


def test_nothing_happens_where_nothing_runs(caplog: pytest.LogCaptureFixture) -> None:
    assert spanledger.score("q", 1, response_id="r") is False
    assert caplog.records == []


def test_a_forked_child_sends_its_own(sdk: Sink) -> None:
    spanledger.score("parent", 1, response_id="r")
    child = os.fork()
    if child == 0:
        spanledger.score("child", 1, response_id="r")
        scores = spanledger.stats().scores
        delivered = spanledger.flush()
        os._exit(0 if delivered and scores is not None and scores.ended == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert spanledger.flush()
    assert sorted(told.attributes[semconv.EVALUATION_NAME] for told in sdk.logs) == ["child", "parent"]


def test_a_recording_holds_them() -> None:
    with capture() as recorded:
        work()
        spanledger.feedback("down", "No.", response_id="r")
        inside, said = recorded.scores
        call = recorded.named("work")
    assert (inside["name"], inside["value"], inside["span_id"]) == ("inside", 0.5, call["span_id"])
    assert (said["label"], said["explanation"], said["trace_id"], said["source"]) == ("down", "No.", None, "user")


PROGRAM = """
import sys, spanledger
spanledger.init(sys.argv[1])
@spanledger.observe(kind="llm")
def ask():
    spanledger.score("inside", True)
    handle = spanledger.current()
    print(handle.trace_id, handle.span_id)
    return {"id": "resp-9", "model": "gpt-4o", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}
ask()
"""
LATER = """
import sys, spanledger
spanledger.init(sys.argv[1])
spanledger.score("correct", 0.9, trace_id=sys.argv[2], span_id=sys.argv[3], source="judge", explanation="It is so.")
spanledger.feedback("down", "Too slow", response_id="resp-9")
"""


def program(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment(), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Any:
    started = start_up(tmp_path_factory.mktemp("scores") / "data")
    yield started
    started.process.terminate()
    assert started.process.wait() == 0


def test_from_three_processes_to_the_trace(up: Up, tmp_path: Path) -> None:
    trace_id, span_id = program(PROGRAM, up.url).split()
    program(LATER, up.url, trace_id, span_id)
    until(up, "SELECT count() FROM scores", 3)
    found = ask(up, "SELECT name, value, label, source, explanation, trace_id, span_id FROM scores ORDER BY name")
    assert found == [
        ["correct", 0.9, "", "judge", "It is so.", trace_id, span_id],
        ["feedback", 0.0, "down", "user", "Too slow", trace_id, span_id],
        ["inside", 1.0, "true", "application", "", trace_id, span_id],
    ]

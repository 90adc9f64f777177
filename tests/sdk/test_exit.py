"""Programs end whatever their endpoint does, and say what was lost or where it is kept."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import spanledger
from spanledger._internal.delivery.courier import Courier
from spanledger._internal.delivery.patience import Patience
from spanledger._internal.delivery.transport import Transport, retry_after

from .faulty import ENVIRONMENT, FAULTS, dripping, hanging, wait_until
from .sink import OK, Sink


def program(source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program that observes `work` to its end; one that hangs fails the test."""
    head = "import os, signal, sys, time, spanledger\n@spanledger.observe\ndef work(text=''): ...\n"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", head + textwrap.dedent(source)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**ENVIRONMENT, **environment},
    )


CALLS = """
    spanledger.init()
    for _ in range(3): work()
    spanledger.flush(0.3)
    for _ in range(40): work()
"""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_endpoint_costs_one_line_that_counts(fault: str) -> None:
    made: Any = FAULTS[fault]()
    with made as (endpoint, environment):
        done = program(CALLS, SPANLEDGER_ENDPOINT=endpoint, **environment)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len([line for line in lines if "43 of 43 spans were lost (43 shutdown); last error: " in line]) == 1, lines
    assert len(lines) <= 2  # and one when the trouble began
    assert max(map(len, lines)) < 300


@pytest.mark.parametrize("fault", FAULTS)
def test_with_a_buffer_nothing_is_lost_at_the_end(fault: str, tmp_path: Path) -> None:
    made: Any = FAULTS[fault]()
    with made as (endpoint, environment):
        done = program(CALLS, SPANLEDGER_ENDPOINT=endpoint, SPANLEDGER_BUFFER_DIR=str(tmp_path), **environment)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len([line for line in lines if f"43 spans are kept in {tmp_path}" in line]) == 1, lines
    assert "lost" not in done.stderr
    assert len(lines) <= 2
    counts = [int(path.name.split("-")[2].split(".")[0]) for path in tmp_path.glob("*/*/*.otlp.gz")]
    assert sum(counts) == 43


def test_a_full_queue_is_written_to_disk_at_the_end(tmp_path: Path) -> None:
    with hanging() as (endpoint, _):
        done = program(
            "spanledger.init()\nfor _ in range(8000): work('x' * 1000)",
            SPANLEDGER_ENDPOINT=endpoint,
            SPANLEDGER_BUFFER_DIR=str(tmp_path),
        )
    assert "8000 spans are kept in" in done.stderr, done.stderr


def test_an_answer_that_drips_is_given_up_and_its_thread_ends() -> None:
    with dripping() as (endpoint, _):
        transport = Transport(f"{endpoint}/v1/traces", {}, 1.5)
        answers = [transport.post(b"x") for _ in range(2)]
        transport.close()
        assert [(answer.ok, answer.retryable) for answer in answers] == [(False, True)] * 2
        assert {answer.error for answer in answers} == {f"no answer in time from {endpoint}/v1/traces"}
        wait_until(lambda: "spanledger-http" not in {thread.name for thread in threading.enumerate()})


def test_a_kept_connection_that_was_closed_costs_no_warning(
    start: Callable[..., Any], sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a load balancer's idle time-out, or a function's thaw: the collector is there, the connection is not."""
    start()

    @spanledger.observe
    def work() -> None: ...

    work()
    assert spanledger.flush()
    # The answer announces a connection that stays, and the server closes it without a word.
    sink.answer = lambda number: (200, {"connection": "close"}, b"") if number == 2 else OK
    for _ in range(3):
        work()
        assert spanledger.flush()
    assert spanledger.stats().acknowledged == len(sink.spans) == 4
    assert caplog.records == []


def test_what_meanwhile_says_ends_the_waiting() -> None:
    courier: Courier[int] = Courier("spanledger-http")
    release = threading.Event()
    looks: list[int] = []

    def meanwhile() -> bool:
        looks.append(1)
        return len(looks) == 3

    assert courier.run(lambda: int(release.wait(30)), 30, meanwhile) is None
    assert len(looks) == 3
    release.set()
    assert courier.run(lambda: 7, 30) == 7
    with pytest.raises(ZeroDivisionError):
        courier.run(lambda: 1 // 0, 30)
    courier.leave()


def test_a_frozen_process_misjudges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that jumps by an hour during one short wait has used up a tenth of a second."""
    clock = iter([0.0, 3600.0, 3600.0, 3600.05, 3600.05, 3600.15])
    monkeypatch.setattr("spanledger._internal.delivery.patience.time.monotonic", lambda: next(clock))

    class Woken(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            assert timeout <= 0.1
            return True

    patience = Patience(0.25)
    assert patience.wait(Woken())
    assert round(patience.left, 6) == 0.15
    assert patience.wait(Woken())
    assert round(patience.left, 6) == 0.1
    assert patience.wait(Woken())
    assert not patience.wait(Woken())


def test_a_stopped_process_delivers_everything_when_it_goes_on(sink: Sink) -> None:
    """SIGSTOP while a request is under way, for longer than its time-out; then SIGCONT."""
    stopped = threading.Event()
    children: list[subprocess.Popen[str]] = []

    def answer(number: int) -> Any:
        if number == 2 and children:
            children[0].send_signal(19)
            threading.Timer(2.5, lambda: (children[0].send_signal(18), stopped.set())).start()
        return OK

    sink.answer = answer
    source = """
        import spanledger, sys, time
        @spanledger.observe
        def work(): ...
        spanledger.init()
        work()
        spanledger.flush()
        sys.stdin.readline()
        for _ in range(3000): work()
        assert spanledger.flush(30)
        stats = spanledger.stats()
        assert (stats.acknowledged, stats.dropped, stats.retries) == (3001, {}, 0), stats
    """
    child = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(source)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**ENVIRONMENT, "SPANLEDGER_ENDPOINT": sink.url, "OTEL_EXPORTER_OTLP_TIMEOUT": "1"},
    )
    children.append(child)
    _, said = child.communicate("go\n", timeout=60)
    assert (child.returncode, said) == (0, "")
    assert stopped.is_set()
    assert len({span.span_id for span in sink.spans}) == 3001


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("Wed, 21 Oct 2015 07:28:30 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", 30.0),  # by the server's own clock
        ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:30 GMT", 0.0),
        ("Wed, 21 Oct 2015 09:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:49:47 GMT", "Sun Nov  6 08:49:37 1994", 10.0),  # the two older forms
        ("Wed, 21 Oct 2015 07:28:00 GMT", "no date", 0.0),
        ("Wed, 21 Oct 9999 07:28:00 GMT", None, 60.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None, None),
        ("3", "no date", 3.0),
        ("inf", None, None),
    ],
)
def test_retry_after_reads_dates_by_the_clock_that_wrote_them(
    value: str, date: str | None, seconds: float | None
) -> None:
    assert retry_after(value, date) == seconds


def test_scores_are_kept_and_sent_like_spans(tmp_path: Path, sink: Sink) -> None:
    source = "spanledger.init()\nfor _ in range(5): spanledger.score('helpful', 1.0, response_id='r')"
    environment = {"SPANLEDGER_BUFFER_DIR": str(tmp_path), "SPANLEDGER_ENDPOINT": sink.url}
    sink.answer = lambda _number: (503, {}, b"")
    done = program(source, **environment)
    assert re.search(r"\b5 scores are kept in", done.stderr), done.stderr
    sink.answer = lambda _number: OK
    wait = "while spanledger.stats().scores.acknowledged < 5: time.sleep(0.05)"
    done = program(f"spanledger.init()\n{wait}", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(sink.logs) == 5
    assert list(tmp_path.glob("*/*/*.otlp.gz")) == []

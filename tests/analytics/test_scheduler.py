from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from spanledger_analytics.jobs import scheduler
from spanledger_analytics.jobs.registry import JOBS, Job
from spanledger_analytics.jobs.scheduler import Scheduler
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, dirty, jobs, tallies
from spanledger_store.control.tallies import Snapshot, SpoolState
from spanledger_store.engine import Engine
from spanledger_store.writer import write
from tests.store.rows import span_row


def test_names_of_jobs_are_unique_and_paces_positive() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert all(0 < job.every_seconds <= (3600 if job.lane in {"long", "daily"} else 60) for job in JOBS)


def test_the_ledger_follows_the_spans_by_itself(embedded: Engine, control: Control) -> None:
    scheduler = Scheduler(embedded, control)
    scheduler.start()
    write(embedded, control, SpanBatch("a", [span_row()]))
    scheduler.stop()
    assert dirty.pending(control) == []
    assert embedded.rows("SELECT sum(calls) FROM ledger") == [(1,)]


def test_a_job_that_fails_is_logged_and_comes_round_again(
    embedded: Engine, control: Control, caplog: pytest.LogCaptureFixture
) -> None:
    again = threading.Event()
    runs: list[int] = []

    def failing(*_: Any) -> int:
        runs.append(1)
        if len(runs) > 2:
            again.set()
        raise RuntimeError("the books are closed")

    with caplog.at_level(logging.ERROR):
        scheduler = Scheduler(embedded, control, [Job("broken", 0.01, failing)])
        scheduler.start()
        assert again.wait(10)
        scheduler.stop()
    assert "the books are closed" in caplog.text


def test_a_job_that_a_stop_cuts_short_has_not_failed_and_is_due_again(embedded: Engine, control: Control) -> None:
    begun, ended = threading.Event(), threading.Event()

    def torn(*_: Any) -> int:
        begun.set()
        ended.wait(10)
        raise RuntimeError("the store is closed")

    scheduler = Scheduler(embedded, control, [Job("torn", 3600.0, torn, "long")])
    scheduler.start()
    assert begun.wait(10)
    scheduler.stop(timeout=0.1)
    ended.set()
    for thread in threading.enumerate():
        if thread.name.startswith("jobs"):
            thread.join(10)
    (state,) = jobs.states(control)
    assert (state.failures, state.error, state.succeeded_at) == (0, "", None)
    assert state.due_at <= datetime.now(UTC)


def test_a_failing_job_does_not_hold_up_the_others(embedded: Engine, control: Control) -> None:
    ran = threading.Event()

    def failing(*_: Any) -> int:
        raise RuntimeError("no")

    def sound(*_: Any) -> int:
        ran.set()
        return 0

    scheduler = Scheduler(embedded, control, [Job("broken", 0.01, failing), Job("sound", 0.01, sound)])
    scheduler.start()
    assert ran.wait(10)
    scheduler.stop()


def test_two_schedulers_make_one_run_at_a_time_and_the_second_takes_over(embedded: Engine, control: Control) -> None:
    guard, inside, runs = threading.Lock(), [0], list[int]()
    enough = threading.Event()

    def counting(*_: Any) -> int:
        with guard:
            inside[0] += 1
            runs.append(inside[0])
        threading.Event().wait(0.01)
        with guard:
            inside[0] -= 1
            if len(runs) >= 20:
                enough.set()
        return 1

    both = [Scheduler(embedded, control, [Job("counting", 0.01, counting)]) for _ in range(2)]
    for each in both:
        each.start()
    assert enough.wait(20)
    assert max(runs) == 1
    holder = next(each.owner for each in jobs.states(control))
    first = next(each for each in both if each.owner == holder)
    first.stop()
    with guard:
        runs.clear()
        enough.clear()
    assert enough.wait(20)
    assert max(runs) == 1
    assert next(each.owner for each in jobs.states(control)) not in ("", holder)
    next(each for each in both if each is not first).stop()
    assert next(each.owner for each in jobs.states(control)) == ""


def test_a_long_job_does_not_hold_up_the_quick_ones(embedded: Engine, control: Control) -> None:
    release, quick, digging = threading.Event(), threading.Event(), threading.Event()

    def slow(_engine: Engine, _control: Control, progress: Any) -> int:
        progress("digging", 1, 3)
        digging.set()
        release.wait(20)
        return 7

    def fast(*_: Any) -> int:
        quick.set()
        return 0

    scheduler = Scheduler(embedded, control, [Job("slow", 3600, slow, "long"), Job("fast", 0.01, fast)])
    scheduler.start()
    assert quick.wait(10)
    assert digging.wait(10)
    state = {each.name: each for each in jobs.states(control)}["slow"]
    assert state.is_running
    release.set()
    scheduler.stop()
    state = {each.name: each for each in jobs.states(control)}["slow"]
    assert (state.changed, state.runs, state.doing) == (7, 1, "digging")


def test_a_run_that_was_asked_for_comes_before_it_is_due(embedded: Engine, control: Control) -> None:
    ran = threading.Semaphore(0)

    def noting(*_: Any) -> int:
        ran.release()
        return 0

    scheduler = Scheduler(embedded, control, [Job("yearly", 3e7, noting)])
    scheduler.start()
    assert ran.acquire(timeout=10)
    jobs.ask(control, "yearly")
    assert ran.acquire(timeout=10)
    scheduler.stop()
    assert not next(each.is_asked_for for each in jobs.states(control))


def test_a_run_missed_while_nobody_worked_is_made_up_for_once(embedded: Engine, control: Control) -> None:
    runs: list[int] = []
    daily = [Job("daily", 86_400, lambda *_: runs.append(1) or 1, "long")]
    for _ in range(2):
        # The second start finds it done.
        scheduler = Scheduler(embedded, control, daily)
        scheduler.start()
        threading.Event().wait(0.5)
        scheduler.stop()
    assert runs == [1]


def test_what_a_killed_process_of_this_machine_held_is_taken_at_once(embedded: Engine, control: Control) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    ran = threading.Event()
    jobs.announce(control, {"books": 60.0, "theirs": 60.0})
    jobs.hold(control, f"{socket.gethostname()}:{ended.pid}:dead", ["books"])
    jobs.hold(control, f"elsewhere:{ended.pid}:alive", ["theirs"])

    def noting(*_: Any) -> int:
        ran.set()
        return 0

    scheduler = Scheduler(embedded, control, [Job("books", 60, noting), Job("theirs", 60, noting)])
    scheduler.start()
    assert ran.wait(10)
    owners = {each.name: each.owner for each in jobs.states(control)}
    assert owners == {"books": scheduler.owner, "theirs": f"elsewhere:{ended.pid}:alive"}
    scheduler.stop()


def test_a_patient_job_waits_while_spans_wait_unless_someone_asks_for_it(
    embedded: Engine, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "START_SECONDS", 0.0)
    monkeypatch.setattr(scheduler, "AGAIN_SECONDS", 0.02)
    ran = threading.Event()

    def work(*_: Any) -> int:
        ran.set()
        return 0

    def spool(revision: int, items: int, at: datetime) -> None:
        seen = Snapshot("s1", revision, [], 1, items, 9, None)
        tallies.report(control, seen, SpoolState("s1", "host", "/data", at, 1, items, 9, 99, None, 5, 9, ""))

    spool(1, 50_000, datetime.now(UTC))
    running = Scheduler(embedded, control, [Job("patient", 0.05, work, "long", patient=True)])
    running.start()
    assert not ran.wait(1.0)
    jobs.ask(control, "patient")
    assert ran.wait(10)
    spool(2, 50, datetime.now(UTC))
    ran.clear()
    assert ran.wait(10)
    spool(3, 50_000, datetime.now(UTC) - timedelta(hours=1))
    ran.clear()
    assert ran.wait(10), "a collector that is gone holds up nobody"
    running.stop()

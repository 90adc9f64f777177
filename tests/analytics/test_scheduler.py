from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from spanledger_analytics.jobs import JOBS, Job, Scheduler
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, dirty
from spanledger_store.engine import Engine
from spanledger_store.writer import write
from tests.store.rows import span_row


def test_names_of_jobs_are_unique_and_paces_positive() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert all(0 < job.every_seconds <= 60 for job in JOBS)


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

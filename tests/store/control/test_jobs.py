from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from spanledger_store.control import Control, jobs
from spanledger_store.control.errors import JobUnknown


def only(control: Control, name: str) -> jobs.JobState:
    return next(each for each in jobs.states(control) if each.name == name)


def test_a_job_belongs_to_one_worker_until_it_lets_go(control: Control) -> None:
    jobs.announce(control, {"books": 60.0, "maps": 3600.0})
    assert set(jobs.hold(control, "a", ["books", "maps"])) == {"books", "maps"}
    assert jobs.hold(control, "b", ["books", "maps"]) == {}
    assert not jobs.begin(control, "b", "books")
    assert jobs.begin(control, "a", "books")
    assert only(control, "books").is_running
    jobs.release(control, "a")
    assert not only(control, "books").is_running
    assert only(control, "books").owner == ""
    assert set(jobs.hold(control, "b", ["books"])) == {"books"}


def test_a_worker_that_dies_loses_its_jobs(control: Control) -> None:
    jobs.announce(control, {"books": 60.0})
    jobs.hold(control, "dead", ["books"], seconds=0.05)
    assert jobs.begin(control, "dead", "books") in (True, False)
    threading.Event().wait(0.1)
    assert set(jobs.hold(control, "b", ["books"])) == {"books"}
    # It was only asleep: what it has to say now counts for nothing.
    assert not jobs.begin(control, "dead", "books")
    jobs.succeeded(control, "dead", "books", changed=5, seconds=1)
    assert only(control, "books").runs == 0


def test_of_many_workers_at_once_one_has_a_job(control: Control) -> None:
    jobs.announce(control, {"books": 60.0})
    with ThreadPoolExecutor(8) as pool:
        held = list(pool.map(lambda n: jobs.hold(control, f"w{n}", ["books"]), range(16)))
    assert sum(map(len, held)) == 1


def test_what_is_known_of_a_job_follows_its_runs(control: Control) -> None:
    jobs.announce(control, {"books": 60.0})
    assert jobs.hold(control, "a", ["books"])["books"] <= 0
    jobs.begin(control, "a", "books")
    jobs.tell(control, "a", "books", "adding", 2, 5)
    told = only(control, "books")
    assert (told.doing, told.done, told.total) == ("adding", 2, 5)
    jobs.failed(control, "a", "books", error="no paper", seconds=0.5, retry_seconds=7)
    jobs.failed(control, "a", "books", error="no ink", seconds=0.5, retry_seconds=7)
    state = only(control, "books")
    assert (state.failures, state.error, state.runs, state.succeeded_at) == (2, "no ink", 2, None)
    assert 5 < jobs.hold(control, "a", ["books"])["books"] <= 7
    jobs.begin(control, "a", "books")
    jobs.succeeded(control, "a", "books", changed=3, seconds=20)
    state = only(control, "books")
    assert (state.failures, state.error, state.changed, state.seconds) == (0, "", 3, 20)
    assert state.succeeded_at == state.finished_at is not None
    assert 30 < jobs.hold(control, "a", ["books"])["books"] <= 40


def test_a_new_pace_keeps_what_is_known(control: Control) -> None:
    jobs.announce(control, {"books": 60.0})
    jobs.hold(control, "a", ["books"])
    jobs.succeeded(control, "a", "books", changed=1, seconds=1)
    jobs.announce(control, {"books": 5.0})
    state = only(control, "books")
    assert (state.every_seconds, state.runs) == (5.0, 1)


def test_a_wish_is_seen_by_the_holder_and_ends_with_the_run(control: Control) -> None:
    jobs.announce(control, {"books": 3600.0})
    jobs.hold(control, "a", ["books"])
    jobs.succeeded(control, "a", "books", changed=1, seconds=1)
    jobs.ask(control, "books")
    assert jobs.hold(control, "a", ["books"]) == {"books": -math.inf}
    jobs.begin(control, "a", "books")
    assert jobs.hold(control, "a", ["books"])["books"] > 3000
    with pytest.raises(JobUnknown, match=r"'book'.*There are: books\."):
        jobs.ask(control, "book")

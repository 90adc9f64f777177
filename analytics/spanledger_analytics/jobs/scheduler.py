"""Runs jobs when they are due, wherever else workers of the same installation do."""

from __future__ import annotations

import logging
import math
import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from spanledger_analytics.jobs.registry import JOBS, Job, Lane
from spanledger_store.control import Control, jobs, tallies
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreError

logger = logging.getLogger(__name__)

# A job that takes long waits longer before it runs again: it may use a fifth of the time at most.
REST = 4.0
# How often leases are renewed and wishes for a run are looked at.
LOOK_SECONDS = 1.0
# A run that changed nothing is noted this often; the others always are.
NOTE_SECONDS = 60.0
RETRY_SECONDS = 60.0
# How long a patient job is put off: at a start, at each look that finds more spans waiting than are one batch, at most.
START_SECONDS = 10.0
AGAIN_SECONDS = 5.0
PATIENCE_SECONDS = 900.0
WAITING_ITEMS = 10_000
REPORTED_WITHIN = timedelta(seconds=60)
# Lanes whose queries leave the processors to pages, arrivals and the books.
GIVING_WAY: frozenset[Lane] = frozenset({"long", "daily", "vectors"})
# Progress is written this often, so that telling it costs nothing.
TELL_SECONDS = 0.5
# The schedulers of this process.
_owners: set[str] = set()


class Scheduler:
    """Runs each job at its pace until stopped; a job that fails is logged and comes round again.

    Of all schedulers on one control database, one at a time has a job. When it ends or dies, another takes over, at
    once or within a minute; a run that was due meanwhile is made up for.
    """

    def __init__(self, engine: Engine, control: Control, wanted: Sequence[Job] = JOBS) -> None:
        self._engine = engine
        self._control = control
        self._jobs = {job.name: job for job in wanted}
        self.owner = owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        _owners.add(owner)
        self._due: dict[str, float] = {}
        self._noted: dict[str, float] = {}
        self._asked: set[str] = set()
        self._started = math.inf
        self._put_off: dict[str, float] = {}
        self._guard = threading.Lock()
        self._wake = {lane: threading.Event() for lane in sorted({job.lane for job in wanted})}
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="jobs", daemon=True)
        self._lanes = [
            threading.Thread(target=self._loop, args=(lane,), name=f"jobs-{lane}", daemon=True) for lane in self._wake
        ]

    def start(self) -> None:
        """Begin; jobs that are new run at once, or soon, the others when they are due."""
        self._started = time.monotonic()
        for thread in (self._keeper, *self._lanes):
            thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Let the running jobs end, run every quick one once more, so that nothing is left over, and let go of all.

        After `timeout` seconds, as with a store that does not answer, they are left behind: the next start does it.
        """
        self._stop.set()
        for event in self._wake.values():
            event.set()
        until = time.monotonic() + timeout
        for thread in (self._keeper, *self._lanes):
            thread.join(max(0.0, until - time.monotonic()))
        if any(thread.is_alive() for thread in self._lanes):
            logger.warning("jobs are still at work after %.0f s; what is left is done at the next start", timeout)
            return
        try:
            jobs.release(self._control, self.owner)
        except StoreError as error:
            logger.warning("jobs could not be handed over; others take them within a minute: %s", error)

    def _keep(self) -> None:
        """Hold leases for as long as this process lives, and a last time when it is to end."""
        announced, renewed = False, -math.inf
        while True:
            last = self._stop.is_set()
            try:
                if not announced:
                    jobs.announce(self._control, {job.name: job.every_seconds for job in self._jobs.values()})
                    announced = True
                    self._bury()
                if last or time.monotonic() - renewed > jobs.LEASE_SECONDS / 3 or self._is_called():
                    held = jobs.hold(self._control, self.owner, self._jobs)
                    renewed = time.monotonic()
                    self._take(held)
            except StoreError as error:
                logger.warning("jobs wait for the control database: %s", error)
            if last:
                return
            self._stop.wait(LOOK_SECONDS)

    def _bury(self) -> None:
        """Free what processes of this machine held that are gone: a restart after a crash need not wait for leases."""
        for owner in {each.owner for each in jobs.states(self._control)} - {"", self.owner}:
            host, pid, _ = owner.rsplit(":", 2)
            # A container's next life has the host's name and the process's number of the one before.
            gone = owner not in _owners if int(pid) == os.getpid() else not _is_alive(int(pid))
            if gone and host == socket.gethostname():
                jobs.release(self._control, owner)

    def _is_called(self) -> bool:
        mine = [each for each in jobs.states(self._control) if each.name in self._jobs]
        return any(not each.owner or (each.is_asked_for and each.owner == self.owner) for each in mine)

    def _take(self, held: dict[str, float]) -> None:
        now = time.monotonic()
        with self._guard:
            for name in set(self._due) - set(held):
                del self._due[name]
            for name, wait in held.items():
                if wait == -math.inf:
                    self._asked.add(name)
                    self._due[name] = now
                elif name not in self._due:
                    # Later on, what is known here is newer than what was noted.
                    self._due[name] = now + max(0.0, wait)
        for event in self._wake.values():
            event.set()

    def _loop(self, lane: str) -> None:
        if lane in GIVING_WAY:
            self._engine.give_way()
        wake = self._wake[lane]
        mine = [job for job in self._jobs.values() if job.lane == lane]
        while not self._stop.is_set():
            wake.clear()
            for job in mine:
                if not self._stop.is_set() and self._due_in(job) <= 0 and not self._is_put_off(job):
                    self._run(job)
            wake.wait(max(0.05, min((self._due_in(job) for job in mine), default=LOOK_SECONDS)))
        if lane == "quick":
            self._keeper.join()
            for job in mine:
                if job.name in self._due:
                    self._run(job)

    def _due_in(self, job: Job) -> float:
        with self._guard:
            # Not held here: another worker runs it, until the keeper finds it free.
            return self._due[job.name] - time.monotonic() if job.name in self._due else 3600.0

    def _is_put_off(self, job: Job) -> bool:
        """True where a patient job is due and yet not to run now; it then is due a little later."""
        now = time.monotonic()
        if (
            not job.patient
            or job.name in self._asked
            or now - self._put_off.setdefault(job.name, now) > PATIENCE_SECONDS
        ):
            return False
        wait = self._started + START_SECONDS - now
        if wait <= 0:
            try:
                busy = tallies.backlog(self._control, datetime.now(UTC) - REPORTED_WITHIN) > WAITING_ITEMS
            except StoreError:
                busy = False
            wait = AGAIN_SECONDS if busy else 0.0
        if wait > 0:
            with self._guard:
                if job.name in self._due:
                    self._due[job.name] = now + wait
        return wait > 0

    def _run(self, job: Job) -> None:
        started = time.monotonic()
        self._put_off.pop(job.name, None)
        with self._guard:
            noting = job.lane in {"long", "daily"} or job.name in self._asked
            self._asked.discard(job.name)
        noting = noting or started - self._noted.get(job.name, -NOTE_SECONDS) >= NOTE_SECONDS
        try:
            if noting and not jobs.begin(self._control, self.owner, job.name):
                with self._guard:
                    self._due.pop(job.name, None)
                return
            changed = job.run(self._engine, self._control, _Teller(self._control, self.owner, job.name))
        except Exception as error:
            if self._stop.is_set():
                # The store may have been closed under it; what is left is done at the next start.
                logger.info("job %s was cut short: %s", job.name, error)
                return
            took = time.monotonic() - started
            again = min(job.every_seconds, RETRY_SECONDS)
            logger.exception("job %s failed; it runs again in %.0f s", job.name, again)
            self._note(job, took, str(error) or repr(error), again)
        else:
            took = time.monotonic() - started
            again = max(job.every_seconds, REST * took)
            logger.debug("job %s changed %d in %.2f s", job.name, changed, took)
            if noting or changed:
                self._note(job, took, changed)
        with self._guard:
            if job.name in self._due:
                self._due[job.name] = time.monotonic() + again

    def _note(self, job: Job, took: float, outcome: int | str, again: float = 0.0) -> None:
        try:
            if isinstance(outcome, str):
                jobs.failed(self._control, self.owner, job.name, error=outcome, seconds=took, retry_seconds=again)
            else:
                jobs.succeeded(self._control, self.owner, job.name, changed=outcome, seconds=took)
            self._noted[job.name] = time.monotonic()
        except StoreError as error:
            logger.warning("a run of job %s could not be noted: %s", job.name, error)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Teller:
    """Writes progress to where others see it, now and then."""

    def __init__(self, control: Control, owner: str, name: str) -> None:
        self._control = control
        self._at = (owner, name)
        self._told = 0.0

    def __call__(self, doing: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told >= TELL_SECONDS:
            self._told = now
            jobs.tell(self._control, *self._at, doing, done, total)

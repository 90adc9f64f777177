"""Runs jobs when they are due, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from spanledger_analytics.jobs.registry import JOBS, Job
from spanledger_store.control import Control
from spanledger_store.engine import Engine

logger = logging.getLogger(__name__)

# A job that takes long waits longer before it runs again: it may use a fifth of the time at most.
REST = 4.0


class Scheduler:
    """Runs each job at its pace until stopped; a job that fails is logged and comes round again."""

    def __init__(self, engine: Engine, control: Control, jobs: Sequence[Job] = JOBS) -> None:
        self._engine = engine
        self._control = control
        self._due = dict.fromkeys(jobs, 0.0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin; every job runs at once for the first time."""
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Let the running job end, then run every job once more, so that nothing is left over.

        After `timeout` seconds, as with a store that does not answer, it is left behind: the next start does it.
        """
        self._stop.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            logger.warning(
                "jobs were still at work after %.0f s; what they left over is done at the next start", timeout
            )

    def _loop(self) -> None:
        while not self._stop.is_set():
            for job, due in self._due.items():
                if time.monotonic() >= due and not self._stop.is_set():
                    took = self._run(job)
                    self._due[job] = time.monotonic() + max(job.every_seconds, REST * took)
            self._stop.wait(max(0.05, min(self._due.values()) - time.monotonic()))
        for job in self._due:
            self._run(job)

    def _run(self, job: Job) -> float:
        started = time.monotonic()
        try:
            changed = job.run(self._engine, self._control)
        except Exception:
            logger.exception("job %s failed; it runs again in %.0f s", job.name, job.every_seconds)
        else:
            logger.debug("job %s changed %d in %.2f s", job.name, changed, time.monotonic() - started)
        return time.monotonic() - started

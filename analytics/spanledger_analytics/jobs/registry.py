"""Every job there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spanledger_analytics.jobs import joining, ledger, recovery, retention
from spanledger_store.control import Control
from spanledger_store.engine import Engine


@dataclass(frozen=True, slots=True)
class Job:
    """A named piece of work that may run at any time and any number of times; `run` returns what it changed."""

    name: str
    every_seconds: float
    run: Callable[[Engine, Control], int]


JOBS: tuple[Job, ...] = (
    Job("recovery", 60.0, recovery.run),
    Job("ledger", 5.0, ledger.run),
    Job("joining", 5.0, joining.run),
    Job("retention", 60.0, retention.run),
)

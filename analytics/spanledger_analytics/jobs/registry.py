"""Every job there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from spanledger_analytics.jobs import (
    budget_alerts,
    gpu_hours,
    joining,
    ledger,
    notices,
    recovery,
    retention,
    statements,
)
from spanledger_store.control import Control
from spanledger_store.engine import Engine

Progress = Callable[[str, int, int], None]
Lane = Literal["quick", "long", "daily", "outside", "vectors"]


@dataclass(frozen=True, slots=True)
class Job:
    """A named piece of work that may run at any time and any number of times; `run` returns what it changed.

    Jobs of one lane run one after another, in the order in which they stand: what may take minutes is `long`, what may
    take many at first `daily`, and what waits for other people's servers `outside`, so that the books wait for none of
    these; `vectors` are made in one of their own, within a minute whatever else runs. One that is `patient` goes
    through much of what is stored, and waits while spans do.
    """

    name: str
    every_seconds: float
    run: Callable[[Engine, Control, Progress], int]
    lane: Lane = "quick"
    patient: bool = False


def _at_once(run: Callable[[Engine, Control], int]) -> Callable[[Engine, Control, Progress], int]:
    return lambda engine, control, _progress: run(engine, control)


def _when_due(name: str) -> Callable[[Engine, Control, Progress], int]:
    """The run of a module that is loaded when it is first due: statistics and a compiler take a second to load."""
    return lambda engine, control, progress: import_module(f"{__package__}.{name}").run(engine, control, progress)


JOBS: tuple[Job, ...] = (
    Job("recovery", 60.0, _at_once(recovery.run)),
    Job("ledger", 5.0, _at_once(ledger.run)),
    Job("joining", 5.0, _at_once(joining.run)),
    Job("retention", 60.0, retention.run, "long"),
    Job("gpu-hours", 900.0, gpu_hours.run, "long", patient=True),
    Job("budget-alerts", 60.0, _at_once(budget_alerts.run)),
    Job("statements", 60.0, statements.run, "long"),
    Job("anomalies", 900.0, _when_due("anomalies"), "long", patient=True),
    Job("forecast", 60.0, _when_due("forecast"), "long", patient=True),
    Job("embedding", 10.0, _when_due("embedding"), "vectors", patient=True),
    Job("assignment", 10.0, _when_due("assignment"), "vectors", patient=True),
    Job("clusters", 3600.0, _when_due("clusters"), "long", patient=True),
    Job("emergence", 3600.0, _when_due("emergence"), "daily", patient=True),
    Job("drift", 3600.0, _when_due("drift"), "daily", patient=True),
    Job("notices", 5.0, _at_once(notices.run), "outside"),
)

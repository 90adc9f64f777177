"""Every job there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from spanledger_analytics.jobs import joining, ledger, recovery, retention
from spanledger_store.control import Control
from spanledger_store.engine import Engine

Progress = Callable[[str, int, int], None]
Lane = Literal["quick", "long"]


@dataclass(frozen=True, slots=True)
class Job:
    """A named piece of work that may run at any time and any number of times; `run` returns what it changed.

    Jobs of one lane run one after another: what may take minutes is `long`, so that the books do not wait for it.
    """

    name: str
    every_seconds: float
    run: Callable[[Engine, Control, Progress], int]
    lane: Lane = "quick"


def _at_once(run: Callable[[Engine, Control], int]) -> Callable[[Engine, Control, Progress], int]:
    return lambda engine, control, _progress: run(engine, control)


JOBS: tuple[Job, ...] = (
    Job("recovery", 60.0, _at_once(recovery.run)),
    Job("ledger", 5.0, _at_once(ledger.run)),
    Job("joining", 5.0, _at_once(joining.run)),
    Job("retention", 60.0, retention.run, "long"),
)

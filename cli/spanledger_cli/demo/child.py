"""The process that plays: it has a core to itself, and reports through a pipe."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.context import SpawnProcess
from typing import Any, Final, Protocol

import spanledger
from spanledger_cli.demo.play import Player, Totals
from spanledger_cli.demo.story import story
from spanledger_cli.demo.traffic import traffic

_REPORT_EVERY: Final = 0.2


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be played, and where to."""

    seed: int
    end: datetime
    days: int
    spans: int
    endpoint: str
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the player is; `totals` comes with the last report, when all is acknowledged."""

    played: int
    acknowledged: int
    totals: Totals | None = None
    sessions: int = 0
    lost: int = 0
    last_error: str | None = None


class Reports(Protocol):
    """The reading end of the player's pipe."""

    def poll(self, timeout: float) -> bool:
        """True once a report waits, or the player has gone."""
        ...

    def recv(self) -> Any:
        """The next `Progress`; EOFError if the player has gone."""
        ...

    def close(self) -> None:
        """Listen no more; the player then stops."""
        ...


class _Writer(Protocol):
    def send(self, obj: Progress) -> None: ...
    def close(self) -> None: ...


def start(order: Order) -> tuple[SpawnProcess, Reports]:
    """Start the player; its reports end with the one that has `totals`."""
    # Spawned and not forked: this process has threads and an engine that do not survive a fork.
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_perform, args=(order, writer), name="spanledger-demo-player", daemon=True)
    process.start()
    writer.close()
    return process, reader


def _perform(order: Order, connection: _Writer) -> None:
    # Either way whoever ordered the play has left.
    with suppress(BrokenPipeError, KeyboardInterrupt):
        _play(order, connection)


def _play(order: Order, connection: _Writer) -> None:
    month = story(order.seed, order.end, order.days, order.spans)
    player = Player()
    player.start(order.endpoint, order.api_key)
    due = time.monotonic()
    for plan in traffic(month):
        player.play(plan)
        if time.monotonic() >= due:
            connection.send(_progress(player))
            due = time.monotonic() + _REPORT_EVERY
    while not spanledger.flush(_REPORT_EVERY):
        connection.send(_progress(player))
    last = _progress(player)
    player.finish()
    connection.send(
        Progress(last.played, last.acknowledged, player.totals, player.sessions, last.lost, last.last_error)
    )
    connection.close()


def _progress(player: Player) -> Progress:
    state = spanledger.stats()
    return Progress(player.totals.spans, state.acknowledged, lost=state.lost, last_error=state.last_error)

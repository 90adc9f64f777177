"""Sends a demo into a running line and waits until it is stored and booked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from spanledger_cli.demo import books, child, truth
from spanledger_cli.demo.books import Books
from spanledger_cli.demo.company import SERVICE
from spanledger_cli.demo.events import Story
from spanledger_cli.demo.play import Totals
from spanledger_cli.demo.volume import utc
from spanledger_store.control import Control, dirty, keys
from spanledger_store.engine import Engine

_LOOK_EVERY = 0.4
_STALLED_SECONDS = 120.0


class DemoError(Exception):
    """The demo could not be completed; the message says why and what to do."""


class Line(Protocol):
    """A collector that runs in this process, and what is behind it."""

    @property
    def url(self) -> str:
        """Where spans are sent to."""
        ...

    @property
    def engine(self) -> Engine:
        """The store."""
        ...

    @property
    def control(self) -> Control:
        """The control database."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """A demo that is wholly in the store: what was sent, what the books say, and how long it took."""

    sent: Totals
    sessions: int
    books: Books
    seconds: float

    @property
    def complete(self) -> bool:
        """True if each span sent is stored once and the ledger equals the spans."""
        same = (self.sent.spans, self.sent.traces, self.sessions)
        return (self.books.spans, self.books.traces, self.books.sessions) == same and self.books.agree


Watch = Callable[[int, int, int], None]
"""Called with spans sent (acknowledged), stored, and expected in all."""


def load(line: Line, story: Story, data: Path, watch: Watch) -> Outcome:
    """Play `story` into `line`; return when every span is stored and the ledger recomputed.

    The truth is in `data` before the first span is. Playing the same story again changes nothing.
    Raises DemoError if the player dies, spans are lost, or nothing arrives for two minutes.
    """
    started = time.monotonic()
    truth.write(data, truth.describe(story, None))
    key = _temporary_key(line.control)
    try:
        secret = key[1] if key else None
        order = child.Order(story.seed, utc(story.end_ns), story.hours // 24, story.spans, line.url, secret)
        last = _follow(line, story, order, watch)
        if last.totals is None or last.lost:
            raise DemoError(f"{last.lost} spans were lost on the way: {last.last_error or 'the player ended early'}.")
        _wait_until_stored(line, story, last.totals.spans, watch)
        found = _wait_until_booked(line, story)
    finally:
        if key:
            keys.revoke(line.control, key[0].id)
    outcome = Outcome(last.totals, last.sessions, found, time.monotonic() - started)
    if not outcome.complete:
        raise DemoError(
            f"sent {outcome.sent.spans} spans, stored {outcome.books.spans}; "
            f"the ledger {'equals' if outcome.books.agree else 'differs from'} the spans. "
            "`spanledger doctor` shows what was set aside."
        )
    truth.write(data, truth.describe(story, outcome.sent, outcome.sessions))
    return outcome


def _temporary_key(control: Control) -> tuple[keys.Key, str] | None:
    """A key for the player where sending needs one."""
    if not keys.any_active(control, "ingest"):
        return None
    return keys.create(control, books.PROJECT, f"{SERVICE} demo", "ingest")


class _Stored:
    """The number of stored rows, looked up now and then beside the waiting."""

    def __init__(self, line: Line, story: Story) -> None:
        self._line = line
        self._story = story
        self._due = 0.0
        self._value = 0

    def now(self) -> int:
        if time.monotonic() >= self._due:
            self._value = books.rows_stored(self._line.engine, self._story)
            self._due = time.monotonic() + _LOOK_EVERY
        return self._value


def _follow(line: Line, story: Story, order: child.Order, watch: Watch) -> child.Progress:
    process, connection = child.start(order)
    stored = _Stored(line, story)
    last = child.Progress(0, 0)
    try:
        while last.totals is None:
            if connection.poll(_LOOK_EVERY):
                try:
                    last = connection.recv()
                except EOFError:
                    process.join(5)
                    raise DemoError(f"the player ended early with code {process.exitcode}.") from None
            expected = last.totals.spans if last.totals else max(story.spans, last.played)
            watch(last.acknowledged, stored.now(), expected)
        process.join(30)
        return last
    finally:
        connection.close()
        if process.is_alive():
            process.terminate()
            process.join(5)


def _wait_until_stored(line: Line, story: Story, spans: int, watch: Watch) -> None:
    seen, since = -1, time.monotonic()
    while True:
        stored = books.rows_stored(line.engine, story)
        watch(spans, min(stored, spans), spans)
        if stored >= spans and books.read(line.engine, story).spans >= spans:
            return
        if stored != seen:
            seen, since = stored, time.monotonic()
        if time.monotonic() - since > _STALLED_SECONDS:
            raise DemoError(f"{stored} of {spans} spans are stored and no more arrive. See `spanledger doctor`.")
        time.sleep(_LOOK_EVERY)


def _wait_until_booked(line: Line, story: Story) -> Books:
    """The books once the scheduler has nothing left to recompute and they agree, or as they are after two minutes."""
    until = time.monotonic() + _STALLED_SECONDS
    while True:
        # Rows become visible just before their hours are marked: an empty list alone says too little.
        if not dirty.count(line.control) or time.monotonic() > until:
            found = books.read(line.engine, story)
            if found.agree or time.monotonic() > until:
                return found
        time.sleep(0.1)

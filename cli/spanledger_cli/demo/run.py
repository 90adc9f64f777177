"""Sends a demo into a running line and waits until it is stored and booked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spanledger_cli.demo import books, child, truth
from spanledger_cli.demo.books import Books
from spanledger_cli.demo.events import Story
from spanledger_cli.demo.play import Totals
from spanledger_cli.demo.volume import iso, utc
from spanledger_cli.errors import CliError
from spanledger_cli.running import Running

_LOOK_EVERY = 0.5
_STALLED_SECONDS = 120.0


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


def load(up: Running, story: Story, data: Path, watch: Watch) -> Outcome:
    """Play `story` into the line at `up`; return when every span is stored and the ledger recomputed.

    The truth is in `data` before the first span is sent. Playing the same story again changes nothing.
    Raises CliError if the player dies, spans are lost, or nothing arrives for two minutes.
    """
    started = time.monotonic()
    truth.write(data, truth.describe(story, None))
    _announce(up, story)
    order = child.Order(story.seed, utc(story.end_ns), story.hours // 24, story.spans, up.url, up.token)
    last = _follow(up, story, order, watch)
    if last.totals is None or last.lost:
        raise CliError(f"{last.lost} spans were lost on the way: {last.last_error or 'the player ended early'}.")
    _wait_until_stored(up, story, last.totals.spans, watch)
    found = _wait_until_booked(up, story)
    outcome = Outcome(last.totals, last.sessions, found, time.monotonic() - started)
    if not outcome.complete:
        raise CliError(
            f"{outcome.sent.spans} spans were sent and {found.spans} are stored; the ledger "
            f"{'equals' if found.agree else 'differs from'} the spans. `spanledger doctor` shows what was set aside."
        )
    truth.write(data, truth.describe(story, outcome.sent, outcome.sessions))
    return outcome


def _announce(up: Running, story: Story) -> None:
    """Tell of launches ahead, as the company did; the same launch told again is the same plan."""
    for launch in story.of_type("planned_launch"):
        body = {
            "project": books.PROJECT,
            "slice": dict(launch.where),
            "start": iso(launch.start_ns),
            "end": iso(launch.end_ns),
            "note": launch.sentence,
        }
        up.post("/api/v1/plans", body)


def _follow(up: Running, story: Story, order: child.Order, watch: Watch) -> child.Progress:
    process, reports = child.start(order)
    last = child.Progress(0, 0)
    stored, due = 0, 0.0
    try:
        while last.totals is None:
            if reports.poll(_LOOK_EVERY):
                try:
                    last = reports.recv()
                except EOFError:
                    process.join(5)
                    raise CliError(f"the demo's player ended early, with code {process.exitcode}.") from None
            if time.monotonic() >= due:
                stored, due = books.rows_stored(up, story), time.monotonic() + _LOOK_EVERY
            watch(last.acknowledged, stored, last.totals.spans if last.totals else max(story.spans, last.played))
        process.join(30)
        return last
    finally:
        reports.close()
        if process.is_alive():
            process.terminate()
            process.join(5)


def _wait_until_stored(up: Running, story: Story, spans: int, watch: Watch) -> None:
    seen, since = -1, time.monotonic()
    while True:
        stored = books.rows_stored(up, story)
        watch(spans, min(stored, spans), spans)
        if stored >= spans and books.read(up, story).spans >= spans:
            return
        if stored != seen:
            seen, since = stored, time.monotonic()
        if time.monotonic() - since > _STALLED_SECONDS:
            raise CliError(f"{stored} of {spans} spans are stored and no more arrive. See: spanledger doctor")
        time.sleep(_LOOK_EVERY)


def _wait_until_booked(up: Running, story: Story) -> Books:
    """The books once they agree with the spans, or as they are after two minutes."""
    until = time.monotonic() + _STALLED_SECONDS
    while True:
        found = books.read(up, story)
        if found.agree or time.monotonic() > until:
            return found
        time.sleep(_LOOK_EVERY)

"""`spanledger demo`: a month of a fictional company in an embedded store, and the pages that show it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spanledger_cli import running
from spanledger_cli.errors import CliError, InUse, Usage
from spanledger_cli.options import DataOption, store_settings
from spanledger_cli.output import console

if TYPE_CHECKING:
    from spanledger_cli.demo.events import Story
    from spanledger_store.settings import StoreSettings

SEED = 7
SPANS = 110_000
DAYS = 30
# What looks at a whole month ran while it arrived, and would again in an hour: whoever has a demo looks at once.
ANALYSES = ("forecast", "anomalies", "clusters", "emergence", "drift")


def demo(
    seed: Annotated[int | None, typer.Option("--seed", min=0, help=f"Which month is told; default {SEED}.")] = None,
    spans: Annotated[
        int | None, typer.Option("--spans", min=100, help=f"About how many spans; default {SPANS}.")
    ] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, max=400, help=f"Its length; default {DAYS}.")] = None,
    end: Annotated[
        str | None, typer.Option("--end", metavar="TIME", help="ISO time at which it ends; else the last full hour.")
    ] = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Exit after the summary.")] = False,
    port: Annotated[
        int, typer.Option("--port", envvar="SPANLEDGER_PORT", min=0, max=65535, help="Port of the pages; 0 takes any.")
    ] = 8787,
    data: DataOption = None,
) -> None:
    """Fill a store with a month of a fictional company's calls, and show it.

    The calls go through the real SDK and the real collector. What is true about them is written to
    demo_truth.json in the data directory. Started again, it finds the month there and sends nothing twice.

    Exit codes: 0 done, 1 failed, 2 the directory holds another demo, 3 directory or port in use.

    Example: spanledger demo --data ./demo-data --seed 7
    """
    settings = store_settings(data)
    month, known = _choose(settings.data, seed, spans, days, end)
    up = running.find(settings.data)
    if up is not None:
        _tell(settings.data, up, month, known)
        _ask(up)
        console().print(f"The pages are at {up.url}", markup=False)
        return
    from spanledger_cli.serve import serve

    teller = _Teller(settings.data, month, known, no_serve)
    try:
        serve(settings, "127.0.0.1", port, teller.begin)
    finally:
        teller.stopped = True
    teller.conclude()
    if no_serve:
        _ask_next(settings)


class _Teller:
    """Sends the month from a thread of its own while this process serves; ends the serving if told to."""

    def __init__(self, data: Path, month: Story, known: bool, no_serve: bool) -> None:
        self._data = data
        self._month = month
        self._known = known
        self._no_serve = no_serve
        self._thread = threading.Thread(target=self._work, name="demo", daemon=True)
        self._error: Exception | None = None
        self._done = False
        self.stopped = False

    def begin(self, url: str, _grpc: str) -> None:
        """Called once requests are answered, on the server's own thread, which must not be held up."""
        self._url = url
        self._thread.start()

    def conclude(self) -> None:
        """Called when the server has ended: raise what went wrong, if anything did."""
        if self._error is not None:
            raise self._error
        if not self._done:
            raise CliError("interrupted before the month was complete. The same command continues it.")

    def _work(self) -> None:
        try:
            up = running.find(self._data)
            if up is None:
                raise InUse(f"the server at {self._url} does not answer.")
            _tell(self._data, up, self._month, self._known)
            if not self._no_serve:
                _ask(up)
            self._done = True
        except Exception as error:
            # Once the server is stopping, what fails here fails because of that.
            self._error = None if self.stopped else error
        if self._no_serve or self._error is not None:
            os.kill(os.getpid(), signal.SIGTERM)
        elif self._done:
            console().print(f"The pages are at {self._url}\nPress Ctrl+C to stop.", markup=False)


def _choose(data: Path, seed: int | None, spans: int | None, days: int | None, end: str | None) -> tuple[Story, bool]:
    """The month to tell, and whether all of it was sent before. Raises Usage where another demo is in the way."""
    from spanledger_cli.demo import truth
    from spanledger_cli.demo.story import last_full_hour, story

    wanted_end = _moment(end) if end else None
    before = truth.read(data)
    if before is None:
        moment = wanted_end or last_full_hour()
        return story(SEED if seed is None else seed, moment, days or DAYS, spans or SPANS), False
    month = story(before["seed"], truth.end_of(before), before["days"], before["spans"])
    asked: list[tuple[str, Any, Any]] = [
        ("--seed", seed, before["seed"]),
        ("--spans", spans, before["spans"]),
        ("--days", days, before["days"]),
        ("--end", wanted_end, truth.end_of(before)),
    ]
    for option, value, held in asked:
        if value is not None and value != held:
            raise Usage(
                f"{data} holds a demo with {option} {held}, and {option} {value} was asked for. "
                "Leave the option out to see that demo, or choose another directory with --data."
            )
    return month, before["totals"] is not None


def _moment(text: str) -> datetime:
    from spanledger_cli.demo.story import full_hour

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Usage(f"--end {text!r} is no time; use 2026-01-31 or 2026-01-31T08:00.") from error
    return full_hour(moment)


def _tell(data: Path, up: running.Running, month: Story, known: bool) -> None:
    from spanledger_cli.demo import books, progress, run, summary, truth

    if known:
        found = books.read(up, month)
        before = truth.read(data) or {}
        if found.agree and found.spans == (before.get("totals") or {}).get("spans"):
            console().print(f"The demo is in {data} already; nothing was sent.", markup=False)
            summary.show(month, found, None, data)
            return
    with progress.bars(sys.stderr, month.spans) as watch:
        outcome = run.load(up, month, data, watch)
    summary.show(month, outcome.books, outcome.seconds, data)


def _ask(up: running.Running) -> None:
    """Have the analyses run now, without waiting for them."""
    for name in ANALYSES:
        up.post(f"/api/v1/jobs/{name}/run", {})


def _ask_next(settings: StoreSettings) -> None:
    """Have the analyses run as soon as somebody serves the directory."""
    from spanledger_store.control import Control, jobs

    with Control.open(settings) as control:
        for name in ANALYSES:
            jobs.ask(control, name)

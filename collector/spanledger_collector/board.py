"""The state of all budgets, kept in memory and renewed behind everybody's back: nobody who asks waits for the store."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from spanledger_collector.spool import Spool
from spanledger_store.control import Control, budgets
from spanledger_store.control.budgets import DIMENSIONS, Budget, plain
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreError
from spanledger_store.finance import budgets as standing
from spanledger_store.finance.budgets import State, carries, current

logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 2.0
# A store on which this takes long is asked less often: it may use a fifth of the time at most.
REST: Final = 4.0
# Values of one budget with `per` in an answer that names none of them.
LARGEST: Final = 1000

Asked = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One budget as SDKs are told of it: what holds for all its values, and what each value has spent."""

    budget: Budget
    told: Mapping[str, Any]
    values: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A project's budgets as of one reading; `revision` is the same where nothing has changed."""

    entries: Sequence[Entry] = ()
    revision: str = "none"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the store said. It includes every span that this collector had acknowledged at `complete_to` (monotonic)."""

    complete_to: float
    sheets: Mapping[str, Sheet] = field(default_factory=dict[str, Sheet])

    def behind(self) -> float:
        """How many seconds ago everything acknowledged was included."""
        return max(0.0, time.monotonic() - self.complete_to)


class Board:
    """Reads the state of every budget each `EVERY_SECONDS`, in a thread of its own; what it holds is read at once.

    A store that is away leaves the last reading standing, which says how far behind it is.
    """

    def __init__(self, engine: Engine, control: Control, spool: Spool) -> None:
        self._engine = engine
        self._control = control
        self._spool = spool
        self._revision = -1
        self._failing = False
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._loop, name="budgets", daemon=True)
        self.reading: Reading | None = None

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(EVERY_SECONDS)

    def wake(self) -> None:
        """Say that budgets have changed."""
        self._wake.set()

    def _loop(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            self.read()
            self._wake.wait(max(EVERY_SECONDS, REST * (time.monotonic() - started)))
            self._wake.clear()

    def read(self) -> None:
        """Read once, now; a failure is said once in the log."""
        try:
            with self._lock:
                self.reading = self._read()
        except (StoreError, sqlite3.Error) as error:
            if not self._failing:
                logger.warning("the state of budgets cannot be read, the last one stands: %s", error)
            self._failing = True
        except Exception:
            # Whatever is wrong with one reading, the thread must be there for the next one.
            logger.exception("the state of budgets cannot be read, the last one stands")
        else:
            self._failing = False

    def _read(self) -> Reading:
        # An entry leaves the spool after its spans can be seen, so the oldest entry is asked for before the store is.
        begun, wall = time.monotonic(), time.time_ns()
        seen = self._spool.snapshot(self._revision)
        self._revision = seen.revision
        complete_to = begun if seen.oldest is None else begun - max(0, wall - seen.oldest) / 1e9
        now = datetime.now(UTC)
        kept = budgets.listing(self._control)
        by_budget: defaultdict[str, list[State]] = defaultdict(list)
        for state in standing.states(self._engine, self._control, kept, now):
            by_budget[state.budget.id].append(state)
        by_project: defaultdict[str, list[Entry]] = defaultdict(list)
        for budget in kept:
            by_project[budget.project].append(_entry(budget, by_budget[budget.id], now))
        return Reading(complete_to, {project: _sheet(entries) for project, entries in by_project.items()})


def answer(sheet: Sheet, asked: Asked) -> dict[str, Any]:
    """The budgets that calls with the values asked for count towards; all of them where nothing is asked.

    `asked` has alternatives by dimension; a dimension that is not in it is not looked at. `complete` is false where
    values of a budget with `per` were left out because there are too many to name.
    """
    found: list[dict[str, Any]] = []
    complete = True
    for entry in sheet.entries:
        budget = entry.budget
        if any(name in asked and value not in asked[name] for name, value in budget.slice.items()):
            continue
        if budget.per in asked:
            values = {value: entry.values[value] for value in asked[budget.per] if value in entry.values}
        else:
            values = dict(islice(entry.values.items(), LARGEST))
            complete = complete and len(values) == len(entry.values)
        found.append({**entry.told, "values": values} if budget.per else dict(entry.told))
    return {"now": datetime.now(UTC).isoformat(), "complete": complete, "budgets": found}


def asked_of(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The values asked for, by dimension, from a query string; what else it holds is not looked at."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in DIMENSIONS:
            found.setdefault(name, []).append(value)
    return found


def _entry(budget: Budget, states: Sequence[State], now: datetime) -> Entry:
    of = current(budget, now)
    # What a value may spend that has spent nothing, now or before.
    carried = budget.amount if carries(budget, of) else 0
    told: dict[str, Any] = {
        "id": budget.id,
        "name": budget.name,
        "slice": dict(budget.slice),
        "per": budget.per,
        "period": budget.period.value,
        "enforcement": budget.enforcement.value,
        "resets_at": of.end.isoformat(),
        "limit": plain(budget.amount + carried),
        "spent": "0",
    }
    if not budget.per:
        return Entry(budget, told | (_amounts(states[0]) if states else {}), {})
    return Entry(budget, told, {state.value or "": _amounts(state) for state in states})


def _amounts(state: State) -> dict[str, Any]:
    return {"limit": plain(state.limit), "spent": None if state.spent is None else plain(state.spent)}


def _sheet(entries: Sequence[Entry]) -> Sheet:
    # Value by value: one large encoding would hold up whoever asks meanwhile.
    digest = hashlib.sha256()
    for each in entries:
        digest.update(json.dumps(each.told, sort_keys=True).encode())
        for value, amounts in each.values.items():
            digest.update(f"{value}\0{amounts['limit']}\0{amounts['spent']}\0".encode())
    return Sheet(entries, digest.hexdigest()[:16])

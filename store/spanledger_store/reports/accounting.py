"""The account of everything that was sent: what became of it, by key and hour of receipt, and whether it adds up."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from string import Template
from typing import Any, TypeVar

from spanledger_store.control import Control, tallies
from spanledger_store.control.tallies import HOUR_SECONDS, Line
from spanledger_store.engine import Engine
from spanledger_store.reports import coverage
from spanledger_store.sql import load

K = TypeVar("K", bound=Hashable)
SPANS = "traces"


@dataclass(frozen=True, slots=True)
class Account:
    """Items of one signal from one key in one hour, or the sum of several such.

    | field | of the items |
    |---|---|
    | exported, dropped | what SDKs that report themselves say: delivered, and given up for any reason |
    | received | reached a collector in a request that was answered 200 |
    | refused | of these, named in the answer as not taken; kept in quarantine |
    | repeated | of these, in requests that had been acknowledged before |
    | acknowledged | of these, all others: on disk before the answer |
    | waiting, stored, quarantined | of those acknowledged: in a spool, in the store, in quarantine after all |
    | missing | of those acknowledged: nowhere. 0, unless a spool's file was damaged |
    | present | rows of the store now, each span once |
    | absent | stored and not present: spans sent again in another request, deleted or expired since |
    | unpriced, truncated | of those present: billable without a price; content cut, its length kept |

    None where nothing is known: `exported` and `dropped` without reports, the last four of log records and points.
    """

    acknowledged: int = 0
    waiting: int = 0
    stored: int = 0
    quarantined: int = 0
    refused: int = 0
    repeated: int = 0
    requests: int = 0
    present: int | None = None
    absent: int | None = None
    unpriced: int | None = None
    truncated: int | None = None
    exported: int | None = None
    dropped: int | None = None

    @property
    def received(self) -> int:
        """Items in requests that were answered 200."""
        return self.acknowledged + self.repeated + self.refused

    @property
    def missing(self) -> int:
        """Items that were acknowledged and are nowhere."""
        return self.acknowledged - self.waiting - self.stored - self.quarantined

    def __add__(self, other: Account) -> Account:
        sums: dict[str, Any] = {
            each.name: _sum(getattr(self, each.name), getattr(other, each.name)) for each in fields(Account)
        }
        return Account(**sums)

    def as_dict(self) -> dict[str, int | None]:
        """Every number by its name, those that follow from others too."""
        held = {each.name: getattr(self, each.name) for each in fields(Account)}
        return {"received": self.received, **held, "missing": self.missing}


@dataclass(frozen=True, slots=True)
class Entry:
    """The account of one project, key (its id; '' for none), signal and hour."""

    project: str
    key: str
    signal: str
    hour: datetime
    account: Account

    def as_dict(self) -> dict[str, Any]:
        """The entry as JSON takes it."""
        where = {"project": self.project, "key": self.key, "signal": self.signal, "hour": self.hour.isoformat()}
        return where | self.account.as_dict()


def entries(
    engine: Engine, control: Control, start: datetime, end: datetime, project: str | None = None
) -> list[Entry]:
    """Every account of the hours that begin in [start, end), oldest first; of one project or of all.

    What collectors count arrives a few seconds later, what SDKs report up to a minute later.
    """
    first, last = (_hour_after(moment) for moment in (start, end))
    found: dict[tuple[str, str, str, int], Account] = {}

    def add(at: tuple[str, str, str, int], more: Account) -> None:
        found[at] = found.get(at, Account()) + more

    for _, line in tallies.lines(control, start, end, project):
        add((line.project, line.key, line.signal, line.hour), _counted(line))
    params = {"start": _moment(first), "end": _moment(last), "project": project or ""}
    for of, key, hour, spans, unpriced, truncated in engine.rows(load("accounting_store"), params):
        add((of, key, SPANS, hour), Account(present=spans, unpriced=unpriced, truncated=truncated))
    for of, key, hour, exported, dropped in _sdk(engine, _moment(first), _moment(last), project):
        add((of, key, SPANS, hour), Account(exported=exported, dropped=dropped))
    return [
        Entry(of, key, signal, _moment(hour), _settled(account) if signal == SPANS else account)
        for (of, key, signal, hour), account in sorted(found.items(), key=lambda item: (item[0][3], item[0]))
    ]


def by(found: Iterable[Entry], key: Callable[[Entry], K]) -> dict[K, Account]:
    """Sums by anything an entry has, in the order in which it first comes."""
    sums: dict[K, Account] = {}
    for entry in found:
        at = key(entry)
        sums[at] = sums.get(at, Account()) + entry.account
    return sums


def reasons(engine: Engine, project: str, start: datetime, end: datetime) -> list[tuple[str, str, int]]:
    """(service, reason, spans) of what SDKs say they dropped, the most first."""
    frame = coverage.sdk(engine, project, start, end)
    sums: dict[tuple[str, str], int] = {}
    for row in frame.iter_rows(named=True):
        if row["error_type"]:
            at = (row["service"], row["error_type"])
            sums[at] = sums.get(at, 0) + row["spans"]
    return sorted(((*at, n) for at, n in sums.items()), key=lambda each: (-each[2], each[:2]))


def _sdk(
    engine: Engine, start: datetime, end: datetime, project: str | None
) -> Iterable[tuple[str, str, int, int, int]]:
    projects = [project] if project is not None else [
        row[0] for row in engine.rows(load("coverage_projects"), {"names": list(coverage.SDK), "start": start})
    ]  # fmt: skip
    sql = Template(load("accounting_sdk")).substitute(steps=load("metric_steps"))
    for of in projects:
        params: dict[str, Any] = {"project": of, "start": start, "end": end, "names": list(coverage.SDK)}
        for row in engine.rows(sql, params):
            yield (of, *row)  # pyright: ignore[reportReturnType] - the columns of accounting_sdk.sql


def _counted(line: Line) -> Account:
    return Account(waiting=line.waiting, **line.counts)


def _settled(account: Account) -> Account:
    present = account.present or 0
    return replace(
        account,
        present=present,
        absent=max(0, account.stored - present),
        unpriced=account.unpriced or 0,
        truncated=account.truncated or 0,
    )


def _sum(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _hour_after(moment: datetime) -> int:
    return -(-int(moment.timestamp()) // HOUR_SECONDS)


def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)

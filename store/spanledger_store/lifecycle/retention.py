"""Keeping each class of data as long as its project wants it, and the books beyond.

keeping.keep(control, "default", {"content": 30, "spans": 395})
retention.run(engine, control, now=datetime.now(UTC), interface="command line", dry_run=True)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from string import Template
from typing import Any, Final

from spanledger_store import audit, ledger
from spanledger_store.control import Control, keeping, projects
from spanledger_store.control.exclusive import exclusively
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreError
from spanledger_store.lifecycle import expiry
from spanledger_store.lifecycle.expiry import Limits, Table
from spanledger_store.sql import load

_SPANS: Final = Table("span_rows", "start_time")
# In the order in which they expire: what depends on spans before them, the books after.
CLASSES: Final[Mapping[str, Sequence[Table]]] = {
    "content": (Table("span_content_rows", "start_time"),),
    "embeddings": (Table("embedding_rows", "start_time"), Table("assignment_rows", "start_time")),
    "scores": (Table("score_rows", "time"),),
    "logs": (Table("log_rows", "time"),),
    "metrics": (Table("metric_rows", "time"),),
    "spans": (_SPANS,),
    "ledger": (
        Table("frozen_rows", "hour"),
        Table("ledger_total_rows", "toDateTime(day, 'UTC')"),
        Table("ledger_day_rows", "toDateTime(day, 'UTC')"),
        Table("ledger_rows", "hour"),
    ),
}
# What a span carried means nothing without it.
_WITH_SPANS: Final = frozenset({"content", "embeddings"})
LONGEST: Final = 36_500
_WAIT: Final = {"mutations_sync": 2}


class RetentionInvalid(StoreError):
    """A class or a number of days that cannot be."""


@dataclass(frozen=True, slots=True)
class Expired:
    """What of one project and class has gone, or would go: rows of everything before `before`, versions one by one."""

    project: str
    kind: str
    days: int
    before: datetime
    rows: int


def chosen(control: Control) -> dict[str, dict[str, int | None]]:
    """project -> class -> days that it is kept, None for ever; content and embeddings no longer than their spans."""
    held = keeping.days(control)
    found: dict[str, dict[str, int | None]] = {}
    for project in sorted({each.id for each in projects.listing(control)} | held.keys()):
        own = held.get(project, {})
        spans = own.get("spans")
        found[project] = {
            kind: min(filter(None, (own.get(kind), spans)), default=None) if kind in _WITH_SPANS else own.get(kind)
            for kind in CLASSES
        }
    return found


def choose(control: Control, project: str, wanted: Mapping[str, int | None]) -> None:
    """Set how many days a project keeps the classes named; None is for ever.

    Raises RetentionInvalid, or ProjectUnknown, and then sets nothing.
    """
    for kind, days in wanted.items():
        if kind not in CLASSES:
            raise RetentionInvalid(f"{kind!r} is no class of data; the classes are: {', '.join(CLASSES)}.")
        if days is not None and not 1 <= days <= LONGEST:
            raise RetentionInvalid(f"{kind} for {days} days cannot be; use 1 to {LONGEST} days, or for ever.")
    held: dict[str, int | None] = {**keeping.days(control).get(project, {}), **wanted}
    spans, books = held.get("spans"), held.get("ledger")
    if books is not None and (spans is None or spans > books):
        kept = "for ever" if spans is None else f"{spans} days"
        raise RetentionInvalid(
            f"the ledger cannot be kept {books} days while spans are kept {kept}: it is their sum. "
            f"Keep spans {books} days or less, or the ledger longer."
        )
    keeping.keep(control, project, wanted)


def run(
    engine: Engine,
    control: Control,
    *,
    now: datetime,
    interface: str,
    project: str | None = None,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Expired]:
    """Remove what every project, or one, no longer keeps; what went, or with `dry_run` what would.

    A class kept N days loses what began before the UTC day N days before today's, so whole UTC hours, and nothing
    else. The money of expired spans stays in the ledger, to the last digit. May be cut short and repeated at any
    point. Raises Occupied, ProjectUnknown or StoreError.
    """
    if project is not None:
        projects.get(control, project)
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    kept = {name: each for name, each in chosen(control).items() if project in (None, name)}
    if dry_run:
        return _found(engine, kept, today)
    with exclusively(control):
        found = _found(engine, kept, today)
        actions = _begun(engine, found, interface)
        for kind in CLASSES:
            due = {each.project: each.before for each in found if each.kind == kind and each.rows}
            if due:
                progress(kind)
            if due and kind == "spans":
                _expire_spans(engine, Limits(due))
            elif due:
                if kind == "content":
                    spans = {each.project: each.before for each in found if each.kind == "spans"}
                    _empty_previews(engine, due, spans)
                for table in CLASSES[kind]:
                    expiry.remove(engine, table, Limits(due))
        for name, action in actions.items():
            gone = [each for each in found if each.project == name and each.rows]
            before = {f"{each.kind}_before": f"{each.before:%Y-%m-%d}" for each in gone}
            audit.finish(engine, action, {each.kind: each.rows for each in gone}, before)
    return found


def as_json(found: Sequence[Expired]) -> list[dict[str, Any]]:
    """One object per project and class, for API and terminal."""
    return [
        {"project": each.project, "class": each.kind, "days": each.days, "before": f"{each.before:%Y-%m-%d}",
         "rows": each.rows}
        for each in found
    ]  # fmt: skip


def _begun(engine: Engine, found: Sequence[Expired], interface: str) -> dict[str, audit.Action]:
    names = sorted({each.project for each in found if each.rows})
    actions = {name: audit.Action("retention", name, "", interface) for name in names}
    for action in actions.values():
        audit.begin(engine, action)
    return actions


def _found(engine: Engine, kept: Mapping[str, Mapping[str, int | None]], today: datetime) -> list[Expired]:
    limits: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
    for project, classes in kept.items():
        for kind, days in classes.items():
            if days is not None:
                limits[kind][project] = today - timedelta(days=days)
    found: list[Expired] = []
    for kind, ends in list(limits.items()):
        rows: defaultdict[str, int] = defaultdict(int)
        for table in CLASSES[kind]:
            for project, count in expiry.counts(engine, table, Limits(ends)).items():
                rows[project] += count
        if kind == "content":
            for _, project, count in _previews(engine, ends, limits["spans"]):
                rows[project] += count
        found += [
            Expired(name, kind, kept[name][kind] or 0, before, rows[name]) for name, before in sorted(ends.items())
        ]
    return sorted(found, key=lambda each: each.project)


def _empty_previews(engine: Engine, due: Mapping[str, datetime], spans: Mapping[str, datetime]) -> None:
    parameters = Limits(_outlived(due, spans)).parameters()
    for month in sorted({month for month, _, _ in _previews(engine, due, spans)}):
        sql = Template(load("retention_previews")).substitute(month=month, expired=expiry.expired("start_time"))
        engine.command(sql, parameters, _WAIT)


def _previews(engine: Engine, due: Mapping[str, datetime], spans: Mapping[str, datetime]) -> Sequence[Sequence[Any]]:
    sql = Template(load("retention_preview_months")).substitute(expired=expiry.expired("start_time"))
    return engine.rows(sql, Limits(_outlived(due, spans)).parameters())


def _outlived(due: Mapping[str, datetime], spans: Mapping[str, datetime]) -> dict[str, datetime]:
    # Where the spans go on the same day, their previews go with them.
    return {project: before for project, before in due.items() if spans.get(project) != before}


def _expire_spans(engine: Engine, due: Limits) -> None:
    # Found first: what a part held then is frozen below, so it may be dropped without another look.
    found = expiry.parts(engine, _SPANS, due)
    expired = expiry.expired(_SPANS.time)
    days = Template(load("retention_days")).substitute(expired=expired)
    for (day,) in engine.rows(days, due.parameters()):
        _freeze(engine, due, day.replace(tzinfo=UTC), expired)
    settled = ledger.beside_frozen("retention_settled", expired)
    expiry.take_out(engine, _SPANS, due, found, settled)


def _freeze(engine: Engine, due: Limits, day: datetime, expired: str) -> None:
    # By day, so that the identities of one step fit into memory; each step is one insert of whole rows.
    within = f"({load('retention_day')}) AND {expired}"
    parameters = due.parameters() | {"day": day, "next": day + timedelta(days=1)}
    engine.command(
        Template(load("retention_freeze")).substitute(of_spans=ledger.of_spans(within)),
        parameters,
    )
    engine.command(ledger.beside_frozen("retention_freeze_withdrawn", within), parameters)

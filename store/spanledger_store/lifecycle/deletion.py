"""Deleting what is stored of a customer, a user or a trace, and proving that it is gone.

subject = Subject("customer", "acme", "default")
deletion.preview(engine, subject)                       # {"span_rows": 120, ...}
proof = deletion.delete(engine, control, subject, interface="command line")
assert proof.complete
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from string import Template
from typing import Any, Literal, get_args

from spanledger_store import audit, findings, settling
from spanledger_store.control import Control, forgetting
from spanledger_store.control.exclusive import exclusively
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreError
from spanledger_store.lifecycle import mentions
from spanledger_store.outlook import forecasts
from spanledger_store.settling import Sums
from spanledger_store.sql import load

Kind = Literal["customer", "user", "trace"]

_COLUMNS: Mapping[Kind, str] = {"customer": "customer", "user": "user", "trace": "trace_id"}
# Spans go last: until they are gone, the same command run again finds everything that is left.
_TABLES: Mapping[str, str] = {
    "log_rows": "deletion_matched_logs",
    "span_content_rows": "deletion_matched",
    "embedding_rows": "deletion_matched",
    "assignment_rows": "deletion_matched",
    "score_rows": "deletion_matched_scores",
    "span_rows": "deletion_matched",
}
# The ledger is kept by customer; its rows change by being recomputed, and leave once they are empty. Table -> what its
# rows are about.
_BOOKS: Mapping[str, str] = {"ledger_day_rows": "day", "ledger_rows": "hour"}
# What it keeps of expired spans names customers too, and nobody else.
_FROZEN = "frozen_rows"
# What customers paid is kept by customer and month, whether calls of theirs are stored or not.
_REVENUE = "revenue_rows"
_WAIT = {"mutations_sync": 2}


class SubjectInvalid(StoreError):
    """What is to be deleted is not named clearly enough."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data: every span of `project` that names it. Raises SubjectInvalid for an empty value or trace id."""

    kind: Kind
    value: str
    project: str = "default"

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise SubjectInvalid(f"{self.kind!r} cannot be deleted by; choose from: {', '.join(get_args(Kind))}.")
        if not self.value:
            # An empty value is how "none" is stored: it would match everything unattributed.
            raise SubjectInvalid(f"the {self.kind} to delete is empty; name one.")
        if self.kind == "trace" and not (len(self.value) == 32 and set(self.value) <= set("0123456789abcdef")):
            raise SubjectInvalid(f"{self.value!r} is no trace id; use all 32 lower-case hexadecimal digits of it.")


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows of one table, versions counted one by one."""

    table: str
    before: int
    deleted: int
    after: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What a deletion found, removed and left; `before` and `after` are the sums of the hours it touched."""

    tables: Sequence[Counted]
    hours: int
    before: Sums
    after: Sums
    beside: int

    @property
    def complete(self) -> bool:
        """True where nothing is left and the ledger is the exact sum of the spans that remain."""
        return all(each.after == 0 for each in self.tables) and self.after.equal

    def as_json(self) -> dict[str, Any]:
        """The proof with every amount as a string of all its digits."""
        return {
            "complete": self.complete,
            "tables": [asdict(each) for each in self.tables],
            "hours": self.hours,
            "before": self.before.as_json(),
            "after": self.after.as_json(),
            "beside": self.beside,
        }


def preview(engine: Engine, subject: Subject) -> dict[str, int]:
    """Rows per table that `delete` would remove now."""
    with _staged(engine, subject, secrets.token_hex(8)) as parameters:
        return _counts(engine, subject, parameters)


def delete(engine: Engine, control: Control, subject: Subject, *, interface: str) -> Proof:
    """Remove the subject's spans with their content, vectors and scores, recompute the ledger, count again.

    A customer's books of expired spans and its revenue go as well; other subjects are not named in those.
    Returns when the rows are gone from every readable part. Spans of the subject that arrive meanwhile are counted
    in the proof, which is then not complete: run it again. May be repeated after any failure.
    """
    # Retention moves money from spans to frozen books; what is deleted from both must not be on its way.
    with exclusively(control):
        return _delete(engine, control, subject, interface)


def _delete(engine: Engine, control: Control, subject: Subject, interface: str) -> Proof:
    action = audit.Action("delete", subject.project, audit.hashed(control, subject.kind, subject.value), interface)
    # A run that was cut short may have deleted spans without recomputing their hours.
    settling.settle(engine, control, _hours(engine, ""))
    with _staged(engine, subject, action.run) as parameters:
        hours = _hours(engine, action.run)
        moments = [hour for _, hour in hours]
        settling.settle(engine, control, hours)
        sums_before = settling.sums(engine, subject.project, moments)
        before = _counts(engine, subject, parameters)
        beside = int(engine.rows(load("deletion_beside"), parameters)[0][0])
        audit.begin(engine, action)
        for table in _TABLES:
            if before[table]:
                engine.command(_deleting(subject, table), parameters, _WAIT)
        if before.get(_FROZEN):
            engine.command(
                _filled("deletion_apply", table=_FROZEN, matched=load("deletion_matched_frozen")), parameters, _WAIT
            )
        if before.get(_REVENUE):
            engine.command(
                _filled("deletion_apply", table=_REVENUE, matched=load("deletion_matched_revenue")), parameters, _WAIT
            )
        settling.settle(engine, control, hours)
        for table, time in _BOOKS.items():
            if before.get(table):
                engine.command(_filled("deletion_ledger", table=table, time=time), parameters, _WAIT)
        mentions.forget(engine, control, subject.project, action.run)
        gone = findings.forget(engine, control, subject.project, subject.value) if subject.kind == "customer" else 0
        after = _counts(engine, subject, parameters)
        told = [Counted(findings.TABLE, gone, gone, 0)] if gone else []
        if subject.kind == "customer":
            kept = forgetting.customer(control, subject.project, subject.value)
            told += [Counted(table, count, count, 0) for table, count in kept.items() if count]
            if said := forecasts.forget(engine, subject.project, subject.value):
                told.append(Counted("forecast_rows", said, said, 0))
        proof = Proof(
            [*(Counted(table, before[table], before[table] - after[table], after[table]) for table in before), *told],
            len(hours),
            sums_before,
            settling.sums(engine, subject.project, moments),
            beside,
        )
        audit.finish(engine, action, *_summary(proof))
    return proof


@contextmanager
def _staged(engine: Engine, subject: Subject, run: str) -> Generator[dict[str, str]]:
    parameters = {"run": run, "project": subject.project, "value": subject.value}
    try:
        engine.command(_filled("deletion_stage", column=_COLUMNS[subject.kind]), parameters)
        if subject.kind == "customer":
            engine.command(_filled("deletion_stage_frozen", identity=load("span_identity")), parameters)
            engine.command(load("deletion_stage_revenue"), parameters)
        yield parameters
    finally:
        engine.command(load("deletion_clear"), {"run": run}, _WAIT)


def _hours(engine: Engine, run: str) -> list[tuple[str, datetime]]:
    rows = engine.rows(load("deletion_hours"), {"run": run})
    return [(project, hour.replace(tzinfo=UTC)) for project, hour in rows]


def _deleting(subject: Subject, table: str) -> str:
    matched = load(_TABLES[table])
    if subject.kind == "trace":
        # A trace id names nobody and stands in every table: contents without a span go too.
        matched = f"({matched}\n) OR ({_filled('deletion_named', column=_COLUMNS['trace'])}\n)"
    return _filled("deletion_apply", table=table, matched=matched)


def _counts(engine: Engine, subject: Subject, parameters: Mapping[str, Any]) -> dict[str, int]:
    named = _filled("deletion_named", column=_COLUMNS[subject.kind])
    found: dict[str, int] = {}
    for table, fragment in _TABLES.items():
        # Spans are looked for by the name itself as well: the proof must not rest on the list alone.
        direct = named if table == "span_rows" or subject.kind == "trace" else "false"
        sql = _filled("deletion_count", table=table, matched=load(fragment), named=direct)
        found[table] = int(engine.rows(sql, parameters)[0][0])
    if subject.kind == "customer":
        for table in (_FROZEN, _REVENUE, *_BOOKS):
            sql = _filled("deletion_count", table=table, matched="false", named=named)
            found[table] = int(engine.rows(sql, parameters)[0][0])
    return found


def _filled(name: str, **parts: str) -> str:
    return Template(load(name)).substitute(parts)


def _summary(proof: Proof) -> tuple[dict[str, int], dict[str, str]]:
    counts = {each.table: each.deleted for each in proof.tables}
    left = {f"{each.table}_left": each.after for each in proof.tables if each.after}
    details = {
        "ledger_calls_before": str(proof.before.ledger_calls),
        "ledger_calls_after": str(proof.after.ledger_calls),
        "ledger_cost_before": f"{proof.before.ledger_cost:f}",
        "ledger_cost_after": f"{proof.after.ledger_cost:f}",
    }
    return counts | left | {"hours": proof.hours}, details

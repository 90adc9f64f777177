"""What people say of findings, and what they plan: both are heard by the detector.

findings.say(control, Feedback("default", "9f3c...", Verdict.EXPECTED, "new contract", "Jo"))
findings.plan(control, PlannedEvent("default", {"customer": "acme"}, start, end, "launch"))
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import delete, select

from spanledger_store.control import finance_models, projects
from spanledger_store.control.budgets import plain
from spanledger_store.control.database import Control
from spanledger_store.control.errors import ControlError
from spanledger_store.control.upsert import insert

DIMENSIONS: Final = ("customer", "feature")
"""What a planned event can be about: whose work it is."""
_LONGEST: Final = 2000


class FindingInvalid(ControlError):
    """A word about a finding, or a planned event, cannot be what it was asked to be."""


class FindingUnknown(ControlError):
    """The project has no finding, or no planned event, of this id."""


class Verdict(StrEnum):
    """What a finding was, as somebody who knows says."""

    EXPECTED = "expected"
    PLANNED = "planned"
    FALSE_POSITIVE = "false-positive"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said of a finding; the last word counts. Raises FindingInvalid."""

    project: str
    finding: str
    verdict: Verdict
    note: str = ""
    who: str = ""
    at: datetime | None = None

    def __post_init__(self) -> None:
        for name, value in (("note", self.note), ("who", self.who)):
            if len(value) > _LONGEST:
                raise FindingInvalid(f"{name} has {len(value)} characters; use at most {_LONGEST}.")

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it."""
        return asdict(self) | {"verdict": self.verdict.value, "at": self.at and self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """More or fewer calls that are known ahead, of a slice in [start, end); `factor` is how many times the usual.

    Without a factor any number of calls is as planned. What a call takes is not: twice the tokens are still told.
    Raises FindingInvalid.
    """

    project: str
    slice: Mapping[str, str]
    start: datetime
    end: datetime
    note: str = ""
    factor: Decimal | None = None
    who: str = ""
    id: str = ""
    created_at: datetime | None = None

    def __post_init__(self) -> None:
        for name, value in self.slice.items():
            if name not in DIMENSIONS:
                raise FindingInvalid(f"{name!r} is nothing an event can be about: use {', '.join(DIMENSIONS)}.")
            if not 0 < len(value) <= 10_000:
                raise FindingInvalid(f"the value of {name} is empty or too long; name one, or leave {name} out.")
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise FindingInvalid(f"{self.start} to {self.end} has no time zone; write 2026-01-31T08:00+00:00.")
        if not self.start < self.end:
            raise FindingInvalid(f"it would end at {self.end.isoformat()}, before it begins. Swap them.")
        if self.factor is not None and not (self.factor.is_finite() and 0 < self.factor <= 1000):
            raise FindingInvalid(
                f"factor {self.factor} is no multiple of the usual calls; use more than 0, such as 2.5."
            )
        if len(self.note) > _LONGEST or len(self.who) > _LONGEST:
            raise FindingInvalid(f"note and who may have {_LONGEST} characters each.")

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it."""
        moments = {name: getattr(self, name) for name in ("start", "end", "created_at")}
        return {
            "id": self.id,
            "project": self.project,
            "slice": dict(self.slice),
            "note": self.note,
            "factor": None if self.factor is None else plain(self.factor),
            "who": self.who,
            **{name: None if at is None else at.isoformat() for name, at in moments.items()},
        }


def say(control: Control, feedback: Feedback) -> Feedback:
    """Keep a word about a finding, in place of an earlier one; as it is kept. Raises ProjectUnknown."""
    projects.get(control, feedback.project)
    kept = replace(feedback, at=datetime.now(UTC))
    row = {
        "project_id": kept.project,
        "finding_id": kept.finding,
        "verdict": kept.verdict.value,
        "note": kept.note,
        "who": kept.who,
        "said_at": kept.at,
    }
    with control.write() as connection:
        statement = insert(connection, finance_models.finding_feedback).values(row)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["project_id", "finding_id"],
                set_={name: statement.excluded[name] for name in ("verdict", "note", "who", "said_at")},
            )
        )
    return kept


def said(control: Control, project: str) -> dict[str, Feedback]:
    """What has been said of a project's findings, by their ids."""
    table = finance_models.finding_feedback
    with control.read() as connection:
        rows = connection.execute(select(table).where(table.c.project_id == project)).mappings().all()
    return {
        row["finding_id"]: Feedback(
            project, row["finding_id"], Verdict(row["verdict"]), row["note"], row["who"], row["said_at"]
        )
        for row in rows
    }


def plan(control: Control, event: PlannedEvent) -> PlannedEvent:
    """Keep an event that is planned; the same slice and time planned again replaces it. Raises ProjectUnknown."""
    projects.get(control, event.project)
    told = json.dumps(
        [event.project, dict(sorted(event.slice.items())), event.start.timestamp(), event.end.timestamp()]
    )
    kept = replace(event, id=hashlib.blake2b(told.encode(), digest_size=8).hexdigest(), created_at=datetime.now(UTC))
    row = {
        "id": kept.id,
        "project_id": kept.project,
        "slice": json.dumps(dict(kept.slice), ensure_ascii=False, sort_keys=True),
        "start": kept.start,
        "end": kept.end,
        "note": kept.note,
        "factor": None if kept.factor is None else plain(kept.factor),
        "who": kept.who,
        "created_at": kept.created_at,
    }
    with control.write() as connection:
        statement = insert(connection, finance_models.planned_events).values(row)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["id"], set_={name: statement.excluded[name] for name in ("note", "factor", "who")}
            )
        )
    return kept


def plans(control: Control, project: str) -> list[PlannedEvent]:
    """A project's planned events, by their start."""
    table = finance_models.planned_events
    statement = select(table).where(table.c.project_id == project).order_by(table.c.start, table.c.id)
    with control.read() as connection:
        return [_event(row) for row in connection.execute(statement).mappings()]


def unplan(control: Control, project: str, event_id: str) -> PlannedEvent:
    """Take a planned event away; as it was. Raises FindingUnknown."""
    found = next((each for each in plans(control, project) if each.id == event_id), None)
    if found is None:
        known = ", ".join(each.id for each in plans(control, project)) or "none"
        raise FindingUnknown(f"project {project!r} has no planned event {event_id!r}; it has: {known}.")
    with control.write() as connection:
        table = finance_models.planned_events
        connection.execute(delete(table).where(table.c.id == event_id))
    return found


def forget(control: Control, project: str, customer: str, finding_ids: Sequence[str]) -> None:
    """Take away what was planned for a customer, and said of these findings."""
    gone = [each.id for each in plans(control, project) if each.slice.get("customer") == customer]
    with control.write() as connection:
        events, said_of = finance_models.planned_events, finance_models.finding_feedback
        connection.execute(delete(events).where(events.c.id.in_(gone)))
        connection.execute(
            delete(said_of).where(said_of.c.project_id == project, said_of.c.finding_id.in_(list(finding_ids)))
        )


def _event(row: Mapping[Any, Any]) -> PlannedEvent:
    return PlannedEvent(
        project=row["project_id"],
        slice=json.loads(row["slice"]),
        start=row["start"],
        end=row["end"],
        note=row["note"],
        factor=None if row["factor"] is None else Decimal(row["factor"]),
        who=row["who"],
        id=row["id"],
        created_at=row["created_at"],
    )

"""Cost centres: rules that say which centre spend belongs to, dated, as they have been set.

centers.put(control, Kept("default", Rule("Search", date(2026, 1, 1), match={"feature": "search"}, shares={"R&D": 1})))
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import delete, select

from spanledger_store.allocation import UNALLOCATED, Rule, Rules
from spanledger_store.control import finance_models as models
from spanledger_store.control import projects
from spanledger_store.control.budgets import plain
from spanledger_store.control.database import Control
from spanledger_store.control.errors import CenterInvalid, CenterUnknown
from spanledger_store.control.upsert import insert

COLUMNS: Final = ("customer", "feature", "team", "provider", "model", "environment", "release")
"""What a rule can be about."""

SHARED: Final = "(shared)"
_NAME: Final = re.compile(r"[^\s/\x00-\x1f]([^/\x00-\x1f]{0,98}[^\s/\x00-\x1f])?")
_LONGEST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A rule of a project, in the version that holds from `rule.start` on. Raises CenterInvalid."""

    project: str
    rule: Rule

    def __post_init__(self) -> None:
        rule = self.rule
        if not _NAME.fullmatch(rule.name):
            raise CenterInvalid(f"name {rule.name!r} cannot be a rule's: use 1 to 100 characters without '/'.")
        for center in rule.shares:
            if not _NAME.fullmatch(center) or center in (UNALLOCATED, SHARED):
                raise CenterInvalid(f"{center!r} cannot be a cost centre: use 1 to 100 characters without '/'.")
        for column, value in rule.match.items():
            if column not in COLUMNS:
                raise CenterInvalid(f"{column!r} is nothing a rule can be about: use {', '.join(COLUMNS)}.")
            if len(value) > _LONGEST:
                raise CenterInvalid(f"the value of {column} has {len(value)} characters; use at most {_LONGEST}.")
        if not rule.shares and not rule.is_proportional:
            raise CenterInvalid(f"rule {rule.name!r} names no cost centre; name one, or several with their shares.")
        if any(not (share.is_finite() and share > 0) for share in rule.shares.values()):
            told = ", ".join(f"{name}={share}" for name, share in rule.shares.items())
            raise CenterInvalid(f"the shares {told} cannot be: use numbers above 0, such as Search=60,Chat=40.")
        if rule.end is not None and not rule.start < rule.end:
            raise CenterInvalid(f"rule {rule.name!r} would end on {rule.end}, before it begins. Swap the two.")

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it; shares are strings of all their digits."""
        rule = self.rule
        return {
            "name": rule.name,
            "project": self.project,
            "from": rule.start.isoformat(),
            "to": None if rule.end is None else rule.end.isoformat(),
            "priority": rule.priority,
            "slice": dict(rule.match),
            "shares": {name: plain(share) for name, share in rule.shares.items()},
            "in_proportion": rule.is_proportional,
        }


def put(control: Control, kept: Kept) -> Kept:
    """Set a rule from its day on, in place of the version that begins on that day. Raises ProjectUnknown."""
    projects.get(control, kept.project)
    rule = kept.rule
    row = {
        "project_id": kept.project,
        "name": rule.name,
        "starts_on": rule.start.isoformat(),
        "ends_on": "" if rule.end is None else rule.end.isoformat(),
        "priority": rule.priority,
        "slice": json.dumps(dict(rule.match), ensure_ascii=False, sort_keys=True),
        "shares": json.dumps({name: plain(share) for name, share in rule.shares.items()}, ensure_ascii=False),
        "is_proportional": rule.is_proportional,
        "changed_at": datetime.now(UTC),
    }
    key = ("project_id", "name", "starts_on")
    with control.write() as connection:
        statement = insert(connection, models.cost_center_rules).values(row)
        changed = {name: statement.excluded[name] for name in row if name not in key}
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed))
    return kept


def listing(control: Control, project: str) -> list[Kept]:
    """Every version of every rule of a project, as set, by name and day."""
    table = models.cost_center_rules
    statement = select(table).where(table.c.project_id == project).order_by(table.c.name, table.c.starts_on)
    with control.read() as connection:
        return [_kept(row) for row in connection.execute(statement).mappings()]


def rules(control: Control, project: str) -> Rules:
    """The rules of a project as they hold: a version ends where the next one of its name begins."""
    return in_force(listing(control, project))


def in_force(versions: Iterable[Kept]) -> Rules:
    """These versions as they hold together."""
    kept = sorted((each.rule for each in versions), key=lambda rule: (rule.name, rule.start))
    found: list[Rule] = []
    for at, rule in enumerate(kept):
        later = kept[at + 1] if at + 1 < len(kept) and kept[at + 1].name == rule.name else None
        ends = [day for day in (rule.end, later.start if later else None) if day is not None]
        found.append(replace(rule, end=min(ends, default=None)))
    return Rules(found)


def remove(control: Control, project: str, name: str, start: date | None = None) -> list[Kept]:
    """Take a rule away, or its version of one day; what went. Raises CenterUnknown."""
    held = listing(control, project)
    gone = [each for each in held if each.rule.name == name and start in (None, each.rule.start)]
    if not gone:
        names = ", ".join(f"{each.rule.name} from {each.rule.start}" for each in held) or "none yet"
        raise CenterUnknown(f"project {project!r} has no such rule {name!r}; it has: {names}.")
    table = models.cost_center_rules
    statement = delete(table).where(table.c.project_id == project, table.c.name == name)
    if start is not None:
        statement = statement.where(table.c.starts_on == start.isoformat())
    with control.write() as connection:
        connection.execute(statement)
    return gone


def _kept(row: Mapping[Any, Any]) -> Kept:
    shares: dict[str, str] = json.loads(row["shares"])
    return Kept(
        row["project_id"],
        Rule(
            row["name"],
            date.fromisoformat(row["starts_on"]),
            date.fromisoformat(row["ends_on"]) if row["ends_on"] else None,
            json.loads(row["slice"]),
            {name: Decimal(share) for name, share in shares.items()},
            bool(row["is_proportional"]),
            row["priority"],
        ),
    )

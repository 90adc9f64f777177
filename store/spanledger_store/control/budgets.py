"""Budgets: what a slice of a project may spend in each period of a calendar, as they have been set.

budgets.put(control, Budget("default", "Acme, monthly", Decimal(500), Period.MONTH, slice={"customer": "acme"}))
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import delete, select

from spanledger_store.control import channels, models, projects
from spanledger_store.control.database import Control
from spanledger_store.control.errors import BudgetInvalid, BudgetUnknown
from spanledger_store.control.upsert import insert
from spanledger_store.periods import Period

DIMENSIONS: Final = ("customer", "feature", "team", "provider", "model", "environment")
"""What a budget can be about: what the ledger keeps, and callers may know before they call."""

_EVERYTHING: Final[Mapping[str, str]] = MappingProxyType({})
_NAME: Final = re.compile(r"[^\s/\x00-\x1f]([^/\x00-\x1f]{0,98}[^\s/\x00-\x1f])?")
# As money is stored: Decimal(38, 12).
_LARGEST: Final = Decimal(10) ** 15
_DIGITS: Final = -12
_LONGEST: Final = 200
THRESHOLDS: Final = (50, 80, 100)
"""Per cent of the limit at which people are told, where nothing else is chosen."""
_MOST_THRESHOLDS: Final = 10
_HIGHEST: Final = 1000


class Enforcement(StrEnum):
    """What happens once it is used up."""

    OBSERVE = "observe"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Budget:
    """What the calls of a slice may spend in one period, in US dollars.

    | field | |
    |---|---|
    | slice | dimension -> value that calls must have; without any, all calls of the project |
    | per | a dimension of which each value has this budget by itself, such as customer; '' for none |
    | period, zone | the calendar's hour, day, week, month, quarter or year, in an IANA time zone |
    | carry_over | what the last period left unused of `amount` is added, once |
    | enforcement | `observe` only shows; `block` has SDKs refuse calls once it is used up |
    | notify | channels that are told; without any, the project's default ones |
    | thresholds | per cent of the limit at which they are told, rising; () for never, of projections neither |

    Raises BudgetInvalid, which names the field, its value and what it may be.
    """

    project: str
    name: str
    amount: Decimal
    period: Period
    zone: str = "UTC"
    slice: Mapping[str, str] = field(default_factory=lambda: _EVERYTHING)
    per: str = ""
    owner: str = ""
    carry_over: bool = False
    enforcement: Enforcement = Enforcement.OBSERVE
    notify: tuple[str, ...] = ()
    thresholds: tuple[int, ...] = THRESHOLDS
    id: str = ""
    created_at: datetime | None = None
    changed_at: datetime | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BudgetInvalid(f"name {self.name!r} cannot be a budget's: use 1 to 100 characters without '/'.")
        if not (self.amount.is_finite() and 0 < self.amount < _LARGEST):
            raise BudgetInvalid(f"amount {self.amount} is no sum of US dollars; use more than 0, such as 500 or 0.25.")
        if _places(self.amount) < _DIGITS:
            raise BudgetInvalid(f"amount {self.amount} has more than 12 decimal places; round it.")
        for dimension in (*self.slice, *([self.per] if self.per else [])):
            if dimension not in DIMENSIONS:
                raise BudgetInvalid(f"{dimension!r} is nothing a budget can be about: use {', '.join(DIMENSIONS)}.")
        if empty := [name for name, value in self.slice.items() if not 0 < len(value) <= 10_000]:
            raise BudgetInvalid(f"the value of {empty[0]} is empty or too long; name one, or leave {empty[0]} out.")
        if self.per in self.slice:
            raise BudgetInvalid(
                f"{self.per} = {self.slice[self.per]!r} is one value already; leave out --per {self.per}, or the value."
            )
        if len(self.owner) > _LONGEST:
            raise BudgetInvalid(f"owner has {len(self.owner)} characters; use at most {_LONGEST}.")
        if list(self.thresholds) != sorted({each for each in self.thresholds if 0 < each <= _HIGHEST}) or (
            len(self.thresholds) > _MOST_THRESHOLDS
        ):
            told = ", ".join(str(each) for each in self.thresholds)
            raise BudgetInvalid(
                f"thresholds {told} cannot be: use up to {_MOST_THRESHOLDS} different whole numbers from 1 to "
                f"{_HIGHEST}, the lowest first."
            )
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BudgetInvalid(
                f"zone {self.zone!r} is no time zone; use a name such as UTC, Europe/Berlin or America/New_York."
            ) from error

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it; the amount is a string of all its digits."""
        moments = {"created_at": self.created_at, "changed_at": self.changed_at}
        return {
            "name": self.name,
            "project": self.project,
            "amount": plain(self.amount),
            "period": self.period.value,
            "zone": self.zone,
            "slice": dict(self.slice),
            "per": self.per,
            "owner": self.owner,
            "carry_over": self.carry_over,
            "enforcement": self.enforcement.value,
            "notify": list(self.notify),
            "thresholds": list(self.thresholds),
            "id": self.id,
            **{name: None if at is None else at.isoformat() for name, at in moments.items()},
        }


def put(control: Control, budget: Budget) -> Budget:
    """Set a budget, in place of the project's one of the same name; as it is kept.

    Raises ProjectUnknown, and ChannelUnknown for a channel that is not there.
    """
    projects.get(control, budget.project)
    for name in budget.notify:
        channels.get(control, budget.project, name)
    now = datetime.now(UTC)
    kept = replace(budget, id=secrets.token_hex(8), created_at=now, changed_at=now)
    row = {
        "id": kept.id,
        "project_id": kept.project,
        "name": kept.name,
        "slice": json.dumps(dict(kept.slice), ensure_ascii=False, sort_keys=True),
        "per": kept.per,
        "period": kept.period.value,
        "zone": kept.zone,
        "amount": plain(kept.amount),
        "owner": kept.owner,
        "carry_over": kept.carry_over,
        "enforcement": kept.enforcement.value,
        "notify": json.dumps(list(kept.notify), ensure_ascii=False),
        "thresholds": ",".join(str(each) for each in kept.thresholds),
        "created_at": now,
        "changed_at": now,
    }
    with control.write() as connection:
        statement = insert(connection, models.budgets).values(row)
        # Id and birth stay: blocked calls and the audit name the one, carrying over asks for the other.
        changed = {name: statement.excluded[name] for name in row if name not in ("id", "created_at")}
        connection.execute(statement.on_conflict_do_update(index_elements=["project_id", "name"], set_=changed))
    return get(control, budget.project, budget.name)


def get(control: Control, project: str, name: str) -> Budget:
    """The project's budget of this name. Raises BudgetUnknown."""
    found = find(control, project, name)
    if found is None:
        names = ", ".join(each.name for each in listing(control, project)) or "none yet"
        raise BudgetUnknown(f"project {project!r} has no budget {name!r}; it has: {names}.")
    return found


def find(control: Control, project: str, name: str) -> Budget | None:
    """The project's budget of this name, or None."""
    return next((each for each in listing(control, project) if each.name == name), None)


def listing(control: Control, project: str | None = None) -> list[Budget]:
    """The budgets of one project, or of all, by project and name."""
    table = models.budgets
    statement = select(table).order_by(table.c.project_id, table.c.name)
    if project is not None:
        statement = statement.where(table.c.project_id == project)
    with control.read() as connection:
        return [_budget(row) for row in connection.execute(statement).mappings()]


def remove(control: Control, project: str, name: str) -> Budget:
    """Take a budget away; as it was. Raises BudgetUnknown."""
    found = get(control, project, name)
    with control.write() as connection:
        connection.execute(delete(models.budgets).where(models.budgets.c.id == found.id))
    return found


def plain(amount: Decimal) -> str:
    """An amount with all its digits, without an exponent or zeros at the end."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _budget(row: Mapping[Any, Any]) -> Budget:
    return Budget(
        project=row["project_id"],
        name=row["name"],
        amount=Decimal(row["amount"]),
        period=Period(row["period"]),
        zone=row["zone"],
        slice=json.loads(row["slice"]),
        per=row["per"],
        owner=row["owner"],
        carry_over=bool(row["carry_over"]),
        enforcement=Enforcement(row["enforcement"]),
        notify=tuple(json.loads(row["notify"])),
        thresholds=tuple(int(each) for each in row["thresholds"].split(",") if each),
        id=row["id"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
    )


def _places(amount: Decimal) -> int:
    """The exponent of the last digit that is not 0."""
    exponent = amount.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0

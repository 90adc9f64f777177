"""Changing rules of cost centres, each change noted in the table `audit`, and what a change would do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from zoneinfo import ZoneInfo

from spanledger_store import audit
from spanledger_store.control import Control, centers
from spanledger_store.control.budgets import plain
from spanledger_store.control.centers import Kept
from spanledger_store.control.errors import CenterInvalid
from spanledger_store.engine import Engine
from spanledger_store.finance.spend import by_center
from spanledger_store.finance.spend_request import SpendBy, SpendRequest

_DAY = timedelta(days=1)
_ZERO = Decimal(0)
_EXACT = Context(prec=80)


@dataclass(frozen=True, slots=True)
class Change:
    """US dollars of a cost centre as the rules are and as they would be; `shared_usd` is the part of splits in it."""

    center: str
    now_usd: Decimal
    then_usd: Decimal
    shared_usd: Decimal

    def as_json(self) -> dict[str, str]:
        """Every field as JSON takes it, amounts as strings of all their digits."""
        amounts = {"now_usd": self.now_usd, "then_usd": self.then_usd, "shared_usd": self.shared_usd}
        return {"center": self.center, **{name: plain(amount) for name, amount in amounts.items()}}


def choose(engine: Engine, control: Control, kept: Kept, *, interface: str) -> Kept:
    """Set a rule from its day on. Raises ProjectUnknown."""
    centers.put(control, kept)
    _note(engine, control, "cost centre rule set", kept, interface)
    return kept


def drop(
    engine: Engine, control: Control, project: str, name: str, start: date | None, *, interface: str
) -> list[Kept]:
    """Take a rule away, or its version of one day; what went. Raises CenterUnknown."""
    gone = centers.remove(control, project, name, start)
    for each in gone:
        _note(engine, control, "cost centre rule removed", each, interface)
    return gone


def preview(engine: Engine, control: Control, kept: Kept, start: date, end: date) -> list[Change]:
    """What each centre spends on the UTC days [start, end), now and with the rule; the dearest first.

    Both sum to all spend there is. Raises CenterInvalid where there is no such day.
    """
    if not start < end:
        raise CenterInvalid(f"the days from {start} to {end}, which is not included, are none. Swap them.")
    first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (start, end))
    asked = SpendRequest(kept.project, first, last, ZoneInfo("UTC"), (SpendBy.CENTER,))
    held = [each for each in centers.listing(control, kept.project) if _key(each) != _key(kept)]
    before = by_center(engine, asked, centers.rules(control, kept.project))
    after = by_center(engine, asked, centers.in_force([*held, kept]))
    nothing = (_ZERO, _ZERO)
    found = [
        Change(
            name,
            _EXACT.add(*before.get(name, nothing)),
            _EXACT.add(*after.get(name, nothing)),
            after.get(name, nothing)[1],
        )
        for name in before.keys() | after.keys()
    ]
    return sorted(found, key=lambda each: (-each.then_usd, each.center))


def _key(kept: Kept) -> tuple[str, date]:
    return kept.rule.name, kept.rule.start


def _note(engine: Engine, control: Control, what: str, kept: Kept, interface: str) -> None:
    rule = kept.rule
    action = audit.Action(what, kept.project, audit.hashed(control, "rule", rule.name), interface)
    details = {
        "from": rule.start.isoformat(),
        "to": "" if rule.end is None else rule.end.isoformat(),
        "about": ",".join(sorted(rule.match)) or "everything",
        "centers": str(len(rule.shares)),
        "in_proportion": str(rule.is_proportional).lower(),
        "priority": str(rule.priority),
    }
    audit.finish(engine, action, {}, details)

"""What a change makes of the versions of a price: the old one is closed, a new one is opened, none is rewritten.

A new price holds in its own time. What held before it ends where it begins; what held beyond its end holds again from
there, as a version of its own; what began within its time is withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from spanledger.pricebook import Kind, Price, PriceInvalid

_WORDS = {Kind.PRICE: "price", Kind.DISCOUNT: "discount", Kind.GPU: "gpu", Kind.COMMITMENT: "commitment"}


@dataclass(frozen=True, slots=True)
class Edit:
    """What a change does to an entry's versions: those it opens, and those it ends or withdraws, as they become.

    Without either nothing changes.
    """

    opened: Sequence[Price] = ()
    closed: Sequence[Price] = ()

    def applied(self, entries: Sequence[Price]) -> list[Price]:
        """All entries after the change."""
        changed = {_key(each): each for each in self.closed}
        return [changed.get(_key(each), each) for each in entries] + list(self.opened)


def edits_as_json(edits: Iterable[Edit]) -> dict[str, Any]:
    """The versions that changes opened and closed."""
    each = list(edits)
    return {
        "opened": [price.as_json() for edit in each for price in edit.opened],
        "closed": [price.as_json() for edit in each for price in edit.closed],
    }


def setting(entries: Sequence[Price], price: Price, now: datetime) -> Edit:
    """What it takes for `price` to hold from its start to its end, `entries` being all versions of all entries.

    Nothing where it holds there already. Raises PriceInvalid where the name is another kind of entry's.
    """
    versions = [each for each in entries if (each.project, each.name) == (price.project, price.name)]
    standing = [each for each in versions if each.withdrawn_at is None]
    if standing and standing[-1].kind is not price.kind:
        raise PriceInvalid(
            f"{price.name} is a {_WORDS[standing[-1].kind]}'s name in project {price.project!r}; "
            "use another one, or remove that first."
        )
    if any(_same(each, price) for each in standing):
        return Edit()
    number = max((each.version for each in versions), default=0) + 1
    opened = [replace(price, version=number, created_at=now, withdrawn_at=None)]
    closed: list[Price] = []
    for each in sorted(standing, key=attrgetter("start")):
        if not _overlap(each, price):
            continue
        closed.append(replace(each, end=price.start) if each.start < price.start else replace(each, withdrawn_at=now))
        if price.end is not None and (each.end is None or each.end > price.end):
            number += 1
            opened.append(replace(each, version=number, start=price.end, created_at=now))
    return Edit(opened, closed)


def removing(entries: Sequence[Price], project: str, name: str, at: datetime | None, now: datetime) -> Edit:
    """What it takes for an entry to hold no longer from `at` on; without `at`, never to have held."""
    closed: list[Price] = []
    for each in entries:
        if (each.project, each.name) != (project, name) or each.withdrawn_at is not None:
            continue
        if at is None or each.start >= at:
            closed.append(replace(each, withdrawn_at=now))
        elif each.end is None or each.end > at:
            closed.append(replace(each, end=at))
    return Edit((), closed)


def candidate(
    entries: Sequence[Price], wanted: Iterable[Price], gone: Iterable[tuple[str, str]], now: datetime
) -> list[Price]:
    """All versions of all entries as they would be, were these prices set and those (project, name) taken away.

    Raises PriceInvalid.
    """
    made = list(entries)
    for project, name in gone:
        made = removing(made, project, name, None, now).applied(made)
    for each in wanted:
        made = setting(made, each, now).applied(made)
    return made


def _key(price: Price) -> tuple[str, str, int]:
    return price.project, price.name, price.version


def _overlap(one: Price, other: Price) -> bool:
    return (one.end is None or other.start < one.end) and (other.end is None or one.start < other.end)


def _same(held: Price, wanted: Price) -> bool:
    blank = {"version": 0, "created_at": None, "withdrawn_at": None}
    return replace(held, **blank) == replace(wanted, **blank)

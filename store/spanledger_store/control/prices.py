"""The user's own prices as they are kept: every version, who changed what being in the table `audit`.

prices.put(control, Price("house", model="gpt-4o*", rates={"input": Decimal("2.25")}))
prices.book(control).price(usage, Slice("default", "openai", "gpt-4o"), at)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, update

from spanledger.pricebook import EVERY_PROJECT, Book, Price, read_price
from spanledger_store import pricebook
from spanledger_store.control import counting, models, projects
from spanledger_store.control.database import Control
from spanledger_store.control.errors import PriceUnknown
from spanledger_store.control.finance_models import prices as table
from spanledger_store.pricebook import Edit

COUNTER: Final = "prices"
_KEPT_BESIDE: Final = ("version", "start", "end", "created_at", "withdrawn_at")


def revision(control: Control) -> int:
    """A number that is another one after every change."""
    with control.read() as connection:
        return _revision(connection)


def book(control: Control) -> Book:
    """The prices in force, of every project, as of one moment."""
    with control.read() as connection:
        return Book(_versions(connection, in_force=True), _revision(connection))


def listing(control: Control, project: str) -> list[Price]:
    """The project's entries in force and those of every project, by name and start, future ones included."""
    with control.read() as connection:
        found = _versions(connection, in_force=True)
    chosen = [each for each in found if each.project in (project, EVERY_PROJECT)]
    return sorted(chosen, key=lambda each: (each.name, each.start, each.version))


def history(control: Control, project: str, name: str) -> list[Price]:
    """Every version that an entry ever had, the newest first. Raises PriceUnknown."""
    with control.read() as connection:
        found = _versions(connection, project, name)
        if not found:
            known = sorted({each.name for each in _versions(connection, project)})
            raise PriceUnknown(f"project {project!r} has no price {name!r}; it has: {', '.join(known) or 'none yet'}.")
    return sorted(found, key=lambda each: each.version, reverse=True)


def every_version(control: Control) -> list[Price]:
    """Every version of every entry, which is what a change is computed on."""
    with control.read() as connection:
        return _versions(connection)


def put(control: Control, price: Price) -> Edit:
    """Have a price hold in its time; what that opened and closed: nothing where it held already.

    Raises ProjectUnknown, and PriceInvalid where the name is another kind of entry's.
    """
    return put_all(control, [price])[0]


def put_all(control: Control, wanted: Sequence[Price]) -> list[Edit]:
    """Have these prices hold, one after another: all of them or, where one is refused, none. Raises like `put`."""
    for project in {each.project for each in wanted} - {EVERY_PROJECT}:
        projects.get(control, project)
    now = datetime.now(UTC)
    edits: list[Edit] = []
    with control.write() as connection:
        counting.take(connection, COUNTER, 1)  # its row lock puts concurrent changes one after another
        for price in wanted:
            edits.append(pricebook.setting(_versions(connection, price.project, price.name), price, now))
            _keep(connection, edits[-1])
    return edits


def remove(control: Control, project: str, name: str, at: datetime | None) -> Edit:
    """Have an entry hold no longer from `at` on, or never to have held; what that closed. Raises PriceUnknown."""
    history(control, project, name)
    now = datetime.now(UTC)
    with control.write() as connection:
        counting.take(connection, COUNTER, 1)
        edit = pricebook.removing(_versions(connection, project, name), project, name, at, now)
        _keep(connection, edit)
    return edit


def forget(connection: Connection, project: str, customer: str) -> int:
    """Remove every version of the project's prices that are about this customer; how many there were."""
    about = (table.c.project_id == project) & (table.c.customer == customer)
    found: int = connection.execute(select(func.count()).select_from(table).where(about)).scalar_one()
    if found:
        counting.take(connection, COUNTER, 1)
        connection.execute(delete(table).where(about))
    return found


def _revision(connection: Connection) -> int:
    counters = models.counters
    return int(connection.execute(select(counters.c.value).where(counters.c.name == COUNTER)).scalar_one())


def _versions(
    connection: Connection, project: str | None = None, name: str | None = None, *, in_force: bool = False
) -> list[Price]:
    statement = select(table).order_by(table.c.project_id, table.c.name, table.c.version)
    if project is not None:
        statement = statement.where(table.c.project_id == project)
    if name is not None:
        statement = statement.where(table.c.name == name)
    if in_force:
        statement = statement.where(table.c.withdrawn_at.is_(None))
    return [_price(row) for row in connection.execute(statement).mappings()]


def _keep(connection: Connection, edit: Edit) -> None:
    for each in edit.closed:
        connection.execute(
            update(table)
            .where(table.c.project_id == each.project, table.c.name == each.name, table.c.version == each.version)
            .values(ends_at=each.end, withdrawn_at=each.withdrawn_at)
        )
    if edit.opened:
        connection.execute(table.insert(), [_row(each) for each in edit.opened])


def _row(price: Price) -> dict[str, Any]:
    body = {name: value for name, value in price.as_json().items() if name not in _KEPT_BESIDE}
    return {
        "project_id": price.project,
        "name": price.name,
        "version": price.version,
        "kind": price.kind.value,
        "customer": price.customer,
        "body": json.dumps(body, ensure_ascii=False, sort_keys=True),
        "starts_at": price.start,
        "ends_at": price.end,
        "created_at": price.created_at,
        "withdrawn_at": price.withdrawn_at,
    }


def _price(row: Mapping[Any, Any]) -> Price:
    times = {"start": row["starts_at"], "end": row["ends_at"]}
    kept = {"version": row["version"], "created_at": row["created_at"], "withdrawn_at": row["withdrawn_at"]}
    return replace(read_price(json.loads(row["body"]) | times), **kept)

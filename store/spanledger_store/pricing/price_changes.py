"""Changing the price book, each change noted in the table `audit`: what holds and from when, without anybody's name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from spanledger.pricebook import Price
from spanledger_store import audit
from spanledger_store.control import Control, prices
from spanledger_store.engine import Engine
from spanledger_store.pricebook import Edit


def choose_all(engine: Engine, control: Control, wanted: Sequence[Price], *, interface: str) -> list[Edit]:
    """Have prices hold in their time, all or none; what each opened and closed. Raises ProjectUnknown and PriceInvalid.

    Many are noted as one change, with its counts.
    """
    edits = prices.put_all(control, wanted)
    if len(wanted) == 1:
        if edits[0].opened:
            _note(engine, control, "price set", edits[0], edits[0].opened[0], interface)
        return edits
    opened, closed = (sum(len(getattr(each, name)) for each in edits) for name in ("opened", "closed"))
    for project in sorted({each.project for each in wanted}) if opened or closed else ():
        action = audit.Action("prices imported", project, "", interface)
        audit.finish(engine, action, {"entries": len(edits), "opened": opened, "closed": closed}, {})
    return edits


def drop(engine: Engine, control: Control, project: str, name: str, at: datetime | None, *, interface: str) -> Edit:
    """Have an entry hold no longer from `at` on, or never to have held; what that closed. Raises PriceUnknown."""
    edit = prices.remove(control, project, name, at)
    if edit.closed:
        _note(engine, control, "price removed", edit, edit.closed[-1], interface)
    return edit


def _note(engine: Engine, control: Control, what: str, edit: Edit, price: Price, interface: str) -> None:
    said = price.as_json()
    about = [name for name in ("customer", "feature") if said[name]]
    details = {
        **{name: str(said[name]) for name in ("kind", "provider", "model", "service", "percent", "amount", "gpus")},
        "rates": ";".join(f"{unit}={rate}" for unit, rate in sorted(said["rates"].items())),
        "from": price.start.astimezone(UTC).isoformat(),
        "to": "" if price.end is None else price.end.astimezone(UTC).isoformat(),
        "about": ",".join(about),
        "opened": ",".join(f"v{each.version}" for each in edit.opened),
        "closed": ",".join(f"v{each.version}" for each in edit.closed),
    }
    # A name may be a customer's.
    action = audit.Action(what, price.project, audit.hashed(control, "price", price.name), interface)
    audit.finish(engine, action, {}, {name: value for name, value in details.items() if value not in ("", "None")})

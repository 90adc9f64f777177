"""What the commands about prices ask of a running `up`, or of the directory where none runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from spanledger_cli import running
from spanledger_cli.errors import Usage
from spanledger_cli.reader import of_control
from spanledger_cli.reprice import days

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.settings import StoreSettings

PATH = "/api/v1/prices"
_INTERFACE = "command line"
_EXACT = Context(prec=60)
_COUNTS = ("calls", "changed", "newly_priced", "unpriced")
_COSTS = ("old_cost", "new_cost")


def listing(settings: StoreSettings, project: str) -> list[dict[str, Any]]:
    """The project's prices in force."""

    def here(control: Control) -> Any:
        from spanledger_store.control import prices

        return [each.as_json() for each in prices.listing(control, project)]

    return of_control(settings, lambda up: up.get(f"{PATH}?project={quote(project)}")["prices"], here)


def history(settings: StoreSettings, project: str, name: str) -> list[dict[str, Any]]:
    """Every version of one entry, the newest first."""

    def here(control: Control) -> Any:
        from spanledger_store.control import prices

        return [each.as_json() for each in prices.history(control, project, name)]

    path = f"{PATH}/{quote(name, safe='')}/history?project={quote(project)}"
    return of_control(settings, lambda up: up.get(path)["prices"], here)


def put(settings: StoreSettings, wanted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Have prices hold; the versions that opened and closed."""
    up = running.find(settings.data)
    if up is not None:
        return up.post(PATH, {"prices": [dict(each) for each in wanted]})
    from spanledger.pricebook import PriceInvalid, read_price
    from spanledger_cli.reader import opened
    from spanledger_store import pricebook
    from spanledger_store.pricing import price_changes

    with opened(settings) as (engine, control):
        try:
            made = [read_price(each) for each in wanted]
            edits = price_changes.choose_all(engine, control, made, interface=_INTERFACE)
        except PriceInvalid as error:
            raise Usage(str(error)) from error
        return pricebook.edits_as_json(edits)


def drop(settings: StoreSettings, project: str, name: str, at: datetime | None) -> dict[str, Any]:
    """End an entry, or have it never held; the versions that closed."""
    up = running.find(settings.data)
    if up is not None:
        query = urlencode({"project": project} | ({} if at is None else {"at": at.isoformat()}))
        return up.delete(f"{PATH}/{quote(name, safe='')}?{query}")
    from spanledger.pricebook import PriceInvalid
    from spanledger_cli.reader import opened
    from spanledger_store import pricebook
    from spanledger_store.pricing import price_changes

    with opened(settings) as (engine, control):
        try:
            edit = price_changes.drop(engine, control, project, name, at, interface=_INTERFACE)
        except PriceInvalid as error:
            raise Usage(str(error)) from error
        return pricebook.edits_as_json([edit])


def previewed(
    settings: StoreSettings, project: str, wanted: Sequence[Mapping[str, Any]], gone: Sequence[str], since: datetime
) -> list[dict[str, Any]]:
    """One object per customer and model: what a change would do to the calls since then."""
    now = datetime.now(UTC)
    body: dict[str, Any] = {"prices": [dict(each) for each in wanted], "remove": list(gone), "project": project}
    up = running.find(settings.data)
    if up is not None:
        # Day by day: a request must end before its caller stops waiting for it.
        answers = [
            up.post(f"{PATH}/preview", {**body, "start": start.isoformat(), "end": end.isoformat()})["slices"]
            for start, end in days(since, now)
        ]
        return _together(answers)
    from spanledger.pricebook import Book, PriceInvalid, read_price
    from spanledger_cli.reader import opened
    from spanledger_store import pricebook
    from spanledger_store.control import prices
    from spanledger_store.pricing.price_preview import preview
    from spanledger_store.stored_calls import Period

    with opened(settings) as (engine, control):
        entries = prices.every_version(control)
        try:
            made = [read_price(each) for each in wanted]
            after = pricebook.candidate(entries, made, [(project, name) for name in gone], now)
        except PriceInvalid as error:
            raise Usage(str(error)) from error
        return preview(engine, Period(since, now, project), Book(entries), Book(after)).as_json()["slices"]


def lines(settings: StoreSettings, project: str, first: datetime, last: datetime) -> list[dict[str, Any]]:
    """What is paid beside the calls."""
    up = running.find(settings.data)
    if up is not None:
        query = urlencode({"project": project, "start": first.isoformat(), "end": last.isoformat()})
        return up.get(f"{PATH}/lines?{query}")["lines"]
    from spanledger_analytics.jobs import ledger
    from spanledger_cli.reader import opened
    from spanledger_store.pricing import price_lines

    with opened(settings) as (engine, control):
        # Nobody else serves the marks here.
        ledger.run(engine, control)
        found = price_lines.lines(engine, control, project, first, last, datetime.now(UTC))
        return [each.as_json() for each in found]


def sources(
    settings: StoreSettings, project: str, first: datetime, last: datetime, customer: str, model: str
) -> list[dict[str, Any]]:
    """Which price made what."""
    up = running.find(settings.data)
    if up is not None:
        asked = {"project": project, "start": first.isoformat(), "end": last.isoformat()}
        query = urlencode(asked | {"customer": customer, "model": model})
        return up.get(f"{PATH}/sources?{query}")["sources"]
    from spanledger_cli.reader import opened
    from spanledger_store.reports.price_sources import price_sources
    from spanledger_store.stored_calls import Period

    with opened(settings) as (engine, _):
        return price_sources(engine, Period(first, last, project, customer, model))


def total(slices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums of what `previewed` found."""
    sums: dict[str, Any] = {name: sum(each[name] for each in slices) for name in _COUNTS}
    for name in _COSTS:
        amount = Decimal(0)
        for each in slices:
            amount = _EXACT.add(amount, Decimal(each[name]))
        sums[name] = f"{amount:f}"
    return sums


def month_ago() -> datetime:
    """Thirty days before now."""
    return datetime.now(UTC) - timedelta(days=30)


def _together(parts: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """One object per customer, provider and model of several answers."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for each in (row for part in parts for row in part):
        key = (each["customer"], each["provider"], each["model"])
        held = found.setdefault(key, {**each, **dict.fromkeys(_COUNTS, 0), **dict.fromkeys(_COSTS, "0")})
        held.update({name: held[name] + each[name] for name in _COUNTS})
        held.update({name: f"{_EXACT.add(Decimal(held[name]), Decimal(each[name])):f}" for name in _COSTS})
    return [found[key] for key in sorted(found)]

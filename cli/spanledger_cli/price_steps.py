"""The steps that the commands about prices share: complete a price, show what it would do, set it, apply it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from spanledger_cli import price_calls, reprice
from spanledger_cli.errors import Usage
from spanledger_cli.options import Format, store_settings
from spanledger_cli.output import Column, busy, write_rows
from spanledger_cli.price_files import rates_text
from spanledger_cli.reprice import moment

ALWAYS = "always"
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The price's name; calls refer to it.")]
LISTED: list[Column] = [
    ("name", "String"), ("version", "UInt32"), ("kind", "String"), ("provider", "String"), ("model", "String"),
    ("customer", "String"), ("feature", "String"), ("service", "String"), ("start", "String"), ("end", "String"),
    ("terms", "String"), ("project", "String"), ("note", "String"),
]  # fmt: skip
HISTORY: list[Column] = [*LISTED, ("created_at", "String"), ("withdrawn_at", "String")]
_CHANGES: list[Column] = [
    ("customer", "String"), ("provider", "String"), ("model", "String"), ("calls", "UInt64"), ("old_cost", "Decimal"),
    ("new_cost", "Decimal"), ("newly_priced", "UInt64"), ("unpriced", "UInt64"), ("examples", "String"),
]  # fmt: skip


def change(
    price: Mapping[str, Any],
    start: str | None,
    end: str | None,
    project: str,
    *,
    every_project: bool = False,
    dry_run: bool = False,
    since: str | None = None,
    apply_from: str | None = None,
    form: Format,
    data: Path | None,
) -> None:
    """Set one price, or show what it would do."""
    from spanledger.pricebook import EVERY_PROJECT, PriceInvalid, read_price

    settings = store_settings(data)
    times = {
        "start": None if start in (None, ALWAYS) else moment(start, "--from").isoformat(),
        "end": None if end is None else moment(end, "--to").isoformat(),
    }
    try:
        about = EVERY_PROJECT if every_project else project
        wanted = read_price({**price, **times, "project": about}).as_json()
    except PriceInvalid as error:
        raise Usage(str(error)) from error
    if start is None:
        held = [
            each for each in price_calls.listing(settings, project)
            if (each["name"], each["project"]) == (wanted["name"], wanted["project"])
        ]  # fmt: skip
        if held:
            raise Usage(
                f"{wanted['name']} holds since {held[-1]['start'] or ALWAYS}; say from when the new one does: "
                "--from 2026-12-01, or --from always to replace it altogether."
            )
    if dry_run:
        preview(settings, project, [wanted], [], since, form)
    else:
        put(settings, [wanted], project, apply_from, form)


def put(settings: Any, wanted: Sequence[Mapping[str, Any]], project: str, apply_from: str | None, form: Format) -> None:
    """Set prices, print the versions that this opened and closed, and reprice where that is asked for."""
    since = None if apply_from is None else moment(apply_from, "--apply-from")
    now = datetime.now(UTC)
    if since is not None and since >= now:
        raise Usage(f"--apply-from {since.isoformat()} is not in the past, where stored calls are.")
    done = price_calls.put(settings, wanted)
    if since is None:
        show(HISTORY, [*done["closed"], *done["opened"]], form)
        begun = [
            each for each in done["opened"] if each["start"] is None or datetime.fromisoformat(each["start"]) < now
        ]
        if any(each["kind"] != "commitment" for each in begun):
            first = min(each["start"] or "2000-01-01" for each in begun)[:10]
            sys.stderr.write(
                "note: calls that are stored already keep their prices; to give them these: "
                f"spanledger reprice --from {first} --to {now:%Y-%m-%dT%H:%M} --dry-run\n"
            )
        return
    reprice.run(settings, since, now, {"project": project, "customer": "", "model": "", "dry_run": False}, form)


def preview(
    settings: Any,
    project: str,
    wanted: Sequence[Mapping[str, Any]],
    gone: Sequence[str],
    since: str | None,
    form: Format,
) -> None:
    """Print which calls a change would reprice, by customer and model."""
    first = price_calls.month_ago() if since is None else moment(since, "--since")
    with busy("pricing"):
        found = price_calls.previewed(settings, project, wanted, gone, first)
    rows = [[each[name] for name, _ in _CHANGES] for each in found]
    if form is not Format.JSON:
        rows = [[*row[:-1], " ".join(row[-1])] for row in rows]
    sums = price_calls.total(found)
    write_rows(_CHANGES, rows, form, total=["total", "", "", *(str(sums[name]) for name, _ in _CHANGES[3:-1]), ""])
    if not found:
        sys.stderr.write(f"note: no call since {first:%Y-%m-%d} would have another price.\n")


def show(columns: Sequence[Column], prices: Sequence[Mapping[str, Any]], form: Format) -> None:
    """Print prices: what each says in one column, times to the minute, everything as it is in JSON."""
    if form is Format.JSON:
        names = [name for name in prices[0] if name != "terms"] if prices else []
        write_rows([(name, "String") for name in names], [[each[name] for name in names] for each in prices], form)
        return
    rows: list[list[Any]] = []
    for each in prices:
        told = {**each, "terms": _terms(each)}
        for name in ("start", "end", "created_at", "withdrawn_at"):
            told[name] = "" if each[name] is None else f"{each[name][:16]}Z"
        told["start"] = told["start"] or ALWAYS
        rows.append([told[name] for name, _ in columns])
    write_rows(columns, rows, form)


def _terms(price: Mapping[str, Any]) -> str:
    rates = rates_text(price["rates"])
    if price["kind"] == "discount":
        return f"{price['percent']} % off"
    if price["kind"] == "commitment":
        return f"{price['amount']} a month"
    if price["kind"] == "gpu":
        estimate = f", estimate {rates}" if rates else ""
        return f"{price['gpus']} x {price['amount']} an hour by {price['share']}{estimate}"
    return rates

"""What providers billed, line by line, as their exports say.

made = bills.put(engine, "default", lines, imported_at)   # Stored(new=31, changed=2, same=0, beside=0, ...)
frame = bills.read(engine, "default", start, end)

A line's id follows from what names it, so the same export again changes nothing and a newer one replaces it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

import polars as pl

from spanledger_store import audit
from spanledger_store.control.budgets import plain
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreError
from spanledger_store.sql import load

DAY_NS: Final = 86_400_000_000_000
PLACES: Final = Decimal(1).scaleb(-18)
_QUANTITY_PLACES: Final = Decimal(1).scaleb(-12)
_LARGEST: Final = Decimal(10) ** 15
_EXACT: Final = Context(prec=80)
_ROWS: Final = 10_000
_NAMING: Final = (
    "source", "provider", "kind", "start", "end", "service", "sku", "model", "usage_class", "service_tier", "unit",
    "currency", "account", "label", "region",
)  # fmt: skip


class BillInvalid(StoreError):
    """A line cannot be what it says; the message names the value."""


class Kind(StrEnum):
    """What a line charges for. Only usage is set against calls; the rest is of the bill alone."""

    USAGE = "usage"
    TAX = "tax"
    CREDIT = "credit"
    FEE = "fee"
    ADJUSTMENT = "adjustment"


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a provider's bill.

    | field | |
    |---|---|
    | provider | as the ledger names it: openai, anthropic, aws.bedrock, azure.ai.openai, gcp.vertex_ai |
    | source | the export it comes from: openai, anthropic, aws-cur, cost-explorer, azure, gcp, focus |
    | start, end | UTC nanoseconds, the end not in it; the line belongs to the day of its start |
    | amount, currency | what is billed, negative for what is given back; ISO 4217 |
    | sku, model | the line's item in the bill's own words; the model where the export names one |
    | usage_class | input, cache_read, cache_write, output or other |
    | quantity, unit | in single units (tokens, not thousands of them), None where the export tells none |
    | account, label | who is billed; below that a project, workspace or subscription |
    | detail | more that names the line, such as a resource; only its digest is kept |
    | file, place | where it was read |

    Raises BillInvalid for an amount that is none, for a currency that is none, and for an end before the start.
    """

    provider: str
    source: str
    start: int
    end: int
    amount: Decimal
    currency: str
    kind: Kind = Kind.USAGE
    service: str = ""
    sku: str = ""
    model: str = ""
    usage_class: str = "other"
    service_tier: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    account: str = ""
    label: str = ""
    region: str = ""
    detail: str = ""
    file: str = ""
    place: str = ""
    ordinal: int = 0

    def __post_init__(self) -> None:
        if not (self.amount.is_finite() and abs(self.amount) < _LARGEST):
            raise BillInvalid(f"amount {self.amount} is no sum of money.")
        if not (len(self.currency) == 3 and self.currency.isascii() and self.currency.isupper()):
            raise BillInvalid(f"currency {self.currency!r} is no code such as USD or EUR.")
        if self.end <= self.start:
            raise BillInvalid(f"it ends at {_at(self.end)}, not after its start at {_at(self.start)}.")

    @property
    def id(self) -> int:
        """64 bits of BLAKE2 over everything that names the line, and which of the lines so named it is."""
        named = [str(getattr(self, name)) for name in _NAMING]
        text = "\0".join([*named, self.detail, str(self.ordinal)])
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")

    @property
    def day(self) -> datetime:
        """The UTC day it belongs to."""
        return datetime.fromtimestamp(self.start // DAY_NS * 86_400, UTC)

    def as_json(self) -> dict[str, Any]:
        """The line as JSON takes it; amounts are strings of all their digits."""
        made = asdict(self)
        made["amount"] = f"{self.amount:f}"
        made["quantity"] = None if self.quantity is None else f"{self.quantity:f}"
        made["kind"] = self.kind.value
        return made


def from_json(held: Mapping[str, Any]) -> BillLine:
    """The line that `as_json` wrote. Raises BillInvalid."""
    unknown = held.keys() - {each.name for each in fields(BillLine)}
    if unknown:
        raise BillInvalid(f"a line of a bill has no {', '.join(sorted(unknown))}.")
    try:
        quantity = held.get("quantity")
        values: dict[str, Any] = {
            **held,
            "amount": Decimal(str(held["amount"])),
            "quantity": None if quantity is None else Decimal(str(quantity)),
            "kind": Kind(held.get("kind", Kind.USAGE)),
            "start": int(held["start"]),
            "end": int(held["end"]),
        }
        return BillLine(**values)
    except (KeyError, ValueError, TypeError, InvalidOperation) as error:
        raise BillInvalid(f"this is no line of a bill: {error!r}.") from error


@dataclass(slots=True)
class Stored:
    """What became of lines that were put: new + changed + same, and what the store has beside them.

    `beside` counts lines of the same source, provider, account and days that these files do not have: of an earlier
    export, or of one that was grouped in another way. `withdrawn` is how many of them were taken out.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    beside: int = 0
    withdrawn: int = 0
    beside_amount: dict[str, Decimal] = field(default_factory=dict[str, Decimal])

    def as_json(self) -> dict[str, Any]:
        """The counts as JSON takes them."""
        return {**asdict(self), "beside_amount": {name: plain(each) for name, each in self.beside_amount.items()}}


def put(
    engine: Engine,
    project: str,
    lines: Sequence[BillLine],
    *,
    interface: str,
    replace: bool = False,
    dry_run: bool = False,
) -> Stored:
    """Store lines, each in place of the one with its id; with `replace`, withdraw those beside them.

    Idempotent, and may be repeated after any failure. With `dry_run` it is only counted. Noted in the table audit.
    """
    found = Stored()
    if not lines:
        return found
    given = {line.id: line for line in lines}
    covered = {(line.source, line.provider, line.account, line.day) for line in lines}
    days = [line.day for line in lines]
    beside: list[tuple[datetime, str, int]] = []
    held: set[int] = set()
    for source, provider, account, day, identity, amount, currency in engine.rows(
        load("bill_ids"), {"project": project, "first": min(days), "last": max(days)}
    ):
        key = (source, provider, account, day.replace(tzinfo=UTC))
        if identity in given:
            held.add(identity)
            if given[identity].amount.quantize(PLACES, context=_EXACT) == amount:
                found.same += 1
            else:
                found.changed += 1
        elif key in covered:
            beside.append((key[3], provider, identity))
            found.beside += 1
            found.beside_amount[currency] = _EXACT.add(found.beside_amount.get(currency, Decimal(0)), amount)
    found.new = len(given.keys() - held)
    if dry_run:
        return found
    now = datetime.now(UTC)
    imported_at = int(now.timestamp() * 1_000_000) * 1000
    action = audit.Action("import bill", project, "", interface, now)
    audit.begin(engine, action)
    rows = [_row(project, line, imported_at) for line in given.values()]
    for at in range(0, len(rows), _ROWS):
        engine.insert("bill_rows", _columns(rows[at : at + _ROWS]), f"bill-{action.run}-{at}")
    if replace and beside:
        gone = [
            {"project_id": project, "day": day, "provider": provider, "id": identity, "is_withdrawn": True,
             "imported_at": imported_at}
            for day, provider, identity in beside
        ]  # fmt: skip
        engine.insert("bill_rows", _columns(gone), f"bill-{action.run}-withdrawn")
        found.withdrawn = len(gone)
    counts = {"lines": len(given), "new": found.new, "changed": found.changed, "withdrawn": found.withdrawn}
    audit.finish(engine, action, counts, {name: plain(each) for name, each in totals(lines).items()})
    return found


def totals(lines: Iterable[BillLine]) -> dict[str, Decimal]:
    """The sum by currency, exactly."""
    found: dict[str, Decimal] = {}
    for line in lines:
        found[line.currency] = _EXACT.add(found.get(line.currency, Decimal(0)), line.amount)
    return found


def read(engine: Engine, project: str, start: datetime, end: datetime) -> pl.DataFrame:
    """What was billed in [start, end), whole UTC days, summed over what tells lines apart.

    Columns: day, days (that its lines cover), provider, kind, sku, model, usage_class, service_tier, currency, unit,
    amount, quantity (null where a line tells none), lines, places (most decimal places of one amount).
    """
    return engine.query(load("bill_lines"), {"project": project, "start": start, "end": end})


def imported(engine: Engine, project: str) -> list[dict[str, Any]]:
    """What has been imported, by provider, source and account: lines, days, amount, and when it was last."""
    names = ("provider", "source", "account", "currency", "lines", "from", "to", "amount", "imported_at")
    rows = engine.rows(load("bill_imports"), {"project": project})
    return [dict(zip(names, row, strict=True)) | {"amount": plain(row[7])} for row in rows]


def _row(project: str, line: BillLine, imported_at: int) -> dict[str, Any]:
    quantity = None if line.quantity is None else line.quantity.quantize(_QUANTITY_PLACES, context=_EXACT)
    return {
        "project_id": project,
        "day": line.day,
        "provider": line.provider,
        "id": line.id,
        "source": line.source,
        "kind": line.kind.value,
        "start_time": line.start,
        "end_time": line.end,
        "service": line.service,
        "sku": line.sku,
        "model": line.model,
        "usage_class": line.usage_class,
        "service_tier": line.service_tier,
        "quantity": quantity,
        "unit": line.unit,
        "amount": line.amount.quantize(PLACES, context=_EXACT),
        "currency": line.currency,
        "account": line.account,
        "label": line.label,
        "region": line.region,
        "file": line.file,
        "place": line.place,
        "is_withdrawn": False,
        "imported_at": imported_at,
    }


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _at(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).isoformat()

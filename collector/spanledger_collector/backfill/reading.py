"""A file of an export, row by row, with a tally of what became of every one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal
from pathlib import Path

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import LeftOut, RowRefused
from spanledger_collector.backfill.rows import rows
from spanledger_collector.backfill.source import Source
from spanledger_collector.backfill.sources import detect, refuse_without_usage
from spanledger_collector.backfill.spans import Record

# More digits than any sum of amounts has: it never rounds.
_EXACT = Context(prec=80)


@dataclass(slots=True)
class Tally:
    """What became of a file's rows: rows = spans + repeated + left out + refused.

    `stated_usd` is the sum of what the source says its calls cost, None where it says nothing. `first_ns` and
    `last_ns` are the earliest and the latest start.
    """

    source: str = ""
    rows: int = 0
    spans: int = 0
    calls: int = 0
    repeated: int = 0
    stated_usd: Decimal | None = None
    first_ns: int = 0
    last_ns: int = 0
    without_customer: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])
    notes: Counter[str] = field(default_factory=Counter[str])
    refused: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def add(self, record: Record) -> None:
        """Count one span."""
        start = record.span.start_time_unix_nano
        self.first_ns = min(self.first_ns or start, start)
        self.last_ns = max(self.last_ns, start)
        self.spans += 1
        self.calls += record.calls
        if record.stated_usd is not None:
            self.stated_usd = _EXACT.add(self.stated_usd or Decimal(0), record.stated_usd)
        if record.note:
            self.notes[record.note] += 1


def read(path: Path, tally: Tally, source: Source | None = None, customer_from: str = "") -> Iterator[Record]:
    """The spans of the file's rows, each once, counted in `tally` as they are taken.

    Without a `source` the first readable row tells it. `customer_from` names the value that is the customer. Raises
    FileRefused; a row that is refused or left out is in `tally`, and the others follow.
    """
    if source is not None:
        tally.source = source.name
    # Of a row's ids, what it said: a file that says two things of one call must not have the last word win in silence.
    seen: dict[bytes, bytes] = {}
    for row in rows(path):
        tally.rows += 1
        if row.damage:
            tally.refused.append((row.where, row.damage))
            continue
        cells = Cells(row.values)
        if source is None:
            source = detect(cells, path)
            tally.source = source.name
        elif tally.rows == 1:
            refuse_without_usage(cells, path)
        try:
            customer = cells.at(customer_from) if customer_from else ""
            record = source.read(cells, customer)
            if _repeated(record, seen):
                tally.repeated += 1
                continue
        except LeftOut as reason:
            tally.left_out[str(reason)] += 1
        except RowRefused as reason:
            tally.refused.append((row.where, str(reason)))
        else:
            tally.without_customer += bool(customer_from) and not customer
            tally.add(record)
            yield record


def _repeated(record: Record, seen: dict[bytes, bytes]) -> bool:
    span = record.span
    key = span.trace_id[:8] + span.span_id
    said = hashlib.blake2b(span.SerializeToString(deterministic=True), digest_size=8).digest()
    before = seen.get(key)
    if before is None:
        seen[key] = said
    elif before != said:
        raise RowRefused(
            "an earlier row is about the same call or bucket and says something else; that one is imported"
        )
    return before is not None

"""A file of a bill, row by row, with a tally of what became of every one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import FileRefused, LeftOut, RowRefused
from spanledger_collector.backfill.rows import Row, rows
from spanledger_collector.bills.source import BillSource
from spanledger_collector.bills.sources import detect
from spanledger_store.billing.bills import BillInvalid, BillLine

_EXACT: Final = Context(prec=80)
_PARQUET: Final = b"PAR1"


@dataclass(slots=True)
class Tally:
    """What became of a file's rows: rows = taken + repeated + left out + refused; a row may be several lines.

    Of a table with a column for each service, a row is one cell. `amounts` are the sums of the lines, by currency.
    """

    source: str = ""
    rows: int = 0
    taken: int = 0
    lines: int = 0
    repeated: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    first_ns: int = 0
    last_ns: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])
    refused: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def add(self, line: BillLine) -> None:
        """Count one line."""
        self.first_ns = min(self.first_ns or line.start, line.start)
        self.last_ns = max(self.last_ns, line.end)
        self.lines += 1
        self.amounts[line.currency] = _EXACT.add(self.amounts.get(line.currency, Decimal(0)), line.amount)


def read(
    path: Path,
    tally: Tally,
    seen: dict[int, Decimal],
    source: BillSource | None = None,
    provider: str = "",
    account: str = "",
) -> Iterator[BillLine]:
    """The lines of the file's rows, counted in `tally` as they are taken.

    `seen` goes from file to file of one import. Without a `source` the first readable row tells it. `provider` and
    `account` are set on lines in place of what the rows say. Raises FileRefused; a row that is refused or left out is
    in `tally`, and the others follow.
    """
    if source is not None:
        tally.source = source.name
    here: Counter[int] = Counter()
    for row in _rows(path):
        if row.damage:
            tally.rows += 1
            tally.refused.append((row.where, row.damage))
            continue
        cells = Cells(row.values)
        if source is None:
            source = detect(cells, path)
            tally.source = source.name
        for each in source.spread(cells) if source.spread is not None else (cells,):
            tally.rows += 1
            try:
                lines = [
                    replace(line, file=path.name, place=row.where, **_chosen(line, provider, account))
                    for line in source.read(each)
                ]
                lines = [_numbered(line, source, here) for line in lines]
                if _is_repeated(lines, seen):
                    tally.repeated += 1
                    continue
            except LeftOut as reason:
                tally.left_out[str(reason)] += 1
            except (RowRefused, BillInvalid) as reason:
                tally.refused.append((row.where, str(reason)))
            else:
                tally.taken += 1
                for line in lines:
                    tally.add(line)
                    yield line


def _chosen(line: BillLine, provider: str, account: str) -> dict[str, str]:
    return {"provider": provider or line.provider, "account": account or line.account}


def _numbered(line: BillLine, source: BillSource, here: Counter[int]) -> BillLine:
    """The line, told apart from those of the file that are named alike: in a table, each of them is a charge."""
    if source.is_unique:
        return line
    first = line.id
    here[first] += 1
    return replace(line, ordinal=line.ordinal + 1000 * (here[first] - 1)) if here[first] > 1 else line


def _is_repeated(lines: Iterable[BillLine], seen: dict[int, Decimal]) -> bool:
    """Whether an earlier row, of any file, said the same; raises RowRefused where it said something else."""
    fresh: dict[int, Decimal] = {}
    for line in lines:
        before = seen.get(line.id)
        if before is None:
            fresh[line.id] = line.amount
        elif before != line.amount:
            raise RowRefused(
                f"an earlier row has the same names and time, and another amount ({before:f}, here {line.amount:f}); "
                "that one is imported"
            )
    seen |= fresh
    return not fresh


def _rows(path: Path) -> Iterator[Row]:
    try:
        with path.open("rb") as file:
            packed = file.read(4) == _PARQUET
    except OSError as error:
        raise FileRefused(f"{path} cannot be read: {error.strerror or error}.") from error
    if not packed:
        yield from rows(path)
        return
    try:
        number = 0
        for batch in pq.ParquetFile(path).iter_batches():
            for values in batch.to_pylist():
                number += 1
                yield Row(f"row {number}", {name: _plain(value) for name, value in values.items()})
    except (pa.ArrowException, OSError) as error:
        raise FileRefused(f"{path} is no Parquet file that can be read: {error}. Export it again.") from error


def _plain(value: Any) -> Any:
    """As JSON would have it: times as text, maps as objects."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list) and value and all(isinstance(each, tuple) and len(each) == 2 for each in value):
        return dict(value)
    # Written as the shortest text that is this number.
    return Decimal(repr(value)) if isinstance(value, float) and value == value and abs(value) != float("inf") else value

"""Spend by two dimensions at once: the leading values of each, and all others summed, so that nothing is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import polars as pl

from spanledger_store.engine import Engine
from spanledger_store.reports.books import books
from spanledger_store.scope import Dimension, Scope

_SUMS: Final = ("calls", "unpriced_calls", "cost_usd")
_COST: Final = pl.col("cost_usd").sum()


@dataclass(frozen=True, slots=True)
class Cell:
    """Calls of a row and a column; `cost` is None where none of them has a price."""

    calls: int
    unpriced_calls: int
    priced_cost: Decimal

    @property
    def cost(self) -> Decimal | None:
        """US dollars, None where there are calls without a price and no other spend beside them."""
        return None if self.unpriced_calls and not self.priced_cost else self.priced_cost


@dataclass(frozen=True, slots=True)
class Crossing:
    """Labels of rows and columns, the dearest first, and their cells.

    A label of None stands for all values that are not named: `more` says how many (rows, columns). '' is what carries
    no value; it is always named. Cells without calls are not there. The cells of a row add up to `row_sums`, those of
    a column to `column_sums`, and all to `total`, exactly.
    """

    rows: Sequence[str | None]
    columns: Sequence[str | None]
    cells: dict[tuple[str | None, str | None], Cell]
    row_sums: dict[str | None, Cell]
    column_sums: dict[str | None, Cell]
    total: Cell
    more: tuple[int, int]


def crossing(
    engine: Engine, scope: Scope, rows: Dimension, columns: Dimension, most: tuple[int, int] = (30, 15)
) -> Crossing:
    """The spend of a scope by two different dimensions. Raises ValueError for what the books do not keep."""
    frame = books(engine, scope, (rows, columns), sums=_SUMS)
    frame = frame.rename({rows.value: "row", columns.value: "column"})
    kept, more = [], []
    for name, limit in zip(("row", "column"), most, strict=True):
        order = frame.group_by(name).agg(_COST, pl.col("calls").sum())
        order = order.sort(["cost_usd", "calls", name], descending=[True, True, False])[name].to_list()
        leading = order[:limit]
        if "" in order and "" not in leading:
            leading = [*leading[: limit - 1], ""]
        kept.append(leading)
        more.append(len(order) - len(leading))
        # What is not named is one value: null, which no dimension has.
        frame = frame.with_columns(pl.when(pl.col(name).is_in(leading)).then(pl.col(name)).alias(name))
    sums = [pl.col(each).sum() for each in _SUMS]
    cells = frame.group_by("row", "column").agg(sums)
    return Crossing(
        rows=[*kept[0], *([None] if more[0] else [])],
        columns=[*kept[1], *([None] if more[1] else [])],
        cells={(row, column): Cell(*rest) for row, column, *rest in cells.iter_rows()},
        row_sums={row: Cell(*rest) for row, *rest in frame.group_by("row").agg(sums).iter_rows()},
        column_sums={column: Cell(*rest) for column, *rest in frame.group_by("column").agg(sums).iter_rows()},
        total=Cell(*frame.select(sums).row(0)) if frame.height else Cell(0, 0, Decimal(0)),
        more=(more[0], more[1]),
    )

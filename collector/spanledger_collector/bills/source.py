"""What a kind of bill is: how its rows look, and which lines one is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.source import names
from spanledger_store.billing.bills import BillLine

__all__ = ["BillSource", "names"]


@dataclass(frozen=True, slots=True)
class BillSource:
    """One kind of bill.

    | part | says |
    |---|---|
    | name | what `--format` calls it |
    | signs | alternatives, each a set of names that a row of it has |
    | read | row -> its lines, one or more; raises RowRefused or LeftOut |
    | is_unique | a row names what it is about completely: the same again is the same page once more, not a second
    charge |
    | spread | a row that holds several, such as a day with a column for each service -> those |
    """

    name: str
    signs: tuple[frozenset[str], ...]
    read: Callable[[Cells], Iterable[BillLine]]
    is_unique: bool = False
    spread: Callable[[Cells], Iterable[Cells]] | None = None

    def fits(self, row: Cells) -> bool:
        """True for a row of this kind."""
        return any(all(name in row for name in needed) for needed in self.signs)

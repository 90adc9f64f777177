"""What a source of exports is: how its rows look, and how one becomes a span."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.spans import Record


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of export.

    | part | says |
    |---|---|
    | name | what `--format` calls it |
    | signs | alternatives, each a set of names that a row of it has |
    | read | (row, customer) -> its span; raises RowRefused or LeftOut |
    | without_usage | alternatives that give away its sibling without usage |
    | instead | what to export where a file is such a sibling |
    """

    name: str
    signs: tuple[frozenset[str], ...]
    read: Callable[[Cells, str], Record]
    without_usage: tuple[frozenset[str], ...]
    instead: str

    def fits(self, row: Cells) -> bool:
        """True for a row of this source."""
        return _any_of(self.signs, row)

    def has_no_usage(self, row: Cells) -> bool:
        """True for a row of its sibling that tells money, or traces, and no usage."""
        return not self.fits(row) and _any_of(self.without_usage, row)


def names(*words: str) -> tuple[frozenset[str], ...]:
    """Alternatives, each written as names with spaces between."""
    return tuple(frozenset(word.split()) for word in words)


def _any_of(alternatives: tuple[frozenset[str], ...], row: Cells) -> bool:
    return any(all(name in row for name in needed) for needed in alternatives)

"""New prices of stored calls: staged, written over the rows they were computed from, and the ledger settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from spanledger.pricing import Cost
from spanledger_store import audit, settling
from spanledger_store.audit import Action
from spanledger_store.columns import HOUR_NS, hours_of
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.sql import load

PARTS: Final[Mapping[str, str]] = {
    "cost_usd": "total",
    "input_cost_usd": "input",
    "cache_read_cost_usd": "cache_read",
    "cache_write_cost_usd": "cache_write",
    "output_cost_usd": "output",
    "other_cost_usd": "other",
}
"""A row's columns, and the parts of a cost that they hold."""
# What the columns hold. An amount beyond it is no call's price, and arrives as unpriced as well.
LARGEST: Final = Decimal(999_999)

_KEY = ("start_time", "trace_id", "span_id", "replaces")
_COLUMNS = ("run", "project_id", *_KEY, *PARTS, "price_source")
# No cost is below 0, so this can stand for unknown.
_UNKNOWN: Final = Decimal(-1)

New = tuple[Mapping[str, Any], Cost | None]
"""A row as `repricing_read` answers, and what it costs from now on."""


def differs(row: Mapping[str, Any], cost: Cost) -> bool:
    """Whether a row has another price than this one, or the same one from elsewhere."""
    if row["price_source"] != cost.source:
        return True
    return any(row[name] != getattr(cost, part) for name, part in PARTS.items())


class Rewriting:
    """Writes new prices block by block; whatever has been written is settled when the block ends, even by an error.

    `with Rewriting(engine, control, action) as rewriting: rewriting.write(...)`. The caller holds `exclusively`.
    """

    def __init__(self, engine: Engine, control: Control, action: Action) -> None:
        self._engine = engine
        self._control = control
        self._action = action
        self._starts: set[tuple[str, int]] = set()

    def __enter__(self) -> Rewriting:
        return self

    def __exit__(self, *_: object) -> None:
        if self._starts:
            settling.settle(self._engine, self._control, sorted(hours_of(self._starts)))
            self._engine.command(load("repricing_clear"), {"run": self._action.run}, {"mutations_sync": 2})

    @property
    def has_written(self) -> bool:
        """Whether anything has changed."""
        return bool(self._starts)

    def write(self, news: Sequence[New]) -> None:
        """Give these rows of the action's project, in the order of their key, what they cost from now on."""
        if not news:
            return
        if not self._starts:
            audit.begin(self._engine, self._action)
        rows = [_staged(self._action.project, *each) for each in news]
        last = rows[-1]
        run = f"{self._action.run}-{last[2]}-{last[3]}-{last[4]}"
        columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
        columns["run"] = (run,) * len(rows)
        self._engine.insert("repricing_rows", columns, run)
        parameters = {"run": run, "project": self._action.project, "start": rows[0][2], "end": last[2]}
        # Every call may lie in a month of its own, and the same rows may rightly come again after a deletion.
        settings = {"max_partitions_per_insert_block": 0, "insert_deduplicate": 0}
        self._engine.command(load("repricing_apply"), parameters, settings)
        self._starts |= {(self._action.project, row[2] // HOUR_NS * HOUR_NS) for row in rows}


def _staged(project: str, row: Mapping[str, Any], cost: Cost | None) -> tuple[Any, ...]:
    key = (row["start_ns"], row["trace_id"], row["span_id"], row["version_ns"])
    amounts = [_UNKNOWN if cost is None else getattr(cost, part) for part in PARTS.values()]
    return ("", project, *key, *amounts, "" if cost is None else cost.source)

"""Unit economics: what a call, a session, an active user and a thousand tokens cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from string import Template
from typing import Any, Final

from spanledger_store.engine import Engine
from spanledger_store.scope import Dimension, Scope
from spanledger_store.sql import load

# Quotients are the only numbers here that are rounded, to this many digits.
_RATIO: Final = Context(prec=28)


@dataclass(frozen=True, slots=True)
class Units:
    """Sums of one slice, and what each unit of it costs; a quotient is None where it is not known.

    Sessions and users are counted by name: calls that name none are not in their quotients, neither above nor below
    the line, and calls without a price are in none.
    """

    values: tuple[str, ...]
    calls: int
    unpriced_calls: int
    cost_usd: Decimal
    sessions: int
    priced_sessions: int
    session_cost_usd: Decimal
    users: int
    priced_users: int
    user_cost_usd: Decimal
    priced_tokens: int

    @property
    def cost_per_call(self) -> Decimal | None:
        """US dollars per priced call."""
        return _per(self.cost_usd, self.calls - self.unpriced_calls)

    @property
    def cost_per_session(self) -> Decimal | None:
        """US dollars of the calls that name a session, per session with a priced call."""
        return _per(self.session_cost_usd, self.priced_sessions)

    @property
    def cost_per_user(self) -> Decimal | None:
        """US dollars of the calls that name a user, per user with a priced call."""
        return _per(self.user_cost_usd, self.priced_users)

    @property
    def cost_per_1k_tokens(self) -> Decimal | None:
        """US dollars per thousand tokens of every class, of priced calls."""
        cost = _per(self.cost_usd, self.priced_tokens)
        return None if cost is None else _RATIO.multiply(cost, Decimal(1000))


def units(engine: Engine, scope: Scope, by: Sequence[Dimension] = ()) -> list[Units]:
    """One line per combination of values, the dearest first; for any stretch and all dimensions but tags.

    Read from spans, for as long as a project keeps them, and at their price: every billable span of the stretch is
    read, where the books would read a line. Names are counted exactly, so the lines of a split do not add up to the
    whole: who uses two features is a user of both. Raises ValueError for a tag.
    """
    if Dimension.TAG in (*by, *scope.filters):
        raise ValueError("a call may have several tags, so that its units would count several times")
    names = [f"`{each.value}`" for each in by]
    sql = Template(load("units")).substitute(
        columns="".join(f"c.{name} AS {name},\n    " for name in names),
        inner="".join(f"{name}, " for name in names if name != "`user`"),
        groups=", ".join(names) or "()",
        where=" AND ".join(["true", *scope.conditions()]),
    )
    return [_units(row, by) for row in engine.query(sql, scope.params()).iter_rows(named=True)]


def _units(row: Mapping[str, Any], by: Sequence[Dimension]) -> Units:
    sums = {name: row[name] for name in Units.__slots__ if name != "values"}
    return Units(values=tuple(row[each.value] for each in by), **sums)


def _per(cost: Decimal, count: int) -> Decimal | None:
    return _RATIO.divide(cost, Decimal(count)) if count else None

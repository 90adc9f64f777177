"""Unit economics: quotients of what is known, and nothing where it is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from spanledger_store.columns import SPAN_COLUMNS, columnar
from spanledger_store.engine import Engine
from spanledger_store.reports.units import units
from spanledger_store.scope import Dimension, Scope
from tests.store.rows import span_row

AT = datetime(2026, 3, 2, tzinfo=UTC)
SCOPE = Scope("default", AT, AT + timedelta(days=1))
NS = int(AT.timestamp()) * 10**9
UNPRICED = {"cost_usd": None, "price_source": ""}


def insert(engine: Engine, *calls: dict[str, object]) -> None:
    rows = [span_row(**{"span_id": f"{n:016x}", "start_time": NS + n, **each}) for n, each in enumerate(calls)]
    engine.insert("span_rows", columnar(SPAN_COLUMNS, rows), f"units-{rows!r}"[:200])


def test_each_unit_is_of_the_calls_that_name_it(engine: Engine) -> None:
    insert(
        engine,
        {"session": "s1", "user": "ann", "cost_usd": Decimal(3)},
        {"session": "s1", "user": "ann", "cost_usd": Decimal(1), "call_count": 3},
        {"session": "s2", "user": "bob", "cost_usd": Decimal(2)},
        {"cost_usd": Decimal(4)},
        {"session": "s3", "user": "cy", **UNPRICED},
        {"customer": "globex", "session": "s1", "cost_usd": Decimal(8), "is_billable": False},
    )
    # Sent again: it must not count again.
    insert(engine, {"session": "s1", "user": "ann", "cost_usd": Decimal(3)})
    (found,) = units(engine, SCOPE)
    assert (found.calls, found.unpriced_calls, found.sessions, found.users) == (7, 1, 3, 3)
    assert found.cost_usd == 10
    assert found.cost_per_call == Decimal(10) / 6
    assert found.cost_per_session == 3
    assert found.cost_per_user == 3
    assert found.cost_per_1k_tokens == Decimal(10) / 600 * 1000


def test_what_is_unknown_is_none(engine: Engine) -> None:
    insert(
        engine,
        {"customer": "own", "session": "s1", "user": "ann", **UNPRICED},
        {"customer": "quiet", "input_tokens": None, "output_tokens": None},
    )
    found = {each.values: each for each in units(engine, SCOPE, [Dimension.CUSTOMER])}
    own, quiet = found["own",], found["quiet",]
    assert (own.cost_per_call, own.cost_per_session, own.cost_per_user, own.cost_per_1k_tokens) == (None,) * 4
    assert quiet.cost_per_call == Decimal("0.00075")
    assert (quiet.cost_per_session, quiet.cost_per_user, quiet.cost_per_1k_tokens) == (None,) * 3
    assert units(engine, Scope("default", AT - timedelta(days=9), AT), [Dimension.MODEL]) == []


def test_whoever_uses_two_features_is_a_user_of_both(engine: Engine) -> None:
    insert(engine, {"user": "ann", "feature": "chat"}, {"user": "ann", "feature": "search"}, {"user": "bob"})
    by_feature = units(engine, SCOPE, [Dimension.FEATURE])
    assert {each.values[0]: each.users for each in by_feature} == {"chat": 2, "search": 1}
    assert units(engine, SCOPE)[0].users == 2
    narrowed = Scope("default", AT, SCOPE.end, {Dimension.USER: ("ann",)})
    assert [(each.values, each.calls) for each in units(engine, narrowed, [Dimension.USER])] == [(("ann",), 2)]
    with pytest.raises(ValueError, match="several tags"):
        units(engine, SCOPE, [Dimension.TAG])

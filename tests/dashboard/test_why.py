"""Pages ask why spend changed through whoever was handed to them, and do without where nobody was."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest

from spanledger_analytics import explaining
from spanledger_dashboard import DashboardSettings
from spanledger_dashboard.data import Data
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.reports.comparing import against
from spanledger_store.scope import Dimension, Scope

SCOPE = Scope("default", datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC))


def test_the_answer_is_that_of_the_one_who_was_handed_over(embedded: Engine, control: Control) -> None:
    data = Data(embedded, control, DashboardSettings(), partial(explaining.answer, embedded))
    try:
        found = asyncio.run(data.why(SCOPE, against(SCOPE)))
        assert found is not None
        assert found["by"] == ["customer", "feature", "model"]
        assert found["sentence"] == "Nothing was spent on 2026-03-09 or in the period before it."
        users = Scope("default", SCOPE.start, SCOPE.end, {Dimension.USER: ("jo",)})
        with pytest.raises(ValueError, match="the ledger keeps"):
            asyncio.run(data.why(users, against(users)))
    finally:
        data.close()


def test_without_anybody_there_is_no_answer(embedded: Engine, control: Control) -> None:
    data = Data(embedded, control, DashboardSettings())
    assert asyncio.run(data.why(SCOPE, against(SCOPE))) is None
    data.close()

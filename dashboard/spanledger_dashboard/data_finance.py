"""What pages read about money: months, bills, margins, forecasts, advice."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from spanledger_dashboard.data_pool import PooledReads
from spanledger_dashboard.shared import Shared
from spanledger_store.billing import bills, reconciling
from spanledger_store.billing.reconciling import Question, Reconciliation
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.finance import focus_export, revenue
from spanledger_store.finance.focus_export import Wanted
from spanledger_store.finance.revenue import Margin
from spanledger_store.outlook.scenario import Scenario
from spanledger_store.reports import (
    advice,
    caching,
    calls,
    crossing,
    forecasts,
    month,
    outlooks,
    scenarios,
    units,
    waste,
)
from spanledger_store.reports.advice import AdviceRequest, Advised
from spanledger_store.reports.caching import Caching
from spanledger_store.reports.crossing import Crossing
from spanledger_store.reports.month import Filters, Month
from spanledger_store.reports.outlooks import Course
from spanledger_store.reports.units import Units
from spanledger_store.reports.waste import Waste
from spanledger_store.scope import Dimension, Scope

# It ends at a full hour, and reads a month of calls: a minute is enough for any number of readers.
ADVICE_SECONDS = 60


class FinanceData(PooledReads):
    """Reports about money as coroutines."""

    def __init__(self, engine: Engine, control: Control, threads: int) -> None:
        super().__init__(engine, control, threads)
        self._advised = Shared[Advised](ADVICE_SECONDS)

    async def month(self, project: str, now: datetime, zone: ZoneInfo, filters: Filters) -> Month:
        """The month of now beside the one before it, and where it ends. Raises ValueError as `books` does."""
        return await self._run(month.month, project, now, zone, filters)

    async def crossing(self, scope: Scope, rows: Dimension, columns: Dimension) -> Crossing:
        """Spend by two dimensions, the leading values and the rest. Raises ValueError as `books` does."""
        return await self._run(crossing.crossing, scope, rows, columns)

    async def units(self, scope: Scope) -> list[Units]:
        """What a call, a session, a user and a thousand tokens cost."""
        return await self._run(units.units, scope)

    async def waste(self, scope: Scope) -> list[Waste]:
        """Spend by what became of calls."""
        return await self._run(waste.waste, scope)

    async def caching(self, scope: Scope) -> list[Caching]:
        """What providers' caches saved."""
        return await self._run(caching.caching, scope)

    async def bills(self, project: str) -> list[dict[str, Any]]:
        """Which bills have been imported."""
        return await self._run(bills.imported, project)

    async def reconciliation(self, question: Question) -> Reconciliation:
        """Bills against the ledger."""
        return await self._run(lambda engine: reconciling.read(engine, self._control, question))

    async def margins(self, project: str, start: date, end: date) -> list[Margin]:
        """Revenue less spend by customer, in the months [start, end)."""
        return await self._run(lambda engine: revenue.margins(engine, self._control, project, start, end))

    async def focus(self, wanted: Wanted) -> dict[str, Any]:
        """Write a FOCUS file."""
        return await self._run(lambda engine: focus_export.write(engine, self._control, wanted))

    async def advice(self, asked: AdviceRequest) -> Advised:
        """What would have saved money on the calls of the last days; at most a minute old."""
        named = tuple(sorted((each.value, values) for each, values in asked.filters.items()))
        key = (asked.scope.project, asked.scope.end, asked.days, named, tuple(asked.kinds), tuple(asked.can_wait))
        return await self._advised.of(key, lambda: self._run(advice.advice, asked))

    async def course(self, project: str, now: datetime, zone: ZoneInfo, dimension: str, value: str) -> Course:
        """The newest forecast of a slice, and the days before it."""
        return await self._run(outlooks.course, project, now, zone, dimension, value)

    async def month_ends(self, project: str, now: datetime, zone: ZoneInfo, dimension: str) -> list[forecasts.Line]:
        """Where each value of a dimension ends the month, the dearest first."""
        _, lines = await self._run(forecasts.month, project, now, zone, dimension)
        return lines

    async def models(self, project: str, now: datetime) -> list[str]:
        """Models of the last 30 days, the dearest first."""
        end = now.replace(minute=0, second=0, microsecond=0)
        scope = Scope(project, end - scenarios.RECENT, end)
        return await self._run(calls.labels, scope, Dimension.MODEL, 500)

    async def scenario(
        self, project: str, now: datetime, zone: ZoneInfo, wanted: Scenario, dimension: str
    ) -> dict[str, Any]:
        """The forecasts beside what a scenario makes of them. Raises ScenarioInvalid."""
        return await self._run(outlooks.scenario, project, now, zone, wanted, by=dimension)

    async def accuracy(self, project: str, now: datetime, dimension: str) -> dict[str, Any]:
        """How earlier forecasts turned out."""
        return await self._run(outlooks.accuracy, project, now, by=dimension)

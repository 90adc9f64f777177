"""Reports about drift, as coroutines; with `data` the only place where pages meet the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from spanledger_dashboard.data_pool import PooledReads
from spanledger_store import extras
from spanledger_store.control import baselines
from spanledger_store.control.baselines import Baseline
from spanledger_store.engine import Engine
from spanledger_store.moments import MomentInvalid
from spanledger_store.quality import drift
from spanledger_store.quality.drift_request import CompareDrift, ComparisonInvalid
from spanledger_store.reports import findings
from spanledger_store.reports.asked import comparison


class DriftData(PooledReads):
    """Changes, looks, baselines, and comparisons where somebody can make them."""

    compare_drift: CompareDrift | None = None

    async def drifts(
        self, project: str, start: datetime, end: datetime, where: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        """Changes of what is asked and measured within the stretch, newest first."""
        return await self._run(
            lambda engine: findings.report(
                engine, self._control, project, start=start, end=end, kinds=("drift",), where=where
            )
        )

    async def drift_looks(self, project: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """Every day of the stretch that was compared with a baseline, oldest first."""
        return [each.as_json() for each in await self._run(drift.listing, project, start, end)]

    async def drift_newest(self, project: str) -> list[dict[str, Any]]:
        """The newest look at each slice and kind, whenever that was."""
        return [each.as_json() for each in (await self._run(drift.newest, project)).values()]

    async def baselines(self, project: str) -> list[Baseline]:
        """The project's pinned baselines, by name."""
        return await self._run(lambda _: baselines.listing(self._control, project))

    async def compared(self, **asked: Any) -> dict[str, Any] | None:
        """A comparison as `POST /api/v1/drift/compare` answers it; None where nobody can make it.

        Takes what `drift_request.comparison` takes, and raises what it raises: ComparisonInvalid for impossible times,
        too, and where a library is missing.
        """
        compare = self.compare_drift
        if compare is None:
            return None

        def read(_: Engine) -> dict[str, Any]:
            try:
                return compare(comparison(self._control, **asked))
            except MomentInvalid as error:
                raise ComparisonInvalid(str(error)) from error
            except ModuleNotFoundError as error:
                told = extras.missing(error)
                if told is None:
                    raise
                raise ComparisonInvalid(told) from error

        return await self._run(read)

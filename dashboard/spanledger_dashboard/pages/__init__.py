"""The pages there are. A new one joins here, and nowhere else."""

from __future__ import annotations

from spanledger_dashboard.page import Page
from spanledger_dashboard.pages import (
    advice,
    anomalies,
    budgets,
    clusters,
    drift,
    health,
    overview,
    spend,
    trace,
    traces,
)

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    traces.PAGE,
    trace.PAGE,
    spend.PAGE,
    budgets.PAGE,
    anomalies.PAGE,
    advice.PAGE,
    clusters.PAGE,
    drift.PAGE,
    health.PAGE,
)

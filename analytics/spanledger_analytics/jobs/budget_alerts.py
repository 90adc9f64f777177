"""The budget alerts job: whoever answers for a budget is told when it crosses a threshold, or is going to."""

from __future__ import annotations

from datetime import UTC, datetime

from spanledger_analytics.notify import budget as told
from spanledger_store.control import Control, alerts, budgets, channels
from spanledger_store.drivers import drivers
from spanledger_store.engine import Engine
from spanledger_store.finance.budget_report import report


def run(engine: Engine, control: Control, now: datetime | None = None) -> int:
    """Put a notice into the outbox for every threshold that has been crossed and not been told; how many notices.

    Once per budget, period, value and threshold, whoever runs it and how often, and again after the amount was raised.
    Budgets that nobody would be told of are left alone, so that a channel which is added later learns how they stand.
    """
    now = now or datetime.now(UTC)
    alerting = [each for each in budgets.listing(control) if each.thresholds]
    to = {at: channels.chosen(control, *at) for at in {(each.project, each.notify) for each in alerting}}
    kept = [each for each in alerting if to[each.project, each.notify]]
    if not kept:
        return 0
    standings = report(engine, control, kept, now)
    raised = alerts.known(control, {each.state.window.start for each in standings})
    total = 0
    for standing in standings:
        state = standing.state
        budget, start = state.budget, state.window.start
        fresh = told.due(standing, raised.get((budget.id, start, state.value or ""), {}))
        if fresh:
            found = drivers(engine, budget.project, told.about(state), start, now)
            notice = told.message(standing, fresh, found, now, engine.settings.public_url)
            noted = told.alerts(state, fresh)
            total += alerts.announce(control, noted, notice, to[budget.project, budget.notify])
    return total

"""When a budget's people are to be told, and what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from spanledger_analytics.notify.words import moment, spend_link
from spanledger_store.amounts import change, dollars
from spanledger_store.control.alerts import PROJECTED, Alert
from spanledger_store.control.budgets import Enforcement
from spanledger_store.control.notices import Notice
from spanledger_store.drivers import Driver
from spanledger_store.finance.budget_report import Standing
from spanledger_store.finance.budgets import State

KIND: Final = "budget.alert"
# More digits than any sum of Decimal(38, 12) has.
_EXACT: Final = Context(prec=80)


def due(standing: Standing, raised: Mapping[int, Decimal]) -> list[int]:
    """Thresholds that are crossed and have not been told at this amount or a larger one, rising; PROJECTED first.

    `raised` is threshold -> the largest amount at which it was told in this period.
    """
    state = standing.state
    budget, spent = state.budget, state.spent
    if spent is None or not budget.thresholds:
        return []
    at = _EXACT.multiply(spent, 100)
    crossed = [each for each in budget.thresholds if at >= _EXACT.multiply(state.limit, each)]
    if standing.is_breach_projected:
        crossed.insert(0, PROJECTED)
    return [each for each in crossed if each not in raised or raised[each] < budget.amount]


def alerts(state: State, thresholds: Sequence[int]) -> list[Alert]:
    """Thresholds of a state whose spend is known, as they are noted."""
    assert state.spent is not None
    return [
        Alert(
            project=state.budget.project,
            budget_id=state.budget.id,
            start=state.window.start,
            value=state.value or "",
            threshold=each,
            amount=state.budget.amount,
            spent=state.spent,
            limit=state.limit,
        )
        for each in thresholds
    ]


def about(state: State) -> dict[str, str]:
    """The slice that a state is about: that of its budget, and its own value."""
    budget = state.budget
    return {**budget.slice, **({budget.per: state.value} if budget.per and state.value else {})}


def message(
    standing: Standing, thresholds: Sequence[int], drivers: Sequence[Driver], now: datetime, public_url: str
) -> Notice:
    """One notice of all the thresholds that were crossed at once; named after the highest."""
    state = standing.state
    budget, spent, of = state.budget, state.spent, state.window
    assert spent is not None
    zone = ZoneInfo(budget.zone)
    highest = max(thresholds)
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    link = spend_link(public_url, budget.project, about(state), of.start, min(hour, of.end), zone)
    subject = _subject(standing, highest)
    facts = _facts(standing, zone)
    told = [_driver(each) for each in drivers]
    payload = {
        **standing.as_json(),
        "project": budget.project,
        "slice": about(state),
        "threshold": highest or "projected",
        "drivers": [each.as_json() for each in drivers],
    }
    heading = "What rose the most against as long a time before"
    text = "\n".join([*facts, *([f"{heading}:", *(f"- {each}" for each in told)] if told else [])])
    return Notice(
        kind=KIND,
        key="\0".join([KIND, *(each.key for each in alerts(state, [highest]))]),
        subject=subject,
        text=text,
        html=_html(subject, facts, heading if told else "", told, link),
        payload=payload,
        link=link,
        about=about(state).get("customer", ""),
    )


def _subject(standing: Standing, highest: int) -> str:
    state = standing.state
    name = f"Budget {state.budget.name}" + (f", {state.value}" if state.value else "")
    if highest == PROJECTED:
        ahead = dollars(standing.projected) if standing.projected is not None else "more"
        return f"{name}: going to end at {ahead}, above its {dollars(state.limit)}"
    if state.is_used_up:
        return f"{name}: used up, {dollars(state.spent or Decimal(0))} of {dollars(state.limit)}"
    return f"{name}: {highest} % reached, {dollars(state.spent or Decimal(0))} of {dollars(state.limit)}"


def _facts(standing: Standing, zone: ZoneInfo) -> list[str]:
    state = standing.state
    budget, of = state.budget, state.window
    share = f" ({state.share:.0%})" if state.share is not None else ""
    found = [
        f"Spent {dollars(state.spent or Decimal(0))} of {dollars(state.limit)}{share} since "
        f"{moment(of.start, zone)}; the period ends on {moment(of.end, zone)} ({zone.key})."
    ]
    if state.carried:
        found.append(f"{dollars(state.carried)} of the limit were left of the last period.")
    if standing.is_breach_projected and standing.projected is not None:
        when = f"is reached on {moment(standing.breach_at, zone)}" if standing.breach_at else "is passed"
        found.append(f"At this pace the limit {when}, and the period ends at {dollars(standing.projected)}.")
    if state.unpriced_calls:
        found.append(f"{state.unpriced_calls} of {state.calls} calls have no price and are not in it.")
    if state.blocks:
        found.append("Calls are refused now by every application that asks.")
    elif budget.enforcement is Enforcement.BLOCK:
        found.append("Calls will be refused once it is used up.")
    if budget.owner:
        found.append(f"Owner: {budget.owner}.")
    return found


def _driver(each: Driver) -> str:
    return f"{each.dimension} {each.value or '(none)'}: {dollars(each.spent)} ({change(each.rise)})"


def _html(subject: str, facts: Sequence[str], heading: str, told: Sequence[str], link: str) -> str:
    listed = f"<p>{escape(heading)}:</p><ul>{''.join(f'<li>{escape(each)}</li>' for each in told)}</ul>" if told else ""
    return (
        '<div style="font:15px/1.5 system-ui,sans-serif;color:#1c1d21;max-width:40em">'
        f'<h1 style="font-size:18px">{escape(subject)}</h1>'
        f"{''.join(f'<p>{escape(each)}</p>' for each in facts)}{listed}"
        f'<p><a href="{escape(link)}">Look at the calls</a></p></div>'
    )

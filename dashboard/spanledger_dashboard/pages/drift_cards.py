"""One change as a card: since when, what came in, what is measured, and what it did to cost, speed and failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.parts.basics import card, link, pill
from spanledger_dashboard.view import View

Finding = Mapping[str, Any]
SEVERITY = {"high": "bad", "medium": "warn", "low": "ok"}
STATISTICS = {
    "mean": "Mean of all calls",
    "novelty": "Calls unlike any before",
    "novel sessions": "Sessions unlike any before",
}
EXAMPLES = {"new": "New", "gone": "Gone"}
QUANTITIES = {
    "prompt_tokens": "Prompt tokens",
    "completion_tokens": "Completion tokens",
    "input_length": "Length of inputs",
    "output_length": "Length of outputs",
    "duration_ns": "Duration",
    "ttft_ns": "Time to first token",
    "cost_usd": "Cost of a call",
    "model": "Models",
    "finish_reason": "Finish reasons",
    "status": "Failures",
    "language": "Languages",
    "tools": "Tools",
    "topic": "Topics",
}
SECONDS = ("duration_ns", "ttft_ns")
WHOLE = ("prompt_tokens", "completion_tokens", "input_length", "output_length")
MAX_SHARES = 4
# Beyond this a value's digits after the point say nothing.
MANY = 1000
LEAST_P = 0.001
OVER = "No alarm in the three days after: what came in is usual since, or has gone again"
UNSURE = "not sure by itself"
LEVELS = {0.5: "median", 0.95: "95th percentile"}
MEASURED = {
    "cost_usd": "Cost of a call",
    "duration_s": "Duration",
    "error_share": "Failed",
    "prompt_tokens": "Prompt tokens",
    "completion_tokens": "Completion tokens",
}


def drift_card(view: View, finding: Finding) -> Component:
    """The sentence, what came in, the statistics, and what it did beside."""
    told = finding["evidence"]
    left = [examples(view, told.get("examples") or {}), topics(told.get("topics") or [])]
    left += changes(told.get("changes") or [])
    if told.get("mix"):
        left.append(mix(told["mix"]))
    body = [
        html.P(told.get("sentence", ""), className="told"),
        html.Div([html.Div(left), measured(told.get("measured") or {})], className="row halves"),
        statistics(told),
    ]
    return card(
        named(finding["slice"]),
        html.Div(body, className="cb"),
        beside=[
            pill(finding["severity"], SEVERITY.get(finding["severity"], "")),
            _state(finding),
            *_against(told),
            *_again(view, told),
            *_instead(view, told),
        ],
        right=[link("Calls", href(view, finding))],
        kind="drift",
    )


def named(where: Mapping[str, str]) -> str:
    """A slice in words."""
    return " · ".join(value or fmt.UNATTRIBUTED for value in where.values()) or "Everything"


def _state(finding: Finding) -> Component:
    """Whether the change still goes on; a finding ends with the day of its last alarm."""
    if finding["state"] != "ended":
        return html.Span(finding["state"], className="dim")
    # Days are looked at by UTC.
    day = moment(finding["end"]) - timedelta(microseconds=1)
    return html.Span(f"ended {day:%-d %b}", className="dim", title=OVER)


def _against(told: Mapping[str, Any]) -> list[Component]:
    name = (told.get("baseline") or {}).get("name")
    return [html.Span(f"against {name}", className="dim")] if name else []


def _again(view: View, told: Mapping[str, Any]) -> list[Component]:
    days = [datetime.fromisoformat(each).astimezone(view.zone) for each in told.get("again") or ()]
    return [html.Span("again " + ", ".join(f"{day:%-d %b}" for day in days), className="dim")] if days else []


def _instead(view: View, told: Mapping[str, Any]) -> list[Component]:
    """Wider changes that were told first, whose place this one has taken."""
    wider = [
        f"{named(each['slice'])}, {datetime.fromisoformat(each['start']).astimezone(view.zone):%-d %b}"
        for each in told.get("explains") or ()
    ]
    return [html.Span(f"first told as {'; '.join(wider)}", className="dim")] if wider else []


def changes(found: Sequence[Mapping[str, Any]]) -> list[Component]:
    """Quantities that changed: the middle and the upper end of numbers, the shares of names."""
    if not found:
        return []
    head = html.Tr(
        [
            html.Th("Measured"),
            html.Th("Before", className="rt"),
            html.Th("Now", className="rt"),
            html.Th("p", className="rt"),
        ]
    )
    rows: list[Component] = []
    for each in found:
        name = QUANTITIES.get(each["name"], each["name"].capitalize())
        lines = [
            (f"{name}, {LEVELS.get(q['level'], q['level'])}", q["before"], q["after"])
            for q in each.get("quantiles") or []
        ]
        shares = [
            (f"{name}: {s['name'] or 'none'}{_unsure(s)}", s["before"], s["after"])
            for s in (each.get("shares") or [])[:MAX_SHARES]
        ]
        write = fmt.share if shares else partial(_quantity, each["name"])
        for at, (label, before, after) in enumerate(shares or lines or [(name, None, None)]):
            cells = [html.Td(write(value), className="rt num") for value in (before, after)]
            p = p_value(each["p_corrected"]) if not at else ""
            rows.append(html.Tr([html.Th(label, scope="row"), *cells, html.Td(p, className="rt num dim")]))
    return [html.Table([html.Thead(head), html.Tbody(rows)], className="plain")]


def _quantity(name: str, value: float | None) -> str:
    if value is None:
        return fmt.DASH
    if name == "cost_usd":
        return fmt.money(Decimal(repr(value)))
    if name in SECONDS:
        return fmt.duration(value * 1e9)
    return fmt.tokens(round(value)) if name in WHOLE or abs(value) >= MANY else f"{value:,.3g}"


def mix(shares: Sequence[Mapping[str, Any]]) -> Component:
    """Customers x features whose part of the calls changed."""
    return _shares("Part of the calls", [(named(each["slice"]), each) for each in shares])


def _shares(title: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> Component:
    """Shares before and now, each with its p value, corrected for all that were tested."""
    numbers = [html.Th(name, className="rt") for name in ("Before", "Now", "p")]
    body = [
        html.Tr(
            [
                html.Th(f"{name}{_unsure(each)}", scope="row"),
                *(html.Td(fmt.share(each[side]), className="rt num") for side in ("before", "after")),
                html.Td(p_value(each.get("p")), className="rt num dim"),
            ]
        )
        for name, each in rows
    ]
    return html.Table([html.Thead(html.Tr([html.Th(title), *numbers])), html.Tbody(body)], className="plain")


def _unsure(share: Mapping[str, Any]) -> str:
    return "" if share.get("sure", True) else f" ({UNSURE})"


def p_value(p: float | None) -> str:
    """A p value in two digits; those of many zeros as a bound."""
    if p is None:
        return fmt.DASH
    return f"{p:.2g}" if p >= LEAST_P else f"< {LEAST_P}"


def moment(text: str) -> datetime:
    """A time as JSON has it."""
    return datetime.fromisoformat(text)


def examples(view: View, shown: Mapping[str, Sequence[Mapping[str, Any]]]) -> Component:
    """Questions typical of what is new and of what has gone, each a way to its trace."""
    parts: list[Component] = []
    for name, title in EXAMPLES.items():
        rows = shown.get(name) or ()
        listed = [
            html.Li(
                html.A(
                    row["asked"] or "content is no longer kept",
                    href=view.href(f"/trace/{row['trace_id']}", span=row["span_id"]),
                )
            )
            for row in rows
        ]
        if listed:
            parts.append(html.Div([html.H3(title), html.Ul(listed, className="asked")]))
    return html.Div(parts)


def topics(rows: Sequence[Mapping[str, Any]]) -> Component:
    """Clusters that grew or shrank, the surest first."""
    return _shares("Topic", [(row["name"], row) for row in rows]) if rows else html.Div()


def measured(both: Mapping[str, Mapping[str, float | None]]) -> Component:
    """What a call cost, took and how often it failed, before and after."""
    head = html.Tr([html.Th(""), html.Th("Before", className="rt"), html.Th("Now", className="rt"), html.Th("")])
    rows = [
        html.Tr(
            [
                html.Th(MEASURED.get(name, name.capitalize()), scope="row"),
                *(html.Td(_written(name, sides[side]), className="rt num") for side in ("reference", "current")),
                html.Td(fmt.signed(fmt.change(sides["current"], sides["reference"])) if _known(sides) else "",
                        className="rt num dim"),
            ]
        )
        for name, sides in both.items()
    ]  # fmt: skip
    return html.Table([html.Thead(head), html.Tbody(rows)], className="plain")


def statistics(told: Mapping[str, Any]) -> Component:
    """What the test saw, and on how much."""
    sessions, baseline = told.get("sessions") or {}, told.get("baseline") or {}
    rows = [
        html.Tr(
            [
                html.Th(_statistic(each["name"]), scope="row"),
                html.Td(f"{each['p']:.2g}", className="rt num"),
                html.Td(f"{each['effect']:.3f}", className="rt num"),
            ]
        )
        for each in told.get("statistics") or []
    ]
    between = " to ".join(str(baseline.get(side, ""))[:10] for side in ("from", "to"))
    by = f"embeddings by {told['model']}; " if told.get("model") else ""
    rests = (
        f"{sessions.get('current', 0):,} sessions beside {sessions.get('reference', 0):,} of the baseline, {between}; "
        f"{by}evidence {told.get('evidence', 0):,.0f} against a threshold of "
        f"{told.get('threshold', 0):,.0f}.{classified(told.get('classifier'))}"
    )
    head = html.Tr([html.Th("Statistic"), html.Th("p", className="rt"), html.Th("Effect", className="rt")])
    table = [html.Table([html.Thead(head), html.Tbody(rows)], className="plain")] if rows else []
    return html.Details([html.Summary("What it rests on"), html.P(rests, className="dim"), *table])


def classified(found: Mapping[str, float] | None) -> str:
    """How well a classifier tells calls of both sides apart, as one more sentence; '' where none was asked."""
    if not found:
        return ""
    return (
        f" A classifier tells the two sides apart with AUC {found['accuracy']:.2f} (95 %: {found['low']:.2f} to "
        f"{found['high']:.2f}); guessing has 0.50."
    )


def href(view: View, finding: Finding) -> str:
    """The calls of the finding's slice and time."""
    start, end = (datetime.fromisoformat(finding[name]) for name in ("start", "end"))
    return view.calls("/traces", finding["slice"], start, max(end, start + timedelta(hours=1)))


def _statistic(name: str) -> str:
    return STATISTICS.get(name, f"Distribution, {name}")


def _known(sides: Mapping[str, float | None]) -> bool:
    return None not in (sides["reference"], sides["current"])


def _written(name: str, value: float | None) -> str:
    if value is None:
        return fmt.DASH
    if name == "cost_usd":
        return fmt.money(Decimal(repr(value)))
    if name == "duration_s":
        return fmt.duration(value * 1e9)
    if name in ("prompt_tokens", "completion_tokens"):
        return fmt.tokens(round(value))
    return fmt.share(value) if name == "error_share" else f"{value:.3g}"

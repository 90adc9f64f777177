"""One anomaly as a card: what happened, in whose calls, what it cost, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from shlex import quote
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.figures.deviation import deviation
from spanledger_dashboard.parts.basics import card, link, pill, time_chart
from spanledger_dashboard.parts.states import command
from spanledger_dashboard.view import View

Finding = Mapping[str, Any]
SEVERITY = {"high": "bad", "medium": "warn", "low": "ok"}
STATE = {
    "open": "lasts",
    "ended": "is over",
    "settled": "has become usual",
    "withdrawn": "taken back",
}
VERDICTS = ("expected", "planned", "false-positive", "confirmed")
MAX_TRACES = 5
MAX_CULPRITS = 6


def anomaly_card(view: View, finding: Finding) -> Component:
    """The sentence, the course, the culprits, the traces and what can be said of it."""
    evidence = finding["evidence"]
    beside = [
        pill(finding["severity"], SEVERITY.get(finding["severity"], "")),
        html.Span(STATE.get(finding["state"], finding["state"]), className="dim"),
    ]
    said = finding["feedback"]
    if said:
        beside.append(pill(said["verdict"], "acc"))
    body: list[Any] = [html.P(evidence.get("sentence", ""), className="told")]
    if series := evidence.get("series"):
        starts = [datetime.fromisoformat(at).astimezone(view.zone) for at, _, _ in series]
        figure = deviation(starts, [actual for _, actual, _ in series], [usual for _, _, usual in series])
        body.append(time_chart(f"anomaly-{finding['id']}", figure, 170, "Spend against what was expected, by hour"))
    body.append(
        html.Div(
            [
                html.Dl([part for name, told in facts(view, finding) for part in (html.Dt(name), html.Dd(told))],
                        className="facts"),
                culprits(view, finding),
            ],
            className="row halves",
        )
    )  # fmt: skip
    body.append(feedback(view, finding))
    return card(title(finding), html.Div(body, className="cb"), beside=beside,
                right=[link("Calls", href(view, finding, "/traces"))], kind="anomaly")  # fmt: skip


def title(finding: Finding) -> str:
    """Whose calls it is about."""
    return " · ".join(value or fmt.UNATTRIBUTED for value in finding["slice"].values()) or "Everything"


def facts(view: View, finding: Finding) -> list[tuple[str, Any]]:
    """When, how much, and how sure."""
    start, end = (datetime.fromisoformat(finding[name]) for name in ("start", "end"))
    told: list[tuple[str, Any]] = [
        ("Began", fmt.moment(start, view.zone)[:-4]),
        ("Until", fmt.moment(end, view.zone)[:-4] if finding["state"] != "open" else "now"),
        ("Impact", html.A(impact(finding), href=href(view, finding, "/spend"), className="num")),
    ]
    if finding["actual"] is not None and finding["expected"] is not None:
        told.append(("Spent", f"${finding['actual']:,.2f}, expected ${finding['expected']:,.2f}"))
    if finding["lower"] is not None and finding["upper"] is not None:
        told.append(("Usual band", f"${finding['lower']:,.2f} to ${finding['upper']:,.2f}"))
    told.append(("Confidence", fmt.share(finding["confidence"], 2)))
    traces = finding["evidence"].get("example_traces") or []
    if traces:
        links: list[Any] = []
        for trace in traces[:MAX_TRACES]:
            name = str(trace["trace_id"] if isinstance(trace, Mapping) else trace)
            links += [html.A(name[:8], href=view.href(f"/trace/{name}"), className="mono"), " "]
        told.append(("Dearest traces", links))
    return told


def impact(finding: Finding) -> str:
    """Money beyond the expected so far; what is saved says so."""
    money = finding["impact_usd"]
    if money is None:
        return fmt.DASH
    amount = Decimal(money)
    return f"{fmt.money(abs(amount))} {'saved' if amount < 0 else 'more than usual'}"


def culprits(view: View, finding: Finding) -> Component:
    """Who holds the change beyond the slice itself, each a way to the calls."""
    rows: Sequence[Mapping[str, Any]] = finding["evidence"].get("culprits") or []
    if not rows:
        return html.Div()
    leading = sorted(rows, key=lambda row: -abs(row["share"]))[:MAX_CULPRITS]
    return html.Div(
        [
            html.Div(
                [
                    html.Span(row["dimension"].replace("_", " "), className="dim"),
                    html.A(row["value"] or fmt.UNATTRIBUTED,
                           href=href(view, finding, "/spend", {row["dimension"]: row["value"]})),
                    *([pill("new", "acc")] if row.get("new") else []),
                    html.B(fmt.share(row["share"], 0), className="num"),
                ],
                className="culprit",
            )
            for row in leading
        ]
    )  # fmt: skip


def feedback(view: View, finding: Finding) -> Component:
    """What was said of it, or how to say something: the detector hears it."""
    said = finding["feedback"]
    if said:
        note = f": {said['note']}" if said.get("note") else ""
        who = f" by {said['who']}" if said.get("who") else ""
        return html.P(f"Said to be {said['verdict']}{who}{note}", className="dim")
    text = f"spanledger anomalies feedback {quote(finding['id'])} expected --project {quote(view.project)}"
    return html.Details(
        [
            html.Summary("Say what it was"),
            html.P(f"One of {', '.join(VERDICTS)}; the detector hears it.", className="dim"),
            command(text),
        ]
    )


def href(view: View, finding: Finding, path: str, more: Mapping[str, str] | None = None) -> str:
    """The calls of the finding's slice and time."""
    start, end = (datetime.fromisoformat(finding[name]) for name in ("start", "end"))
    return view.calls(path, {**finding["slice"], **(more or {})}, start, max(end, start + timedelta(hours=1)))

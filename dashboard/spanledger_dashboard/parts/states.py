"""What a page shows when it has nothing to show yet, nothing at all, or a failure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.parts.basics import button, icon, link, wild

SNIPPET = """\
# in the shell
pip install spanledger
export SPANLEDGER_ENDPOINT={endpoint}

# in the application
import spanledger

spanledger.init()

@spanledger.observe
def answer(question: str):
    return client.chat.completions.create(...)

with spanledger.context(customer="Acme", feature="support"):
    answer("Where is my order?")"""


def bone(height: int, width: str = "100%") -> Component:
    """A grey bar where content will be."""
    return html.Div(className="sk", style={"height": height, "width": width})


def bone_card(height: int) -> Component:
    """A card whose content is on its way."""
    return html.Section(html.Div([bone(16, "30%"), bone(height)], className="cb sk-card"), className="card")


def bone_strip(cells: int) -> Component:
    """A strip of headline numbers on its way."""
    cell = html.Div([bone(13, "50%"), bone(24, "70%"), bone(40)], className="kpi sk-cell")
    return html.Div([cell] * cells, className="kpis", style={"--n": str(cells)})


def loading(*blocks: Component) -> list[Component]:
    """Skeletons, announced once."""
    return [html.Span("Loading", className="vh", role="status"), *blocks]


def command(text: str, name: str = "Copy the command") -> Component:
    """Something to be typed, with a button that copies it."""
    return html.Div([html.Pre(text), button("", "copy", name=name, **wild({"data-copy": text}))], className="snippet")


def nothing_set(mark: str, title: str, why: str, first: str) -> Component:
    """Nobody has set one of these yet: what it is good for, and the command that sets the first."""
    again = button("Look again", "refresh-cw", **wild({"data-act": "refresh"}))
    return _state(mark, title, [html.P(why), command(first)], [again])


def no_data(project: str, endpoint: str) -> Component:
    """Nothing has ever arrived: how to send the first call, and how to look around without one."""
    text = SNIPPET.format(endpoint=endpoint)
    return _state(
        "sparkles",
        f"No calls in project “{project}” yet",
        [
            html.P("Decorate one function and its calls appear here with tokens, latency and cost."),
            command(text, "Copy the snippet"),
            html.P("Only looking? This fills the store with a month of a fictional company's traffic:"),
            command("spanledger demo"),
        ],
        [button("Look again", "refresh-cw", **wild({"data-act": "refresh"}))],
    )


def no_match(latest: datetime | None, zone: ZoneInfo, filtered: bool) -> Component:
    """There is data, but none here."""
    told = f"The newest call of this project began {fmt.moment(latest, zone)}." if latest else ""
    acts = [button("Clear filters", "x", **wild({"data-act": "clear-filters"}))] if filtered else []
    acts.append(button("Last 30 days", "calendar", **wild({"data-patch": "range=30d&from=&to="})))
    return _state(
        "filter",
        "Nothing matches",
        [html.P("No calls in this range" + (" meet the filters. " if filtered else ". ") + told)],
        acts,
    )


def failed(reason: str, request: str) -> Component:
    """The store did not answer; the request id is in the server's log beside the full story."""
    return _state(
        "triangle-alert",
        "This could not be loaded",
        [html.P(reason), html.P(["Request ", html.Span(request, className="mono")], className="note")],
        [button("Try again", "refresh-cw", **wild({"data-act": "refresh"}))],
        bad=True,
    )


def not_found(what: str, back: str) -> Component:
    """There is no such thing."""
    return _state("search", "Not found", [html.P(what)], [link("Back", back, "rotate-ccw")])


def _state(mark: str, title: str, said: list[Component], acts: list[Component], *, bad: bool = False) -> Component:
    return html.Section(
        html.Div(
            [
                html.Span(icon(mark), className="mark bad" if bad else "mark"),
                html.H2(title),
                *said,
                html.Div(acts, className="acts"),
            ],
            className="empty",
        ),
        className="card",
    )

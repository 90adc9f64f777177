"""Icons, cards, legends, switches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from spanledger_dashboard.figures.base import CONFIG, Figure

Children = Component | str | None


def wild(attributes: dict[str, Any]) -> dict[str, Any]:
    """`data-*` and `aria-*` attributes, which no keyword can spell: `html.A(**wild({"aria-label": "Close"}))`."""
    return attributes


def icon(name: str) -> Component:
    """A Lucide icon in the colour of the text around it."""
    return html.Span(className=f"i i-{name}", **wild({"aria-hidden": "true"}))


def button(label: str, icon_name: str = "", *, kind: str = "", name: str = "", **more: Any) -> Component:
    """A button of the page's own style; `name` is what a button without a label is called."""
    inside: list[Children] = [icon(icon_name)] if icon_name else []
    if label:
        inside.append(label)
    classes = " ".join(filter(None, ["ctl", "" if label else "sq", kind]))
    extra: dict[str, Any] = {"aria-label": name, "title": name} if name else {}
    return html.Button(inside, className=classes, type="button", **extra, **more)


def link(label: str, href: str, icon_name: str = "", *, kind: str = "", **more: Any) -> Component:
    """A link that looks like a button."""
    inside: list[Children] = [icon(icon_name)] if icon_name else []
    return html.A([*inside, label], href=href, className=f"ctl {kind}".strip(), **more)


def card(title: str, body: Any, *, beside: Sequence[Any] = (), right: Sequence[Any] = (), kind: str = "") -> Component:
    """A titled panel; `beside` follows the title, `right` stands at the other end."""
    head = html.Div([html.H2(title), *beside, html.Span(className="grow"), *right], className="ch")
    return html.Section([head, body], className=f"card {kind}".strip(), **wild({"aria-label": title}))


def pill(text: str, kind: str = "") -> Component:
    """A short word on a coloured ground."""
    return html.Span(text, className=f"pill {kind}".strip())


def legend(items: Sequence[tuple[str, str]], prior: bool = False) -> Component:
    """Names beside their colours."""
    rows = [html.Span([html.I(className="dot", style={"background": tint}), name]) for name, tint in items]
    if prior:
        rows.append(html.Span([html.I(className="dot dash"), "Previous period"]))
    return html.Div(rows, className="lg")


def switch(name: str, options: Mapping[str, str], chosen: str, hrefs: Mapping[str, str]) -> Component:
    """A row of links of which one is on; each is a URL, so each can be shared."""
    return html.Nav(
        [
            html.A(label, href=hrefs[key], **wild({"aria-current": "true"} if key == chosen else {}))
            for key, label in options.items()
        ],
        className="seg",
        **wild({"aria-label": name}),
    )


def time_chart(name: str, figure: Figure, height: int, label: str) -> Component:
    """A chart over time; brushing it sets the range of the whole page."""
    graph = dcc.Graph(
        id={"type": "time-chart", "name": name},
        figure=figure,
        config=CONFIG,
        responsive=True,
        style={"height": height},
    )
    # Until the script of charts is there, their place is kept.
    return html.Div(graph, role="img", style={"minHeight": height}, **wild({"aria-label": label}))


def linked_chart(name: str, figure: Figure, height: int, label: str) -> Component:
    """A chart whose marks lead to what their `customdata` says."""
    graph = dcc.Graph(
        id={"type": "linked-chart", "name": name},
        figure=figure,
        config=CONFIG,
        responsive=True,
        style={"height": height},
    )
    # Until the script of charts is there, their place is kept.
    return html.Div(graph, role="img", style={"minHeight": height}, **wild({"aria-label": label}))


def value(text: str) -> Component | str:
    """A dimension's value; what nobody is named for is set apart."""
    return text or html.Span("Unattributed", className="none")

"""The frame around every page: navigation, top bar, search, and the stores the pages hang on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from spanledger_dashboard.markup import drawn
from spanledger_dashboard.page import Page
from spanledger_dashboard.parts.bar import CLOSE, topbar
from spanledger_dashboard.parts.basics import icon, wild
from spanledger_dashboard.parts.states import not_found

SECTIONS = ("Monitor", "Cost", "Quality", "Workspace")
KEYS = (
    (("Ctrl", "K"), "Search or jump"),
    (("/",), "Search traces"),
    (("J",), "Next row or span"),
    (("K",), "Previous row or span"),
    (("Enter",), "Open the row; fold the span"),
    (("Esc",), "Close; from a trace back to the list"),
    (("?",), "These keys"),
)
HIDDEN_TITLE: Any = {"header": "vh"}
THEME: Any = {
    "primaryColor": "brand",
    "colors": {
        "brand": [
            "#edf1fe", "#d8e0fd", "#b0c0fa", "#869ff8", "#6483f5",
            "#4f70f2", "#3a5ee8", "#2f4ecc", "#2643b4", "#1b379c",
        ]
    },
    "fontFamily": "Inter, system-ui, sans-serif",
    "fontFamilyMonospace": "'JetBrains Mono', ui-monospace, monospace",
    "defaultRadius": "md",
    "fontSizes": {"xs": "11.5px", "sm": "12.5px", "md": "13px", "lg": "14px", "xl": "16px"},
}  # fmt: skip


def frame(pages: Sequence[Page]) -> Component:
    """The whole document: built once, the same for everybody; what differs arrives by callbacks."""
    return dmc.MantineProvider(
        id="mantine",
        defaultColorScheme="auto",
        theme=THEME,
        children=[
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="view"),
            dcc.Store(id="tick"),
            dcc.Store(id="pages", data=skeletons(pages)),
            dcc.Store(id="sink"),
            html.A("Skip to content", href="#main", className="skip"),
            html.Div(
                [
                    drawn(sidebar(pages)),
                    html.Div(
                        [
                            drawn(topbar()),
                            html.Div(id="chips", className="chips"),
                            html.Main(id="main", className="main", tabIndex="-1"),
                        ]
                    ),
                ],
                className="shell",
            ),
            palette(),
            keys(),
            html.Div(id="toast", className="toast", role="status"),
        ],
    )


def skeletons(pages: Sequence[Page]) -> dict[str, Any]:
    """Every page's skeleton and title, so that the browser can switch pages before the server answers."""
    found = {page.path: {"title": page.title, "layout": drawn(page.skeleton())} for page in pages}
    found["*"] = {"title": "Not found", "layout": drawn(not_found("There is no page at this address.", "/"))}
    return found


def sidebar(pages: Sequence[Page]) -> Component:
    """The navigation: one entry per page that names a section."""
    rows: list[Component] = [
        html.A(
            [html.Span(icon("layers"), className="logo"), html.Span("Spanledger")],
            href="/",
            className="brand",
            **wild({"aria-label": "Spanledger"}),
        )
    ]
    for section in SECTIONS:
        inside = [page for page in pages if page.section == section]
        if inside:
            rows.append(html.Div(section, className="navh"))
        rows.extend(
            html.A(
                [icon(page.icon), html.Span(page.title)],
                href=page.path,
                className="nav",
                title=page.title,
                **wild({"data-nav": page.path, "data-also": page.also}),
            )
            for page in inside
        )
    rows.append(
        html.Div(
            html.Button(
                [icon("keyboard"), "Keys ", html.Span("?", className="kbd")],
                type="button",
                **wild({"data-act": "keys"}),
            ),
            className="foot",
        )
    )
    return html.Nav(rows, className="side", **wild({"aria-label": "Main"}))


def palette() -> Component:
    """Search or jump: pages, customers, features, models, traces."""
    return dmc.Modal(
        html.Div(
            [
                dmc.TextInput(
                    id="palette-q",
                    placeholder="Page, customer, feature, model, trace id",
                    leftSection=icon("search"),
                    variant="unstyled",
                    size="md",
                    debounce=120,
                    **wild({"aria-label": "Search or jump to", "data-autofocus": "true"}),
                ),
                html.Div(id="palette-list", className="pal-list"),
            ],
            className="pal",
        ),
        id="palette",
        title="Search or jump to",
        classNames=HIDDEN_TITLE,
        opened=False,
        withCloseButton=False,
        yOffset="12vh",
        size=560,
    )


def keys() -> Component:
    """What the keys do."""
    rows: list[Component] = []
    for caps, meaning in KEYS:
        rows += [html.Dt([html.Span(cap, className="kbd") for cap in caps]), html.Dd(meaning)]
    return dmc.Modal(
        html.Dl(rows, className="keys"),
        id="keys",
        title="Keys",
        opened=False,
        size=380,
        closeButtonProps=CLOSE,
    )

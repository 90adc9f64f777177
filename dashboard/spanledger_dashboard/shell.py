"""The frame around every page: navigation, top bar, search, and the stores the pages hang on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import available_timezones

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from spanledger_dashboard.markup import drawn
from spanledger_dashboard.page import Page
from spanledger_dashboard.parts.basics import button, icon, wild
from spanledger_dashboard.parts.states import not_found
from spanledger_dashboard.ranges import PRESETS
from spanledger_store.scope import Dimension

SECTIONS = ("Monitor", "Cost", "Quality", "Workspace")
FILTERS = {
    Dimension.CUSTOMER: "Customer",
    Dimension.USER: "User",
    Dimension.MODEL: "Model",
    Dimension.PROVIDER: "Provider",
    Dimension.FEATURE: "Feature",
    Dimension.TEAM: "Team",
    Dimension.PROMPT_VERSION: "Prompt version",
    Dimension.RELEASE: "Release",
    Dimension.ENVIRONMENT: "Environment",
    Dimension.STATUS: "Status",
    Dimension.TAG: "Tag",
}
LIVE = {"": "Off", "10": "Every 10 s", "30": "Every 30 s"}
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
CLOSE: Any = {"aria-label": "Close"}
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


def menu(target: Component, items: list[Any], **more: Any) -> Component:
    """A drop-down of choices."""
    return dmc.Menu(
        [dmc.MenuTarget(target), dmc.MenuDropdown(items, **more)], position="bottom-start", shadow="md", radius="md"
    )


def topbar() -> Component:
    """Project, filters, search, range, comparison, live, theme."""
    ranges = [dmc.MenuItem(p.label, **wild({"data-patch": f"range={key}&from=&to="})) for key, p in PRESETS.items()]
    live = [dmc.MenuItem(label, **wild({"data-patch": f"live={key}"})) for key, label in LIVE.items()]
    return html.Header(
        [
            menu(
                html.Button(
                    [icon("folder"), html.Span("Project", id="project-label"), icon("chevron-down")],
                    className="ctl",
                    type="button",
                ),
                [],
                id="project-menu",
            ),
            filter_form(),
            html.Span(className="grow"),
            html.Button(
                [
                    icon("search"),
                    html.Span("Search or jump to", className="grow wide"),
                    html.Span("Ctrl K", className="kbd wide"),
                ],
                className="ctl find narrow-hide",
                type="button",
                title="Search or jump to",
                **wild({"data-act": "palette"}),
            ),
            menu(
                html.Button(
                    [icon("calendar"), html.Span("Last 7 days", id="range-label"), icon("chevron-down")],
                    className="ctl",
                    type="button",
                    id="range",
                ),
                [*ranges, dmc.MenuDivider(), dmc.MenuItem("Custom range…", id="custom-range")],
            ),
            absolute_form(),
            html.Button(
                [icon("git-compare-arrows"), html.Span("vs previous", id="compare-label", className="wide")],
                className="ctl narrow-hide",
                type="button",
                id="compare",
                title="Compare with the previous period",
                **wild({"data-toggle": "cmp=0", "aria-pressed": "true"}),
            ),
            menu(
                html.Button(
                    [icon("radio"), html.Span("Live", id="live-label", className="wide")],
                    className="ctl live",
                    type="button",
                    id="live",
                    title="Live updates",
                    **wild({"aria-pressed": "false"}),
                ),
                [dmc.MenuLabel("Update"), *live],
            ),
            button("", "sun-moon", name="Colour theme: auto", id="theme", **wild({"data-act": "theme"})),
        ],
        className="top",
    )


def filter_form() -> Component:
    """Pick a dimension, then values of it."""
    return dmc.Popover(
        [
            dmc.PopoverTarget(html.Button([icon("filter"), "Add filter"], className="ctl", type="button")),
            dmc.PopoverDropdown(
                html.Div(
                    [
                        dmc.Select(
                            id="filter-dimension",
                            label="Filter by",
                            data=[{"value": d.value, "label": name} for d, name in FILTERS.items()],
                            value="customer",
                            allowDeselect=False,
                            comboboxProps={"withinPortal": False},
                            size="xs",
                            maxDropdownHeight=320,
                        ),
                        dmc.Select(
                            id="filter-value",
                            label="is",
                            data=[],
                            searchable=True,
                            nothingFoundMessage="No values in this range",
                            comboboxProps={"withinPortal": False},
                            size="xs",
                            limit=100,
                            placeholder="Choose a value",
                        ),
                    ],
                    className="form",
                    style={"width": 260},
                )
            ),
        ],
        id="filter-pop",
        position="bottom-start",
        shadow="md",
        radius="md",
        trapFocus=True,
        returnFocus=True,
    )


def absolute_form() -> Component:
    """Two moments and a time zone."""
    zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc", "SystemV")))
    return dmc.Modal(
        html.Div(
            [
                html.Div(
                    [
                        dmc.DateTimePicker(id="absolute-from", label="From", size="xs", valueFormat="D MMM YYYY HH:mm"),
                        dmc.DateTimePicker(id="absolute-to", label="To", size="xs", valueFormat="D MMM YYYY HH:mm"),
                    ],
                    className="two",
                ),
                dmc.Select(
                    id="absolute-zone",
                    label="Time zone",
                    data=["UTC", *zones],
                    searchable=True,
                    size="xs",
                    limit=60,
                    placeholder="As in the link",
                ),
                button("Apply", "check", kind="primary", id="absolute-apply"),
            ],
            className="form",
        ),
        id="absolute",
        title="Custom range",
        opened=False,
        size=420,
        closeButtonProps=CLOSE,
    )


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

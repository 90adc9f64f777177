"""The bar at the top of every page: project, filters, search, range, comparison, live updates, theme."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from spanledger_dashboard.parts.basics import button, icon, wild
from spanledger_dashboard.ranges import PRESETS
from spanledger_store.scope import Dimension

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
CLOSE: Any = {"aria-label": "Close"}


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

"""One trace: what happened, in what order, for how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from spanledger_dashboard import fmt, waterfall
from spanledger_dashboard.data import Data
from spanledger_dashboard.page import Page, content, guarded
from spanledger_dashboard.pages.trace_panel import panel
from spanledger_dashboard.pages.traces_rows import cost, flow
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.basics import button, link, pill, value, wild
from spanledger_dashboard.parts.header import header
from spanledger_dashboard.view import View

PREFIX = "/trace/"


def skeleton() -> Component:
    """The page before its data."""
    return html.Div(
        [
            header(
                "Trace",
                "trace-sub",
                [html.Div(id="trace-acts", className="bar-form")],
                crumbs="trace-crumbs",
                name="trace-title",
            ),
            html.Div(
                states.loading(html.Div([states.bone_card(480), states.bone_card(480)], className="tr")),
                id="trace-body",
            ),
            dcc.Store(id="trace-span"),
        ],
        className="pg",
    )


def trace_id(view: View) -> str:
    """The trace the address names."""
    return view.path.removeprefix(PREFIX).strip("/").lower()


async def render(data: Data, view: View) -> Sequence[Any]:
    """Breadcrumb, title, subtitle, actions and body of the page; the browser asks for the rows by itself."""
    wanted = trace_id(view)
    back = view.href("/traces")
    crumbs = [html.A("Traces", href=back), " / ", html.Span(wanted, className="mono")]
    drawn = await data.waterfall(view.project, wanted)
    if drawn is None:
        told = f"Project “{view.project}” has no trace {wanted}. It may have expired, or belong to another project."
        return crumbs, "Trace", None, None, states.not_found(told, back)
    spans = [line.span for line in drawn.lines]
    root = drawn.lines[0].span
    began = fmt.moment(datetime.fromtimestamp(min(span["start_ns"] for span in spans) / 1e9, UTC), view.zone)
    title = root["name"] or "Trace"
    return crumbs, title, f"began {began}, {view.zone.key}", acts(view, wanted), body(spans, drawn)


def acts(view: View, wanted: str) -> list[Component]:
    """What can be done with the trace."""
    return [
        html.Span(
            [html.Span("J", className="kbd"), " ", html.Span("K", className="kbd"), " next span"],
            className="faint narrow-hide",
        ),
        button("Copy trace id", "copy", **wild({"data-copy": wanted})),
        link("JSON", view.href(f"/export/trace/{wanted}.json"), "download", download=""),
    ]


def body(spans: Sequence[Mapping[str, Any]], drawn: waterfall.Waterfall) -> Component:
    """Header numbers, the frame of the waterfall, and the side panel's place."""
    head = html.Div(
        [
            html.Span("Span"),
            html.Span(
                [
                    html.Span(text, style={"left": f"{index * 100 / waterfall.TICKS}%"})
                    for index, text in enumerate(waterfall.ticks(drawn.length_ns))
                ],
                className="ticks",
            ),
            html.Span("Tokens", className="rt"),
            html.Span("Cost", className="rt"),
        ],
        className="hd",
    )
    return html.Div(
        [
            html.Section(
                [
                    stats(spans, drawn),
                    html.Div(
                        [head, html.Div(id="wf-rows", role="tree", **wild({"aria-label": "Spans"}))],
                        className="wf",
                    ),
                ],
                className="card",
                **wild({"aria-label": "Waterfall"}),
            ),
            html.Aside(
                html.Div(states.bone(200), id="trace-panel", className="pn"),
                className="card panel",
                **wild({"aria-label": "Selected span"}),
            ),
        ],
        className="tr",
    )


def stats(spans: Sequence[Mapping[str, Any]], drawn: waterfall.Waterfall) -> Component:
    """The trace in a line of numbers."""
    billed = [span for span in spans if span["is_billable"]]
    priced = sum((span["cost_usd"] for span in billed if span["cost_usd"] is not None), Decimal(0))
    unpriced = sum(waterfall.unpriced(span) for span in billed)
    failed = sum(span["status"] == "error" for span in spans)
    root = drawn.lines[0].span
    began = min(span["start_ns"] for span in spans)
    waits = [span["start_ns"] - began + span["ttft_ns"] for span in billed if span["ttft_ns"] is not None]
    tokens = flow(
        sum(waterfall.sent(span) or 0 for span in billed), sum(waterfall.received(span) or 0 for span in billed)
    )

    def first(name: str) -> str:
        return next((span[name] for span in [root, *spans] if span[name]), "")

    shown: list[tuple[str, Any]] = [
        ("Duration", fmt.duration(root["duration_ns"] if root["duration_ns"] is not None else drawn.length_ns)),
        *([("Time to first token", fmt.duration(min(waits)))] if waits else []),
        ("Cost", cost(priced, len(billed), unpriced)),
        ("Tokens", tokens if billed else fmt.DASH),
        ("Model calls", fmt.count(len(billed))),
        ("Spans", fmt.count(len(spans))),
        ("Customer", value(first("customer"))),
        ("Feature", value(first("feature"))),
        *([("Release", first("release"))] if first("release") else []),
    ]
    status = pill(f"{failed} error{'s' if failed > 1 else ''}", "bad") if failed else pill("ok", "ok")
    return html.Div(
        [
            *(html.Div([html.Small(name), html.B(text, className="num")]) for name, text in shown),
            html.Div([html.Small("Status"), html.Div(status)]),
        ],
        className="stat",
    )


async def render_panel(data: Data, view: View, span: str) -> Sequence[Any]:
    """The side panel of one span."""
    return [await panel(data, view, trace_id(view), span)]


def register(app: Dash, data: Data) -> None:
    """Wire the page."""
    outputs = [
        Output("trace-crumbs", "children"),
        Output("trace-title", "children"),
        Output("trace-sub", "children"),
        Output("trace-acts", "children"),
        Output("trace-body", "children"),
    ]
    content(app, data, PREFIX, outputs, render)
    app.clientside_callback(
        ClientsideFunction("spanledger", "waterfall"),
        Output("sink", "data", allow_duplicate=True),
        Input("trace-body", "children"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output("trace-panel", "children"),
        Input("trace-span", "data"),
        State("view", "data"),
        prevent_initial_call=True,
    )
    async def draw_panel(span: str | None, view: dict[str, Any]) -> Any:
        if not span or not str(view.get("path")).startswith(PREFIX):
            raise PreventUpdate

        async def one(source: Data, seen: View) -> Sequence[Any]:
            return await render_panel(source, seen, span)

        return (await guarded(data, view, one, 1))[0]


PAGE = Page(PREFIX, "Trace", skeleton, register)

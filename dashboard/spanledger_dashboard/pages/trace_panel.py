"""The side panel of a trace: one span's messages, attributes, scores, raw form and cost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import dash_mantine_components as dmc
import orjson
import polars as pl
from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt, messages, waterfall
from spanledger_dashboard.data import Data
from spanledger_dashboard.parts.basics import button, icon, pill, wild
from spanledger_dashboard.view import View
from spanledger_store.reports.trace import Content, SpanMaps

KIND_ICONS = {
    "agent": "bot",
    "llm": "sparkles",
    "chain": "layers",
    "tool": "wrench",
    "retrieval": "database",
    "embedding": "hash",
    "guardrail": "shield-check",
}
ROLE_ICONS = {"user": "user", "assistant": "sparkles", "system": "settings", "tool": "wrench"}
FOLD_AT = 1200
COST_ROWS = (
    ("Input", "input_tokens", "input_cost_usd"),
    ("Cache read", "cache_read_tokens", "cache_read_cost_usd"),
    ("Cache write", "cache_write_tokens", "cache_write_cost_usd"),
    ("Output", "output_tokens", "output_cost_usd"),
    ("Reasoning", "reasoning_tokens", None),
    ("Other", "other_tokens", "other_cost_usd"),
)


async def panel(data: Data, view: View, trace: str, span: str) -> Component:
    """Everything known about one span."""
    frame, contents, maps, scores = await asyncio.gather(
        data.trace_spans(view.project, trace, span),
        data.trace_contents(view.project, trace, span),
        data.span_maps(view.project, trace, span),
        data.trace_scores(view.project, trace),
    )
    if frame.is_empty():
        return html.Div("This span is gone.", className="empty")
    row = frame.row(0, named=True)
    held = contents[0] if contents else None
    about = scores.filter(pl.col("span_id").is_in([span, ""]))
    kind = "error" if row["status"] == "error" else row["kind"] or "chain"
    tabs = {
        "messages": ("Messages", messages_tab(row, held)),
        "attributes": ("Attributes", attributes_tab(row, held, maps)),
        "scores": (f"Scores {about.height}" if about.height else "Scores", scores_tab(about, view)),
        "raw": ("Raw", raw_tab(row, held, maps)),
    }
    head = html.Div(
        [
            html.Span(
                html.Span(icon(KIND_ICONS.get(row["kind"], "arrow-up-right")), className="ik"), className=f"k-{kind}"
            ),
            html.H2(row["model"] or row["name"], title=row["name"]),
            html.Span(className="grow"),
            pill(row["error_type"] or "error", "bad")
            if row["status"] == "error"
            else pill(row["status"] or "ok", "ok"),
        ],
        className="ch",
    )
    return html.Div(
        [
            head,
            dmc.Tabs(
                [
                    dmc.TabsList([dmc.TabsTab(label, value=key) for key, (label, _) in tabs.items()]),
                    *(dmc.TabsPanel(html.Div(inside, className="pb"), value=key) for key, (_, inside) in tabs.items()),
                ],
                value="messages",
            ),
        ]
    )


def facts(row: Mapping[str, Any]) -> Component:
    """The span in a few lines."""
    duration, waited, written = row["duration_ns"], row["ttft_ns"], waterfall.received(row)
    lines: list[tuple[str, Any]] = [("Kind", row["kind"] or fmt.DASH), ("Name", row["name"])]
    if row["provider"]:
        lines.append(("Provider", row["provider"]))
    if row["request_model"] and row["request_model"] != row["model"]:
        lines.append(("Asked for", row["request_model"]))
    lines.append(("Duration", "running" if duration is None else fmt.duration(duration)))
    if waited is not None:
        lines.append(("Time to first token", fmt.duration(waited)))
        if duration and written and duration > waited:
            lines.append(("Throughput", f"{written / (duration - waited) * 1e9:.0f} tok/s"))
    if row["finish_reason"]:
        lines.append(("Finish reason", row["finish_reason"]))
    if row["cache_hit"]:
        lines.append(("Cache", "answered by the application's cache"))
    for label, name in (("User", "user"), ("Session", "session"), ("Environment", "environment")):
        if row[name]:
            lines.append((label, row[name]))
    if row["prompt_name"] or row["prompt_version"]:
        lines.append(("Prompt", " ".join(filter(None, (row["prompt_name"], row["prompt_version"])))))
    return definitions(lines)


def definitions(lines: Sequence[tuple[str, Any]], kind: str = "") -> Component:
    """Names and values."""
    rows: list[Component] = []
    for name, text in lines:
        rows += [html.Dt(name), html.Dd(text, className="num")]
    return html.Dl(rows, className=f"kv {kind}".strip())


def costs(row: Mapping[str, Any]) -> Component | None:
    """Tokens and money by class; None for a span that is not billed."""
    if not row["is_billable"]:
        return None
    lines: list[Component] = []
    for name, tokens, money in COST_ROWS:
        amount, price = row[tokens], row[money] if money else None
        if amount or price:
            lines.append(
                html.Tr(
                    [html.Td(name), html.Td(fmt.count(amount)), html.Td(fmt.money(price) if money else "in output")]
                )
            )
    total: Decimal | None = row["cost_usd"]
    if row["client_cost_usd"] is not None and row["client_cost_usd"] != total:
        lines.append(html.Tr([html.Td("As the app counted"), html.Td(), html.Td(fmt.money(row["client_cost_usd"]))]))
    source = f"Total · {row['price_source']}" if row["price_source"] else "Total"
    return html.Table(
        [
            html.Thead(html.Tr([html.Th("Token class"), html.Th("Tokens"), html.Th("Cost")])),
            html.Tbody(
                [
                    *lines,
                    html.Tr(
                        [
                            html.Td(source),
                            html.Td(waterfall.tokens_text(row)),
                            html.Td(waterfall.cost_text(row), title=fmt.exact(total)),
                        ],
                        className="sum",
                    ),
                ]
            ),
        ],
        className="costs num",
    )


def messages_tab(row: Mapping[str, Any], held: Content | None) -> list[Component]:
    """Facts, cost, error, and what was said."""
    shown: list[Component] = [facts(row)]
    table = costs(row)
    if table is not None:
        shown.append(table)
    if row["status"] == "error":
        shown.append(
            bubble("error", "triangle-alert", row["error_type"] or "Error", row["status_message"] or "no message")
        )
    if held is None:
        shown.append(html.P("No content was kept for this span.", className="note"))
        return shown
    tool = row["kind"] == "tool"
    said = [
        *messages.parse(held.system_instructions, "system"),
        *messages.parse(held.input, "tool input" if tool else "user"),
        *messages.parse(held.output, "tool output" if tool else "assistant"),
    ]
    for message in said:
        for part in message.parts:
            label = message.role if part.kind in {"text", "json"} else f"{message.role} · {part.kind}"
            mark = "wrench" if part.kind.startswith("tool") else ROLE_ICONS.get(message.role, "message-square")
            shown.append(bubble(message.role, mark, " ".join(filter(None, (label, part.name))), part.text, part.kind))
    if not said:
        shown.append(html.P("This span carried no messages.", className="note"))
    for name, kept, whole in (("input", held.input, held.input_length), ("output", held.output, held.output_length)):
        if whole > len(kept) > FOLD_AT:
            shown.append(
                html.P(f"The {name} was cut: {len(kept):,} of {whole:,} characters are kept.", className="note")
            )
    return shown


def bubble(role: str, mark: str, label: str, text: str, kind: str = "text") -> Component:
    """One message; long text is folded."""
    mono = kind not in {"text", "reasoning"} or text.lstrip()[:1] in {"{", "["}
    head = html.Div([icon(mark), html.Span(label[:1].upper() + label[1:]), html.Span(className="grow"),
                     html.Span(f"{len(text):,} chars", className="faint")], className="mh")  # fmt: skip
    if len(text) > FOLD_AT:
        inside: Any = [
            html.Span(text[:FOLD_AT] + "…", className="cut"),
            html.Details([html.Summary(f"Show all {len(text):,} characters"), text], className="fold"),
        ]
    else:
        inside = text
    return html.Div([head, html.Div(inside, className="mb mono" if mono else "mb")], className=f"msg {role.split()[0]}")


def attributes_tab(row: Mapping[str, Any], held: Content | None, maps: SpanMaps | None) -> list[Component]:
    """Every attribute, searchable in place."""
    found: dict[str, str] = {}
    if maps:
        found |= maps.attributes
        found |= {f"metadata.{key}": value for key, value in maps.metadata.items()}
        found |= {f"tokens.{key}": str(value) for key, value in maps.other_tokens.items()}
    if held:
        found |= held.attributes
        found |= {f"resource.{key}": value for key, value in held.resource.items()}
        if held.scope_name:
            found["scope"] = f"{held.scope_name} {held.scope_version}".strip()
    if row["tags"]:
        found["tags"] = ", ".join(row["tags"])
    if not found:
        return [html.P("This span has no attributes.", className="note")]
    lines = [
        html.Div([html.Dt(key, className="mono"), html.Dd(value, className="mono")])
        for key, value in sorted(found.items())
    ]
    return [
        dmc.TextInput(
            id="attr-q",
            placeholder=f"Search {len(found)} attributes",
            size="xs",
            **wild({"aria-label": "Search attributes"}),
        ),
        html.Dl(lines, className="kv attrs"),
    ]


def scores_tab(frame: pl.DataFrame, view: View) -> list[Component]:
    """What people, judges and tests said."""
    if frame.is_empty():
        return [html.P("Nobody has scored this span.", className="note")]
    return [
        html.Div(
            [
                html.Div(
                    [
                        html.Span(score["name"]),
                        pill(
                            score["label"] or f"{score['value']:.2f}" if score["value"] is not None else score["label"]
                        ),
                        html.Span(className="grow"),
                        html.Span(
                            f"{score['source']} · {fmt.moment(score['time'], view.zone)}"
                            + ("" if score["span_id"] else " · whole trace"),
                            className="faint",
                        ),
                    ],
                    className="mh",
                ),
                html.Div(score["explanation"] or fmt.DASH, className="mb"),
            ],
            className="msg",
        )
        for score in frame.iter_rows(named=True)
    ]


def raw_tab(row: Mapping[str, Any], held: Content | None, maps: SpanMaps | None) -> list[Component]:
    """The stored rows as JSON."""
    whole = {
        "span": dict(row) | (asdict(maps) if maps else {}),
        "content": asdict(held) if held else None,
    }
    text = orjson.dumps(whole, default=str, option=orjson.OPT_INDENT_2).decode()
    return [button("Copy", "copy", **wild({"data-copy": text})), html.Pre(text, className="raw")]

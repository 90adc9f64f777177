"""The comparison on the page Drift: two periods, two versions or a pinned baseline beside the range, each a URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.data import Data
from spanledger_dashboard.pages import drift_cards
from spanledger_dashboard.parts.basics import card, pill
from spanledger_dashboard.ranges import span_text
from spanledger_dashboard.view import View
from spanledger_store.control.baselines import SLICES, VERSIONS, Baseline, BaselineUnknown
from spanledger_store.control.errors import ProjectUnknown
from spanledger_store.quality.drift_request import SAME, ComparisonInvalid, Of

OWN = ("vs", "since", "until", "of", "by", "ours", "theirs")
PERIOD = "period"
AGAINST = {"previous": "the period before", "week": "a week earlier", SAME: "the same time", PERIOD: "another period"}
BY = {"": "all versions", **dict(zip(VERSIONS, ("release", "model", "prompt version"), strict=True))}
WHOSE = {Of.INPUTS.value: "questions", Of.OUTPUTS.value: "answers"}


def form(view: View, pinned: Sequence[Baseline]) -> Component:
    """What the range is compared with; sent as a URL, so that every comparison can be shared."""
    against = {**AGAINST, **{each.name: f"pinned: {each.name}" for each in pinned}}
    kept = [(name, value) for name, value in view.pairs if name not in OWN]
    fields = [
        _select("vs", "Compare this range with", against, view.get("vs") or "previous"),
        _input("since", "from (another period)", view.get("since"), "2026-01-01"),
        _input("until", "to", view.get("until"), "2026-02-01"),
        _select("of", "Texts", WHOSE, view.get("of") or Of.INPUTS.value),
        _select("by", "Versions", BY, view.get("by")),
        _input("ours", "of this range", view.get("ours"), "any"),
        _input("theirs", "of the other", view.get("theirs"), "any"),
    ]
    hidden: list[Component] = [dcc.Input(type="hidden", name=name, value=value) for name, value in kept]
    send = html.Button("Compare", className="ctl primary", type="submit")
    return html.Form([*hidden, *fields, send], method="get", action=view.path, className="drift-form")


def _select(name: str, label: str, options: Mapping[str, str], chosen: str) -> Component:
    known = options if chosen in options else {**options, chosen: chosen}
    listed = [html.Option(text, value=key, selected=key == chosen) for key, text in known.items()]
    return html.Label([html.Span(label, className="l"), html.Select(listed, name=name)])


def _input(name: str, label: str, value: str, example: str) -> Component:
    return html.Label([html.Span(label, className="l"), dcc.Input(name=name, value=value, placeholder=example)])


def asked(view: View) -> dict[str, Any]:
    """What the URL asks to have compared, as `Data.compared` takes it."""
    vs = view.get("vs")
    by = view.choice("by", BY, "")
    filters = {each.value: values for each, values in view.filters.items() if each.value in SLICES}
    ours, theirs = (view.get(name) if by else "" for name in ("ours", "theirs"))
    if ours:
        filters[by] = (ours,)
    return {
        "project": view.project,
        "start": view.range.start.isoformat(),
        "end": view.range.end.isoformat(),
        "against": f"{view.get('since')}..{view.get('until')}" if vs == PERIOD else vs,
        "of": view.get("of") or Of.INPUTS.value,
        "filters": filters,
        "other": {by: theirs} if theirs else {},
    }


async def render(data: Data, view: View) -> Sequence[Any]:
    """The form, and where the URL asks for it the answer."""
    pinned = await data.baselines(view.project)
    body: list[Any] = [form(view, pinned)]
    if view.get("vs"):
        try:
            found = await data.compared(**asked(view))
        except (ComparisonInvalid, BaselineUnknown, ProjectUnknown) as error:
            body.append(html.P(str(error), className="warn-text", role="alert"))
        else:
            if found is None:
                body.append(html.P("This process cannot compare; ask: spanledger drift compare", className="dim"))
            else:
                body += answer(view, found)
    return [card("Compare", html.Div(body, className="cb"), kind="drift")]


def answer(view: View, found: Mapping[str, Any]) -> list[Component]:
    """The sentence, the tests, what changed and what it did beside."""
    notes = {found[name]["note"] for name in ("embeddings", "measured", "mix")} - {""}
    body: list[Component] = [
        html.P(found["sentence"], className="told", role="status"),
        html.Div([tests(found), drift_cards.measured(found["beside"])], className="row halves"),
    ]
    if found["examples"] or found["topics"]:
        shown = [drift_cards.examples(view, found["examples"]), drift_cards.topics(found["topics"])]
        body.append(html.Div(shown, className="row halves"))
    body += drift_cards.changes([each for each in found["measured"]["quantities"] if each["changed"]])
    if found["mix"]["changed"]:
        body.append(drift_cards.mix(found["mix"]["shares"]))
    body += [html.P(note, className="dim") for note in sorted(notes)]
    body.append(html.P(_sides(view, found) + drift_cards.classified(found.get("classifier")), className="dim"))
    return body


def tests(found: Mapping[str, Any]) -> Component:
    """What was tested, what differs, and by how much."""
    kind = "What is asked" if found["of"] == Of.INPUTS else "What is answered"
    lines = [
        (kind, found["embeddings"], True), ("What is measured", found["measured"], True),
        ("Customers and features (mix)", found["mix"], False),
    ]  # fmt: skip
    head = html.Tr([html.Th(""), html.Th(""), html.Th("p", className="rt"), html.Th("Effect", className="rt")])
    rows = [
        html.Tr(
            [
                html.Th(name, scope="row"),
                html.Td(_verdict(told, is_drift=is_drift)),
                html.Td(drift_cards.p_value(told["p_corrected"]), className="rt num"),
                html.Td(fmt.DASH if told["effect"] is None else f"{told['effect']:.3f}", className="rt num"),
            ]
        )
        for name, told, is_drift in lines
    ]
    return html.Table([html.Thead(head), html.Tbody(rows)], className="plain")


def _verdict(told: Mapping[str, Any], *, is_drift: bool) -> Component:
    if told["p"] is None:
        return pill("not tested")
    if not told["changed"]:
        return pill("as before", "ok")
    return pill("differs", "bad" if is_drift else "warn")


def _sides(view: View, found: Mapping[str, Any]) -> str:
    said = [
        f"{side['sessions']:,} sessions of {side['calls']:,} calls read, "
        f"{span_text(drift_cards.moment(side['from']), drift_cards.moment(side['to']), view.zone)}"
        for side in (found["current"], found["reference"])
    ]
    return " beside ".join(said) + "."

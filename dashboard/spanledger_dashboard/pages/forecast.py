"""The forecast on the page Budgets & forecast: its course and bands, what if, and how earlier ones turned out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.page import content
from spanledger_dashboard.pages import forecast_cards as cards
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.basics import card
from spanledger_dashboard.view import View, known
from spanledger_store.outlook.forecasts import DIMENSIONS
from spanledger_store.outlook.scenario import EVERY, VOLUME_OF, Scenario, ScenarioInvalid
from spanledger_store.reports.month import forecast_of

PATH = "/budgets"
AS_IT_IS, ALL_MODELS = 100, "All models"
NO_CACHE = -5
_PERCENT = ((0, "0 %"), (100, "100 %"), (200, "200 %"))
_SHARE = ((NO_CACHE, "as is"), (50, "50 %"), (100, "100 %"))
PERCENT = {"min": 0, "max": 200, "step": 5, "marks": [{"value": each, "label": name} for each, name in _PERCENT]}
SHARE = {"min": NO_CACHE, "max": 100, "step": 5, "marks": [{"value": each, "label": name} for each, name in _SHARE]}


def skeleton() -> list[Component]:
    """What stands under the budgets; the form is there at once and stays, whatever is drawn anew."""
    form = html.Div(
        [
            slider("Price", "what-price", AS_IT_IS, PERCENT),
            slider("Number of calls", "what-volume", AS_IT_IS, PERCENT),
            slider("Share of input read from the cache", "what-cache", NO_CACHE, SHARE),
            select("Price and cache of", "what-of", ALL_MODELS),
            select("Swap the model", "what-from", "No swap"),
            select("for", "what-to", "A model in use"),
        ],
        className="what-if",
    )
    return [
        html.Div(states.bone_card(380), id="budgets-forecast", className="pg"),
        card("What if", html.Div([form, html.Div(id="what-if-result")], className="cb")),
        html.Div(states.bone_card(160), id="budgets-accuracy", className="pg"),
        dcc.Store(id="what-if-models"),
    ]


def slider(label: str, name: str, value: int, reach: dict[str, Any]) -> Component:
    """A slider under its name."""
    return html.Div(
        [html.Span(label, className="l"), dmc.Slider(id=name, value=value, size="sm", thumbLabel=label, **reach)]
    )


def select(label: str, name: str, placeholder: str) -> Component:
    """A choice of models."""
    return dmc.Select(
        id=name, label=label, placeholder=placeholder, data=[], clearable=True, searchable=True, size="xs", limit=100
    )


def chosen(view: View) -> tuple[str, str]:
    """(dimension, value) of the forecast that is shown: as picked, else as filtered; ('', '') for everything."""
    by, value = view.get("slice"), view.get("value")
    if by in DIMENSIONS and value:
        return by, known(value)
    return forecast_of(view.filters) or ("", "")


def scenario(view: View, dimension: str, value: str) -> Scenario:
    """What the form says, as it is in the URL. Raises BadView for what is no number, ScenarioInvalid."""
    of = view.get("of") or EVERY
    price, volume, cache = (_percent(view, name) for name in ("price", "volume", "cache"))
    whose = (dimension, value) if dimension in VOLUME_OF else (VOLUME_OF[0], EVERY)
    return Scenario(
        prices={} if price is None else {of: price},
        volumes={} if volume is None else {whose: volume},
        swaps={view.get("swap"): view.get("to")} if view.get("swap") and view.get("to") else {},
        caches={} if cache is None else {of: cache},
    )


def _percent(view: View, name: str) -> Decimal | None:
    text = view.get(name)
    if not text:
        return None
    try:
        found = Decimal(text) / 100
    except InvalidOperation as error:
        raise BadView(f"{name}={text}: not a number of per cent such as 80") from error
    return found


async def render(data: Data, view: View) -> Sequence[Any]:
    """Models to choose from, values of the form, the scenario's result and the forecast with its bands."""
    dimension, value = chosen(view)
    wanted = scenario(view, dimension, value)
    picked = view.get("slice") if view.get("slice") in DIMENSIONS else ""
    course, models, ends = await asyncio.gather(
        data.course(view.project, view.now, view.zone, dimension, value),
        data.models(view.project, view.now),
        nothing() if not picked else data.month_ends(view.project, view.now, view.zone, picked),
    )
    result: Any = html.P("Move a slider: the calls of the last 30 days are priced anew, exactly.", className="dim")
    factor: Decimal | None = None
    if not wanted.is_empty:
        try:
            found = await data.scenario(view.project, view.now, view.zone, wanted, dimension)
            line = next((each for each in found["lines"][1:] if each["value"] == value), None)
            line = found["lines"][0] if not dimension else line
            result = cards.scenario_result(found, line)
            factor = None if line is None else Decimal(line["factor"])
        except ScenarioInvalid as error:
            result = html.P(str(error), className="warn-text", role="alert")
    names = [each for each in models if each]
    form = [view.get(name) or None for name in ("of", "swap", "to")]
    sliders = [_whole(view, "price", AS_IT_IS), _whole(view, "volume", AS_IT_IS), _whole(view, "cache", NO_CACHE)]
    return [
        names, names, names, *form, *sliders, result,
        [cards.forecast_card(view, course, dimension, value, picked, ends, factor)],
    ]  # fmt: skip


async def nothing() -> list[Any]:
    """No values: nothing is picked."""
    return []


def _whole(view: View, name: str, unset: int) -> int:
    share = _percent(view, name)
    return unset if share is None else round(share * 100)


async def render_accuracy(data: Data, view: View) -> Sequence[Any]:
    """What was forecast, and what came."""
    dimension, _ = chosen(view)
    return [cards.accuracy_card(await data.accuracy(view.project, view.now, dimension), dimension)]


def register(app: Dash, data: Data) -> None:
    """Wire the forecast."""
    lists = [Output(name, "data") for name in ("what-of", "what-from", "what-to")]
    values = [
        Output(name, "value") for name in ("what-of", "what-from", "what-to", "what-price", "what-volume", "what-cache")
    ]
    outputs = [*lists, *values, Output("what-if-result", "children"), Output("budgets-forecast", "children")]
    content(app, data, PATH, outputs, render, after="budgets-body")
    content(app, data, PATH, [Output("budgets-accuracy", "children")], render_accuracy, after="budgets-body")
    app.clientside_callback(
        ClientsideFunction("spanledger", "scenario"),
        Output("sink", "data", allow_duplicate=True),
        Input("what-price", "value"),
        Input("what-volume", "value"),
        Input("what-cache", "value"),
        Input("what-of", "value"),
        Input("what-from", "value"),
        Input("what-to", "value"),
        prevent_initial_call=True,
    )

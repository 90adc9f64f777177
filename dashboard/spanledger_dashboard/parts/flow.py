"""Where things went: bars one below another, each of them the sum of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.parts.basics import wild


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a stage; `always` names it even where it is nothing."""

    name: str
    count: int
    tint: str
    always: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A step on the way; `note` says in a few words what it is."""

    name: str
    note: str
    parts: Sequence[Part]

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(part.count for part in self.parts)


def flow(stages: Sequence[Stage]) -> Component:
    """The stages as bars to one scale, with every number in words."""
    longest = max((stage.total for stage in stages), default=0) or 1
    rows: list[Component] = []
    for stage in stages:
        shown = [part for part in stage.parts if part.count or part.always]
        said = ", ".join(f"{part.name} {fmt.count(part.count)}" for part in shown)
        bars = [
            html.I(style={"width": f"{part.count / longest * 100:.3f}%", "background": part.tint})
            for part in shown
            if part.count > 0
        ]
        rows += [
            html.Dt([stage.name, html.Small(stage.note)]),
            html.Dd(
                [
                    html.Div(bars, className="track", role="img", **wild({"aria-label": f"{stage.name}: {said}"})),
                    html.Div(
                        [
                            html.Span(
                                [html.I(className="dot", style={"background": part.tint}), part.name, " ",
                                 html.B(fmt.count(part.count))]
                            )
                            for part in shown
                        ],
                        className="lg",
                    ),
                ]
            ),
        ]  # fmt: skip
    return html.Dl(rows, className="flow")

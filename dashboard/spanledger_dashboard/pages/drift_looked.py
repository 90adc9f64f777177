"""What the page Drift says of its looks: until when there are any, why there are none, and how each slice stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from shlex import quote
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.pages.drift_cards import moment, named, p_value
from spanledger_dashboard.parts import states
from spanledger_dashboard.parts.basics import card, link, pill, wild
from spanledger_dashboard.view import View

Look = Mapping[str, Any]
KINDS = {"embedding": "What is asked", "measured": "What is measured", "mix": "Mix"}
# What the command that pins a baseline can narrow both sides by.
PINNED_BY = ("customer", "feature", "team", "environment")
DAY = timedelta(days=1)
RUN = "spanledger jobs run drift"


def never() -> Component:
    """Nothing was compared yet, and what it takes."""
    return states.nothing_set(
        "git-compare-arrows",
        "No day has been compared yet",
        "Each day is compared with all since its baseline began, once there is a week of calls. To look at once:",
        RUN,
    )


def missing(view: View, newest: Sequence[Look], where: Mapping[str, str]) -> Component:
    """Why there are no looks here: none of this kind, none at this slice, or none within the range.

    `newest` are the newest looks at every slice, of the kind and against the baseline that are chosen.
    """
    if not newest:
        return states.nothing_set(
            "git-compare-arrows",
            "No day has been compared in this way yet",
            "There are looks of other kinds, or against other baselines. What is asked needs calls with embeddings, "
            "and a pinned baseline is looked at within the hour. To look at once:",
            RUN,
        )
    watched = [each for each in newest if all(each["slice"].get(name) == value for name, value in where.items())]
    if not watched:
        return states.nothing_set(
            "git-compare-arrows",
            f"{named(where)} is not watched",
            "Watched are all calls and the eight features with most sessions (of the mix, all calls alone). Compare "
            "it with another time below, or pin a baseline of it: each day is then compared with that.",
            _pinning(view, where),
        )
    last = max(moment(each["start"]) for each in watched)
    told = f"A day (UTC) is compared as a whole once it is over. The newest that has been is {_day(last)}."
    wider = link("Last 30 days", view.href(**{"range": "30d", "from": None, "to": None}), "calendar")
    said = [html.P(told, className="dim"), *behind(view, watched), wider]
    return card("No day of this range has been compared", html.Div(said, className="cb"))


def _pinning(view: View, where: Mapping[str, str]) -> str:
    if not all(name in PINNED_BY and value for name, value in where.items()):
        return "spanledger drift looks"
    named_by = {**where, **({} if view.project == "default" else {"project": view.project})}
    only = [f"--{name} {quote(value)}" for name, value in named_by.items()]
    return " ".join(["spanledger drift baselines pin usual", *only])


def behind(view: View, newest: Sequence[Look]) -> list[Component]:
    """Until which day there are looks, where they are more than a day behind what could be looked at; else nothing."""
    due = min(view.range.end, view.now.replace(hour=0, minute=0, second=0, microsecond=0))
    ends: dict[str, datetime] = {}
    for each in newest:
        ends[each["family"]] = max(moment(each["end"]), ends.get(each["family"], moment(each["end"])))
    if all(due - end <= DAY for end in ends.values()):
        return []
    days = {family: _day(end - DAY) for family, end in sorted(ends.items())}
    if len(set(days.values())) == 1:
        said = f"Looked at until {next(iter(days.values()))}"
    else:
        said = "Looked at: " + ", ".join(f"{KINDS[name].lower()} until {day}" for name, day in days.items())
    told = f"{said}. The days since have not been compared yet: the job drift catches up with them ({RUN})."
    return [html.P(told, className="warn-text", role="status")]


def quiet(looks: Sequence[Look], *, is_behind: bool) -> Component:
    """What was looked at has not changed, and until when that was."""
    days = len({each["start"] for each in looks})
    last = _day(max(moment(each["start"]) for each in looks))
    return card(
        "Nothing has changed in the days looked at" if is_behind else "Nothing has changed",
        html.Div(
            html.P(
                f"{days} day{'s' if days != 1 else ''} compared with their baseline, the last of them {last}; of "
                "twenty projects in which nothing changes, one at most hears a false alarm in a quarter.",
                className="dim",
            ),
            className="cb",
        ),
    )


def line(look: Look) -> str:
    """What a look is of, as the chart calls its line."""
    what = "" if look["family"] == "embedding" else f", {look['family']}"
    return f"{named(look['slice'])}{what}"


def slices(looks: Sequence[Look]) -> Component:
    """How each slice stood at its newest look, those nearest to their threshold first."""
    # Looks come in order of time: the last one of each stays.
    last = {(str(sorted(each["slice"].items())), each["family"]): each for each in looks}
    order = sorted(last.values(), key=lambda each: (-_share(each), line(each)))
    names = ("Sessions", "p", "Evidence of its threshold", "Day")
    head = [html.Th("Slice"), html.Th("Kind"), *(html.Th(name, className="rt") for name in names)]
    rows = [
        html.Tr(
            [
                html.Th([named(each["slice"]), *([" ", pill("told", "bad")] if each["alarmed"] else [])], scope="row"),
                html.Td(KINDS[each["family"]]),
                html.Td(fmt.count(each["sessions"]), className="rt num"),
                html.Td(p_value(each["p_value"]), className="rt num", title=each["note"]),
                html.Td(_written(_share(each)), className="rt num"),
                html.Td(_day(moment(each["start"])), className="rt num dim"),
            ]
        )
        for each in order
    ]
    table = html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="plain")
    region = html.Div(table, className="scroll", tabIndex="0", role="region", **wild({"aria-label": "Slices, by day"}))
    hint = html.Span("as of the newest look within the range; a day runs by UTC", className="dim")
    return card("Slices", html.Div(region, className="cb"), beside=[hint], kind="drift")


def _share(look: Look) -> float:
    return look["evidence"] / look["threshold"]


def _written(share: float) -> str:
    return "< 0.1%" if share < 0.001 else fmt.share(share)


def _day(start: datetime) -> str:
    """A day of looks: these run by UTC."""
    return f"{start:%-d %b}"

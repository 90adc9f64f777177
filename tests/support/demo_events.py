"""Whether a demo's cost events are explained: by which culprit, at which place, for which reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import polars as pl

from spanledger_analytics.methods.changes.culprits import Culprit, culprits
from spanledger_analytics.methods.changes.decomposition import Driver
from spanledger_cli.demo.events import Event, Story
from spanledger_cli.demo.volume import DAY_NS
from tests.support.demo_lines import compared

COST_EVENTS: Final = {"token_increase": Driver.TOKENS, "cache_failure": Driver.CACHE_RATE}
BY: Final = ("customer", "feature", "model")
WEEK_NS: Final = 7 * DAY_NS


class Verdict(NamedTuple):
    """`rank` is the place of the event's slice among all culprits (None: not named), `rank_alone` among those that are
    no other event's doing; `driver_right` says that what has changed in it is what the event changed.
    """

    seed: int
    event: str
    rank: int | None
    rank_alone: int | None
    driver_right: bool


def verdict(told: Story, event: Event, ledger: pl.DataFrame) -> Verdict:
    """How the event is explained, comparing its hours with the same a week before."""
    found = culprits(*compared(ledger, event.start_ns, event.end_ns), BY)
    alone = [
        each for each in found if is_of(each, event) or not any(_explains(each, other, event) for other in told.events)
    ]
    own = next((each for each in found if is_of(each, event)), None)
    return Verdict(
        seed=told.seed,
        event=event.type,
        rank=None if own is None else found.index(own) + 1,
        rank_alone=None if own is None else alone.index(own) + 1,
        driver_right=own is not None and own.driver is COST_EVENTS[event.type],
    )


def is_of(culprit: Culprit, event: Event) -> bool:
    """True where the culprit is the event's slice: all of its customer and feature, and a model only if the event's.

    The provider's cache fails for calls of the feature, which are those of its model: either name is right.
    """
    wanted = {name: event.where[name] for name in ("customer", "feature") if name in event.where}
    named = {name: value for name, value in culprit.slice.items() if name != "model"}
    model = culprit.slice.get("model", event.details.get("model"))
    return named == wanted and model == event.details.get("model") and culprit.effect > 0


def _explains(culprit: Culprit, other: Event, event: Event) -> bool:
    """True where another event is on in either week, and has to do with a slice that the culprit names or is in."""
    near = any(
        other.start_ns < event.end_ns - shift and event.start_ns - shift < other.end_ns for shift in (0, WEEK_NS)
    )
    return near and other is not event and _overlaps(culprit.slice, other.where)


def _overlaps(named: Mapping[str, str], where: Mapping[str, str]) -> bool:
    shared = [name for name in ("customer", "feature", "model") if name in named and name in where]
    return bool(shared) and all(named[name] == where[name] for name in shared)

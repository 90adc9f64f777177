"""Which traces the URL of their list asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.pages.cluster_choice import area_of, chosen, frame_scope, traces_of
from spanledger_dashboard.view import MAX_VALUES, View
from spanledger_store.reports.traces import MAX_TRACES, TraceSearch


def searched(view: View) -> TraceSearch:
    """What the URL asks for. Raises BadView where a threshold is no number."""
    seconds, usd = number(view, "min_s"), number(view, "min_usd")
    return TraceSearch(
        view.scope,
        text=view.get("q"),
        errors_only=view.get("errors") == "1",
        min_duration_ns=int(seconds * 10**9) if seconds is not None else 0,
        min_cost=usd,
        clusters=clusters(view),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What the URL asks for; `on_map` is how many traces an area of the map has, None without one."""

    search: TraceSearch
    on_map: int | None = None


async def asked(data: Data, view: View) -> Asked:
    """The search, with the traces of the calls within an area of the map of clusters, as it was drawn there.

    Of more than MAX_TRACES the newest. Raises BadView.
    """
    search = searched(view)
    if not area_of(view):
        return Asked(search)
    found = traces_of(chosen(view, await data.cluster_points(frame_scope(view))))
    return Asked(replace(search, traces=tuple(found[:MAX_TRACES])), len(found))


def clusters(view: View) -> tuple[int, ...]:
    """Numbers of clusters of which a trace has a call: `cluster=3,17`. Raises BadView for what is none."""
    parts = [part for part in view.get("cluster").split(",") if part]
    if len(parts) > MAX_VALUES or not all(part.isdecimal() and int(part) < 2**32 for part in parts):
        raise BadView(f"cluster={view.get('cluster')[:60]}: not up to {MAX_VALUES} numbers of clusters like 3,17")
    return tuple(map(int, parts))


def number(view: View, key: str) -> Decimal | None:
    """A threshold from the URL: None where it is not set."""
    text = view.get(key)
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 <= value <= 10**9:
        raise BadView(f"{key}={text}: not a number from 0 to a billion")
    return value

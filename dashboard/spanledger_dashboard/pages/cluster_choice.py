"""What is chosen on the map of clusters, as the URL says: a cluster, an area, a part of the range."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from urllib.parse import parse_qsl, urlencode

import polars as pl

from spanledger_dashboard.errors import BadView
from spanledger_dashboard.view import View
from spanledger_store import moments
from spanledger_store.control.clusters import NONE
from spanledger_store.moments import MomentInvalid
from spanledger_store.reports.clusters_page import inside
from spanledger_store.scope import Dimension, Scope

NEW_WITHIN = timedelta(days=7)
MAX_CORNERS = 200


def cluster_of(view: View) -> int | None:
    """The cluster of the card; None where none is chosen. Raises BadView for what is no number."""
    text = view.get("cluster")
    if not text:
        return None
    if not text.isdecimal() or int(text) > 2**32 - 1:
        raise BadView(f"cluster={text}: not a cluster's number")
    return int(text)


def area_of(view: View) -> list[tuple[float, float]]:
    """Corners of the area on the map, `area=x,y,x,y,...`; empty where none is chosen. Raises BadView."""
    text = view.get("area")
    if not text:
        return []
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) < 6 or len(numbers) % 2 or len(numbers) > 2 * MAX_CORNERS or not all(map(isfinite, numbers)):
        raise BadView(f"area={text[:60]}: not 3 to {MAX_CORNERS} corners like 0,0,1,0,1,1")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def part_of(view: View) -> tuple[datetime, datetime]:
    """The part of the range that the map shows: `seen=FROM_TO` in whole Unix seconds; else all of it."""
    first, _, last = view.get("seen").partition("_")
    if not first:
        return view.range.start, view.range.end
    try:
        start, end = (datetime.fromtimestamp(int(text), UTC) for text in (first, last))
    except (ValueError, OverflowError, OSError) as error:
        raise BadView(f"seen={view.get('seen')[:60]}: not two times like 1767225600_1767830400") from error
    return start, end


def chosen(view: View, points: pl.DataFrame) -> pl.DataFrame:
    """The calls on the map that are chosen."""
    if points.is_empty():
        return points
    start, end = (int(moment.timestamp()) * 10**9 for moment in part_of(view))
    kept = points.filter(pl.col("start") >= start, pl.col("start") < end)
    if area := area_of(view):
        return inside(kept, area)
    cluster = cluster_of(view)
    return kept if cluster is None else kept.filter(pl.col("cluster") == cluster)


def frame_of(scope: Scope) -> str:
    """What a map is drawn of, for an address: calls are given room on it, so that their places follow from all others.

    `from=2026-03-01T00:00:00+00:00&to=...&customer=Acme`
    """
    times = [("from", scope.start.isoformat()), ("to", scope.end.isoformat())]
    return urlencode([*times, *((name.value, value) for name, values in scope.filters.items() for value in values)])


def frame_scope(view: View) -> Scope:
    """What the map was drawn of on which an area was chosen: `map=` as `frame_of` makes it, else this page's own scope.

    Raises BadView.
    """
    text = view.get("map")
    if not text:
        return view.scope
    filters: dict[Dimension, tuple[str, ...]] = {}
    times: dict[str, datetime] = {}
    try:
        for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=True):
            if name in ("from", "to"):
                times[name] = moments.read(value, name)
            else:
                filters[Dimension(name)] = (*filters.get(Dimension(name), ()), value)
        moments.ordered(times["from"], times["to"])
    except (ValueError, KeyError, MomentInvalid) as error:
        raise BadView(f"map={text[:60]}: not what a map is drawn of, like from=2026-03-01&to=2026-03-08") from error
    return Scope(view.project, times["from"], times["to"], filters)


def traces_of(calls: pl.DataFrame) -> list[str]:
    """The traces of calls on the map, the newest first."""
    if calls.is_empty():
        return []
    newest = calls.group_by("trace_id").agg(pl.col("start").max())
    return newest.sort("start", "trace_id", descending=True)["trace_id"].to_list()


def fresh(first: Mapping[int, datetime], scope: Scope) -> set[int]:
    """Clusters that were asked for first in the week before the scope's end, where the project is older than that."""
    since = scope.end - NEW_WITHIN
    if not first or min(first.values()) >= since:
        return set()
    return {cluster for cluster, moment in first.items() if since <= moment < scope.end and cluster != NONE}

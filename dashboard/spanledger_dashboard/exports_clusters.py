"""What the page of clusters fetches beside itself: the points of its map, and downloads of its list and of calls."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.exports import download, harmless, unavailable
from spanledger_dashboard.figures.cluster_map import Topic, packed
from spanledger_dashboard.fmt import exact
from spanledger_dashboard.pages.cluster_choice import chosen, fresh
from spanledger_dashboard.view import View
from spanledger_store.errors import StoreError
from spanledger_store.reports.clusters import POINTS, Line, searched
from spanledger_store.reports.clusters_page import Example

CSV = "text/csv; charset=utf-8"


def register(server: FastAPI, data: Data) -> None:
    """Add the routes."""

    async def answered(request: Request, make: Callable[[View], Awaitable[Response]]) -> Response:
        try:
            return await make(View.parse({"path": "/clusters", "search": request.url.query}, data.settings.project))
        except BadView as error:
            return JSONResponse({"error": str(error)}, 400)
        except StoreError:
            return unavailable()

    @server.get("/ui/clusters/points", include_in_schema=False)
    async def points(request: Request) -> Response:
        """The calls on the map, as the page draws them; 204 where there are none."""

        async def make(view: View) -> Response:
            body = await points_json(data, view)
            return Response(body, 204 if body is None else 200, {"cache-control": "no-store"}, "application/json")

        return await answered(request, make)

    @server.get("/export/clusters.csv", include_in_schema=False)
    async def listed(request: Request) -> Response:
        """Every cluster of the range that the search lets through, with all digits."""

        async def make(view: View) -> Response:
            lines = searched(await data.cluster_list(view.scope), view.get("q"))
            return download(list_csv(lines).encode(), CSV, "clusters.csv")

        return await answered(request, make)

    @server.get("/export/cluster_calls.csv", include_in_schema=False)
    async def calls(request: Request) -> Response:
        """The calls on the map that are chosen: of a cluster, within an area, of a part of the range."""

        async def make(view: View) -> Response:
            frame = chosen(view, await data.cluster_points(view.scope))
            return download(calls_csv(frame).encode(), CSV, "cluster_calls.csv")

        return await answered(request, make)


async def points_json(data: Data, view: View) -> bytes | None:
    """The map as JSON; None where no call is on it."""
    scope = view.scope
    frame, lines, first, examples = await asyncio.gather(
        data.cluster_points(scope), data.cluster_list(scope), data.cluster_first_calls(view.project),
        data.cluster_examples(view.project),
    )  # fmt: skip
    if frame.is_empty():
        return None
    scores: dict[str, Any] = {}
    if view.get("colour") == "score" and (found := await data.cluster_scores(scope)).name:
        per_call = await data.call_scores(scope, found.name)
        joined = frame.select("trace_id", "span_id").join(per_call, on=["trace_id", "span_id"], how="left")
        scores = {"name": found.name, "values": joined["score"].fill_null(float("nan")).to_numpy()}
    topics = told(frame, lines, examples, fresh(first, scope))
    every = max(len(frame), sum(each.calls for each in lines)) if len(frame) >= POINTS else len(frame)
    map_ = await asyncio.to_thread(
        packed, frame, topics, scope.start.timestamp(), scope.end.timestamp(), every, scores
    )  # fmt: skip
    return orjson.dumps(map_)


def told(frame: pl.DataFrame, lines: Sequence[Line], examples: dict[int, list[Example]], new: set[int]) -> list[Topic]:
    """What the map says of every cluster that is on it."""
    known = {each.cluster: each for each in lines}
    names = dict(frame.select("cluster", "name").unique().rows())
    made: list[Topic] = []
    for cluster in sorted(names):
        line = known.get(cluster)
        words = " ".join((names[cluster], *(line.words if line else ()), line.topic if line else ""))
        shown = examples.get(cluster)
        made.append(Topic(cluster, names[cluster], words, shown[0].text[:160] if shown else "", cluster in new))
    return made


def list_csv(lines: Sequence[Line]) -> str:
    """One line per cluster, money with all its decimals."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    plain = (
        "cluster", "calls", "weight", "share", "unpriced_calls", "errors", "p50_ns", "p95_ns", "customers", "users",
        "sessions",
    )  # fmt: skip
    writer.writerow([*plain, "name", "words", "topic", "cost_usd", "first_call", "last_call"])
    for each in lines:
        texts = [harmless(text) for text in (each.name, ", ".join(each.words), each.topic)]
        times = [moment.isoformat() for moment in (each.first_call, each.last_call)]
        values = ["" if (value := getattr(each, name)) is None else value for name in plain]
        writer.writerow([*values, *texts, exact(each.cost_usd), *times])
    return out.getvalue()


def calls_csv(frame: pl.DataFrame) -> str:
    """One line per call: what it was, never what was asked."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(
        ["trace_id", "span_id", "start", "cluster", "name", "customer", "feature", "model", "status", "duration_ns",
         "cost_usd", "distance", "weight"]
    )  # fmt: skip
    for row in frame.iter_rows(named=True):
        start = datetime.fromtimestamp(row["start"] / 1e9, UTC).isoformat()
        texts = [harmless(str(row[name])) for name in ("name", "customer", "feature", "model", "status")]
        rest = ["" if row[name] is None else row[name] for name in ("duration_ns",)]
        writer.writerow(
            [row["trace_id"], row["span_id"], start, row["cluster"], *texts, *rest, exact(row["cost_usd"]),
             round(row["distance"], 6), row["weight"]]
        )  # fmt: skip
    return out.getvalue()

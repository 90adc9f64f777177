"""The API's routes about clusters of queries: what they are, over time, on the map, and what people make of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_collector.lifecycle import local_only
from spanledger_collector.stretches import bounds, stretch
from spanledger_store.control import clusters, projects
from spanledger_store.control.clusters import ClusterInvalid, ClusterUnknown
from spanledger_store.control.errors import ProjectUnknown
from spanledger_store.reports import clusters as reports
from spanledger_store.reports.buckets import automatic
from spanledger_store.scope import Dimension, Scope

Project = Annotated[str, Query(description="the project's id")]
From = Annotated[datetime | None, Query(alias="from", description="ISO time; 7 days ago without it")]
To = Annotated[datetime | None, Query(alias="to", description="ISO time, not included")]
Number = Annotated[int, Path(ge=0, lt=2**32, description="the cluster's number; 0 is what is in none")]
USUAL = timedelta(days=7)

_answered = Answering(invalid=(ClusterInvalid, ProjectUnknown), unknown=(ClusterUnknown,))


class WordsBody(BaseModel):
    """What somebody makes of a cluster; what is left out stays as it is."""

    project: str = "default"
    name: str | None = None
    is_hidden: bool | None = None
    merged_into: int | None = Field(None, ge=0, description="the cluster it is shown as part of; 0 for none")
    who: str = ""


class RefitBody(BaseModel):
    """A wish for a new codebook."""

    project: str = "default"
    who: str = ""


def add_clusters(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""

    @router.get("/api/v1/clusters", tags=["clusters"])
    async def listing(
        project: Project = "default",
        start: From = None,
        end: To = None,
        search: str = "",
        hidden: bool = False,
        customer: str | None = None,
        feature: str | None = None,
        model: str | None = None,
    ) -> list[dict[str, Any]]:
        """Clusters with calls in a stretch of time, those that stand for the most first."""
        scope = _scope(project, start, end, customer, feature, model)

        def read() -> list[dict[str, Any]]:
            found = reports.listing(collector.engine, collector.control, scope, search=search, hidden=hidden)
            return [each.as_json() for each in found]

        return await _answered(read)

    @router.get("/api/v1/clusters/codebook", tags=["clusters"])
    async def codebook(project: Project = "default") -> dict[str, Any] | None:
        """The codebook in use: of which vectors it was made, and how well it fits; null before the first."""

        def read() -> dict[str, Any] | None:
            projects.get(collector.control, project)
            found = clusters.newest(collector.control, project)
            return None if found is None else found.as_json()

        return await _answered(read)

    @router.get("/api/v1/clusters/events", tags=["clusters"])
    async def events(project: Project = "default", start: From = None) -> list[dict[str, Any]]:
        """Births, deaths, splits and merges at refits, and new topics between them, newest first."""
        since, _ = bounds(start, None)

        def read() -> list[dict[str, Any]]:
            projects.get(collector.control, project)
            return [each.as_json() for each in clusters.events(collector.control, project, since)]

        return await _answered(read)

    @router.get("/api/v1/clusters/series", tags=["clusters"])
    async def series(project: Project = "default", start: From = None, end: To = None) -> list[dict[str, Any]]:
        """Each cluster's calls, share, spend and errors over time; money is a string."""
        scope = _scope(project, start, end)
        cut = automatic(scope.start, scope.end, ZoneInfo("UTC"))

        def read() -> list[dict[str, Any]]:
            rows = reports.series(collector.engine, collector.control, scope, cut).to_dicts()
            return [row | {"cost_usd": f"{row['cost_usd']:f}", "bucket": row["bucket"].isoformat()} for row in rows]

        return await _answered(read)

    @router.get("/api/v1/clusters/points", tags=["clusters"])
    async def points(
        project: Project = "default",
        start: From = None,
        end: To = None,
        limit: Annotated[int, Query(ge=1, le=reports.POINTS)] = 5_000,
    ) -> list[dict[str, Any]]:
        """Calls with their places on the map; of too many a sample."""
        scope = _scope(project, start, end)

        def read() -> list[dict[str, Any]]:
            frame = reports.points(collector.engine, collector.control, scope, limit)
            return [
                row | {"cost_usd": None if row["cost_usd"] is None else f"{row['cost_usd']:f}"}
                for row in frame.to_dicts()
            ]

        return await _answered(read)

    @router.get("/api/v1/clusters/{cluster}", tags=["clusters"])
    async def show(cluster: Number, project: Project = "default", start: From = None, end: To = None) -> dict[str, Any]:
        """One cluster with its customers, models, features, scores, typical calls and history; 0 is what is in none.

        A call has its text where it is an example and enough people stand behind the cluster; others are ids.
        """
        scope = _scope(project, start, end)
        return await _answered(lambda: reports.show(collector.engine, collector.control, scope, cluster))

    @router.put("/api/v1/clusters/{cluster}", tags=["clusters"])
    async def say(cluster: Number, body: WordsBody, request: Request) -> dict[str, Any]:
        """Rename, hide or merge a cluster; it holds for refits to come. Needs this process's local token."""
        local_only(collector, request)
        wanted = body.model_dump(exclude={"project"})

        def keep() -> dict[str, Any]:
            kept = clusters.say(collector.control, body.project, cluster, **wanted)
            return {name: getattr(kept, name) for name in ("cluster", "name", "is_hidden", "merged_into", "who")}

        return await _answered(keep)

    @router.post("/api/v1/clusters/refit", tags=["clusters"])
    async def refit(body: RefitBody, request: Request) -> dict[str, Any]:
        """Ask for a new codebook; the clusters job makes it at its next run. Needs this process's local token."""
        local_only(collector, request)
        return await _answered(
            lambda: clusters.ask(collector.control, body.project, datetime.now(UTC), body.who).as_json()
        )


def _scope(
    project: str,
    start: datetime | None,
    end: datetime | None,
    customer: str | None = None,
    feature: str | None = None,
    model: str | None = None,
) -> Scope:
    first, last = stretch(start, end, USUAL)
    about = {Dimension.CUSTOMER: customer, Dimension.FEATURE: feature, Dimension.MODEL: model}
    return Scope(project, first, last, {name: (value,) for name, value in about.items() if value is not None})

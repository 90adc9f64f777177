"""The API's routes about baselines that drift is measured against."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_collector.lifecycle import INTERFACE, local_only
from spanledger_collector.stretches import bounds
from spanledger_store.control import baselines, projects
from spanledger_store.control.baselines import Baseline, BaselineInvalid, BaselineUnknown
from spanledger_store.control.errors import ProjectUnknown
from spanledger_store.quality import baseline_changes
from spanledger_store.reports import baseline_calls

Project = Annotated[str, Query(description="the project's id")]

_PATH = "/api/v1/drift/baselines"
_answered = Answering(invalid=(BaselineInvalid, ProjectUnknown), unknown=(BaselineUnknown,))


class BaselineBody(BaseModel):
    """Which calls a baseline is of; its name is in the path."""

    project: str = "default"
    start: datetime = Field(alias="from", description="ISO time with a zone")
    end: datetime = Field(alias="to", description="ISO time with a zone, not included")
    slice: dict[str, str] = Field(default_factory=dict[str, str], examples=[{"feature": "chat"}])
    versions: dict[str, str] = Field(default_factory=dict[str, str], examples=[{"release": "2026.10"}])
    who: str = ""


def add_drift_baselines(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""

    @router.get(_PATH, tags=["quality"])
    async def listing(project: Project = "default") -> list[dict[str, Any]]:
        """The project's pinned baselines, by name; each day is compared with each of them."""

        def read() -> list[dict[str, Any]]:
            projects.get(collector.control, project)
            return [each.as_json() for each in baselines.listing(collector.control, project)]

        return await _answered(read)

    @router.put(f"{_PATH}/{{name}}", tags=["quality"])
    async def pin(name: str, body: BaselineBody, request: Request) -> dict[str, Any]:
        """Pin a baseline that has calls, in place of the one of this name. Needs this process's local token."""
        local_only(collector, request)
        bounds(body.start, body.end)

        def change() -> dict[str, Any]:
            made = Baseline(body.project, name, body.start, body.end, body.slice, body.versions, body.who)
            projects.get(collector.control, body.project)
            baseline_calls.check(collector.engine, made, datetime.now(UTC))
            return baseline_changes.pin(collector.engine, collector.control, made, interface=INTERFACE).as_json()

        return await _answered(change)

    @router.delete(f"{_PATH}/{{name}}", tags=["quality"])
    async def unpin(name: str, request: Request, project: Project = "default") -> dict[str, Any]:
        """Take a baseline away. Needs this process's local token."""
        local_only(collector, request)

        def change() -> dict[str, Any]:
            gone = baseline_changes.unpin(collector.engine, collector.control, project, name, interface=INTERFACE)
            return gone.as_json()

        return await _answered(change)

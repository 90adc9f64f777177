"""The API's routes about anomalies: what was found, what people say of it, and what is planned."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_collector.lifecycle import local_only
from spanledger_store import findings
from spanledger_store.control import findings as words
from spanledger_store.control.errors import ProjectUnknown
from spanledger_store.control.findings import Feedback, FindingInvalid, FindingUnknown, PlannedEvent, Verdict
from spanledger_store.reports.findings import one, report

Project = Annotated[str, Query(description="the project's id")]

_answered = Answering(invalid=(FindingInvalid, ProjectUnknown), unknown=(FindingUnknown,))


class FeedbackBody(BaseModel):
    """What somebody says of a finding."""

    project: str = "default"
    verdict: Verdict
    note: str = ""
    who: str = ""


class PlanBody(BaseModel):
    """More or fewer calls that are known ahead; without a factor, any number of them."""

    project: str = "default"
    slice: dict[str, str] = Field(default_factory=dict[str, str], examples=[{"customer": "acme"}])
    start: AwareDatetime
    end: AwareDatetime
    note: str = ""
    factor: Decimal | None = Field(None, description="how many times the usual calls, as a string", examples=["2.5"])
    who: str = ""


def add_anomalies(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""

    @router.get("/api/v1/anomalies", tags=["anomalies"])
    async def listing(
        project: Project = "default",
        start: Annotated[datetime | None, Query(alias="from", description="ISO time")] = None,
        end: Annotated[datetime | None, Query(alias="to", description="ISO time, not included")] = None,
        state: Annotated[list[str] | None, Query(description="open, ended, settled, withdrawn; any number")] = None,
        customer: str | None = None,
        feature: str | None = None,
        model: str | None = None,
    ) -> list[dict[str, Any]]:
        """Cost anomalies, newest first, each with its evidence and what was said of it."""
        about = {"customer": customer, "feature": feature, "model": model}
        where = {name: value for name, value in about.items() if value is not None}
        more = {} if state is None else {"states": state}

        def read() -> list[dict[str, Any]]:
            return report(collector.engine, collector.control, project, start=start, end=end, where=where, **more)

        return await _answered(read)

    @router.get("/api/v1/anomalies/{finding_id}", tags=["anomalies"])
    async def show(finding_id: str, project: Project = "default") -> dict[str, Any]:
        """One anomaly."""
        return await _answered(lambda: one(collector.engine, collector.control, project, finding_id))

    @router.post("/api/v1/anomalies/{finding_id}/feedback", tags=["anomalies"])
    async def say(finding_id: str, body: FeedbackBody, request: Request) -> dict[str, Any]:
        """Say what it was; the detector hears it. Needs this process's local token."""
        local_only(collector, request)

        def keep() -> dict[str, Any]:
            findings.get(collector.engine, body.project, finding_id)
            told = Feedback(body.project, finding_id, body.verdict, body.note, body.who)
            return words.say(collector.control, told).as_json()

        return await _answered(keep)

    @router.get("/api/v1/plans", tags=["anomalies"])
    async def plans(project: Project = "default") -> list[dict[str, Any]]:
        """Events that were told ahead, by their start."""
        return await _answered(lambda: [each.as_json() for each in words.plans(collector.control, project)])

    @router.post("/api/v1/plans", tags=["anomalies"])
    async def plan(body: PlanBody, request: Request) -> dict[str, Any]:
        """Tell of more or fewer calls ahead. Needs this process's local token."""
        local_only(collector, request)

        def keep() -> dict[str, Any]:
            values = {name: getattr(body, name) for name in PlanBody.model_fields}
            return words.plan(collector.control, PlannedEvent(**values)).as_json()

        return await _answered(keep)

    @router.delete("/api/v1/plans/{event_id}", tags=["anomalies"])
    async def unplan(event_id: str, request: Request, project: Project = "default") -> dict[str, Any]:
        """Take a planned event away. Needs this process's local token."""
        local_only(collector, request)
        return await _answered(lambda: words.unplan(collector.control, project, event_id).as_json())

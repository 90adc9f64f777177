"""The API's routes about channels and what goes through them."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_collector.lifecycle import local_only
from spanledger_store.control import alerts, channel_kinds, channels, jobs, notices, trials
from spanledger_store.control.channels import Kind
from spanledger_store.control.errors import ChannelInvalid, ChannelUnknown, JobUnknown, ProjectUnknown

# Longer than the slowest server may take.
TRIAL_SECONDS: Final = 45.0
_LOOK_SECONDS: Final = 0.2
_JOB: Final = "notices"

Project = Annotated[str, Query(description="the project's id")]

_answered = Answering(invalid=(ChannelInvalid, ProjectUnknown), unknown=(ChannelUnknown,))


class ChannelBody(BaseModel):
    """What a channel is to be; what its kind does not use is not looked at."""

    project: str = "default"
    name: str
    kind: Kind
    url: str = Field(default="", description="a URL, env:NAME or file:PATH")
    secret: str = Field(default="", description="what signs a webhook: env:NAME, file:PATH or whsec_...; else made")
    sender: str = ""
    to: tuple[str, ...] = ()
    host: str = ""
    port: int = 0
    security: str = "starttls"
    user: str = ""
    password: str = Field(default="", description="env:NAME or file:PATH")
    is_default: bool = False
    replace: bool = False


def add_channels(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""
    control = collector.control

    @router.get("/api/v1/channels", tags=["notices"])
    async def listing(project: Project = "default") -> list[dict[str, Any]]:
        """The project's channels, without their secrets."""
        return await _answered(lambda: [each.as_json() for each in channels.listing(control, project)])

    @router.post("/api/v1/channels", tags=["notices"])
    async def add(body: ChannelBody, request: Request) -> dict[str, Any]:
        """Add a channel; a signing secret that is made is in this answer only. Needs this process's local token."""
        local_only(collector, request)
        asked = {name: getattr(body, name) for name in ChannelBody.model_fields if name != "replace"}
        return await _answered(
            lambda: channel_kinds.added(control, channel_kinds.of_kind(**asked), replacing=body.replace)
        )

    @router.delete("/api/v1/channels/{name}", tags=["notices"])
    async def remove(name: str, request: Request, project: Project = "default") -> dict[str, Any]:
        """Take a channel away that nothing names any more. Needs this process's local token."""
        local_only(collector, request)
        return await _answered(lambda: channels.remove(control, project, name).as_json())

    @router.post("/api/v1/channels/{name}/test", tags=["notices"])
    async def test(name: str, request: Request, project: Project = "default") -> dict[str, Any]:
        """Send a short notice and wait for what becomes of it. Needs this process's local token."""
        local_only(collector, request)
        identity = await _answered(lambda: _tried(collector, project, name))
        until = time.monotonic() + TRIAL_SECONDS
        while True:
            found = await _answered(lambda: notices.get(control, identity))
            assert found is not None  # it has just been put there
            if found.state != "waiting" or time.monotonic() > until:
                return found.as_json()
            await asyncio.sleep(_LOOK_SECONDS)

    @router.post("/api/v1/channels/{name}/retry", tags=["notices"])
    async def retry(name: str, request: Request, project: Project = "default") -> dict[str, int]:
        """Have what was given up there sent again. Needs this process's local token."""
        local_only(collector, request)

        def again() -> dict[str, int]:
            channels.get(control, project, name)
            return {"retried": notices.retry(control, project, name)}

        return await _answered(again)

    @router.get("/api/v1/notices", tags=["notices"])
    async def outbox(
        project: Project = "default", limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[dict[str, Any]]:
        """The project's newest notices, and what became of each."""
        return await _answered(lambda: [each.as_json() for each in notices.listing(control, project, limit)])

    @router.get("/api/v1/alerts", tags=["notices"])
    async def raised(
        project: Project = "default", limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[dict[str, Any]]:
        """The project's newest alerts on budgets."""
        return await _answered(lambda: [each.as_json() for each in alerts.listing(control, project, limit)])


def _tried(collector: Collector, project: str, name: str) -> str:
    identity = trials.put(collector.control, project, name)
    try:
        jobs.ask(collector.control, _JOB)
    except JobUnknown as error:
        raise ChannelInvalid("no worker has ever run here that could send it; start one: spanledger worker") from error
    return identity
